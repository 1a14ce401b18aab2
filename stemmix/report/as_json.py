"""Answers for programs, one way for all of them."""

from __future__ import annotations

import json

from stemmix.model.document import Document


def as_json(told: object) -> str:
    """What JSON can hold, two spaces a level and a line's end; a ValueError for NaN and infinity.

    Names of files that are no text keep their bytes as Python has them, lone surrogates: whoever writes it escapes
    them.
    """
    return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def document_as_json(document: Document) -> str:
    """A document with all of its fields."""
    return as_json(document.model_dump(mode="json", by_alias=True))
