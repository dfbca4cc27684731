"""Spearman's rank correlation."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def spearman(one: Array, other: Array) -> float:
    """Rank correlation, ties at their mean rank; 0 where one of them does not vary."""
    a, b = _ranks(one), _ranks(other)
    if np.ptp(a) == 0.0 or np.ptp(b) == 0.0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def _ranks(values: Array) -> Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse], dtype=np.float64)
