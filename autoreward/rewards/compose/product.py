"""A main term that infractions scale down: what is done wrong can't be made up for by doing more.

CaRL (Jaeger et al. 2025, arXiv 2504.17838): one reward, multiplied by factors in [0, 1].
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def scaled(parts: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """The first part times all others, each cut off to [0, 1]."""
    first, *others = parts
    result = np.array(parts[first], dtype=np.float64)
    for name in others:
        result *= np.clip(parts[name], 0.0, 1.0)
    return result
