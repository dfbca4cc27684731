"""The same rows, asked about twice: whatever stands beside them, the answers must be alike."""

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-6
"""Largest difference between two answers about the same row, relative to the row's value and to the part's usual size.

Rounding may change with the number of rows, by about 1e-16 of the numbers that are added up.
"""
BY_ITSELF = (
    "compute each row from itself, without means, maxima, norms, sorts or differences over the rows; reduce fields of "
    "shape (n, k) with axis=-1, and scale by constants"
)
Parts = dict[str, NDArray[np.float64]]


def differing(one: Parts, other: Parts) -> tuple[str, tuple[int, ...]] | None:
    """The first part in which two answers about the same rows differ, and where in it; None if they agree.

    A part's usual size counts up to 1: neither does a tiny part hide in the tolerance, nor one huge row widen it for others.
    """
    for name, part in one.items():
        sizes = np.abs(part[np.isfinite(part)])
        usual = min(1.0, float(sizes.mean())) if sizes.size else 0.0
        alike = np.isclose(other[name], part, rtol=TOLERANCE, atol=TOLERANCE * usual, equal_nan=True)
        if not alike.all():
            return name, tuple(int(i) for i in np.argwhere(~alike)[0])
    return None
