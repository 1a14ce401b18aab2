"""`engine.hearing`: what a mix read is taken up by the next run, and all that is written is the same, to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix.crew import Crew
from stemmix.engine import bus
from stemmix.engine.bus import Bus, Job
from stemmix.engine.gauge import Programme
from stemmix.engine.readings import packed, unpacked
from stemmix.model.receipt import WrittenFile
from tests.delivering import Floats, checks, delivered, job_of
from tests.material import RATE_HZ, bytes_in, chords, clicks, noise

FRAMES = 6 * RATE_HZ
LINES = ((RATE_HZ // 2, 2 * RATE_HZ), (3 * RATE_HZ, 5 * RATE_HZ))
MASTER = {"name": "mix", "target_lufs": -27.0}


class Memo(dict[str, bytes]):
    """A `Memory`, and how often the strips have run."""

    runs = 0

    def read(self, what: str) -> bytes | None:
        return self.get(what)

    def write(self, what: str, body: bytes) -> None:
        self[what] = body


@cache
def spoken() -> list[Floats]:
    """Dialogue with a room that the music, silent in the middle, does not cover."""
    room, voice, music = noise(FRAMES, seed=1, rms=0.003), 0.4 * clicks(FRAMES, (0.6, 1.1, 3.2, 4.4)), chords(FRAMES)
    inside = np.zeros((FRAMES, 1))
    for start, end in LINES:
        inside[start:end] = 1.0
    music[2 * RATE_HZ : 3 * RATE_HZ] = 0.0
    return [room + voice + noise(FRAMES, seed=2, rms=0.05) * inside, music]


def job(folder: Path, memo: Memo, *deliverables: dict[str, Any], gain: float = 1.0, **fields: Any) -> Job:
    """Counts in `memo` how often it is mixed."""
    folder.mkdir()
    stems = [gain * stem for stem in spoken()]
    programme = Programme(0, FRAMES, LINES)
    made = job_of(folder, stems, *deliverables, roles=("dialogue", "music"), programme=programme, **fields)

    def mixed(crew: Crew) -> Iterator[list[Floats]]:
        memo.runs += 1
        return made.mixed(crew)

    return replace(made, memory=memo, mixed=mixed)


DELIVERABLES: dict[str, tuple[tuple[dict[str, Any], ...], int, int]] = {
    "a master": ((MASTER,), 1, 0),
    "masters of several layouts": ((MASTER, {"name": "mono", "kind": "fold_down", "layout": "1.0"}), 1, 1),
    "a limiter at work": (({"name": "mix", "target_lufs": -9.0, "ceiling_dbtp": -6.0, "max_limiting_db": 20.0},), 1, 1),
    "dialogue at its loudness": (({"name": "mix", "preset": "netflix-nearfield-20"},), 1, 0),
    "a codec": (({"name": "mix", "target_lufs": -16.0, "format": "mp3"},), 1, 1),
    "printed stems": ((MASTER, {"name": "stems", "kind": "stems"}), 2, 0),
    "an M&E": ((MASTER, {"name": "m_and_e", "kind": "m_and_e"}), 2, 0),
}
"""With how often the strips run, and how many mixes are kept on the disk where it is known what they read."""


@pytest.mark.parametrize("wanted", DELIVERABLES)
def test_what_is_known_of_a_mix_is_not_heard_again_and_nothing_comes_out_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    deliverables, runs, kept = DELIVERABLES[wanted]
    memo, measured, scratches = Memo(), list[Bus](), list[Any]()
    mix, scratch = Bus.mix, bus.Scratch
    monkeypatch.setattr(Bus, "mix", lambda bus, hear: (measured.append(bus), mix(bus, hear)))
    monkeypatch.setattr(bus, "Scratch", lambda *given: (scratches.append(given), scratch(*given))[1])
    hot = 3.0 if wanted == "printed stems" else 1.0
    first = delivered(job(tmp_path / "first", memo, *deliverables, gain=hot))
    assert (memo.runs, len(measured), len(memo), len(scratches)) == (runs, 1, 1, 1)
    again = delivered(job(tmp_path / "again", memo, *deliverables, gain=hot, size=4_321))
    assert (memo.runs, len(measured), len(memo), len(scratches)) == (2 * runs, 1, 1, 1 + kept)
    assert again == first
    assert bytes_in(tmp_path / "again") == bytes_in(tmp_path / "first")
    if wanted == "an M&E":
        assert any("room_tone" in checks(file) for file in again.values()), "the hole is found again"


@pytest.mark.parametrize("body", [b"", b"other", b"\x02" + bytes(7) + b"{}", b"\x04" + bytes(7) + b"null"])
def test_what_is_none_of_it_is_heard_anew(tmp_path: Path, body: bytes) -> None:
    memo = Memo()
    m_and_e = {"name": "m_and_e", "kind": "m_and_e"}  # for which the room is heard
    first = delivered(job(tmp_path / "first", memo, MASTER, m_and_e))
    (what,) = memo
    sound = memo[what]
    said, arrays = unpacked(sound)
    short = (
        packed(said, [*arrays[:-2], arrays[-2][:-1], arrays[-1]]),
        packed(said, [*arrays[:-3], np.zeros(9), *arrays[-2:]]),
    )
    for number, harmed in enumerate((body, sound[:-8], *short)):
        memo[what] = harmed
        assert delivered(job(tmp_path / f"again {number}", memo, MASTER, m_and_e)) == first
        assert memo[what] == sound


def test_other_masters_are_not_taken_for_what_was_heard(tmp_path: Path) -> None:
    """A target may be another; what it is found by must have been heard."""
    memo = Memo()
    delivered(job(tmp_path / "first", memo, MASTER))
    others: list[dict[str, Any]] = [
        {"name": "mono", "kind": "fold_down", "layout": "1.0"},
        {"name": "film", "preset": "netflix-nearfield-20"},
        {"name": "stems", "kind": "stems"},
    ]
    for number, other in enumerate(others):
        delivered(job(tmp_path / f"{number}", memo, MASTER, other))
        assert len(memo) == 2 + number
    delivered(job(tmp_path / "louder", memo, {"name": "loud", "target_lufs": -20.0}))
    assert len(memo) == 1 + len(others)


def test_reels_of_one_programme_are_known_each_by_itself(tmp_path: Path) -> None:
    def reels(folder: str, memos: tuple[Memo, Memo]) -> dict[str, WrittenFile]:
        (tmp_path / folder).mkdir()
        one, other = (
            job(tmp_path / folder / str(number), memo, MASTER, gain=gain, name=f"reel{number}")
            for number, (memo, gain) in enumerate(zip(memos, (0.3, 1.0), strict=True))
        )
        return delivered(one, other)

    memos = Memo(), Memo()
    first = reels("first", memos)
    assert reels("again", memos) == first
    assert reels("one of them", (memos[0], Memo())) == first
    for number in "01":
        first_bytes, *others = (bytes_in(tmp_path / run / number) for run in ("first", "again", "one of them"))
        assert others == [first_bytes] * 2
