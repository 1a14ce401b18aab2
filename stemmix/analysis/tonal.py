"""Pitch and rhythm, by librosa: slow to import and slow to run, so only where they are asked for.

It runs in a process of its own. numba's ufuncs, as librosa keeps them compiled from run to run, end the process that
has loaded them in one run of a dozen (numba 0.68, a segmentation fault), and numba believes what is kept, which may be
damaged: nobody's work is to end with either. Where the process fails they are compiled anew, and if that was it, they
are kept in the place of those.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stemmix.errors import OutputError, StemError
from stemmix.model.features import Tonal
from stemmix.stopping import heed

Floats = NDArray[np.float64]

RATE_HZ = 22_050
"""librosa's own rate: its tempo prior and its frame sizes are meant for it."""
FEWEST_BEATS = 4
"""Tell a tempo by themselves."""
HOP = 512
LOWEST_HZ, HIGHEST_HZ = 65.0, 1050.0
PITCHES_PER_SECOND = 10
VOICED_DB = 30.0
"""Below the loudest tenth of the frames a pitch means nothing."""
PERIODIC = 0.5
"""Least correlation with what comes a period later: half of the power is of that pitch (P. Boersma, "Accurate
short-term analysis of the fundamental frequency", Proc. Institute of Phonetic Sciences 17, 1993). Noise stays under
0.25."""
PERIODIC_WINDOW = 1024
HIGHER, AS_GOOD = range(2, 9), 0.1
"""A tone above the highest pitch is found so many times lower: at its own period it correlates about as well."""
BEATEN = 0.1
"""Least correlation of the onsets with those a beat later; those of noise, which has no beat, stay under 0.05."""
_TRIES: Final = 4
"""Of a process that is ended by a signal."""


def tonal_of(blocks: Iterable[Floats], rate_hz: int) -> Tonal:
    """Tempo and pitch contour of a stem given as (n, 2) blocks at `rate_hz` Hz.

    Tempo after Ellis, "Beat tracking by dynamic programming" (2007), as `librosa.beat.beat_track`; pitch after de
    Cheveigne and Kawahara, "YIN" (2002), as `librosa.yin`, ten a second, from 65 to 1050 Hz, none where the stem is
    faint, or what is heard is no tone, or a higher one. Both always find something: a tempo that the onsets do not keep
    is none. The stem is held in mono at 22,050 Hz: 53 MB for ten minutes. Raises StemError where librosa fails with
    nothing kept, too, OutputError where it can be given no place to keep anything.
    """
    import soxr

    stream = soxr.ResampleStream(rate_hz, RATE_HZ, 1, dtype="float32")
    parts = [stream.resample_chunk(block.mean(axis=1).astype(np.float32)) for block in blocks]
    parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    mono = np.concatenate(parts)
    if len(mono) < 4 * 2048 or not mono.any():
        return Tonal(tempo_bpm=None, beats_s=(), pitch_hz=())
    for number in range(_TRIES):
        heed()
        with _empty_folder() as nothing_kept:
            place = {"NUMBA_CACHE_DIR": nothing_kept} if number else {}
            # -P: a file that lies about is no module
            command = [sys.executable, "-P", "-m", "stemmix.analysis.tonal"]
            done = subprocess.run(
                command, input=mono.tobytes(), capture_output=True, check=False, env=os.environ | place
            )
            if done.returncode == 0:
                if number:
                    _keep_instead(Path(nothing_kept))
                return Tonal.model_validate_json(done.stdout)
        if number and done.returncode > 0:
            break
    why = done.stderr.decode(errors="replace").strip().rpartition("\n")[2] or f"signal {-done.returncode}"
    raise StemError(f"pitch and tempo cannot be found: librosa's process ended with {why}")


def _empty_folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="stemmix-")
    except OSError as fault:
        raise OutputError(f"pitch and tempo: no temporary folder can be made: {fault.strerror}") from None


def _keep_instead(made: Path) -> None:
    """Put what librosa's process has compiled in the place of what was kept of the same modules; all else that lies
    there is left alone: it is others'."""
    from stemmix.dsp import kernel_store  # noqa: F401 - says where that is, if anywhere

    if place := os.environ.get("NUMBA_CACHE_DIR"):
        with suppress(OSError):  # another process does the same, or it cannot be written
            for folder in made.iterdir():
                kept = Path(place, folder.name)
                if kept.exists():
                    shutil.rmtree(kept)
                shutil.move(folder, kept)


def main() -> None:
    """Of mono float32 samples at `RATE_HZ` on standard input, their `Tonal` as JSON."""
    from stemmix.dsp import kernel_store  # noqa: F401 - says where numba keeps what it compiles for librosa

    mono = np.frombuffer(sys.stdin.buffer.read(), np.float32)
    sys.stdout.write(_heard(mono).model_dump_json())


def _slope(beats_s: NDArray[np.float64]) -> float:
    """Seconds from one beat to the next, by least squares."""
    number = np.arange(len(beats_s)) - (len(beats_s) - 1) / 2
    return float((number * beats_s).sum() / (number * number).sum())


def _heard(mono: NDArray[np.float32]) -> Tonal:
    import librosa

    onsets = librosa.onset.onset_strength(y=mono, sr=RATE_HZ, hop_length=HOP, aggregate=np.median)
    tempo, beats = librosa.beat.beat_track(onset_envelope=onsets, sr=RATE_HZ, hop_length=HOP, units="time")
    hop = RATE_HZ // PITCHES_PER_SECOND
    pitch = librosa.yin(mono, fmin=LOWEST_HZ, fmax=HIGHEST_HZ, sr=RATE_HZ, hop_length=hop)
    level = librosa.feature.rms(y=mono, hop_length=hop)[0][: len(pitch)]
    loud = float(np.percentile(level, 90)) * 10 ** (-VOICED_DB / 20)
    # its own tempo is one of a few dozen; that of the line through its beats is as fine as they are
    steady = float(np.atleast_1d(tempo)[0]) if len(beats) < FEWEST_BEATS else 60.0 / _slope(np.asarray(beats))
    tempo_bpm = round(steady, 1)
    beaten = tempo_bpm > 0 and _keeps(onsets, 60.0 / tempo_bpm * RATE_HZ / HOP)
    return Tonal(
        tempo_bpm=tempo_bpm if beaten else None,
        beats_s=tuple(round(float(beat), 3) for beat in beats) if beaten else (),
        pitch_hz=tuple(
            round(float(hz), 1) if rms > loud and _is_pitch(mono, number * hop, float(hz)) else None
            for number, (hz, rms) in enumerate(zip(pitch[: len(level)], level, strict=True))
        ),
    )


def _keeps(onsets: NDArray[np.float32], beat: float) -> bool:
    """Whether onsets come again after a beat of so many frames, to a frame."""
    centred = onsets - onsets.mean()
    frames = range(max(round(beat) - 1, 1), min(round(beat) + 2, len(centred)))
    again = [float((centred[:-frame] * centred[frame:]).sum()) for frame in frames]
    return max(again, default=0.0) > BEATEN * float((centred * centred).sum())


def _is_pitch(mono: NDArray[np.float32], middle: int, hz: float) -> bool:
    """Whether what is heard around a sample is a tone of that pitch, and of no higher one."""
    repeats = _repeats(mono, middle, RATE_HZ / hz)
    higher = [hz * times for times in HIGHER if HIGHEST_HZ < hz * times < RATE_HZ / 2]
    return repeats >= PERIODIC and all(_repeats(mono, middle, RATE_HZ / one) < repeats - AS_GOOD for one in higher)


def _repeats(mono: NDArray[np.float32], middle: int, period: float) -> float:
    """Correlation, -1 to 1, of what is heard around a sample with what is heard a period of samples later."""
    whole = int(period)
    start = max(middle - (PERIODIC_WINDOW + whole) // 2, 0)
    now = mono[start : start + PERIODIC_WINDOW].astype(np.float64)
    later = mono[start + whole : start + whole + PERIODIC_WINDOW + 1].astype(np.float64)
    later = later[:-1] + (period - whole) * np.diff(later)
    now = now[: len(later)]
    powers = float((now * now).sum() * (later * later).sum())
    return float((now * later).sum()) / powers**0.5 if powers > 0.0 else 0.0


if __name__ == "__main__":
    main()
