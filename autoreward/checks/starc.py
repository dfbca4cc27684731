"""How far two rewards are from each other, whatever their scale and their shaping: STARC distances on recorded transitions."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from autoreward.checks.dataset import Array
from autoreward.core.contract import NATIVE_REWARD
from autoreward.core.transitions import Transitions


def potentials(batch: Transitions, gamma: float) -> Array:
    """A basis of shaping terms gamma f(s') - f(s) for a constant, each number of the state and its square, shape (M, k).

    f(s') is 0 where the episode ended by itself. Where none did, k is 0: shaping can't be told there from a bonus or a cost of
    every step, which decide whether a policy wants an episode to end.
    """
    there = batch.step.T > 0
    alive = 1.0 - batch.terminated.T[there]
    if alive.all():
        return np.empty((len(alive), 0))
    columns = [gamma * alive - 1.0]
    for name, after in batch.without(NATIVE_REWARD).next_state.items():
        before = batch.state[name]
        size = np.abs(after).max() or 1.0
        for old, new in zip(_flat(before, there), _flat(after, there), strict=True):
            for power in (1, 2):
                columns.append(gamma * alive * (new / size) ** power - (old / size) ** power)
    return np.stack(columns, axis=1)


def canonical(rewards: Array, basis: Array) -> Array:
    """A reward without shaping and scale, after STARC (Skalse et al. 2024, arXiv 2309.15257).

    What `basis` can express of it by least squares is taken out, the rest is divided by its length: rewards that differ by a
    positive factor and by such a potential have the same form.
    """
    coefficients, *_ = np.linalg.lstsq(basis, rewards, rcond=None)
    rest = rewards - basis @ coefficients
    length = float(np.linalg.norm(rest))
    # a reward that is nothing but shaping has no direction of its own
    return rest / length if length > 1e-6 * max(float(np.linalg.norm(rewards)), 1e-12) else np.zeros_like(rest)


def distance(one: Array, other: Array) -> float:
    """Half the distance of two canonical forms: 0 for the same, 1 for opposite ones."""
    return 0.5 * float(np.linalg.norm(one - other))


def _flat(values: NDArray[np.float64], there: NDArray[np.bool_]) -> list[Array]:
    turned = values.swapaxes(0, 1)[there]
    return list(np.asarray(turned.reshape(len(turned), -1), dtype=np.float64).T)
