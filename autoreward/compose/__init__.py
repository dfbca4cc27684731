"""Parts -> one training reward. One file per composition, each a pure function with its source."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from autoreward.compose.sum import total

Parts = Mapping[str, NDArray[np.float64]]
COMPOSITIONS = {"sum": total}


def combine(parts: Parts, how: str) -> NDArray[np.float64]:
    """The training reward, of the parts' shape. `how` is a key of COMPOSITIONS."""
    return COMPOSITIONS[how](parts)
