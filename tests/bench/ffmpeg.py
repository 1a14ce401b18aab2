"""ffmpeg as a rival and a second opinion: its `ebur128`, and its limiters."""

from __future__ import annotations

import math
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stemmix.files.wave import wave_header
from stemmix.model.layouts import Layout

Floats = NDArray[np.float64]

_FED = ("-f", "wav", "-i", "pipe:0")
_FLOOR_LUFS = -70.0  # what its integrated loudness reads where there is none


def is_there() -> bool:
    return shutil.which("ffmpeg") is not None


def name() -> str:
    """With its version: readings differ from one to another."""
    first = _run(["ffmpeg", "-version"]).partition(b"\n")[0].decode()
    return f"ffmpeg {first.split()[2].partition('-')[0]}"


@dataclass(frozen=True)
class Ebur128:
    """What `ebur128=peak=true` reads; curves have ten values a second, the first at 0.1 s."""

    momentary_lufs: Floats
    short_term_lufs: Floats
    integrated_lufs: float | None
    lra_lu: float | None
    true_peak_dbtp: float | None


def as_wave(samples: Floats, rate_hz: int, layout: Layout) -> bytes:
    """A file of (frames, channels) as 32-bit float."""
    return wave_header("wavfloat", rate_hz, layout, len(samples)).content + samples.astype("<f4").tobytes()


def ebur128_of_samples(samples: Floats, rate_hz: int, layout: Layout) -> Ebur128:
    """Of (frames, channels)."""
    return _ebur128(_FED, as_wave(samples, rate_hz, layout))


def ebur128_of_file(path: Path) -> Ebur128:
    return _ebur128(("-i", str(path)), None)


def filtered(samples: Floats, rate_hz: int, layout: Layout, chain: str) -> Floats:
    """(frames, channels) through a chain of filters, in 32-bit float."""
    command = [*_start(_FED), "-af", chain, "-f", "f32le", "pipe:1"]
    made = _run(command, as_wave(samples, rate_hz, layout))
    return np.frombuffer(made, "<f4").reshape(-1, layout.channels).astype(np.float64)


def _ebur128(source: tuple[str, ...], fed: bytes | None) -> Ebur128:
    chain = "ebur128=peak=true:metadata=1:framelog=verbose,ametadata=mode=print:file=-"
    curves: dict[str, list[float]] = {}
    for line in _run([*_start(source), "-af", chain, "-f", "null", "/dev/null"], fed).decode().splitlines():
        key, is_value, value = line.partition("=")
        if is_value and key.startswith("lavfi.r128."):
            curves.setdefault(key.removeprefix("lavfi.r128."), []).append(float(value))
    curve = {key: np.nan_to_num(np.array(values), nan=-math.inf) for key, values in curves.items()}
    peaks = [values[-1] for key, values in curves.items() if key.startswith("true_peaks_ch")]
    integrated_lufs = curves["I"][-1] if curves.get("I") else _FLOOR_LUFS
    return Ebur128(
        momentary_lufs=curve.get("M", np.zeros(0)),
        short_term_lufs=curve.get("S", np.zeros(0)),
        integrated_lufs=integrated_lufs if integrated_lufs > _FLOOR_LUFS else None,
        lra_lu=curves["LRA"][-1] if curves.get("LRA") else None,
        true_peak_dbtp=20.0 * math.log10(max(peaks)) if peaks and max(peaks) > 0.0 else None,
    )


def _start(source: tuple[str, ...]) -> list[str]:
    return ["ffmpeg", "-v", "error", *(("-nostdin",) if "pipe:0" not in source else ()), *source]


def _run(command: list[str], fed: bytes | None = None) -> bytes:
    done = subprocess.run(command, input=fed, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\nended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    return done.stdout
