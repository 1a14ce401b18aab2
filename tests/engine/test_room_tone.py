"""`engine.room_tone`: a hole that muting the dialogue leaves is said, with its times; nothing else is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stemmix.engine.gauge import Programme
from stemmix.engine.room_tone import RoomTone
from stemmix.model.receipt import Finding
from tests.delivering import Floats, checks, delivered, found, job_of
from tests.material import RATE_HZ, blocks, noise, voice

SECONDS = 12
FRAMES = SECONDS * RATE_HZ
LINES_S = ((1.0, 3.0), (6.0, 8.0))
ROOM_DBFS = -50.0


def at_db(level_db: float) -> float:
    return float(10 ** (level_db / 20))


def speech(room_dbfs: float | None) -> Floats:
    """Lines with the room that production sound brings along, or as a booth gives them: nothing between."""
    spoken = np.repeat(voice(FRAMES, LINES_S), 2, axis=1)
    return spoken if room_dbfs is None else spoken + noise(FRAMES, rms=at_db(room_dbfs))


def between(start_s: float, end_s: float, level_dbfs: float = -20.0, seed: int = 3) -> Floats:
    """Sound in one stretch, silence elsewhere."""
    signal = np.zeros((FRAMES, 2))
    here = slice(round(start_s * RATE_HZ), round(end_s * RATE_HZ))
    signal[here] = noise(FRAMES, seed=seed, rms=at_db(level_dbfs))[here]
    return signal


def speaking(first: int = 0) -> Programme:
    lines = tuple((first + round(start * RATE_HZ), first + round(end * RATE_HZ)) for start, end in LINES_S)
    return Programme(first, first + FRAMES, lines)


def heard(dialogue: Floats, others: Floats, gain_db: float = 0.0, size: int = 65_536, first: int = 0) -> Finding | None:
    watch = RoomTone(RATE_HZ, speaking(first))
    for one, other in zip(blocks(dialogue, size), blocks(others, size), strict=True):
        watch.process(one, other)
    return watch.finding(gain_db)


def test_an_offset_of_a_recorders_is_no_room() -> None:
    """Though it stands 30 dB over the ambience, all along."""
    assert heard(speech(None) + 0.01, noise(FRAMES, seed=9, rms=at_db(-60.0))) is None


def test_where_nothing_stands_beside_the_rooms_tone_a_hole_is_told_with_its_times() -> None:
    finding = heard(speech(ROOM_DBFS), between(4.0, 9.5))
    assert finding is not None
    assert (finding.check, finding.verdict) == ("room_tone", "warn")
    assert finding.at_s == ((0.0, 4.0), (9.5, 12.0))
    assert finding.value == pytest.approx(6.5, abs=0.1)
    assert finding.text.startswith("falls silent for 6.5 s where the dialogue's room tone was (-50 dBFS)")


def test_an_ambience_covers_it_and_a_softer_one_does_not() -> None:
    assert heard(speech(ROOM_DBFS), noise(FRAMES, seed=2, rms=at_db(ROOM_DBFS - 3))) is None
    finding = heard(speech(ROOM_DBFS), noise(FRAMES, seed=2, rms=at_db(ROOM_DBFS - 12)))
    assert finding is not None
    assert finding.at_s == ((0.0, float(SECONDS)),)


def test_a_voice_from_a_booth_leaves_no_hole() -> None:
    """Digital silence between lines is no room, whatever the voice; neither is one that nobody hears."""
    assert heard(speech(None), between(4.0, 5.0)) is None
    assert heard(speech(-80.0), between(4.0, 5.0)) is None
    assert heard(speech(-80.0), between(4.0, 5.0), gain_db=15.0) is not None
    assert heard(speech(ROOM_DBFS), between(4.0, 5.0), gain_db=-30.0) is None
    assert heard(np.zeros((FRAMES, 2)), between(4.0, 5.0)) is None


def test_gaps_shorter_than_half_a_second_are_no_holes() -> None:
    bed = between(0.0, 12.0)
    for at_s in (2.0, 4.0, 9.0):
        bed[round(at_s * RATE_HZ) : round((at_s + 0.4) * RATE_HZ)] = 0.0
    assert heard(speech(ROOM_DBFS), bed) is None


@pytest.mark.parametrize("size", [1_000, 4_801, 1 << 20])
def test_blocks_change_nothing(size: int) -> None:
    pair = speech(ROOM_DBFS), between(4.0, 9.5)
    assert heard(*pair, size=size) == heard(*pair)


def test_times_are_those_of_the_file_when_a_leader_is_left_out() -> None:
    finding = heard(speech(ROOM_DBFS), between(4.0, 12.0), first=8 * RATE_HZ)
    assert finding is not None
    assert finding.at_s == ((8.0, 12.0),)


def test_only_an_m_and_e_is_told_of_it_and_none_of_its_leader(tmp_path: Path) -> None:
    lead = 2 * RATE_HZ
    stems = [np.pad(stem, ((lead, 0), (0, 0))) for stem in (speech(ROOM_DBFS), between(4.0, 12.0))]
    stems[0][:lead] = noise(lead, rms=at_db(ROOM_DBFS))
    wanted = [
        {"name": "mix", "target_lufs": -24.0, "max_limiting_db": 24.0},
        {"name": "me", "kind": "m_and_e"},
        {"name": "undipped", "kind": "m_and_e_undipped"},
        {"name": "stems", "kind": "stems"},
    ]
    programme = speaking(lead)
    files = delivered(job_of(tmp_path, stems, *wanted, roles=["dialogue", "fx"], programme=programme))
    told = {path for path, file in files.items() if "room_tone" in checks(file)}
    assert told == {"reel_me.wav", "reel_undipped.wav"}
    assert found(files["reel_me.wav"], "room_tone").at_s == ((2.0, 6.0),)
    assert files["reel_me.wav"].misses == (), "a warning: tone is laid by a person"
    (tmp_path / "booth").mkdir()
    told_by = job_of(tmp_path / "booth", stems, *wanted, roles=["narration", "fx"], programme=programme)
    assert not any("room_tone" in checks(file) for file in delivered(told_by).values()), "a narrator has no set"
