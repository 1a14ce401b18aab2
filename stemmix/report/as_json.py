"""Answers for programs, one way for all of them."""

from __future__ import annotations

import json
import re
from typing import Any

from stemmix.model.document import Document


def as_json(told: object) -> str:
    """What JSON can hold, two spaces a level and a line's end; a ValueError for NaN and infinity.

    Names of files that are no text keep their bytes as Python has them, lone surrogates, escaped: by themselves they
    are no text, and some streams let them pass.

    >>> as_json("\\udcffé")
    '"\\\\udcffé"\\n'
    """
    return _told(told, indent=2)


def as_json_line(told: object) -> str:
    """The same in one line."""
    return _told(told, separators=(",", ":"))


def _told(told: object, **form: Any) -> str:
    text = json.dumps(told, ensure_ascii=False, allow_nan=False, **form)
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text) + "\n"


def document_as_json(document: Document) -> str:
    """A document with all of its fields."""
    return as_json(document.model_dump(mode="json", by_alias=True))
