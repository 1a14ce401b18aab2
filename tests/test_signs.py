"""Texts that are read, and speak to no terminal."""

from __future__ import annotations

import unicodedata

from stemmix.signs import harmless, in_one_line

BIDI = {*"\u061c\u200e\u200f", *map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}
"""Unicode's Bidi_Control: marks, embeddings, overrides, isolates."""
ALL = "".join(map(chr, range(0x10000)))


def test_what_controls_parts_lines_or_turns_text_is_told_and_all_else_left() -> None:
    """Nothing that a person reads is touched, whatever the script; `\\n` is left where several lines are meant."""
    speak = {sign for sign in ALL if unicodedata.category(sign) in {"Cc", "Zl", "Zp"}} | BIDI
    assert {sign for sign in ALL if in_one_line(sign) != sign} == speak
    assert {sign for sign in ALL if harmless(sign) != sign} == speak - {"\n"}


def test_it_is_told_as_json_does() -> None:
    assert in_one_line("a\r\n\t\x1b]0;t\x07\x7f\x9b2J\u202e\u2028") == (
        r"a\r\n\t\u001b]0;t\u0007\u007f\u009b2J\u202e\u2028"
    )
