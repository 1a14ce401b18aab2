"""HTML and SVG as trees: whatever is put into one is escaped, so that no title of a reel can break a page."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element, tostring

Child = Element | str | None


def tag(name: str, attributes: Mapping[str, object] | None = None, *children: Child) -> Element:
    """An element: attributes that are None or False are left out, of those that are True the name alone counts.

    >>> written(tag("a", {"href": "#t", "hidden": True, "title": None}, "5 < 6 ", tag("b", {}, "&")))
    '<a href="#t" hidden="">5 &lt; 6 <b>&amp;</b></a>'
    """
    made = Element(name)
    for key, value in (attributes or {}).items():
        if value is not None and value is not False:
            made.set(key, "" if value is True else str(value))
    return filled(made, *children)


def filled(element: Element, *children: Child) -> Element:
    """The element, with children after those that it has."""
    for child in children:
        if isinstance(child, Element):
            element.append(child)
        elif child:
            if len(element):
                element[-1].tail = (element[-1].tail or "") + child
            else:
                element.text = (element.text or "") + child
    return element


def written(element: Element) -> str:
    """As HTML, which SVG may stand in."""
    return tostring(element, encoding="unicode", method="html")
