"""The program that measures the floor runs every piece, on a moment of the example; nothing is asserted on seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.floor import BUSY_TAKES, Piece, floor_s, pieces, start
from tests.bench.long_reels import build


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_every_piece_is_done_and_takes_time(tmp_path: Path, suffix: str) -> None:
    found = pieces(build(tmp_path / "reel", 20 / 60, suffix=suffix), tmp_path)
    assert len(found) == 11
    assert sum(piece.times for piece in found.values()) == 4 * 4 + 7, "four of every stem, the others of the mix"
    assert all(piece.cpu_s > 0.0 for piece in found.values())


def test_a_busy_limiter_and_what_follows_it_are_counted_for_every_take(tmp_path: Path) -> None:
    reel = build(tmp_path / "reel", 20 / 60)
    calm, busy = pieces(reel, tmp_path), pieces(reel, tmp_path, busy=True)
    own = ["limiter", "loudness of what it gives"]
    assert [name for name in busy if name not in calm] == own
    assert [name for name, piece in busy.items() if piece.times == BUSY_TAKES] == [*own, "dither to 24 bits"]


def test_of_the_start_one_core_does_all_and_of_the_work_each_half(tmp_path: Path) -> None:
    begun = start(build(tmp_path / "reel", 1 / 60), tmp_path)
    assert begun.times == 1
    assert begun.cpu_s > 0.0
    assert (tmp_path / "out" / "master.receipt.json").exists(), "a whole render"
    assert floor_s(Piece(1, 0.5), [Piece(4, 3.0), Piece(1, 1.0)]) == 2.5
