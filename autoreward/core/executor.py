"""The one-method protocol of everything that does work on items, perhaps several at a time."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Pool(Protocol):
    """Does work on items."""

    def map(self, fn: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        """(item, result) pairs as they finish. After an exception nothing is begun; it is raised after what is finished."""
        ...
