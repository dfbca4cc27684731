"""Each part in its own units, centred: none weighs more because it is written in larger numbers.

(part - mean) / std, by each part's mean and standard deviation under random actions, which are measured once, before anything
trains: what running normalisation per part (Hessel et al. 2019, PopArt, arXiv 1809.04474) does, with statistics that stay as they
are, so that the same transition is always paid the same. A part that random actions are always paid alike is only centred.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Elementwise, Fixed


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, fixed: Fixed
) -> tuple[Array, Array | float]:
    """The sum of (part - mean) / std."""
    scales = fixed["scales"]
    return reduce(np.add, [(part - scales[name][0]) / scales[name][1] for name, part in parts.items()]), before


STANDARDISED = Elementwise(
    "the sum of the parts, each centred and scaled by what it pays under random actions: no part weighs more because it is "
    "written in larger numbers",
    "sum(centred(part) for part in parts.values())",
    composed,
)
