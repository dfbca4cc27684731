"""Signs alone: the first part's decides, the others' only lean. A wrong scale can't hurt.

Auto MC-Reward (Li et al. 2024, arXiv 2312.09238): sgn(sparse) + 0.1 sgn(dense).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from autoreward.rewards.compose.sum import total

LEAN = 0.1


def signs(parts: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """sgn(first) + LEAN sgn(sum of the others)."""
    first, *others = parts
    dense = total({name: parts[name] for name in others}) if others else np.zeros_like(parts[first])
    return np.asarray(np.sign(parts[first]) + LEAN * np.sign(dense), dtype=np.float64)
