"""The program that measures the floor runs every piece, on a moment of the example; nothing is asserted on seconds."""

from __future__ import annotations

from pathlib import Path

from tests.bench.floor import pieces
from tests.bench.long_reels import build


def test_every_piece_is_done_and_takes_time(tmp_path: Path) -> None:
    found = pieces(build(tmp_path / "reel", 20 / 60), tmp_path)
    assert len(found) == 12
    assert sum(piece.times for piece in found.values()) == 4 * 4 + 8, "four of every stem, the others of the mix"
    assert all(piece.cpu_s > 0.0 for piece in found.values())
