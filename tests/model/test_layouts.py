"""Layouts: labels, weights, masks and fold-down matrices, held against the standards' own tables."""

from __future__ import annotations

import math
import shutil
import subprocess
from itertools import combinations, product
from operator import attrgetter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.model import layouts
from stemmix.model.layouts import (
    LAYOUTS,
    MONO,
    STEREO,
    SURROUND_3_0,
    SURROUND_5_0,
    SURROUND_5_1,
    SURROUND_7_1,
    SURROUND_7_1_4,
    Layout,
)

NAME = attrgetter("name")

SPEAKER_BIT = {
    "L": 0x1, "R": 0x2, "C": 0x4, "LFE": 0x8, "Lrs": 0x10, "Rrs": 0x20, "Lss": 0x200, "Rss": 0x400,
    "Ltf": 0x1000, "Rtf": 0x4000, "Ltr": 0x8000, "Rtr": 0x20000,
}  # fmt: skip
"""WAVEFORMATEXTENSIBLE's dwChannelMask."""


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=NAME)
def test_a_layout_is_known_by_its_name_and_has_one_weight_for_each_label(layout: Layout) -> None:
    assert LAYOUTS[layout.name] is layout
    assert len(set(layout.labels)) == layout.channels == len(layout.weights)


def test_no_two_layouts_share_a_mask() -> None:
    masks = [mask for layout in LAYOUTS.values() for mask in layout.masks]
    assert len(masks) == len(set(masks))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=NAME)
def test_every_mask_has_one_bit_for_each_channel_and_leads_back_to_its_layout(layout: Layout) -> None:
    for mask in layout.masks:
        assert mask.bit_count() == layout.channels
        assert layouts.layout_of_mask(mask, layout.channels) is layout


@pytest.mark.parametrize("layout", [STEREO, SURROUND_7_1, SURROUND_7_1_4], ids=NAME)
def test_labels_stand_in_the_order_of_the_masks_bits(layout: Layout) -> None:
    bits = [SPEAKER_BIT[label] for label in layout.labels]
    assert bits == sorted(bits)
    assert sum(bits) == layout.masks[0]


def test_surround_may_be_at_the_side_or_at_the_back_in_a_mask() -> None:
    assert layouts.layout_of_mask(0x60F, 6) is layouts.layout_of_mask(0x3F, 6) is SURROUND_5_1


def test_a_mask_that_names_nothing_known_gives_no_layout() -> None:
    assert layouts.layout_of_mask(0, 6) is None
    assert layouts.layout_of_mask(0x3, 6) is None
    assert layouts.layout_of_mask(0x33, 4) is None


def test_loudness_weights_are_those_of_bs_1770_5() -> None:
    """Only channels at ear height, 60 to 120 degrees to the side, count 1.41; rears and heights 1; LFE nothing."""
    assert MONO.weights == (1.0,)
    assert SURROUND_5_1.weights == (1.0, 1.0, 1.0, 0.0, 1.41, 1.41)
    assert SURROUND_7_1.weights == (1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.41, 1.41)
    assert SURROUND_7_1_4.weights == (*SURROUND_7_1.weights, 1.0, 1.0, 1.0, 1.0)


HALF = 0.5**0.5
DOWN = [MONO, STEREO, SURROUND_3_0, SURROUND_5_0, SURROUND_5_1, SURROUND_7_1, SURROUND_7_1_4]
PAIRS = list(product(DOWN, repeat=2))


def named(source: Layout, target: Layout) -> dict[str, dict[str, float]]:
    """By the source's label, what it gives to which of the target's."""
    matrix = layouts.fold_matrix(source, target)
    assert [len(row) for row in matrix] == [source.channels] * target.channels
    return {
        label: {to: row[column] for to, row in zip(target.labels, matrix, strict=True) if row[column]}
        for column, label in enumerate(source.labels)
    }


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=NAME)
def test_folding_a_layout_to_itself_changes_nothing(layout: Layout) -> None:
    assert named(layout, layout) == {label: {label: 1.0} for label in layout.labels}


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=NAME)
def test_a_channel_stays_where_it_has_a_loudspeaker_and_is_never_lost_or_louder(source: Layout, target: Layout) -> None:
    """Only LFE is left out, where there is none; and no channel gains energy on its way."""
    for label, shares in named(source, target).items():
        energy = sum(share**2 for share in shares.values())
        if label in target.labels:
            assert shares == {label: 1.0}
        elif label == "LFE":
            assert not shares
        else:
            assert energy == pytest.approx(0.5 ** round(-math.log2(energy))), "it goes on by whole steps of 3 dB"
            assert energy > 0.06, "no more than four of them"


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=NAME)
def test_left_and_right_are_treated_alike_and_do_not_cross(source: Layout, target: Layout) -> None:
    other = {one: two for pair in layouts.PAIRS for one, two in (pair, pair[::-1])}
    shares = named(source, target)
    for left, right in layouts.PAIRS:
        if left in source.labels:
            assert {other.get(to, to): share for to, share in shares[left].items()} == shares[right]
            assert not {to for to in shares[left] if to.startswith("R")}


@pytest.mark.parametrize(("target", "through", "source"), list(combinations(DOWN, 3)), ids=NAME)
def test_a_fold_in_two_steps_down_is_the_fold_in_one(target: Layout, through: Layout, source: Layout) -> None:
    """A listener's 5.1 of a 7.1.4, folded by his receiver, is the stereo that was measured here."""
    steps = layouts.chained(layouts.fold_matrix(source, through), layouts.fold_matrix(through, target))
    assert np.array(steps) == pytest.approx(np.array(layouts.fold_matrix(source, target)), abs=1e-15)


@pytest.mark.parametrize(("small", "large"), [(a, b) for a, b in PAIRS if DOWN.index(a) <= DOWN.index(b)], ids=NAME)
def test_what_went_up_comes_down_again_as_it_was(small: Layout, large: Layout) -> None:
    there_and_back = layouts.chained(layouts.fold_matrix(small, large), layouts.fold_matrix(large, small))
    assert np.array(there_and_back) == pytest.approx(np.eye(small.channels), abs=1e-15)


def test_mono_stands_in_the_centre_at_constant_power() -> None:
    assert named(MONO, STEREO) == {"M": {"L": HALF, "R": HALF}}
    assert named(MONO, SURROUND_3_0) == named(MONO, SURROUND_7_1_4) == {"M": {"C": 1.0}}


def test_5_1_folds_lo_ro_without_normalising() -> None:
    """ITU-R BS.775-3: L and R at 0 dB, C and surrounds at -3 dB, each surround to its side, LFE left out."""
    matrix = layouts.fold_matrix(SURROUND_5_1, STEREO)
    assert matrix == ((1.0, 0.0, HALF, 0.0, HALF, 0.0), (0.0, 1.0, HALF, 0.0, 0.0, HALF))


def test_5_1_folds_to_mono_as_the_itu_has_it() -> None:
    """ITU-R BS.775-3, annex 4, table 2: 0.7071 of L and R, 1.0 of C, 0.5 of the surrounds."""
    (row,) = layouts.fold_matrix(SURROUND_5_1, MONO)
    assert row == pytest.approx((HALF, HALF, 1.0, 0.0, 0.5, 0.5))


def test_7_1_folds_to_5_1_with_the_rears_on_top_of_the_sides() -> None:
    shares = named(SURROUND_7_1, SURROUND_5_1)
    assert (shares["Lss"], shares["Lrs"], shares["LFE"]) == ({"Ls": 1.0}, {"Ls": HALF}, {"LFE": 1.0})


def test_heights_come_down_to_the_loudspeaker_under_them() -> None:
    shares = named(SURROUND_7_1_4, SURROUND_7_1)
    assert (shares["Ltf"], shares["Rtr"]) == ({"L": HALF}, {"Rrs": HALF})


def test_the_surrounds_of_5_1_are_the_sides_of_7_1() -> None:
    assert named(SURROUND_5_1, SURROUND_7_1)["Ls"] == {"Lss": 1.0}


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_libswresample_folds_alike_where_it_is_the_source() -> None:
    """7.1 to 5.1 with surrounds at the sides, and 5.1 to stereo, one channel at a time, in float."""
    for source, target, name in ((SURROUND_7_1, SURROUND_5_1, "5.1(side)"), (SURROUND_5_1, STEREO, "stereo")):
        steps = np.repeat(np.eye(source.channels), 100, axis=0).astype("<f4")
        command = ["ffmpeg", "-v", "error", "-f", "f32le", "-ar", "48000", "-ac", str(source.channels)]
        command += ["-channel_layout", "7.1" if source is SURROUND_7_1 else "5.1(side)", "-i", "-"]
        command += ["-af", f"aformat=channel_layouts={name}", "-f", "f32le", "-"]
        heard = subprocess.run(command, input=steps.tobytes(), capture_output=True, check=True).stdout
        folded = np.frombuffer(heard, "<f4").reshape(-1, target.channels)[50::100]
        np.testing.assert_allclose(folded.T, layouts.fold_matrix(source, target), atol=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.floats(-1, 1), st.sampled_from(DOWN[1:]))
def test_a_pan_has_constant_power_between_neighbours(pan: float, bus: Layout) -> None:
    matrix = layouts.placing_matrix(MONO, bus, pan)
    shares = {label: row[0] for label, row in zip(bus.labels, matrix, strict=True) if row[0]}
    assert sum(share**2 for share in shares.values()) == pytest.approx(1.0, abs=1e-12)
    assert set(shares) <= ({"L", "C"} if pan < 0 else {"C", "R"}) if "C" in bus.labels else set(shares) <= {"L", "R"}
    mirrored = {label: row[0] for label, row in zip(bus.labels, layouts.placing_matrix(MONO, bus, -pan), strict=True)}
    assert mirrored["L"] == pytest.approx(shares.get("R", 0.0), abs=1e-15)


@pytest.mark.parametrize("bus", DOWN[1:], ids=NAME)
def test_the_ends_of_a_pan_are_the_loudspeakers_and_its_middle_the_fold(bus: Layout) -> None:
    for pan, label in ((-1.0, "L"), (1.0, "R")):
        matrix = layouts.placing_matrix(MONO, bus, pan)
        assert [row[0] for row in matrix] == [float(each == label) for each in bus.labels]
    assert layouts.placing_matrix(MONO, bus) == layouts.fold_matrix(MONO, bus)
    nearly = np.array(layouts.placing_matrix(MONO, bus, 1e-9))
    assert nearly == pytest.approx(np.array(layouts.fold_matrix(MONO, bus)), abs=1e-8), "it does not jump"


def test_a_pan_says_nothing_of_a_stem_that_is_not_mono() -> None:
    assert layouts.placing_matrix(STEREO, SURROUND_5_1, -1.0) == layouts.fold_matrix(STEREO, SURROUND_5_1)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=NAME)
def test_film_order_has_the_same_channels_and_claims_no_mask_of_another_order(layout: Layout) -> None:
    film = layouts.in_film_order(layout)
    assert set(film.labels) == set(layout.labels)
    assert film.masks == (layout.masks if film.labels == layout.labels else (0,))
    back = layouts.reordered(film.labels, layout.labels)
    assert tuple(film.labels[index] for index in back) == layout.labels
    assert film.weights == tuple(layouts.LOUDNESS_WEIGHT[label] for label in film.labels)


def test_film_order_is_that_of_the_dubbing_stage() -> None:
    assert layouts.in_film_order(SURROUND_5_1).labels == ("L", "C", "R", "Ls", "Rs", "LFE")
    assert layouts.in_film_order(SURROUND_7_1).labels == ("L", "C", "R", "Lss", "Rss", "Lrs", "Rrs", "LFE")


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=NAME)
def test_a_layout_is_known_by_its_labels_in_any_order(layout: Layout) -> None:
    assert layouts.layout_of_labels(reversed(layout.labels)) is layout
    assert layouts.layout_of_labels((*layout.labels, "X")) is None


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=NAME)
def test_pairs_stand_side_by_side(layout: Layout) -> None:
    for left, right in layouts.PAIRS:
        if left in layout.labels:
            assert layout.labels.index(right) == layout.labels.index(left) + 1
