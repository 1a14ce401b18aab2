"""What a page lets one listen to: the worst places as the stems came and in the mix."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from stemmix.model.excerpts import Excerpt
from stemmix.model.plan import Plan
from stemmix.report.grids import way
from stemmix.report.markup import tag
from stemmix.report.tables import change, many, span


def excerpts(plan: Plan, heard: Sequence[Excerpt]) -> list[Element]:
    """A figure for each, with both sounds in it; the worst first."""
    megabytes = sum(excerpt.size_bytes for excerpt in heard) / 1e6
    about = (
        f"The {many(len(heard), 'place')} with the largest conflicts, as the stems came and in the mix, at the "
        f"same gain: what differs is what was done. MP3, {megabytes:.1f} MB of this file."
    )
    figures = (_figure(plan, excerpt) for excerpt in heard)
    return [tag("p", {"class": "quiet"}, about), tag("div", {"class": "excerpts"}, *figures)]


def _figure(plan: Plan, excerpt: Excerpt) -> Element:
    place = excerpt.place
    worst, line = place.conflict, place.line
    rate = plan.sample_rate
    maskers = ", ".join(stem for stem in place.stems if stem != worst.target) or worst.masker
    told = [f"{worst.masker} from {worst.low_hz:.0f} to {worst.high_hz:.0f} Hz: SNR {worst.snr_db:.1f} dB as it came"]
    if line is not None:
        told.append(f"clarity {line.clarity_before:.2f} → {line.clarity_after:.2f}")
    lowered = f", {excerpt.lowered_db:.1f} dB lower so that nothing clips" if excerpt.lowered_db else ""
    told.append(f"{excerpt.length_s:.1f} s at {change(excerpt.gain_db)} dB{lowered}; {excerpt.size_bytes / 1e3:.0f} kB")
    where = span(place.start, place.end, plan.clock)
    players = (("as it came", excerpt.before), ("in the mix", excerpt.after))
    return tag(
        "figure",
        {"class": "excerpt"},
        tag("figcaption", None, tag("h3", None, f"{maskers} over {worst.target}")),
        tag("p", None, way(place.start / rate, place.end / rate, where)),
        *(tag("p", None, text) for text in told),
        *(part for name, sound in players for part in _player(excerpt, f"{where}, {name}", name, sound)),
        tag("button", {"type": "button", "class": "script"}, "Switch between both"),
    )


def _player(excerpt: Excerpt, label: str, name: str, sound: bytes) -> tuple[Element, Element]:
    address = f"data:{excerpt.media_type};base64,{base64.b64encode(sound).decode()}"
    attributes = {"controls": True, "preload": "none", "aria-label": label, "src": address}
    return tag("span", None, name), tag("audio", attributes)
