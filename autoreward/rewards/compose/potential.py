"""The first part, shaped by the others as a potential: guidance that can't change which policy is best.

Ng, Harada and Russell 1999: adding gamma Phi(s') - Phi(s) leaves the optimal policy as it was, if Phi is 0 where an episode
ends by itself. Here Phi is the sum of all parts but the first, and Phi of an episode's first state is taken as 0: it depends
on no action, so it changes no choice.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Combine, source_of


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, gamma: float
) -> tuple[Array, Array | float]:
    """first + gamma Phi(s') - Phi(s), and Phi(s')."""
    first, *others = parts.values()
    if not others:
        return first, before
    after = np.where(terminated, 0.0, reduce(np.add, others))
    return first + gamma * after - before, after


class _Shaping:
    """Keeps each environment's last potential between calls."""

    def __init__(self, envs: int, gamma: float) -> None:
        self._gamma = gamma
        self._last = np.zeros(envs)

    def __call__(self, parts: Parts, transitions: Transitions) -> Array:
        step, terminated = transitions.step, transitions.terminated
        _, after = composed(parts, np.zeros(step.shape), terminated, self._gamma)  # whatever `before` is
        potentials = np.asarray(after)
        before = np.where(step == 1, 0.0, np.concatenate([self._last[None], potentials[:-1]]))
        self._last = potentials[-1].copy()
        return composed(parts, before, terminated, self._gamma)[0]


class Potential:
    """Potential-based shaping."""

    about = (
        "the first part, plus gamma * phi(next state) - phi(state) with phi the sum of the others: guidance that can't "
        "change which policy is best. The first part must say what is wanted; the others must be functions of next_state alone"
    )
    formula = "first + gamma * np.where(terminated, 0, sum(others)) - one_step_earlier(sum(others))  # 0 at the start"
    carries = True

    def start(self, envs: int, gamma: float) -> Combine:
        """See Composition."""
        return _Shaping(envs, gamma)

    def source(self) -> str:
        """See Composition."""
        return source_of(composed)


POTENTIAL = Potential()
