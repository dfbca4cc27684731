"""Statistics for a handful of training seeds, after Agarwal et al. 2021 (arXiv 2108.13264, the `rliable` package).

A score is one training seed's held-out success rate. With one task their stratified bootstrap resamples its seeds.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 5_000
TRIMMED = 0.25

Array = NDArray[np.float64]


class Interval(NamedTuple):
    """An estimate with its 95 % percentile bootstrap interval (Efron & Tibshirani 1993, ch. 13)."""

    value: float
    low: float
    high: float


def interquartile_mean(values: Sequence[float], seed: int = 0) -> Interval:
    """Mean of the middle half: the lowest and the highest floor(n / 4) values are left out.

    Args:
        values: one number per training seed; at least one. With fewer than four this is the mean.
        seed: of the resampling, so that the same values give the same interval.

    Returns:
        With few seeds the interval is rough, and with one it has no width.
    """
    return _bootstrap(_trimmed, [values], seed)


def mean_interval(values: Sequence[float], seed: int = 0) -> Interval:
    """Plain mean of one number per training seed, at least one: none is left out, for a limit is broken by whoever breaks it."""
    return _bootstrap(_mean, [values], seed)


def probability_of_improvement(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> Interval:
    """Probability that a random training of ours beats a random one of theirs: Mann-Whitney U / (n m), ties count half."""
    return _bootstrap(_improvement, [ours, theirs], seed)


def _bootstrap(statistic: Callable[..., Array], groups: Sequence[Sequence[float]], seed: int) -> Interval:
    random = np.random.default_rng(seed)
    data = [np.asarray(group, dtype=np.float64) for group in groups]
    drawn = [group[random.integers(0, len(group), size=(RESAMPLES, len(group)))] for group in data]
    low, high = np.percentile(statistic(*drawn), (2.5, 97.5))
    value = float(statistic(*(group[None] for group in data))[0])
    # rounding must not put the estimate outside its own interval
    return Interval(value, min(float(low), value), max(float(high), value))


def _trimmed(draws: Array) -> Array:
    """draws: (m, n) -> (m,)."""
    cut = int(TRIMMED * draws.shape[1])
    return np.asarray(np.sort(draws, axis=1)[:, cut : draws.shape[1] - cut].mean(axis=1))


def _mean(draws: Array) -> Array:
    """draws: (m, n) -> (m,)."""
    return np.asarray(draws.mean(axis=1))


def _improvement(ours: Array, theirs: Array) -> Array:
    """ours: (m, n), theirs: (m, k) -> (m,)."""
    difference = ours[:, :, None] - theirs[:, None, :]
    return np.asarray(((difference > 0) + 0.5 * (difference == 0)).mean(axis=(1, 2)))
