"""Charts over time: the numbers behind what they draw, read back from the drawing."""

from __future__ import annotations

import base64
import re
import struct
import zlib
from itertools import pairwise
from xml.etree.ElementTree import Element

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.bands import BAND_COUNT
from stemmix.model.overview import Curve
from stemmix.report import timeline
from stemmix.report.raster import data_url, steps_of
from stemmix.report.timeline import Scale
from tests.evidence import RATE_HZ, evidence, plan
from tests.report.exhibits import CELL_SAMPLES, overview

SCALE = Scale(CELL_SAMPLES, 900.0)


def points(path: str) -> list[tuple[float, float]]:
    """Where a path of absolute and relative moves and lines goes, corner after corner."""
    x = y = 0.0
    found = []
    for command, told in re.findall(r"([MLHVhvz])([^MLHVhvz]*)", path):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?", told)]
        if command in "ML":
            x, y = numbers
        elif command in "Hh":
            x = numbers[0] + (x if command == "h" else 0.0)
        elif command in "Vv":
            y = numbers[0] + (y if command == "v" else 0.0)
        found.append((x, y))
    return found


def parts(chart: Element, kind: str) -> list[Element]:
    return [part for part in chart.iter() if kind in (part.get("class") or "").split()]


def pixels(url: str) -> np.ndarray:
    """(rows, columns) steps of a PNG that its own address holds."""
    content = base64.b64decode(url.removeprefix("data:image/png;base64,"))
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, columns, rows = 8, b"", 0, 0
    while at < len(content):
        size, name = struct.unpack(">I4s", content[at : at + 8])
        body = content[at + 8 : at + 8 + size]
        assert struct.unpack(">I", content[at + 8 + size : at + 12 + size]) == (zlib.crc32(name + body),)
        if name == b"IHDR":
            columns, rows = struct.unpack(">II", body[:8])
        packed += body if name == b"IDAT" else b""
        at += 12 + size
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(rows, -1)[:, 1:]
    return np.stack((lines >> 4, lines & 15), axis=2).reshape(rows, -1)[:, :columns]


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 5), columns=st.integers(1, 9), seed=st.integers(0, 999))
def test_a_picture_has_the_steps_that_were_put_in(rows: int, columns: int, seed: int) -> None:
    steps = np.random.default_rng(seed).integers(0, 16, (rows, columns)).astype(np.uint8)
    assert np.array_equal(pixels(data_url(steps, (1, 2, 3))), steps)


def test_what_is_a_little_over_nothing_is_seen_and_nothing_is_not() -> None:
    assert steps_of(np.array([0.0, 1e-4, 0.5, 1.0, 2.0, np.nan])).tolist() == [0, 1, 8, 15, 15, 0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0.0, 1.5), st.floats(0.0, 1.5)), min_size=1, max_size=30))
def test_an_outline_goes_as_far_as_the_samples_do(swing: list[tuple[float, float]]) -> None:
    """Read back cell by cell: above on the way there, below on the way back, in dB under full scale."""
    above, below = (np.array(side) for side in zip(*swing, strict=True))
    corners = points(timeline.outline_path(above, below))
    half, cells = timeline.WAVE_HALF, len(swing)

    def heights(way: list[tuple[float, float]]) -> list[float]:
        across = [(a, b) for a, b in pairwise(way) if a[0] != b[0]]
        told = [0.0] * cells
        for (x0, y), (x1, _) in across:
            for cell in range(round(min(x0, x1)), round(max(x0, x1))):
                told[cell] = y
        return told

    turn = next(number for number, (x, _) in enumerate(corners) if x == cells)
    turn = max(number for number, (x, y) in enumerate(corners) if x == cells and y == half and number >= turn)
    first_back = next(number for number, (x, _) in enumerate(corners) if number > 0 and x == cells)
    up, down = heights(corners[: first_back + 1]), heights(corners[first_back:])
    for sides, told, sign in ((above, up, -1), (below, down, 1)):
        shares = np.clip(1 + 20 * np.log10(np.maximum(sides, 1e-10)) / 60, 0, 1)
        assert [sign * (one - half) for one in told] == pytest.approx(np.rint(half * shares).tolist())


def test_a_waveform_marks_where_lines_are_spoken_and_onsets() -> None:
    told, seen = evidence(), overview()
    chart = timeline.waveform(SCALE, seen.stems[0], told.stems[0])
    (speech,) = parts(chart, "speech")
    assert (float(speech.get("x", "")), float(speech.get("width", ""))) == (0.0, 9 * RATE_HZ / CELL_SAMPLES)
    (onsets,) = parts(chart, "onsets")
    assert [x for x, y in points(onsets.get("d", "")) if y == 0] == [10.0, 20.0], "at 1 s and 2 s"
    music = timeline.waveform(SCALE, seen.stems[1], told.stems[1])
    assert not parts(music, "speech"), "no words are spoken in it"
    assert [x for x, y in points(parts(music, "onsets")[0].get("d", "")) if y == 0] == [28.75, 38.75], "it begins later"
    assert chart.get("aria-label") == "Waveform of DX, dialogue: peak -20.0 dBFS, 2 onsets, 1 stretch of speech"


def test_a_map_has_the_highest_band_on_top_and_its_steps_by_time() -> None:
    hidden = np.zeros((10, BAND_COUNT), np.float32)
    hidden[3, 0], hidden[7, 35] = 1.0, 0.5
    chart = timeline.masking_map(SCALE, hidden, "told")
    (picture,) = parts(chart, "map")
    steps = pixels(picture.get("href", ""))
    assert np.argwhere(steps).tolist() == [[0, 7], [35, 3]]
    assert (steps[0, 7], steps[35, 3]) == (8, 15)
    assert (picture.get("x"), picture.get("width")) == ("0", "10")


def test_a_map_that_is_seen_whole_loses_no_cell_to_the_screen() -> None:
    """It has the mean of what of a column lies in lines; the whole of it waits until it is looked at closely."""
    hidden = np.full((4000, BAND_COUNT), np.nan, np.float32)
    hidden[2222] = 0.0
    hidden[2222, 10] = 1.0
    hidden[2223] = 0.0
    chart = timeline.masking_map(Scale(CELL_SAMPLES, 4000.0), hidden, "told")
    coarse, fine = parts(chart, "map")
    steps = pixels(coarse.get("href", ""))
    assert steps.shape[1] <= timeline.COARSE_COLUMNS
    together = float(coarse.get("width", "")) / steps.shape[1]
    assert np.argwhere(steps).tolist() == [[25, int(2222 // together)]]
    assert steps.max() == 8, "half of what is spoken there"
    assert fine.get("href") is None, "browsers would decode what nobody sees"
    assert np.argwhere(pixels(fine.get("data-href", ""))).tolist() == [[25, 2222]]


def test_clarity_is_drawn_where_its_line_is_and_as_high_as_it_is() -> None:
    told = plan()
    chart = timeline.clarity_chart(SCALE, told, told.lines, "DX")
    drawn = {part.get("data-line"): part for part in parts(chart, "line")}
    height = timeline.CLARITY_HEIGHT
    for line in told.lines:
        group = drawn[line.id]
        for kind, clarity in (("before", line.clarity_before), ("after", line.clarity_after)):
            (path,) = parts(group, kind)
            (start, y), (end, _) = points(path.get("d", ""))
            assert (start, end) == (line.start / CELL_SAMPLES, line.end / CELL_SAMPLES)
            assert 1 - (y - 1) / (height - 2) == pytest.approx(clarity, abs=0.001)
        assert ("lost" in group.get("class", "")) == (line.clarity_after < told.clarity_goal)
    assert chart.get("aria-label") == (
        "Clarity of 3 lines of DX: 2 below the goal of 0.5 as the stems came, 1 in the mix"
    )


def test_moves_stand_in_the_lane_of_their_kind_the_more_opaque_the_deeper() -> None:
    told = plan()
    own = [move for move in told.moves if move.stem == "DX"]
    chart = timeline.move_lanes(SCALE, "DX", own, {move.id: f"about {move.id}" for move in own})
    presence, ride = (parts(chart, kind)[0] for kind in ("presence", "ride"))
    assert int(ride.get("y", "")) - int(presence.get("y", "")) == timeline.LANE
    assert float(ride.get("opacity", "")) == pytest.approx(0.3 + 0.7 * 1.5 / 12, abs=0.006)
    assert float(ride.get("x", "")) == 60 * RATE_HZ / CELL_SAMPLES
    assert ride[0].text == f"about {own[0].id}"
    assert chart.get("aria-label") == "Moves of DX: 1 presence, 1 ride"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.tuples(st.floats(-60, 0), st.floats(0, 6))), min_size=1, max_size=40))
def test_a_curve_is_drawn_through_its_values_and_broken_where_it_has_none(
    cells: list[tuple[float, float] | None],
) -> None:
    lowest = np.array([np.nan if cell is None else cell[0] for cell in cells])
    highest = np.array([np.nan if cell is None else cell[0] + cell[1] for cell in cells])
    line = points(timeline.line_path(highest, timeline.loudness_y))
    there = [cell for cell, value in enumerate(highest) if not np.isnan(value)]
    assert [x for x, _ in line] == [cell + 0.5 for cell in there]
    assert [y for _, y in line] == pytest.approx([timeline.loudness_y(highest[cell]) for cell in there])
    band = points(timeline.band_path(Curve(lowest, highest), timeline.loudness_y))
    assert {y for _, y in band} == {timeline.loudness_y(value) for value in (*lowest, *highest) if not np.isnan(value)}


def test_loudness_levels_lie_at_their_value_and_what_is_beyond_on_the_edge() -> None:
    rise = Curve(np.linspace(-60, 0, 9), np.linspace(-58, 2, 9))
    chart = timeline.loudness_chart(SCALE, rise, rise, [("target", -23.0), ("gate", -90.0)], "told")
    heights = {kind: points(parts(chart, kind)[0].get("d", ""))[0][1] for kind in ("target", "gate")}
    assert heights == {"target": timeline.LOUDNESS_HEIGHT * 18 / 50, "gate": timeline.LOUDNESS_HEIGHT}


def test_a_reduction_hangs_from_the_top_as_deep_as_it_is() -> None:
    chart = timeline.reduction_chart(SCALE, [0.0, 6.0, 0.0, 12.0], "told", 2.0)
    (path,) = parts(chart, "reduction")
    corners = points(path.get("d", ""))
    height = timeline.REDUCTION_HEIGHT
    assert {(1.0, height / 2), (2.0, height / 2), (4.0, float(height))} <= set(corners)
    assert path.get("transform") == "scale(2 1)"


def test_what_goes_deeper_than_the_chart_stretches_it() -> None:
    chart = timeline.reduction_chart(SCALE, [0.0, 12.0, 0.0, 27.1], "told", 2.0)
    corners = points(parts(chart, "reduction")[0].get("d", ""))
    height = timeline.REDUCTION_HEIGHT
    assert {(1.0, height / 4), (4.0, np.ceil(height * 27.1 / 48))} <= set(corners)
    assert timeline.reduction_range_db([12.0]) == 12.0


def test_frequencies_lie_evenly_in_cams_from_the_lowest_to_the_highest() -> None:
    assert [timeline.from_bottom(hz) for hz in (60.0, 16_000.0)] == pytest.approx([0.0, 1.0])
    assert 0.3 < timeline.from_bottom(1000.0) < 0.5
