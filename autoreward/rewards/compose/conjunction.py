"""All of it at once: what is worst counts most, and nothing can be overpaid.

After the log-sigmoid transformation of Wang et al. 2024 (arXiv 2402.00742), by which a sum of rewards stands for a logical AND:
the sum over parts of log sigmoid((part - reference) / scale), here by each part's mean and standard deviation under random actions.
log 2 is added for each part, so that what random actions are paid is about 0: sums that are never positive would make it worth
while to end an episode early.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Elementwise, Fixed


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, fixed: Fixed
) -> tuple[Array, Array | float]:
    """The sum of log 2 + log sigmoid((part - mean) / std)."""
    scales = fixed["scales"]
    over = [(part - scales[name][0]) / scales[name][1] for name, part in parts.items()]
    return reduce(np.add, [np.log(2.0) - np.logaddexp(0.0, -x) for x in over]), before


CONJUNCTION = Elementwise(
    "the sum of log sigmoid of each part, centred and scaled by what it pays under random actions: the part that is worst counts "
    "most, and one that is good already can't make up for it",
    "sum(np.log(2) - np.log(1 + np.exp(-centred(part))) for part in parts.values())",
    composed,
)
