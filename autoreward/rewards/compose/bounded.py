"""The sum squashed into (-1, 1): large rewards saturate, so that none is worth chasing to excess.

After PAR (Fu et al. 2025, arXiv 2502.18770), which bounds a reward with a sigmoid centred on a reference; here the reference
is 0 and the sigmoid is scaled to have slope 1/2 there: 2 sigmoid(x) - 1 = tanh(x / 2).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from autoreward.rewards.compose.sum import total


def squashed(parts: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """tanh(sum / 2)."""
    return np.asarray(np.tanh(total(parts) / 2.0), dtype=np.float64)
