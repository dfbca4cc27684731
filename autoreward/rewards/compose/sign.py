"""Signs alone: the main part's decides, the others' only lean. A wrong scale can't hurt.

Auto MC-Reward (Li et al. 2024, arXiv 2312.09238): sgn(sparse) + 0.1 sgn(dense). A main part that never changes its sign, such as
a distance, would pay the same near and far.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.records import Setup
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Elementwise, Fixed, lacks


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, fixed: Fixed
) -> tuple[Array, Array | float]:
    """sgn(sum of the main parts) + 0.1 sgn(sum of the others)."""
    nothing = np.zeros_like(next(iter(parts.values())))
    main = reduce(np.add, [part for name, part in parts.items() if fixed["roles"].get(name) == "main"], nothing)
    other = reduce(np.add, [part for name, part in parts.items() if fixed["roles"].get(name) != "main"], nothing)
    return np.sign(main) + 0.1 * np.sign(other), before


_SAME = 0.98
"""Share of steps on which a main part may have one and the same sign."""


def _fault(setup: Setup, parts: Parts) -> str:
    if said := lacks("main", setup, parts):
        return said
    main = reduce(np.add, [part for name, part in parts.items() if setup.roles.get(name) == "main"])
    if max(np.mean(main > 0.0), np.mean(main < 0.0)) >= _SAME:
        return (
            "the main part has the same sign at nearly every step, so that its sign says nothing: make it an event, 1 where it "
            "happens and 0 elsewhere, or what changed in the step"
        )
    return ""


SIGN = Elementwise(
    "the sign of the parts of the role main, plus 0.1 times the sign of the sum of the others: scales don't matter. The main part "
    "must be an event or a change, whose sign says something",
    "np.sign(sum(main)) + 0.1 * np.sign(sum(other))",
    composed,
    _fault,
)
