"""A main term that infractions scale down: what is done wrong can't be made up for by doing more.

CaRL (Jaeger et al. 2025, arXiv 2504.17838): one reward, multiplied by factors in [0, 1].
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Elementwise


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, gamma: float
) -> tuple[Array, Array | float]:
    """The first part times all others, each cut off to [0, 1]."""
    first, *others = parts.values()
    return reduce(lambda whole, other: whole * np.clip(other, 0.0, 1.0), others, first), before


PRODUCT = Elementwise(
    "the first part times all others, each cut off to [0, 1]: for a main term that faults scale down",
    "first * np.prod(np.clip(others, 0, 1), axis=0)",
    composed,
)
