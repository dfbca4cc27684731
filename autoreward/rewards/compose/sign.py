"""Signs alone: the first part's decides, the others' only lean. A wrong scale can't hurt.

Auto MC-Reward (Li et al. 2024, arXiv 2312.09238): sgn(sparse) + 0.1 sgn(dense).
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Elementwise


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, gamma: float
) -> tuple[Array, Array | float]:
    """sgn(first) + 0.1 sgn(sum of the others)."""
    first, *others = parts.values()
    dense = reduce(np.add, others) if others else np.zeros_like(first)
    return np.sign(first) + 0.1 * np.sign(dense), before


SIGN = Elementwise(
    "the sign of the first part, plus 0.1 times the sign of the sum of the others: scales don't matter",
    "np.sign(first) + 0.1 * np.sign(sum(others))",
    composed,
)
