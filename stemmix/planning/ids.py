"""Ids of what stands in a plan: each follows from what the thing is, so that it stays when others come or go.

A line is named for who begins it and when, what is made for it after the line; nothing is counted. Begins are told to
the tenth of a second that reports show. No two lines that are found begin as close as that, for the shortest are 0.2 s
long; and where something else in a stem changes, the begin of a line moves by a hop of 20 ms, if it moves: at a
hundredth each of these would be another line.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

LONGEST = 64
"""Characters of an identifier, as `model.document` has it."""
MARK = 6
"""Hexadecimal digits that tell things of one name apart."""


def begin(sample: int, rate_hz: int, decimals: int = 1) -> str:
    """`0083.5`: the second at which something begins, to so many decimals; with none of them `0083`."""
    ticks = (2 * sample * 10**decimals + rate_hz) // (2 * rate_hz)
    whole, part = divmod(ticks, 10**decimals)
    return f"{whole:04d}" + (f".{part:0{decimals}d}" if decimals else "")


def bands(low_hz: float, high_hz: float) -> str:
    """`1008-5699`: a range of bands in Hz, as reports tell it of edges that a plan rounds to a tenth."""
    return f"{round(low_hz, 1):.0f}-{round(high_hz, 1):.0f}"


def joined(*parts: str) -> str:
    """An id of its parts; what would be too long for one ends in a mark of all of it."""
    name = "-".join(parts)
    return name if len(name) <= LONGEST else f"{name[: LONGEST - MARK - 1]}-{_mark(name)}"


def distinct(things: Sequence[tuple[str, object]]) -> list[str]:
    """Ids for things, each given as its name and all that it is.

    What alone has its name is called by it. Of several with one name each bears a mark of all that it is, the first of
    them too: whatever joins them renames none. Things that are alike in everything are counted.
    """
    count = Counter(name for name, _ in things)
    ids, alike = list[str](), Counter[str]()
    for name, whole in things:
        id_ = name if count[name] == 1 else joined(name, _mark(repr(whole)))
        alike[id_] += 1
        ids.append(id_ if alike[id_] == 1 else joined(id_, str(alike[id_])))
    return ids


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:MARK]
