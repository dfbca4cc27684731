"""Part weights tuned on recorded episodes, without a model: better episodes should out-score worse ones.

Bradley-Terry on pairs of episodes (Christiano et al. 2017, arXiv 1706.03741), over the logarithms of the weights, so that no sign
turns; held near 1 by a penalty, as what is recorded is never all there is.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from autoreward.design.quantities import readable
from autoreward.jail.gate import FUNCTION

STEPS = 400
RATE = 0.1
PENALTY = 0.02
APART = 0.05
"""Difference of goodness from which one episode counts as better."""
FARTHEST = 1.6
"""Largest change of a weight's logarithm: a factor of 5."""
Array = NDArray[np.float64]


def tuned(parts: Mapping[str, Array], goodness: Array) -> dict[str, float]:
    """Factors for the parts; all 1 where no pair of episodes differs.

    Args:
        parts: each part's sum over each episode, shape (E,).
        goodness: how good each episode was, shape (E,).
    """
    names = list(parts)
    better, worse = np.nonzero(goodness[:, None] > goodness[None, :] + APART)
    if not len(better):
        return dict.fromkeys(names, 1.0)
    features = np.stack([parts[name] for name in names], axis=1)
    gaps = features[better] - features[worse]
    gaps = gaps / (np.abs(gaps.sum(axis=1)).mean() or 1.0)
    logs = np.zeros(len(names))
    for _ in range(STEPS):
        weights = np.exp(logs)
        wrong = 1.0 / (1.0 + np.exp(np.clip(gaps @ weights, -50, 50)))
        slope = -(wrong[:, None] * gaps).mean(axis=0) * weights + 2 * PENALTY * logs
        logs = np.clip(logs - RATE * slope, -FARTHEST, FARTHEST)
    return {name: readable(float(weight)) for name, weight in zip(names, np.exp(logs), strict=True)}


def weighted(source: str, factors: Mapping[str, float]) -> str:
    """The program with its parts scaled; its own function becomes a helper."""
    inner = "unweighted_reward"
    numbers = ", ".join(f'"{name}": {factor:g}' for name, factor in factors.items())
    return (
        source.replace(f"def {FUNCTION}(", f"def {inner}(", 1).rstrip()
        + f"""


WEIGHTS = {{{numbers}}}  # tuned on recorded episodes


def {FUNCTION}(state, action, next_state, memory):
    \"\"\"The parts of {inner}, scaled.\"\"\"
    parts = {inner}(state, action, next_state, memory)
    return {{name: WEIGHTS.get(name, 1.0) * part for name, part in parts.items()}}
"""
    )
