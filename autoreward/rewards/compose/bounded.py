"""The sum squashed into (-1, 1): large rewards saturate, so that none is worth chasing to excess.

After PAR (Fu et al. 2025, arXiv 2502.18770), which bounds a reward with a sigmoid centred on a reference; here the reference
is 0 and the sigmoid is scaled to have slope 1/2 there: 2 sigmoid(x) - 1 = tanh(x / 2).
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Elementwise


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, gamma: float
) -> tuple[Array, Array | float]:
    """tanh(sum / 2)."""
    return np.tanh(reduce(np.add, parts.values()) / 2.0), before


BOUNDED = Elementwise(
    "all parts added up and squashed into (-1, 1), so that nothing is worth chasing to excess",
    "np.tanh(sum(parts.values()) / 2)",
    composed,
)
