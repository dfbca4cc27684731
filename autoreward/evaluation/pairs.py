"""Two rewards on the same training seeds: how likely is it chance alone that one did better than the other?"""

from collections.abc import Sequence
from itertools import product

import numpy as np

MOST_PAIRS = 16
"""Seeds up to which all sign flips are counted; 65,536 of them."""
FLIPS = 100_000
"""Random sign flips beyond that."""


def better_by_chance(ours: Sequence[float], theirs: Sequence[float], seed: int = 0) -> float:
    """How often chance alone would put ours so far ahead: the one-sided paired sign-flip test.

    With d_i = ours_i - theirs_i on seed i and no difference between the two rewards, each d_i is as likely with either sign: p is
    the share of the 2^n flips whose sum is at least the one that was seen, which itself is among them. So p can't be less than
    1 / 2^n: 0.125 with three seeds, 0.03 with five. *Source:* Fisher 1935, The Design of Experiments, section 21; Good 2005,
    Permutation, Parametric and Bootstrap Tests of Hypotheses, 3.2.

    Args:
        ours: success rates, one a training seed; at least one.
        theirs: those of the same seeds.
        seed: of the random flips that stand for all of them where there are more than MOST_PAIRS seeds.

    Returns:
        A probability above 0. A seed on which both did the same says nothing.
    """
    gaps = np.asarray(ours, dtype=np.float64) - np.asarray(theirs, dtype=np.float64)
    if len(gaps) <= MOST_PAIRS:
        signs = np.array(list(product((1.0, -1.0), repeat=len(gaps))))
    else:
        signs = np.random.default_rng(seed).choice((1.0, -1.0), size=(FLIPS, len(gaps)))
        signs[0] = 1.0  # what was seen is one of them (Phipson and Smyth 2010: p is never 0)
    sums = signs @ gaps
    return float(np.mean(sums >= gaps.sum() - 1e-9))  # equal sums in another order differ by rounding
