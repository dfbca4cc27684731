"""Kinesthetic combination: the geometric mean of parts that must all be high, negative as soon as one of them is.

Lucy-SKG (Moschopoulos et al. 2023, arXiv 2305.15801): sgn * (|x_1| ... |x_n|)^(1/n), with sgn = 1 where all x_i >= 0 and -1
elsewhere. Here of the parts of the roles main and dense; the others, which are events and prices, are added.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.records import Setup
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Elementwise, Fixed


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, fixed: Fixed
) -> tuple[Array, Array | float]:
    """The geometric mean of the main and dense parts with its sign, and the others added."""
    nothing = np.zeros_like(next(iter(parts.values())))
    joint = [part for name, part in parts.items() if fixed["roles"].get(name) in ("main", "dense")]
    other = reduce(
        np.add, [p for name, p in parts.items() if fixed["roles"].get(name) not in ("main", "dense")], nothing
    )
    if not joint:
        return other, before
    size = reduce(np.multiply, [np.abs(part) ** (1.0 / len(joint)) for part in joint])
    return np.where(reduce(np.minimum, joint) >= 0.0, size, -size) + other, before


_NOTHING = 0.98
"""Share of steps on which a part may be 0."""


def _fault(setup: Setup, parts: Parts) -> str:
    joint = {name: part for name, part in parts.items() if setup.roles.get(name) in ("main", "dense")}
    if len(joint) < 2:
        return (
            "fewer than two parts have the role main or dense, so that there is nothing to combine: say what each part is for, "
            'ROLES = {"part": "dense", ...} in the program'
        )
    for name, part in joint.items():
        if np.mean(part == 0.0) >= _NOTHING:
            return f"the part {name!r} is 0 at nearly every step, and so the whole: make it graded, or give it another role"
    return ""


KRC = Elementwise(
    "the geometric mean of the parts of the roles main and dense, negative where one of them is, with all other parts added: for "
    "things that must go up together",
    "np.where(np.min(joint, axis=0) >= 0, 1, -1) * np.prod(np.abs(joint), axis=0) ** (1 / len(joint)) + sum(other)",
    composed,
    _fault,
)
