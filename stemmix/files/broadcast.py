"""What a WAVE file says of itself for broadcast and post: the chunks `bext` and `iXML`, written and read.

Sources: EBU Tech 3285 version 2 (bext), EBU R 98 (coding history), the iXML specification of the Institute of
Broadcast Sound and its dictionary of track functions. bext is ASCII in fields of fixed size; what does not fit there
stands whole in iXML. No time stamp is made up, so that the same samples give the same bytes.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from typing import Final
from xml.etree import ElementTree

from stemmix import __version__
from stemmix.model.layouts import Layout
from stemmix.model.receipt import Measured

_BEXT: Final = struct.Struct("<256s32s32s10s8sQH64s5h180s")
"""Description, Originator, OriginatorReference, OriginationDate and -Time, TimeReference, Version, UMID, five loudness
fields, Reserved; the coding history follows (Tech 3285 v2, section 2.3)."""

_BEXT_WITHOUT_HISTORY: Final = struct.Struct("<256s32s32s10s8sQ")
"""As much of it as version 0 has too, and as is read."""

LOUDNESS_OFFSET: Final = 412
"""Where the five loudness fields begin in the chunk's body."""

_UNSET: Final = 0x7FFF
_LARGEST: Final = 9999
"""A loudness field is 100 times its value, within +-99.99; `_UNSET` says that there is none (section 2.3)."""

_IXML_VERSION: Final = "2.10"
_LONGEST_XML_BYTES: Final = 1 << 20
"""Read of an iXML chunk: a recorder writes a few kilobytes."""

_DATE, _TIME = re.compile(r"(\d{4}-\d\d-\d\d)?", re.ASCII), re.compile(r"(\d\d:\d\d:\d\d)?", re.ASCII)
_DOCTYPE = re.compile(rb"<!(DOCTYPE|ENTITY)")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Track:
    """One channel as iXML names it."""

    name: str
    function: str
    """Of the dictionary of functions: `L-MIX`, `LFE-5.1` ..."""


@dataclass(frozen=True)
class BroadcastInfo:
    """What is said of a file beside its samples; everything may be left out."""

    description: str = ""
    """256 ASCII characters at most are kept in bext."""
    originator: str = f"stemmix {__version__}"
    """Who made the file, 32 characters."""
    originator_reference: str = ""
    """The maker's own name for the file, 32 characters; the code of EBU R 99 holds the time of day, so none is made."""
    origination_date: str = ""
    """`yyyy-mm-dd`."""
    origination_time: str = ""
    """`hh:mm:ss`."""
    time_reference: int = 0
    """First sample's place, in samples since midnight."""
    project: str = ""
    note: str = ""
    frame_rate: Fraction | None = None
    """Frames a second of the timecode, 30000/1001 for 29.97."""
    drop_frame: bool = False
    tracks: tuple[Track, ...] = ()
    """One for each channel; none: those of the layout."""

    def __post_init__(self) -> None:
        if not _DATE.fullmatch(self.origination_date) or not _TIME.fullmatch(self.origination_time):
            raise ValueError("origination: expected a date yyyy-mm-dd and a time hh:mm:ss")
        if not 0 <= self.time_reference < 2**64:
            raise ValueError(f"time reference: {self.time_reference} is outside 0 to 2^64 - 1 samples")


def tracks_of(layout: Layout) -> tuple[Track, ...]:
    """The channels of a layout by label, with their functions in a mix.

    The dictionary's 7.1 is that of five front channels. What it has no set for gets its generic names, which for
    labels that it does not list are formed likewise.
    """
    labels = set(layout.labels)
    if labels == {"M"}:
        return (Track("M", "MIX"),)
    sets = {"MIX": {"L", "R"}, "LCR": {"L", "C", "R"}, "5.1": {"L", "R", "C", "LFE", "Ls", "Rs"}}
    kind = next((name for name, members in sets.items() if members == labels), "GENERIC")
    return tuple(Track(label, f"{label}-{kind}") for label in layout.labels)


def bext_body(info: BroadcastInfo, sample_rate: int, bits: int, layout: Layout, *, is_float: bool = False) -> bytes:
    """A `bext` chunk's body, version 2, loudness unset; `sample_rate` in Hz."""
    mode = {1: "mono", 2: "stereo"}.get(layout.channels, "multichannel")
    text = f"{info.originator}; {layout.name}{'; IEEE float' if is_float else ''}".replace(",", ";")
    history = f"A=PCM,F={sample_rate},W={bits},M={mode},T={text}\r\n"
    return _BEXT.pack(
        _ascii(info.description)[:256],
        _ascii(info.originator)[:32],
        _ascii(info.originator_reference)[:32],
        info.origination_date.encode(),
        info.origination_time.encode(),
        info.time_reference,
        2,
        b"",
        *(5 * [_UNSET]),
        b"",
    ) + _ascii(history)


def loudness_fields(measured: Measured) -> bytes:
    """The five loudness fields that stand at `LOUDNESS_OFFSET`.

    LoudnessValue, LoudnessRange, MaxTruePeakLevel, MaxMomentaryLoudness, MaxShortTermLoudness.
    """
    values = (
        measured.integrated_lufs,
        measured.lra_lu,
        measured.true_peak_dbtp,
        measured.momentary_max_lufs,
        measured.short_term_max_lufs,
    )
    hundredths = [_UNSET if value is None else round(100 * value) for value in values]
    return struct.pack("<5h", *(number if abs(number) <= _LARGEST else _UNSET for number in hundredths))


def ixml_body(info: BroadcastInfo, sample_rate: int, bits: int, layout: Layout) -> bytes:
    """An `iXML` chunk's body, UTF-8; `sample_rate` in Hz. ValueError where tracks and channels are not as many."""
    tracks = info.tracks or tracks_of(layout)
    if len(tracks) != layout.channels:
        raise ValueError(f"{len(tracks)} tracks are named for {layout.channels} channels")
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        "<BWFXML>",
        _element("IXML_VERSION", _IXML_VERSION),
        *(_element(name, text) for name, text in (("PROJECT", info.project), ("NOTE", info.note)) if text),
        "<SPEED>",
    ]
    if info.frame_rate is not None:
        rate = f"{info.frame_rate.numerator}/{info.frame_rate.denominator}"
        lines += [_element(name, rate) for name in ("MASTER_SPEED", "CURRENT_SPEED", "TIMECODE_RATE")]
        lines.append(_element("TIMECODE_FLAG", "DF" if info.drop_frame else "NDF"))
    lines += [
        _element("FILE_SAMPLE_RATE", sample_rate),
        _element("AUDIO_BIT_DEPTH", bits),
        _element("DIGITIZER_SAMPLE_RATE", sample_rate),
        _element("TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_HI", info.time_reference >> 32),
        _element("TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_LO", info.time_reference & 0xFFFFFFFF),
        _element("TIMESTAMP_SAMPLE_RATE", sample_rate),
        "</SPEED>",
        "<TRACK_LIST>",
        _element("TRACK_COUNT", len(tracks)),
    ]
    for number, track in enumerate(tracks, 1):
        lines += [
            "<TRACK>",
            _element("CHANNEL_INDEX", number),
            _element("INTERLEAVE_INDEX", number),
            _element("NAME", track.name),
            _element("FUNCTION", track.function),
            "</TRACK>",
        ]
    return "\n".join([*lines, "</TRACK_LIST>", "</BWFXML>", ""]).encode()


def read_broadcast(chunks: Mapping[bytes, bytes]) -> BroadcastInfo | None:
    """What the bodies of `bext` and `iXML` say; None where there is neither, or nothing that can be understood.

    They come from all sorts of recorders, so nothing in them is a fault. bext decides where both say it: readers of old
    know no other.
    """
    said: dict[str, object] = {}
    root = _xml(chunks.get(b"iXML", b""))
    if root is not None:
        said |= _said_in_xml(root)
    bext = chunks.get(b"bext", b"")
    if len(bext) >= _BEXT_WITHOUT_HISTORY.size:
        *texts, time_reference = _BEXT_WITHOUT_HISTORY.unpack_from(bext)
        description, originator, reference, date, time = (_text(field) for field in texts)
        said |= {
            "description": description,
            "originator": originator,
            "originator_reference": reference,
            "origination_date": date if _DATE.fullmatch(date) else "",
            "origination_time": time if _TIME.fullmatch(time) else "",
            "time_reference": time_reference,
        }
    return BroadcastInfo(**{"originator": "", **said}) if said else None  # type: ignore[arg-type]


def _said_in_xml(root: ElementTree.Element) -> dict[str, object]:
    def text(path: str) -> str:
        return (root.findtext(path) or "").strip()

    said: dict[str, object] = {"project": text("PROJECT"), "note": text("NOTE")}
    try:
        high, low = (int(text(f"SPEED/TIMESTAMP_SAMPLES_SINCE_MIDNIGHT_{half}")) for half in ("HI", "LO"))
        if 0 <= high < 2**32 and 0 <= low < 2**32:
            said["time_reference"] = (high << 32) + low
    except ValueError:
        pass  # none is given
    if re.fullmatch(r"[1-9]\d{0,8}(/[1-9]\d{0,8})?", text("SPEED/TIMECODE_RATE"), re.ASCII):
        said["frame_rate"] = Fraction(text("SPEED/TIMECODE_RATE"))
        said["drop_frame"] = text("SPEED/TIMECODE_FLAG") == "DF"
    said["tracks"] = tuple(
        Track((track.findtext("NAME") or "").strip(), (track.findtext("FUNCTION") or "").strip())
        for track in root.iterfind("TRACK_LIST/TRACK")
    )
    return said


def _xml(body: bytes) -> ElementTree.Element | None:
    """The tree, where there is one; a document type, the way to entities that swell, is no part of iXML."""
    if not body or len(body) > _LONGEST_XML_BYTES or _DOCTYPE.search(body):
        return None
    try:
        return ElementTree.fromstring(body.strip(b"\0 \r\n\t"))
    except (ElementTree.ParseError, ValueError, LookupError):  # LookupError: an encoding that nobody knows
        return None


def _element(name: str, value: object) -> str:
    # not that of xml.sax, which brings clients for mail and the web along
    return f"<{name}>{escape(_NOT_XML.sub('?', str(value)), quote=False)}</{name}>"


def _ascii(text: str) -> bytes:
    """Letters without their accents; what has no letter there becomes a question mark."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return plain.replace("\0", "?").encode("ascii", "replace")


def _text(field: bytes) -> str:
    """Of a field of fixed size: up to its first NUL; some writers put UTF-8 where ASCII is due."""
    return field.partition(b"\0")[0].decode("utf-8", "replace").strip()
