"""A reel in 5.1 with its fold-down in stereo, both read by others than us.

Dialogue stands in C, music in L and R, effects are two mono stems panned apart, and the ambience is made 5.1: surrounds
by copies whose phases are drawn anew, LFE by what lies under 80 Hz.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemmix.files.projects import read_project
from stemmix.model.layouts import MONO, STEREO, SURROUND_5_1, Layout
from stemmix.model.presets import PRESETS
from stemmix.model.receipt import WrittenFile
from stemmix.units import db_from_power, gain_from_db
from tests.bench import ffmpeg
from tests.bench.delivering import Delivered, Programme, pyloudnorm_lufs

Floats = NDArray[np.float64]

RATE_HZ = 48_000
PRESET_NAMES = ("ebu-r128", "youtube")
"""One that leaves peaks room, and one for which the limiter has to work."""
PAN = 0.7
_BLUR = 1 << 11
"""Taps of the filters that draw phases anew: 43 ms."""
_LO_RO = {"L": (1.0, 0.0), "R": (0.0, 1.0), "C": (0.5**0.5, 0.5**0.5), "Ls": (0.5**0.5, 0.0), "Rs": (0.0, 0.5**0.5)}
"""ITU-R BS.775-3 annex 4 table 2, written down again; LFE is left out."""


@dataclass(frozen=True)
class Written:
    """A master or its fold-down."""

    file: WrittenFile
    target_lufs: float
    ceiling_dbtp: float
    lufs: Mapping[str, float]
    """Integrated loudness, by who reads it."""
    true_peak_dbtp: Mapping[str, float]
    folded_dbfs: float | None
    """Of a fold-down: RMS of its master's file, folded by the table above, less it; where neither limiter acted."""


def surround_of(programme: Programme, folder: Path) -> Programme:
    """The same programme with its stems placed on 5.1; each role is to have one stem that begins at 0."""
    import soundfile

    sources = {}
    for stem in read_project(programme.folder / f"{programme.name}.json").stems:
        samples, rate_hz = soundfile.read(programme.folder / stem.named, always_2d=True)
        if rate_hz != RATE_HZ or samples.shape[1] > 2 or stem.role.value in sources or stem.at:
            raise SystemExit(
                f"{stem.named}: must be the only {stem.role.value}, mono or stereo, from 0, at {RATE_HZ} Hz"
            )
        sources[stem.role.value] = samples * gain_from_db(stem.gain_db)
    fx = _as_stereo(sources["fx"])
    placed: dict[str, tuple[str, Floats, Layout, dict[str, Any]]] = {
        "DX": ("dialogue", sources["dialogue"].mean(axis=1, keepdims=True), MONO, {}),
        "MX": ("music", _as_stereo(sources["music"]), STEREO, {}),
        "FX_L": ("fx", fx[:, :1], MONO, {"pan": -PAN}),
        "FX_R": ("fx", fx[:, 1:], MONO, {"pan": PAN}),
        "AMB": ("ambience", _around(_as_stereo(sources["ambience"])), SURROUND_5_1, {}),
    }
    stems = []
    for name, (role, samples, layout, others) in placed.items():
        (folder / f"{name}.wav").write_bytes(ffmpeg.as_wave(samples, RATE_HZ, layout))
        stems.append({"id": name, "role": role, "file": f"{name}.wav", **others})
    return Programme(programme.name, folder, {**programme.document, "stems": stems})


def _as_stereo(samples: Floats) -> Floats:
    return samples if samples.shape[1] == 2 else samples.repeat(2, axis=1) * 0.5**0.5


def _around(stereo: Floats) -> Floats:
    """(frames, 6) of (frames, 2)."""
    from scipy.signal import butter, fftconvolve, sosfilt

    rng = np.random.default_rng(775)
    surrounds = []
    for channel in stereo.T:
        # flat in level, random in phase, and over soon: a copy that does not add up with what it was made from
        phases = np.exp(1j * rng.uniform(-np.pi, np.pi, _BLUR // 2 + 1))
        phases[[0, -1]] = 1.0
        surrounds.append(fftconvolve(channel, np.fft.irfft(phases))[: len(channel)])
    bass = sosfilt(butter(4, 80, fs=RATE_HZ, output="sos"), stereo.mean(axis=1))
    columns = (stereo[:, 0], stereo[:, 1], np.zeros(len(stereo)), bass, *surrounds)
    return 0.5**0.5 * np.stack(columns, axis=1)


def written(programme: Programme) -> list[Written]:
    """5.1 masters and their fold-downs, to each of the presets."""
    deliverables = []
    for name in PRESET_NAMES:
        deliverables += [
            {"name": f"{name}_5.1", "preset": name, "layout": "5.1"},
            {"name": f"{name}_2.0", "kind": "fold_down", "parent": f"{name}_5.1", "layout": "2.0"},
        ]
    delivered = programme.render("surround", deliverables)
    masters = {file.deliverable: file for file in delivered.files}
    found = []
    for file in delivered.files:
        preset, _, _ = file.deliverable.rpartition("_")
        specification, path = PRESETS[preset].specification, delivered.path(file)
        loudness = specification.loudness
        ours = file.measured
        if loudness is None or loudness.target is None or ours.integrated_lufs is None or ours.true_peak_dbtp is None:
            raise SystemExit(f"{path}: has no loudness, nothing to hold against a target")
        lufs, peaks = {"stemmix": ours.integrated_lufs}, {"stemmix": ours.true_peak_dbtp}
        if (others := pyloudnorm_lufs(path, file.layout)) is not None:
            lufs["pyloudnorm"] = others
        if ffmpeg.is_there():
            read = ffmpeg.ebur128_of_file(path)
            lufs |= {"ffmpeg": read.integrated_lufs} if read.integrated_lufs is not None else {}
            peaks |= {"ffmpeg": read.true_peak_dbtp} if read.true_peak_dbtp is not None else {}
        folded_dbfs = None if file.layout == "5.1" else _folded_dbfs(delivered, masters[f"{preset}_5.1"], file)
        found.append(Written(file, loudness.target, specification.ceiling_dbtp, lufs, peaks, folded_dbfs))
    delivered.clear()
    return found


def _folded_dbfs(delivered: Delivered, master: WrittenFile, fold: WrittenFile) -> float:
    import soundfile

    wide, narrow = (soundfile.read(delivered.path(file), always_2d=True)[0] for file in (master, fold))
    free = np.ones(len(wide), dtype=bool)
    for file in (master, fold):
        for start, end in file.limiting.spans if file.limiting else ():
            free[start:end] = False
    expected = np.zeros_like(narrow)
    for label, shares in _LO_RO.items():
        expected += wide[:, [SURROUND_5_1.labels.index(label)]] * shares
    left = expected[free] * gain_from_db(fold.gain_db - master.gain_db) - narrow[free]
    return db_from_power(float(np.mean(left**2)))
