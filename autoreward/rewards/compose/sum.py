"""The plain sum of the parts: the usual reading of a dict of rewards."""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Elementwise, Fixed


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, fixed: Fixed
) -> tuple[Array, Array | float]:
    """All parts added up."""
    return reduce(np.add, parts.values()), before


SUM = Elementwise("all parts added up; the usual choice", "sum(parts.values())", composed)
