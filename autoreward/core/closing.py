"""Context managers whose only exit is `close`."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Closing(ABC):
    """`with thing:` closes it at the end, however the block ends."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; harmless if called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
