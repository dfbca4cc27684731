"""How far a question begins like an earlier one: providers keep beginnings, and charge a tenth for what they find again."""

from collections import deque

_REMEMBERED = 8
"""Questions of each model."""
_SHORTEST = 3_000
"""Characters below which no provider keeps a beginning (about 1,000 tokens)."""


class Repeats:
    """The last questions of a session, by model.

    To keep a beginning costs a quarter more, once: it is done from its second time on, and never for what is asked once.
    """

    def __init__(self) -> None:
        self._asked: dict[str, deque[str]] = {}

    def begin(self, model: str, text: str) -> int:
        """Characters, whole lines of them, that an earlier question to this model began with; 0 if they are too few to keep."""
        same = max((_same(text, other) for other in self._asked.get(model, ())), default=0)
        lines = text.rfind("\n", 0, same) + 1
        return lines if lines >= _SHORTEST else 0

    def add(self, model: str, text: str) -> None:
        """Remember a question that was answered."""
        self._asked.setdefault(model, deque(maxlen=_REMEMBERED)).append(text)


def _same(one: str, other: str) -> int:
    """Characters that two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[:middle] == other[:middle] else (low, middle - 1)
    return low
