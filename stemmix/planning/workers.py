"""Work side by side: what is compiled lets the interpreter go, so that threads share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


class Each(Protocol):
    """`Workers.each`, or what stands in for it."""

    def __call__(self, work: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]: ...


class Workers:
    """So many threads."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def each(self, work: Callable[[Item], Made], items: Iterable[Item]) -> list[Made]:
        """Work on items side by side. In the order of the items, however many threads there are."""
        with ThreadPoolExecutor(self.threads, "decide") as pool:
            return list(pool.map(work, items))
