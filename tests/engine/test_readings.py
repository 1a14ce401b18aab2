"""`engine.readings`: what is taken up again is what was read, to the bit, or is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stemmix.engine.readings import Readings, packed, unpacked
from tests.engine.test_gauge import gauge
from tests.material import noise

NUMBERS = arrays(np.float64, st.integers(0, 9), elements=st.floats(allow_nan=False, width=64))


@given(st.lists(NUMBERS, max_size=5), st.recursive(st.none() | st.text() | st.floats(allow_nan=False), st.lists))
def test_what_is_unpacked_is_what_was_packed(arrays: list[np.ndarray], said: object) -> None:
    found, numbers = unpacked(packed(said, arrays))
    assert found == said
    assert [array.tobytes() for array in numbers] == [array.tobytes() for array in arrays]


@given(st.binary(max_size=40))
@example(bytes(7) + b"\x800")
def test_anything_else_is_refused(body: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        unpacked(body)


@pytest.mark.parametrize("cut", [1, 8, 11])
def test_what_is_not_whole_is_refused(cut: int) -> None:
    body = packed({"a": 1.5}, [np.arange(3.0), np.arange(2.0)])
    assert unpacked(body)
    for harmed in (body[:-cut], body + bytes(8)):
        with pytest.raises(ValueError, match=r"not whole|buffer size"):
            unpacked(harmed)


def test_readings_are_those_of_the_gauge() -> None:
    heard = gauge(noise(4 * 48_000))
    read = Readings.of(heard)
    assert read.read() == heard.read()
    assert read.frames == heard.frames
    assert np.array_equal(read.gating_energies, heard.gating_energies)
    assert np.array_equal(read.short_term_energies, heard.short_term_energies)
