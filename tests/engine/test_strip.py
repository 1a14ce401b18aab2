"""`engine.strip`: what a plan asks for is what is heard, and where it asks for nothing not a bit is touched."""

from __future__ import annotations

import numpy as np
import pytest

from stemmix.bands import BAND_COUNT, CENTRE_HZ
from stemmix.dsp.dynamics import GainCurve, Shape, StemGains
from stemmix.dsp.spectrum import BandAnalyser, ruler
from stemmix.engine.mixer import folded
from stemmix.engine.strip import SILENT_SAMPLES, Strip
from stemmix.model.layouts import LAYOUTS, STEREO, SURROUND_5_1, Layout
from tests.material import RATE_HZ, SIZES, blocks, noise

SHAPE = Shape(look_ahead_s=0.08, hold_s=0.35, ramp_s=0.25)
REACH_BEFORE, REACH_AFTER = round(0.33 * RATE_HZ), round(0.60 * RATE_HZ)
WINDOW = ruler(RATE_HZ).window_samples

Cuts = list[tuple[int, int, tuple[float, ...]]]


BANDS = 2 * BAND_COUNT
"""Of the mid, then of the sides."""


def flat(depth_db: float) -> tuple[float, ...]:
    return (depth_db,) * BANDS


def scoop(depth_db: float, width_bands: int) -> tuple[float, ...]:
    """A dip around 2 kHz with edges smoothed over `width_bands` bands."""
    hole = np.where((np.array(CENTRE_HZ) > 1000) & (np.array(CENTRE_HZ) < 4000), depth_db, 0.0)
    window = np.hanning(width_bands + 2)
    return tuple(np.convolve(hole, window / window.sum(), "same")) * 2


def strip(cuts: Cuts, ducks: Cuts | None = None, gain_db: float = 0.0, rate_hz: int = RATE_HZ) -> Strip:
    return Strip(StemGains([(False, cuts), (False, ducks or [])], SHAPE, rate_hz, BANDS), gain_db, rate_hz)


def wide(layout: Layout, cuts: Cuts, ducks: Cuts | None = None, gain_db: float = 0.0) -> Strip:
    """A strip of all channels of a layout; ducks are what sets the level."""
    every = StemGains([(False, cuts), (False, ducks or [])], SHAPE, RATE_HZ, BANDS)
    return Strip(every, gain_db, RATE_HZ, layout.labels, StemGains([(False, ducks or [])], SHAPE, RATE_HZ, BANDS))


def through(processor: Strip, signal: np.ndarray, size: int = 4096) -> np.ndarray:
    """The signal after the strip, its delay taken out."""
    parts = []
    for block in blocks(signal, size):
        parts.append(processor.process(block))
        assert parts[-1].shape == block.shape
    delayed = np.concatenate([*parts, processor.flush()])
    assert len(delayed) == len(signal) + processor.latency_samples
    return delayed[processor.latency_samples :]


def test_without_moves_every_bit_passes_at_exactly_the_latency() -> None:
    signal = noise(70_000)
    signal[:3] = [[-0.0, 1.0], [1e-300, -1.0], [1 / 3, 5e-324]]
    assert np.array_equal(through(strip([]), signal), signal)
    impulse = np.zeros((1, 2))
    impulse[0] = 1.0
    processor = strip([])
    delayed = np.concatenate((processor.process(impulse), processor.flush()))
    assert np.flatnonzero(delayed[:, 0]).tolist() == [processor.latency_samples]


def test_samples_that_are_put_in_its_room_are_processed_as_those_that_are_given() -> None:
    signal = noise(60_000)
    cuts: Cuts = [(10_000, 50_000, scoop(-9.0, 3))]
    given = through(strip(cuts, gain_db=-2.0), signal, 1_000)
    processor = strip(cuts, gain_db=-2.0)
    parts = []
    for block in blocks(signal, 1_000):
        processor.room(len(block))[:] = block
        parts.append(processor.process_room())
        assert processor.process_room().shape == (0, 2), "what was put there has been processed"
    whole = np.concatenate([*parts, processor.flush()])
    assert np.array_equal(whole[processor.latency_samples :], given)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
def test_where_no_move_is_active_every_bit_passes_though_moves_exist_elsewhere(rate_hz: int) -> None:
    signal = noise(6 * rate_hz)
    start, end = 2 * rate_hz, round(2.5 * rate_hz)
    out = through(strip([(start, end, scoop(-9.0, 3))], rate_hz=rate_hz), signal)
    window = ruler(rate_hz).window_samples
    touched_from = start - round(0.33 * rate_hz) - window
    touched_to = end + round(0.60 * rate_hz) + window
    assert np.array_equal(out[:touched_from], signal[:touched_from])
    assert np.array_equal(out[touched_to:], signal[touched_to:])
    assert np.all(np.any(out[start:end] != signal[start:end], axis=1))


def test_moves_of_no_depth_touch_nothing() -> None:
    signal = noise(RATE_HZ)
    assert np.array_equal(through(strip([(1000, 40_000, flat(0.0))]), signal), signal)


CUTS: Cuts = [(20_000, 45_000, scoop(-9.0, 3)), (40_000, 61_000, scoop(-4.0, 5)), (150_000, 152_000, flat(-3.0))]
DUCKS: Cuts = [(50_000, 60_000, flat(-6.0))]


def test_any_blocking_gives_the_same_samples_to_the_bit() -> None:
    signal = noise(180_000)
    whole = through(strip(CUTS, DUCKS, -2.0), signal, len(signal))
    assert np.any(whole != signal)
    for size in SIZES[1:]:
        assert np.array_equal(through(strip(CUTS, DUCKS, -2.0), signal, size), whole)


@pytest.mark.parametrize("rate_hz", [8_000, 44_100, 96_000])
def test_entered_in_the_middle_it_gives_the_same_samples_to_the_bit(rate_hz: int) -> None:
    """At any rate, beside digital silence too, which what rings ahead of a sound does not wake."""
    signal = noise(3 * rate_hz)
    for start in range(0, len(signal), rate_hz // 3):
        signal[start : start + SILENT_SAMPLES + 3] = 0.0
    cuts: Cuts = [(rate_hz // 2, 2 * rate_hz, scoop(-9.0, 3))]
    whole = through(strip(cuts, rate_hz=rate_hz), signal)
    used = strip(cuts, rate_hz=rate_hz)
    for sample in range(0, 2 * rate_hz, rate_hz // 9):
        entry = used.enter(sample)
        assert 0 <= sample - entry < 2 * used.latency_samples
        assert np.array_equal(through(used, signal[entry:])[sample - entry :], whole[sample:])


@pytest.mark.parametrize("size", [1, 7])
def test_tiny_blocks_give_the_same_samples_to_the_bit(size: int) -> None:
    signal = noise(600)
    cuts: Cuts = [(0, 300, flat(-6.0))]
    whole = through(strip(cuts), signal, len(signal))
    assert np.any(whole != signal)
    assert np.array_equal(through(strip(cuts), signal, size), whole)


def test_a_flat_cut_is_a_gain_and_nothing_else() -> None:
    """Zero phase, perfect reconstruction: sample for sample, within the hold."""
    signal = noise(2 * RATE_HZ)
    out = through(strip([], [(RATE_HZ // 2, RATE_HZ, flat(-6.0))], 3.0), signal)
    held = slice(RATE_HZ // 2, RATE_HZ)
    assert out[held] == pytest.approx(signal[held] * 10 ** (-3 / 20), abs=1e-12)


@pytest.mark.parametrize("rate_hz", [44_100, 48_000, 96_000])
@pytest.mark.parametrize("smooth_bands", [3, 7])
def test_every_bands_gain_is_reached_over_noise(rate_hz: int, smooth_bands: int) -> None:
    wanted_db = scoop(-9.0, smooth_bands)
    frames = 12 * rate_hz
    signal = noise(frames)
    out = through(strip([(rate_hz, frames - rate_hz, wanted_db)], rate_hz=rate_hz), signal, rate_hz)

    rule = ruler(rate_hz)
    bins_db = (1 - rule.upper_share) * np.take(wanted_db, rule.lower_band) + rule.upper_share * np.take(
        wanted_db, rule.lower_band + 1
    )
    held = slice(2 * rate_hz, frames - 2 * rate_hz)
    ratio_db = 10 * np.log10(spectrum_of(out[held], rule.window) / spectrum_of(signal[held], rule.window))
    for band in range(4, BAND_COUNT - 1):
        inside = (np.abs(rule.lower_band + rule.upper_share - band) < 0.5) & rule.heard
        assert ratio_db[inside].mean() == pytest.approx(bins_db[inside].mean(), abs=0.1), f"{CENTRE_HZ[band]:.0f} Hz"
    assert min(bins_db) < -8.5


def spectrum_of(signal: np.ndarray, window: np.ndarray) -> np.ndarray:
    """(bins,) mean power over frames and channels."""
    size = len(window)
    frames = signal[: len(signal) // size * size].reshape(-1, size, 2) * window[:, None]
    return np.asarray((np.abs(np.fft.rfft(frames, axis=1)) ** 2).mean(axis=(0, 2)))


def test_gains_follow_their_curve_in_time() -> None:
    """A tone under a duck has, 20 ms by 20 ms, the level that the curve says."""
    duck: Cuts = [(RATE_HZ, 2 * RATE_HZ, flat(-9.0))]
    tone = np.repeat(0.5 * np.sin(2 * np.pi * 1000 * np.arange(4 * RATE_HZ) / RATE_HZ)[:, None], 2, axis=1)
    out = through(strip([], duck), tone)
    length = 960
    level_db = 10 * np.log10((out.reshape(-1, length, 2) ** 2).mean(axis=(1, 2)) / 0.125)
    middles = (np.arange(len(level_db)) + 0.5) * length
    wanted_db = GainCurve(duck, SHAPE, RATE_HZ, BANDS).at(middles)[:, 0]
    assert level_db == pytest.approx(wanted_db, abs=0.2)
    assert wanted_db.min() == pytest.approx(-9.0)


def test_layers_and_fader_add_in_db() -> None:
    signal = noise(2 * RATE_HZ)
    span = (RATE_HZ // 2, RATE_HZ)
    out = through(strip([(*span, flat(-4.0))], [(*span, flat(-5.0))], -1.0), signal)
    held = slice(*span)
    assert out[held] == pytest.approx(signal[held] * 10 ** (-10 / 20), abs=1e-12)


def response_to_a_click(curve: tuple[float, ...], at: int = 2 * RATE_HZ + 333) -> np.ndarray:
    """What a unit click in the midst of a cut becomes, from a window before it to a window after it.

    Over a faint hiss, as digital silence is kept silent whatever rings into it.
    """
    hiss = noise(4 * RATE_HZ, rms=1e-6)
    signal = hiss.copy()
    signal[at] += 1.0
    cuts: Cuts = [(RATE_HZ, 3 * RATE_HZ, curve)]
    out = through(strip(cuts), signal) - through(strip(cuts), hiss)
    assert np.abs(out[: at - WINDOW]).max() < 1e-15
    assert np.abs(out[at + WINDOW :]).max() < 1e-15, "it rings no longer than its window"
    return out[at - WINDOW : at + WINDOW + 1, 0]


@pytest.mark.parametrize(("smooth_bands", "most_db"), [(3, -58.0), (7, -68.0)])
def test_what_rings_before_a_click_is_bounded(smooth_bands: int, most_db: float) -> None:
    """Over 5 ms before, where a click would no longer mask it."""
    response = response_to_a_click(scoop(-9.0, smooth_bands))
    early = response[: WINDOW - round(0.005 * RATE_HZ)]
    assert 10 * np.log10((early**2).sum() / (response**2).sum()) < most_db


def test_it_has_zero_phase() -> None:
    """A click's response is the same before as after it, where its frame's window is flat enough."""
    response = response_to_a_click(scoop(-9.0, 7), 2 * RATE_HZ)
    before, after = response[WINDOW - 200 : WINDOW][::-1], response[WINDOW + 1 : WINDOW + 201]
    assert np.abs(before).max() > 1e-2
    assert before == pytest.approx(after, abs=1e-3)
    assert np.argmax(np.abs(response)) == WINDOW


def test_channels_do_not_leak_into_each_other() -> None:
    signal = noise(2 * RATE_HZ)
    both = through(strip(CUTS, DUCKS), signal)
    for silent in (0, 1):
        alone = signal.copy()
        alone[:, silent] = 0.0
        out = through(strip(CUTS, DUCKS), alone)
        assert not out[:, silent].any(), "digital silence is left alone"
        assert out[:, 1 - silent] == pytest.approx(both[:, 1 - silent], abs=1e-14)


def test_mid_and_sides_have_gains_of_their_own() -> None:
    """Half of a sound on one side is mid, half sides."""
    mono = noise(2 * RATE_HZ, 1)
    curve = (-9.0,) * BAND_COUNT + (-3.0,) * BAND_COUNT
    mid, side = 10 ** (-9 / 20), 10 ** (-3 / 20)
    held = slice(RATE_HZ // 2, RATE_HZ)
    for into, wanted in (
        ((1.0, 1.0), (mid, mid)),
        ((1.0, -1.0), (side, -side)),
        ((1.0, 0.0), ((mid + side) / 2, (mid - side) / 2)),
        ((0.0, 1.0), ((mid - side) / 2, (mid + side) / 2)),
    ):
        out = through(strip([(held.start, held.stop, curve)]), mono * np.array([into]))
        assert out[held] == pytest.approx(mono[held] * np.array([wanted]), abs=1e-12), into


def test_where_mid_and_sides_are_idle_every_bit_passes() -> None:
    """Though elsewhere in the programme they have gains that mix the channels."""
    signal = noise(4 * RATE_HZ)
    curve = (-9.0,) * BAND_COUNT + (-3.0,) * BAND_COUNT
    start, end = 2 * RATE_HZ, round(2.5 * RATE_HZ)
    out = through(strip([(start, end, curve)]), signal)
    before, after = start - REACH_BEFORE - WINDOW, end + REACH_AFTER + WINDOW
    assert np.array_equal(out[:before], signal[:before])
    assert np.array_equal(out[after:], signal[after:])
    assert np.all(np.any(out[start:end] != signal[start:end], axis=1))


def test_a_cut_of_the_sides_leaves_what_is_centred_alone() -> None:
    mono = noise(2 * RATE_HZ, 1)
    sides = [(0, 2 * RATE_HZ, (0.0,) * BAND_COUNT + (-12.0,) * BAND_COUNT)]
    centred = np.repeat(mono, 2, axis=1)
    assert through(strip(sides), centred) == pytest.approx(centred, abs=1e-12)
    mid = [(0, 2 * RATE_HZ, (-12.0,) * BAND_COUNT + (0.0,) * BAND_COUNT)]
    opposed = mono * [[1.0, -1.0]]
    assert through(strip(mid), opposed) == pytest.approx(opposed, abs=1e-12)


def test_a_voice_may_be_raised_as_well_as_cut() -> None:
    signal = noise(2 * RATE_HZ)
    held = slice(RATE_HZ // 2, RATE_HZ)
    out = through(strip([(held.start, held.stop, flat(2.0))]), signal)
    assert out[held] == pytest.approx(signal[held] * 10 ** (2 / 20), abs=1e-12)


def test_silence_stays_silence() -> None:
    assert not through(strip(CUTS, DUCKS, 12.0), np.zeros((RATE_HZ, 2))).any()


def test_a_cut_that_begins_with_the_programme_or_outlasts_it_is_whole() -> None:
    signal = noise(RATE_HZ)
    out = through(strip([], [(0, 2 * RATE_HZ, flat(-6.0))]), signal)
    assert out == pytest.approx(signal * 10 ** (-6 / 20), abs=1e-12)


def test_analysis_and_cuts_share_a_ruler() -> None:
    """What is cut by 6 dB in one band reads 6 dB less there, and untouched three bands away."""
    band = 20
    curve = tuple(-6.0 if abs(b - band) <= 2 else 0.0 for b in range(BAND_COUNT)) * 2
    signal = noise(4 * RATE_HZ)
    out = through(strip([(0, 4 * RATE_HZ, curve)]), signal)

    def level_db(heard: np.ndarray) -> np.ndarray:
        analyser = BandAnalyser(RATE_HZ)
        total = np.concatenate((analyser.process(heard).total, analyser.flush().total))
        return np.asarray(10 * np.log10(total[5:-5].mean(axis=0)))

    change_db = level_db(out) - level_db(signal)
    assert change_db[band] == pytest.approx(-6.0, abs=0.1)
    assert np.delete(change_db, range(band - 4, band + 5)) == pytest.approx(0.0, abs=0.1)


# ---- wider than stereo -----------------------------------------------------------------------------------------------

SPLIT: Cuts = [
    (20_000, 45_000, scoop(-9.0, 3)[:BAND_COUNT] + scoop(-2.0, 3)[BAND_COUNT:]),
    (60_000, 75_000, (-3.0,) * BAND_COUNT + (0.0,) * BAND_COUNT),
]
"""Deeper in the mid than in the sides."""
WIDE = [layout for layout in LAYOUTS.values() if layout.channels > 2]
NAME = lambda layout: layout.name  # noqa: E731 - what pytest shows of a layout


@pytest.mark.parametrize("layout", WIDE, ids=NAME)
def test_the_folds_mid_and_sides_get_exactly_what_was_decided_on_the_fold(layout: Layout) -> None:
    """To -120 dB: the fold of what was cut is the cut of the fold."""
    signal = noise(100_000, layout.channels)
    first = folded(through(wide(layout, SPLIT, DUCKS, -2.0), signal), layout, STEREO)
    last = through(strip(SPLIT, DUCKS, -2.0), folded(signal, layout, STEREO))
    assert np.abs(first - folded(signal, layout, STEREO)).max() > 0.01
    assert np.abs(first - last).max() < 1e-6 * np.abs(last).max()


@pytest.mark.parametrize("layout", WIDE, ids=NAME)
def test_any_blocking_gives_the_same_samples_of_any_layout_to_the_bit(layout: Layout) -> None:
    signal = noise(110_000, layout.channels)
    whole = through(wide(layout, SPLIT, DUCKS, -2.0), signal, len(signal))
    for size in (512, 4096, 48_000):
        assert np.array_equal(through(wide(layout, SPLIT, DUCKS, -2.0), signal, size), whole)


def test_a_pair_of_a_wider_layout_is_cut_as_a_stereo_stem_is_to_the_bit() -> None:
    signal = noise(100_000, 6)
    out = through(wide(SURROUND_5_1, SPLIT, DUCKS), signal)
    for pair in (slice(0, 2), slice(4, 6)):
        assert np.array_equal(out[:, pair], through(strip(SPLIT, DUCKS), np.ascontiguousarray(signal[:, pair])))


def test_a_centre_is_cut_by_the_mids_gains() -> None:
    signal = noise(100_000, 1)
    alone = through(Strip(StemGains([(False, SPLIT)], SHAPE, RATE_HZ, BANDS), 0.0, RATE_HZ, ("C",)), signal)
    both = through(strip(SPLIT), np.repeat(signal, 2, axis=1))
    assert np.abs(alone - signal).max() > 0.01
    assert alone == pytest.approx(both[:, :1], abs=1e-12)


def test_lfe_follows_levels_and_no_curves() -> None:
    signal = noise(100_000, 6)
    assert np.array_equal(through(wide(SURROUND_5_1, SPLIT), signal)[:, 3], signal[:, 3])
    ducked = through(wide(SURROUND_5_1, SPLIT, DUCKS), signal)[:, 3]
    held = slice(*DUCKS[0][:2])
    assert ducked[held] == pytest.approx(signal[held, 3] * 10 ** (-6 / 20), abs=1e-12)


@pytest.mark.parametrize("layout", WIDE, ids=NAME)
def test_without_moves_every_bit_of_any_layout_passes(layout: Layout) -> None:
    signal = noise(50_000, layout.channels)
    assert np.array_equal(through(wide(layout, []), signal), signal)


def test_silent_channels_stay_silent_beside_those_that_sound() -> None:
    for sounds in range(6):
        signal = np.zeros((60_000, 6))
        signal[:, sounds] = noise(60_000, 1)[:, 0]
        out = through(wide(SURROUND_5_1, [(20_000, 45_000, scoop(-9.0, 3))], DUCKS), signal)
        assert np.array_equal(np.flatnonzero(out.any(axis=0)), [sounds])


def test_digital_silence_of_one_channel_lasts_though_another_sounds() -> None:
    signal = noise(60_000, 6)
    signal[25_000:30_000, 2] = 0.0
    signal[32_000:40_000, 4:] = 0.0
    out = through(wide(SURROUND_5_1, SPLIT, DUCKS), signal)
    assert not out[25_000:30_000, 2].any()
    assert not out[32_000:40_000, 4:].any()
    assert np.abs(out[:, 0] - signal[:, 0]).max() > 0.01
