"""What is paid, shaped by a potential: guidance that can't change which policy is best.

Ng, Harada and Russell 1999: adding gamma Phi(s') - Phi(s) leaves the optimal policy as it was, if Phi is 0 where an episode
ends by itself. Here Phi is the sum of the parts of the role potential, and Phi of an episode's first state is taken as 0: it
depends on no action, so it changes no choice.
"""

from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.records import Setup
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Combine, Fixed, as_read, lacks, source_of


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, fixed: Fixed
) -> tuple[Array, Array | float]:
    """The sum of the others + gamma Phi(s') - Phi(s), and Phi(s')."""
    nothing = np.zeros_like(next(iter(parts.values())))
    phi = reduce(np.add, [part for name, part in parts.items() if fixed["roles"].get(name) == "potential"], nothing)
    other = reduce(np.add, [part for name, part in parts.items() if fixed["roles"].get(name) != "potential"], nothing)
    after = np.where(terminated, 0.0, phi)
    return other + fixed["gamma"] * after - before, after


class _Shaping:
    """Keeps each environment's last potential between calls."""

    def __init__(self, envs: int, fixed: Fixed) -> None:
        self._fixed = fixed
        self._last = np.zeros(envs)

    def __call__(self, parts: Parts, transitions: Transitions) -> Array:
        step, terminated = transitions.step, transitions.terminated
        _, after = composed(parts, np.zeros(step.shape), terminated, self._fixed)  # whatever `before` is
        potentials = np.asarray(after)
        before = np.where(step == 1, 0.0, np.concatenate([self._last[None], potentials[:-1]]))
        self._last = potentials[-1].copy()
        return composed(parts, before, terminated, self._fixed)[0]


class Potential:
    """Potential-based shaping."""

    about = (
        "gamma * phi(next state) - phi(state), with phi the sum of the parts of the role potential, plus all other parts: guidance "
        "that can't change which policy is best. The other parts must say what is wanted; potentials must be functions of "
        "next_state alone"
    )
    formula = "sum(other) + gamma * np.where(terminated, 0, sum(potential)) - one_step_earlier(sum(potential))  # 0 at the start"
    carries = True

    def start(self, envs: int, gamma: float, setup: Setup) -> Combine:
        """See Composition."""
        return _Shaping(envs, as_read(gamma, setup))

    def source(self) -> str:
        """See Composition."""
        return source_of(composed)

    def fault(self, setup: Setup, parts: Parts) -> str:
        """See Composition."""
        if said := lacks("potential", setup, parts):
            return said
        if all(setup.roles.get(name) == "potential" for name in parts):
            return "all parts are potentials, whose changes add up to nothing over an episode: add a part that says what is wanted"
        return ""


POTENTIAL = Potential()
