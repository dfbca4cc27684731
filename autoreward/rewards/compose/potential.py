"""The first part, shaped by the others as a potential: guidance that can't change which policy is best.

Ng, Harada and Russell 1999: adding gamma Phi(s') - Phi(s) leaves the optimal policy as it was, if Phi is 0 where an episode
ends by itself. Here Phi is the sum of all parts but the first, and Phi of an episode's first state is taken as 0: it depends
on no action, so it changes no choice.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from autoreward.rewards.compose.sum import total


class Shaping:
    """Keeps each environment's last potential between calls."""

    def __init__(self, envs: int, gamma: float) -> None:
        self._gamma = gamma
        self._last = np.zeros(envs)

    def __call__(
        self, parts: Mapping[str, NDArray[np.float64]], step: NDArray[np.int64], terminated: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """first + gamma Phi(s') - Phi(s), all arrays of shape (T, n) in step order."""
        first, *others = parts
        if not others:
            return np.array(parts[first], dtype=np.float64)
        after = np.where(terminated, 0.0, total({name: parts[name] for name in others}))
        before = np.concatenate([self._last[None], after[:-1]])
        before = np.where(step == 1, 0.0, before)
        self._last = after[-1].copy()
        return np.asarray(parts[first] + self._gamma * after - before, dtype=np.float64)
