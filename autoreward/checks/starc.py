"""How far two rewards are from each other, whatever their scale and their shaping: STARC distances on recorded transitions."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from autoreward.checks.dataset import Array
from autoreward.core.contract import NATIVE_REWARD
from autoreward.core.transitions import Transitions


def potentials(batch: Transitions, gamma: float) -> Array:
    """A basis of shaping terms gamma f(s') - f(s) for a constant, each number of the state and its square, shape (M, k).

    f(s') is 0 where the episode ended by itself. Where none did, that of a constant is a bonus or a cost of every step.
    """
    there = batch.step.T > 0
    alive = 1.0 - batch.terminated.T[there]
    columns = [gamma * alive - 1.0]
    for name, after in batch.without(NATIVE_REWARD).next_state.items():
        before = batch.state[name]
        size = np.abs(after).max() or 1.0
        for old, new in zip(_flat(before, there), _flat(after, there), strict=True):
            for power in (1, 2):
                columns.append(gamma * alive * (new / size) ** power - (old / size) ** power)
    return np.stack(columns, axis=1)


def canonical(rewards: Array, basis: Array) -> Array:
    """Rewards (M, n) without shaping and scale, one a column, after STARC (Skalse et al. 2024, arXiv 2309.15257).

    What `basis` can express of one by least squares is taken out, the rest is divided by its length: rewards that differ by a
    positive factor and by such a potential have the same form.
    """
    coefficients, *_ = np.linalg.lstsq(basis, rewards, rcond=None)
    rest = rewards - basis @ coefficients
    lengths, sizes = np.linalg.norm(rest, axis=0), np.linalg.norm(rewards, axis=0)
    # a reward that is nothing but shaping has no direction of its own
    own = lengths > 1e-6 * np.maximum(sizes, 1e-12)
    return np.asarray(np.where(own, rest / np.where(own, lengths, 1.0), 0.0))


class Distances:
    """Between any two of some rewards: half the distance of their canonical forms, 0 for the same, 1 for opposite ones."""

    def __init__(self, rewards: Mapping[str, Array], basis: Array) -> None:
        """`rewards` (M,) by name, on the transitions that `basis` is of."""
        self._places = {name: place for place, name in enumerate(rewards)}
        columns = list(rewards.values())
        self._forms = canonical(np.stack(columns, axis=1), basis) if columns else np.empty((len(basis), 0))

    def between(self, one: str, other: str) -> float:
        """Of two of them, by name."""
        mine, theirs = (self._forms[:, self._places[name]] for name in (one, other))
        return 0.5 * float(np.linalg.norm(mine - theirs))


def _flat(values: NDArray[np.float64], there: NDArray[np.bool_]) -> list[Array]:
    turned = values.swapaxes(0, 1)[there]
    return list(np.asarray(turned.reshape(len(turned), -1), dtype=np.float64).T)
