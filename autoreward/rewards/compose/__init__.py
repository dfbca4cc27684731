"""Parts -> one training reward. One file per composition, each with its source.

In all but `sum` and `bounded` the order of the parts matters: the first is the main one.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.records import Composition
from autoreward.rewards.compose.bounded import squashed
from autoreward.rewards.compose.potential import Shaping
from autoreward.rewards.compose.product import scaled
from autoreward.rewards.compose.sign import signs
from autoreward.rewards.compose.sum import total

Parts = Mapping[str, NDArray[np.float64]]
Combine = Callable[[Parts, NDArray[np.int64], NDArray[np.bool_]], NDArray[np.float64]]


class Formula(NamedTuple):
    """One way to make a number of parts."""

    said: str
    """What it does, for people and prompts."""
    formula: str
    """The same as NumPy source, from `parts` to `reward`."""


COMPOSITIONS: dict[Composition, Formula] = {
    "sum": Formula("all parts added up; the usual choice", "sum(parts.values())"),
    "bounded": Formula(
        "all parts added up and squashed into (-1, 1), so that nothing is worth chasing to excess",
        "np.tanh(sum(parts.values()) / 2)",
    ),
    "sign": Formula(
        "the sign of the first part, plus 0.1 times the sign of the sum of the others: scales don't matter",
        "np.sign(first) + 0.1 * np.sign(sum(others))",
    ),
    "product": Formula(
        "the first part times all others, each cut off to [0, 1]: for a main term that faults scale down",
        "first * np.prod(np.clip(others, 0, 1), axis=0)",
    ),
    "potential": Formula(
        "the first part, plus gamma * phi(next state) - phi(state) with phi the sum of the others: guidance that can't "
        "change which policy is best. The first part must say what is wanted; the others must be functions of next_state alone",
        "first + gamma * sum(others) - sum(others one step earlier, 0 at the start)",
    ),
}
_PURE: dict[Composition, Callable[[Parts], NDArray[np.float64]]] = {
    "sum": total,
    "bounded": squashed,
    "sign": signs,
    "product": scaled,
}


class Composer:
    """Combines the parts of consecutive steps."""

    def __init__(self, how: Composition, envs: int, gamma: float) -> None:
        """Raises KeyError: there is no such composition."""
        if how == "potential":
            self._combine: Combine = Shaping(envs, gamma)
        else:
            pure = _PURE[how]
            self._combine = lambda parts, step, terminated: pure(parts)

    def __call__(self, parts: Parts, step: NDArray[np.int64], terminated: NDArray[np.bool_]) -> NDArray[np.float64]:
        """The training reward, of the parts' shape (T, n)."""
        return self._combine(parts, step, terminated)
