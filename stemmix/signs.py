"""Signs of a text that speak to a terminal instead of being read: told as JSON tells them."""

from __future__ import annotations

import re
from typing import Final

_UNREAD: Final = "\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
"""What controls a terminal, parts lines or turns the direction of text, all but the newline."""


def harmless(text: str) -> str:
    """A text of several lines as no terminal obeys it, whatever names of files and documents are told in it.

    >>> harmless("a\\x1b[2J\\u202ewav.b\\nc")
    'a\\\\u001b[2J\\\\u202ewav.b\\nc'
    """
    return re.sub(f"[{_UNREAD}]", _escaped, text)


def in_one_line(text: str) -> str:
    """The same of a text that is to be one line.

    >>> in_one_line("a\\nb\\tc")
    'a\\\\nb\\\\tc'
    """
    return re.sub(f"[\\n{_UNREAD}]", _escaped, text)


_SHORT: Final = {"\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r"}


def _escaped(sign: re.Match[str]) -> str:
    return _SHORT.get(sign[0], f"\\u{ord(sign[0]):04x}")
