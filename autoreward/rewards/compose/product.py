"""A main term that infractions scale down: what is done wrong can't be made up for by doing more.

CaRL (Jaeger et al. 2025, arXiv 2504.17838): one reward, multiplied by factors in [0, 1].
"""

from functools import partial, reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Elementwise, Fixed, lacks


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, fixed: Fixed
) -> tuple[Array, Array | float]:
    """The sum of the main parts times all others, each cut off to [0, 1]."""
    nothing = np.zeros_like(next(iter(parts.values())))
    main = reduce(np.add, [part for name, part in parts.items() if fixed["roles"].get(name) == "main"], nothing)
    other = [part for name, part in parts.items() if fixed["roles"].get(name) != "main"]
    return reduce(lambda whole, factor: whole * np.clip(factor, 0.0, 1.0), other, main), before


PRODUCT = Elementwise(
    "the sum of the parts of the role main times all others, each cut off to [0, 1]: for a main term that faults scale down",
    "sum(main) * np.prod(np.clip(other, 0, 1), axis=0)",
    composed,
    partial(lacks, "main"),
)
