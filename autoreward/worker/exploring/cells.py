"""Exploring without a reward: back to a cell of the state that was rarely seen, by exact replay, and on from there at random.

After Go-Explore (Ecoffet et al. 2021, arXiv 1901.10995), with whole episodes, since rewards are judged by whole episodes.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.tasks.card import Task
from autoreward.worker.envs.fields import NamedArrays, state_fields
from autoreward.worker.envs.vector import EpisodeRows, PolicyFunction, RolloutEpisode, VectorEnv
from autoreward.worker.exploring.simple_policies import play_one

CELL_BINS = 10
"""Parts of a number's range that are cells of their own."""
CELL_NUMBERS = 6
"""Numbers of the state that make a cell, at most: those that vary most."""
STICKY = 0.75
"""How likely a random action is taken once more."""
Array = NDArray[np.float64]


class Cells(NamedTuple):
    """Which numbers of the state make a cell, and how they are cut."""

    columns: NDArray[np.intp]
    low: Array
    width: Array

    @classmethod
    def of(cls, task: Task, states: NamedArrays) -> "Cells":
        """By states of random episodes, (N,) or (N, k) each; the card's ranges where it has some."""
        numbers = flattened(states)
        stated = [_range(task, name, values) for name, values in states.items()]
        low, high = (np.concatenate([pair[i] for pair in stated]) for i in (0, 1))
        moving = numbers.std(axis=0) / np.maximum(high - low, 1e-9)
        columns = np.sort(np.argsort(-moving, kind="stable")[:CELL_NUMBERS])
        columns = columns[moving[columns] > 1e-6] if (moving[columns] > 1e-6).any() else columns[:1]
        return cls(columns, low[columns], np.maximum((high - low)[columns] / CELL_BINS, 1e-9))

    def at(self, states: NamedArrays) -> list[tuple[int, ...]]:
        """The cell of each of N states."""
        places = (flattened(states)[:, self.columns] - self.low) / self.width
        return [tuple(row) for row in np.clip(np.floor(places), -1, CELL_BINS).astype(int).tolist()]


class _Way(NamedTuple):
    """How a cell was reached."""

    seed: int
    actions: NDArray[Any]


class CellArchive:
    """What was visited, and the shortest known way to each cell."""

    def __init__(self, venv: VectorEnv, task: Task, cells: Cells, seed: int, returns: bool) -> None:
        """`returns`: the way to a cell can be played again; otherwise every episode starts anew."""
        self._venv = venv
        self._task = task
        self._cells = cells
        self._seed = seed
        self._returns = returns
        self._random = np.random.default_rng(seed)
        self._ways: dict[tuple[int, ...], _Way] = {}
        self.visits: Counter[tuple[int, ...]] = Counter()

    @property
    def numbers(self) -> int:
        """Numbers of the state that make a cell."""
        return len(self._cells.columns)

    def note(self, seed: int, episode: RolloutEpisode) -> None:
        """Where an episode was."""
        states = state_fields(self._task, self._venv.layout, episode.observations[1:])
        for step, cell in enumerate(self._cells.at(states)[:-1], start=1):
            self.visits[cell] += 1
            if cell not in self._ways or len(self._ways[cell].actions) > step:
                self._ways[cell] = _Way(seed, episode.actions[:step])

    def explore(self, number: int) -> tuple[int, RolloutEpisode]:
        """One more episode, and its seed: back to a rare cell, then sticky random actions to its end."""
        ways = list(self._ways)
        if not (self._returns and ways):
            return self._seed + number, self._played(self._seed + number, [])
        rare = np.array([1.0 / np.sqrt(self.visits[cell]) for cell in ways])
        way = self._ways[ways[int(self._random.choice(len(ways), p=rare / rare.sum()))]]
        return way.seed, self._played(way.seed, list(way.actions))

    def _played(self, seed: int, begin: Sequence[Any]) -> RolloutEpisode:
        episode = play_one(self._venv, self._sticky(begin), seed)
        self.note(seed, episode)
        return episode

    def _sticky(self, begin: Sequence[Any]) -> PolicyFunction:
        taken: list[Any] = []

        def choose(observations: NDArray[Any], turn: EpisodeRows) -> list[Any]:
            if len(taken) < len(begin):
                taken.append(begin[len(taken)])
            elif len(taken) == len(begin) or self._random.random() > STICKY:
                taken.append(self._venv.action_space.sample())
            else:
                taken.append(taken[-1])
            return [taken[-1]]

        return choose


def flattened(states: NamedArrays) -> Array:
    """Fields of N states as rows of numbers, (N, d)."""
    return np.concatenate([v.reshape(len(v), -1).astype(np.float64) for v in states.values()], axis=1)


def _range(task: Task, name: str, values: NDArray[Any]) -> tuple[Array, Array]:
    """Bounds of each number of a field: the card's, or those that were seen with a little room."""
    numbers = values.reshape(len(values), -1).astype(np.float64)
    field = task.state.get(name)
    if field is not None and field.range is not None:
        return tuple(np.full(numbers.shape[1], end) for end in field.range)  # type: ignore[return-value]
    low, high = numbers.min(axis=0), numbers.max(axis=0)
    room = 0.25 * (high - low)
    return low - room, high + room


def seen_fields(task: Task, venv: VectorEnv, episodes: Sequence[RolloutEpisode]) -> NamedArrays:
    """State fields after every step of some episodes, one after the other."""
    return state_fields(task, venv.layout, np.concatenate([e.observations[1:] for e in episodes]))
