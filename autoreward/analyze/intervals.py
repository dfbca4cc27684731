"""Intervals for a handful of training seeds."""

from collections.abc import Sequence

import numpy as np

RESAMPLES = 5_000


def bootstrap_mean(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """Mean and its 95 % percentile bootstrap interval (Efron & Tibshirani 1993, ch. 13).

    Args:
        values: one number per training seed; at least one.
        seed: of the resampling, so that the same values give the same interval.

    Returns:
        (mean, low, high). With few seeds the interval is rough, and with one it has no width.
    """
    data = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(seed).integers(0, len(data), size=(RESAMPLES, len(data)))
    low, high = np.percentile(data[draws].mean(axis=1), (2.5, 97.5))
    mean = float(data.mean())
    # rounding must not put the mean outside its own interval
    return mean, min(float(low), mean), max(float(high), mean)
