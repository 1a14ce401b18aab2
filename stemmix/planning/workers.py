"""Work side by side: what is compiled lets the interpreter go, so that threads share it.

That pays for work that is compiled for the most part, as solving a line is. What is made of calls of some microseconds
is done on one thread: two would hand the interpreter to and fro for longer than it takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

from stemmix.stopping import Pool

Item = TypeVar("Item")
Made = TypeVar("Made")


class Each(Protocol):
    """`Workers.each`, or what stands in for it."""

    def __call__(self, work: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]: ...


PIECES = 8
"""To each thread: few enough that handing them out costs nothing, enough that none waits long for the other."""


class Workers:
    """So many threads."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def each(self, work: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
        """Work on items side by side. In the order of the items, however many threads there are."""
        items = list(items)
        if self.threads == 1:
            return [work(item) for item in items]
        length = -(-len(items) // (PIECES * self.threads)) or 1
        pieces = [items[start : start + length] for start in range(0, len(items), length)]
        with Pool(self.threads, "decide") as pool:
            return [made for piece in pool.map(lambda piece: list(map(work, piece)), pieces) for made in piece]
