"""The sum squashed into (-1, 1): large rewards saturate, so that none is worth chasing to excess.

After PAR (Fu et al. 2025, arXiv 2502.18770), which bounds a reward with a sigmoid centred on a reference: 2 sigmoid(x) - 1 =
tanh(x / 2) of x = (sum - mean) / std, by the mean and the standard deviation of the sum under random actions, which are measured
once, before anything trains. So a part that pays the same at every step, such as one for being alive, takes nothing from the
others.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Elementwise, Fixed


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, fixed: Fixed
) -> tuple[Array, Array | float]:
    """tanh((sum - mean) / (2 std))."""
    return np.tanh((reduce(np.add, parts.values()) - fixed["mean"]) / (2.0 * fixed["std"])), before


BOUNDED = Elementwise(
    "all parts added up, centred and scaled by what random actions are paid, and squashed into (-1, 1), so that nothing is worth "
    "chasing to excess",
    "np.tanh((sum(parts.values()) - mean) / (2 * std))",
    composed,
)
