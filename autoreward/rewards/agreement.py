"""The same rows, asked about twice: whatever stands beside them, the answers must be alike."""

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-6
"""Largest difference between two answers about the same row, relative to the row's value and to the part's usual size.

Rounding may change with the number of rows, by about 1e-16 of the numbers that are added up.
"""
SINGLE = 1e-3
"""The same for a part in single precision: 1e-7 of what is added up may be a thousand times that of what is left."""
NOISE = 1e-10
"""The same relative to the largest part's usual size: a part that is 0 but for rounding has no size of its own."""
BY_ITSELF = (
    "compute each row from itself, without means, maxima, norms, sorts or differences over the rows; reduce fields of "
    "shape (n, k) with axis=-1, and scale by constants"
)
Parts = dict[str, NDArray[np.float64]]
"""By name, in the program's order."""


def differing(one: Parts, other: Parts) -> tuple[str, tuple[int, ...]] | None:
    """The first part in which two answers about the same rows differ, and where in it; None if they agree.

    A part's usual size counts up to 1: neither does a tiny part hide in the tolerance, nor one huge row widen it for others.
    """
    usual = {name: _usual(part) for name, part in one.items()}
    noise = NOISE * max(usual.values(), default=0.0)
    for name, part in one.items():
        relative = SINGLE if _is_single(part) and _is_single(other[name]) else TOLERANCE
        allowed = max(relative * usual[name], noise)
        alike = np.isclose(other[name], part, rtol=relative, atol=allowed, equal_nan=True)
        if not alike.all():
            return name, tuple(int(i) for i in np.argwhere(~alike)[0])
    return None


def _usual(part: NDArray[np.float64]) -> float:
    sizes = np.abs(part[np.isfinite(part)])
    return min(1.0, float(sizes.mean())) if sizes.size else 0.0


def _is_single(part: NDArray[np.float64]) -> bool:
    """Whether single precision holds every number of it: no part in double precision is like that, but for whole numbers."""
    with np.errstate(over="ignore"):
        return bool(np.array_equal(part.astype(np.float32), part, equal_nan=True))
