"""The formats that files are written in, by the names that a project gives them, and what each can hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from stemmix.model.layouts import Layout

Encoding = Literal["wav16", "wav24", "wavfloat", "flac16", "flac24", "mp3", "ogg"]


@dataclass(frozen=True)
class Coding:
    """What an encoding can hold."""

    title: str
    """As a person calls it."""
    extension: str
    bits: int | None
    """Of a sample, where samples are whole numbers; None where they are written from floats."""
    is_lossy: bool = False
    """Whether what is decoded differs from what was written."""
    layouts: tuple[str, ...] | None = None
    """Names of the layouts whose channels it tells apart; None for all."""
    rates_hz: tuple[int, ...] | None = None
    """Sample rates that it has; None for all up to `highest_rate_hz`."""
    highest_rate_hz: int = 2**32 - 1

    @property
    def stored_bits(self) -> int | None:
        """Of a sample in the file; None where the coding has no fixed number."""
        return self.bits if self.is_lossy or self.bits is not None else 32


_FLAC_LAYOUTS = ("1.0", "2.0", "3.0", "5.0", "5.1", "7.1")
"""Orders of up to eight channels that the format itself fixes (RFC 9639, section 9.1.3)."""
_FLAC_HIGHEST_HZ = 655_350
"""What every libFLAC takes; the format itself has room for 1,048,575 Hz."""
_MP3_RATES_HZ = (32_000, 44_100, 48_000)
"""MPEG-1 (ISO/IEC 11172-3, section 2.4.2.3); the half rates of MPEG-2 are for telephones."""
_VORBIS_HIGHEST_HZ = 192_000
"""libvorbis has modes up to 200 kHz and crashes above."""

CODINGS: Final[dict[Encoding, Coding]] = {
    "wav16": Coding("16-bit WAVE", ".wav", 16),
    "wav24": Coding("24-bit WAVE", ".wav", 24),
    "wavfloat": Coding("32-bit float WAVE", ".wav", None),
    "flac16": Coding("16-bit FLAC", ".flac", 16, layouts=_FLAC_LAYOUTS, highest_rate_hz=_FLAC_HIGHEST_HZ),
    "flac24": Coding("24-bit FLAC", ".flac", 24, layouts=_FLAC_LAYOUTS, highest_rate_hz=_FLAC_HIGHEST_HZ),
    "mp3": Coding("MP3", ".mp3", None, is_lossy=True, layouts=("1.0", "2.0"), rates_hz=_MP3_RATES_HZ),
    # Vorbis orders 5.1 as L C R Ls Rs LFE, libsndfile does not, and players then swap centre and right
    "ogg": Coding(
        "Ogg Vorbis", ".ogg", None, is_lossy=True, layouts=("1.0", "2.0"), highest_rate_hz=_VORBIS_HIGHEST_HZ
    ),
}


def unfit(encoding: Encoding, sample_rate: int, layout: Layout) -> str | None:
    """Why an encoding cannot hold a file of this rate (Hz) and layout: the end of a sentence; None where it can.

    >>> from stemmix.model.layouts import STEREO
    >>> unfit("mp3", 96_000, STEREO)
    'MP3 has sample rates of 32000, 44100 and 48000 Hz, not 96000 Hz'
    """
    coding = CODINGS[encoding]
    if coding.rates_hz is not None and sample_rate not in coding.rates_hz:
        *most, last = coding.rates_hz
        rates = f"{', '.join(map(str, most))} and {last}"
        return f"{coding.title} has sample rates of {rates} Hz, not {sample_rate} Hz"
    if sample_rate > coding.highest_rate_hz:
        return f"{coding.title} has sample rates up to {coding.highest_rate_hz} Hz, not {sample_rate} Hz"
    if coding.layouts is not None and layout.name not in coding.layouts:
        return f"{coding.title} is written in the layouts {', '.join(coding.layouts)}, not in {layout.name}"
    return None
