"""The plain sum of the parts: the usual reading of a dict of rewards."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def total(parts: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Elementwise sum of all parts."""
    return np.asarray(np.sum(list(parts.values()), axis=0), dtype=np.float64)
