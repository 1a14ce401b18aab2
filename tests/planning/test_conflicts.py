"""`planning.conflicts`: who masks whom is found where it was planted, and sizes add up."""

from __future__ import annotations

import numpy as np
import pytest

from stemmix.bands import BAND_COUNT, CENTRE_HZ, EDGE_HZ
from stemmix.planning import conflicts, masking
from stemmix.planning.passages import Passage

FRAMES = 60


def line(*maskers: np.ndarray, target: np.ndarray | None = None, start: int = 500) -> Passage:
    """A broad-band target of -50 dB a band, unless another is given, under (60, 36) maskers."""
    heard = np.full((FRAMES, BAND_COUNT), 1e-5) if target is None else target
    mids = np.array(maskers).reshape(len(maskers), *heard.shape)
    return Passage(
        start=start,
        end=start + len(heard),
        target=heard,
        maskers=mids,
        sides=np.zeros_like(mids),
        importance=masking.IMPORTANCE,
    )


def planted(low: int, high: int, first: int = 0, last: int = FRAMES - 1, power: float = 1e-4) -> np.ndarray:
    """A masker that sounds in bands low to high and frames first to last, both ends in."""
    masker = np.zeros((FRAMES, BAND_COUNT))
    masker[first : last + 1, low : high + 1] = power
    return masker


def test_a_masker_is_found_in_its_bands_and_its_time() -> None:
    """Its upward spread may add a band or two above; below, 27 dB a Bark leave next to nothing."""
    (found,) = conflicts.find(line(planted(15, 20, 10, 39)))
    assert found.masker == 0
    assert found.low in (14, 15)
    assert 20 <= found.high <= 24
    assert (found.start, found.end) == (510, 540)
    assert found.low_hz == EDGE_HZ[found.low] <= CENTRE_HZ[15]
    assert found.high_hz == EDGE_HZ[found.high + 1] > CENTRE_HZ[20]
    assert -13 < found.snr_db < 0
    assert found.importance == pytest.approx(masking.IMPORTANCE[found.low : found.high + 1].sum())
    assert 0.1 < found.importance < 0.9


def test_its_size_is_importance_times_seconds() -> None:
    """What is masked all the time in all that matters has a size of its length in seconds."""
    (found,) = conflicts.find(line(planted(0, 35, power=1.0)))
    assert found.size == pytest.approx(FRAMES / 50)
    assert (found.low, found.high) == (0, 35)
    assert found.importance == pytest.approx(1.0)
    (half,) = conflicts.find(line(planted(0, 35, 0, FRAMES // 2 - 1, power=1.0)))
    assert half.size == pytest.approx(FRAMES / 100)


def test_sizes_of_several_maskers_add_up_to_what_is_masked() -> None:
    random = np.random.default_rng(1)
    heard = line(*10.0 ** random.uniform(-7, -3, (3, FRAMES, BAND_COUNT)))
    cells = conflicts.masked_by(heard)
    masked = heard.snr_db(heard.untouched) < masking.MASKED_BELOW_DB
    assert 0.2 < masked.mean() < 1.0
    assert cells.sum(axis=0) == pytest.approx(masked.astype(float), abs=1e-6)
    total = (masked * masking.IMPORTANCE).sum() / 50
    assert conflicts.sizes_of(cells, masking.IMPORTANCE).sum() == pytest.approx(total)
    assert 0 < sum(found.size for found in conflicts.find(heard)) <= total + 1e-9


def test_each_masker_answers_for_its_share() -> None:
    """Of two in the same band, 6 dB apart, the louder for four fifths."""
    cells = conflicts.masked_by(line(planted(20, 20, power=4e-4), planted(20, 20, power=1e-4)))
    assert cells[:, :, 20] == pytest.approx(np.array([[0.8] * FRAMES, [0.2] * FRAMES]))
    first, second = conflicts.find(line(planted(20, 20, power=4e-4), planted(20, 20, power=1e-4)))
    assert (first.masker, second.masker) == (0, 1)
    assert first.size > second.size


def test_two_ranges_of_one_masker_are_two_conflicts_largest_first() -> None:
    found = conflicts.find(line(planted(8, 9) + planted(22, 26)))
    assert [conflict.masker for conflict in found] == [0, 0]
    assert found[0].low > found[1].high
    assert found[0].size > found[1].size


def test_nothing_is_found_where_the_target_stands_20_db_clear() -> None:
    quiet = line(planted(0, 35, power=1e-7))
    assert conflicts.find(quiet) == []
    assert not conflicts.masked_by(quiet).any()
    assert conflicts.find(line(np.zeros((FRAMES, BAND_COUNT)))) == []


def test_what_is_not_there_cannot_be_masked() -> None:
    """Bands and pauses in which the target lies 35 dB under its own loudest are nobody's fault."""
    target = np.full((FRAMES, BAND_COUNT), 1e-5)
    target[:30] = 1e-9
    cells = conflicts.masked_by(line(planted(0, 35, power=1e-3), target=target))
    assert not cells[0, :30].any()
    assert cells[0, 30:] == pytest.approx(1.0)
    silent = line(planted(0, 35, power=1e-3), target=np.zeros((FRAMES, BAND_COUNT)))
    assert conflicts.find(silent) == []


def test_a_line_of_one_frame_is_no_trouble() -> None:
    (found,) = conflicts.find(line(np.ones((1, BAND_COUNT)), target=np.full((1, BAND_COUNT), 1e-5)))
    assert (found.start, found.end) == (500, 501)
    assert found.size == pytest.approx(1 / 50)


@pytest.mark.parametrize("louder", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("count", [1, 4, 9, 12, 32])
def test_a_crowd_of_alike_maskers_is_named_though_each_has_little_of_it(count: int, louder: float) -> None:
    """What one stem hides, the same sound in many stems hides as much, though one of them stands out a little."""
    pulsing = planted(0, 35, power=1.0)
    pulsing[::4, 2:] = 0.0  # the target shows for a quarter of the time, but where nothing of it matters
    parts = np.ones(count)
    parts[0] = louder
    found = conflicts.find(line(*(pulsing * part for part in parts / parts.sum())))
    assert sorted(one.masker for one in found) == list(range(count))
    assert {one.high for one in found} == {35}
    (alone,) = conflicts.find(line(pulsing))
    assert sum(one.size for one in found) == pytest.approx(alone.size)


def test_of_a_band_that_is_hardly_masked_nobody_is_named() -> None:
    """Where others are named for what they do elsewhere."""
    busy = planted(15, 20)
    busy[:3, 30] = 1e-4
    (found,) = conflicts.find(line(busy))
    assert found.high < 28
