"""What was read of a mix, apart from what read it: taken up again by a later run, which need not hear it once more."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from stemmix.model.receipt import Measured

Floats = NDArray[np.float64]

_LENGTH: Final = struct.Struct("<Q")


class Read(Protocol):
    """What a gain is found by: a gauge, or what one has read."""

    @property
    def frames(self) -> int:
        """How much of the programme has been heard."""

    @property
    def gating_energies(self) -> Floats:
        """As of `LoudnessMeter`; reels pool theirs."""

    @property
    def short_term_energies(self) -> Floats:
        """As of `LoudnessMeter`; reels pool theirs."""

    def read(self) -> Measured:
        """The reading."""


@dataclass(frozen=True, eq=False)
class Readings:
    """What a gauge has read; a `Read`."""

    measured: Measured
    frames: int
    gating_energies: Floats
    short_term_energies: Floats

    @classmethod
    def of(cls, gauge: Read) -> Readings:
        return cls(gauge.read(), gauge.frames, gauge.gating_energies, gauge.short_term_energies)

    def read(self) -> Measured:
        """The reading."""
        return self.measured


def packed(said: Any, arrays: Sequence[Floats]) -> bytes:
    """What JSON can say, and arrays (n,), as bytes: the same numbers to the bit when they are `unpacked`."""
    head = json.dumps({"said": said, "lengths": [len(array) for array in arrays]}).encode()
    return b"".join((_LENGTH.pack(len(head)), head, *(array.astype("<f8").tobytes() for array in arrays)))


def unpacked(body: bytes) -> tuple[Any, list[Floats]]:
    """What was `packed`; a ValueError, KeyError or TypeError where it is something else."""
    if len(body) < _LENGTH.size:
        raise ValueError("too short")
    (length,) = _LENGTH.unpack_from(body)
    if length > len(body) - _LENGTH.size:
        raise ValueError("not whole")
    head = json.loads(body[_LENGTH.size : _LENGTH.size + length])
    numbers = np.frombuffer(body, "<f8", offset=_LENGTH.size + length).astype(np.float64)
    if sum(head["lengths"]) != len(numbers):
        raise ValueError("not whole")
    ends = list(accumulate(head["lengths"], initial=0))
    return head["said"], [numbers[begin:end] for begin, end in pairwise(ends)]
