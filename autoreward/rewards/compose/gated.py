"""One thing after the other in importance: a part counts only while all that are more important are good enough.

Gated reward accumulation (arXiv 2508.10548): sum_i r_i prod_{j above i} 1[r_j >= delta_j]. The order is that of ROLES. A penalty or
a limit is good enough at 0, where nothing was done wrong; any other part where it is a standard deviation better than under random
actions. A shut gate pays 0, so that what stands behind one must not be negative: to shut it would be worth while.
"""

import numpy as np
from numpy.typing import NDArray

from autoreward.records import Setup
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Elementwise, Fixed


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, fixed: Fixed
) -> tuple[Array, Array | float]:
    """The sum of the parts, each counted while all before it in ROLES are good enough."""
    total = np.zeros_like(next(iter(parts.values())))
    opened = np.ones(total.shape, dtype=np.bool_)
    for name, role in fixed["roles"].items():
        if name in parts:
            mean, std = fixed["scales"].get(name, (0.0, 1.0))
            total = total + np.where(opened, parts[name], 0.0)
            opened = opened & (parts[name] >= (0.0 if role in ("penalty", "limit") else mean + std))
    return total, before


def _fault(setup: Setup, parts: Parts) -> str:
    unsaid = [name for name in parts if name not in setup.roles]
    if unsaid or len(parts) < 2:
        said = f"ROLES does not speak of {unsaid[0]!r}" if unsaid else "there is one part alone"
        return f"{said}: name all parts in ROLES, two at least, the most important one first"
    for name in list(setup.roles)[1:]:
        if setup.roles[name] not in ("penalty", "limit") and (parts[name] < 0.0).any():
            return (
                f"the part {name!r} is negative at times, so that it would pay to shut the gate before it: make it 0 where nothing "
                "is gained and positive elsewhere"
            )
    return ""


GATED = Elementwise(
    "all parts added up, each counted only while all that stand before it in ROLES are good enough: a penalty or a limit at 0, any "
    "other part a standard deviation above what it pays under random actions. Parts behind the first must not be negative",
    "sum(x * np.prod([good(y) for y in ranked[:i]], axis=0) for i, x in enumerate(ranked))",
    composed,
    _fault,
)
