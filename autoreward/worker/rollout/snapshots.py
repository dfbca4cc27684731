"""Episodes that begin at snapshots: states of recorded episodes, reached by playing their actions again from their seed.

What a policy never finds by chance it begins near to: a restart distribution (Kakade and Langford 2002; Tavakoli et
al. 2018, arXiv 1811.11298) of states on the way of a teacher (Zhao et al. 2024, arXiv 2403.00673). The actions on the way there
are steps of the training like all others, with the teacher's action in place of the policy's: so clocks, time limits, memories of
programs and rules that look back are those of the whole episode. Nothing is learned from these steps, and no curve counts the
episodes.
"""

import io
import json
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from autoreward.core.seeds import HELD_OUT_BASE
from autoreward.errors import EnvironmentFault
from autoreward.tasks.card import Task

ENDS_AT = 0.5
"""Share of a training after which all episodes begin as they do by themselves."""
_PREFIX = "snapshots."
_NONE = -1


class SnapshotSet(NamedTuple):
    """E episodes, and S snapshots on their ways."""

    seeds: NDArray[np.int64]
    """Shape (E,): of the reset that each episode begins with."""
    actions: NDArray[Any]
    """Of all episodes, one after the other: (sum of lengths,) or (sum of lengths, a), in the environment's own units."""
    begins: NDArray[np.int64]
    """Shape (E,): where each episode's actions begin in these."""
    episode: NDArray[np.int64]
    """Shape (S,): whose way a snapshot is on."""
    steps: NDArray[np.int64]
    """Shape (S,): actions up to it, from 1."""
    cluster: NDArray[np.int64]
    """Shape (S,): snapshots that are about as near to success have the same number, from 0."""
    observations: NDArray[Any]
    """Shape (S, d): what is observed there."""

    def to_bytes(self) -> bytes:
        """As an .npz file."""
        buffer = io.BytesIO()
        arrays: dict[str, NDArray[Any]] = self._asdict()
        np.savez(buffer, allow_pickle=False, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `to_bytes` made. Raises ValueError or KeyError for anything else."""
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            return cls(**{name: archive[name] for name in cls._fields})

    def action(self, snapshot: int, step: int) -> Any:
        """The action after so many steps on the way to a snapshot."""
        return self.actions[self.begins[self.episode[snapshot]] + step]


class Restarts:
    """Decides where the episodes of n environments begin, and brings those to their snapshots that are to begin there.

    An episode begins at a snapshot with a probability that falls from `share` to 0 in the first ENDS_AT of the training; at any
    cluster alike, and within it at any snapshot. Draws from a generator of its own.
    """

    def __init__(self, task: Task, snapshots: SnapshotSet, envs: int, share: float, whole: int, seed: int) -> None:
        """`whole`: environment steps of the training, in all its legs."""
        self._task, self._snapshots, self._share, self._whole = task, snapshots, share, whole
        self._random = np.random.default_rng(seed)
        self._clusters = [np.flatnonzero(snapshots.cluster == c) for c in np.unique(snapshots.cluster)]
        self._towards = np.full(envs, _NONE)
        """The snapshot that each environment's episode begins at, or _NONE."""
        self._astray = np.zeros(envs, np.bool_)
        """Whose chance a snapshot's seed has set: its next own episode is given another seed."""
        self.steps = 0
        """Environment steps of the training so far."""
        self._replayed, self._episodes = 0, 0

    @property
    def aided(self) -> NDArray[np.bool_]:
        """(n,): whether the episode began at a snapshot."""
        return np.asarray(self._towards != _NONE)

    def counts(self) -> dict[str, int]:
        """What a trial says of this leg: episodes that began at a snapshot, and steps in which a recorded action was played."""
        return {"snapshot_episodes": self._episodes, "replayed_steps": self._replayed}

    def seed_of(self, i: int) -> int | None:
        """The seed that the next episode of environment i begins from; None: chance goes on. To be asked at each reset."""
        now = self._share * max(0.0, 1.0 - self.steps / (ENDS_AT * self._whole))
        if self._random.random() < now:
            members = self._clusters[int(self._random.integers(len(self._clusters)))]
            self._towards[i] = chosen = members[int(self._random.integers(len(members)))]
            self._astray[i] = True
            self._episodes += 1
            return int(self._snapshots.seeds[self._snapshots.episode[chosen]])
        self._towards[i] = _NONE
        if self._astray[i]:
            self._astray[i] = False
            return int(self._random.integers(HELD_OUT_BASE))
        return None

    def replaying(self, steps: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(n,): whose next step is on the way to a snapshot, after so many `steps` (n,) of their episodes."""
        return np.asarray(self.aided & (steps < self._snapshots.steps[self._towards]))

    def acted(self, actions: NDArray[Any], steps: NDArray[np.int64]) -> NDArray[Any]:
        """The actions (n,) or (n, a) that are played: recorded ones on the way to snapshots."""
        actions = np.array(actions)
        for i in np.flatnonzero(mask := self.replaying(steps)):
            actions[i] = self._snapshots.action(self._towards[i], int(steps[i]))
        self.steps += len(actions)
        self._replayed += int(mask.sum())
        return actions

    def expected(self, steps: NDArray[np.int64]) -> dict[int, NDArray[Any]]:
        """What is to be observed after this step, by environment, of those that it brings to their snapshots."""
        there = self.aided & (steps + 1 == self._snapshots.steps[self._towards])
        return {int(i): self._snapshots.observations[self._towards[i]] for i in np.flatnonzero(there)}

    def demand(self, expected: dict[int, NDArray[Any]], after: NDArray[Any], lost: NDArray[np.bool_]) -> None:
        """Raises EnvironmentFault where an episode has come to another state than it once did, unless it was lost on the way."""
        for i, observation in expected.items():
            if not lost[i] and not np.array_equal(observation, after[i], equal_nan=True):
                raise EnvironmentFault(
                    f"task {self._task.name}: an episode that was played again, with the same seed and actions, came to another "
                    "state: chance in this environment does not come from the seed of its reset alone. Train it without "
                    "[train] snapshots."
                )

    def tensors(self, steps: NDArray[np.int64]) -> dict[str, torch.Tensor]:
        """All that the next leg goes on from; `steps` (n,) of the episodes in progress."""
        random = json.dumps(self._random.bit_generator.state).encode()
        arrays = {"towards": self._towards, "astray": self._astray, "ages": steps, "steps": np.array([self.steps])}
        return {
            _PREFIX + "random": torch.frombuffer(bytearray(random), dtype=torch.uint8),
            **{_PREFIX + name: torch.from_numpy(array.copy()) for name, array in arrays.items()},
        }

    def restore(self, tensors: dict[str, torch.Tensor], steps: NDArray[np.int64]) -> None:
        """Be as the leg before left it, and take that out of `tensors`; `steps` (n,): of the episodes that were brought back.

        Raises KeyError if it is not there.
        """
        self._random.bit_generator.state = json.loads(tensors.pop(_PREFIX + "random").numpy().tobytes())
        names = ("towards", "astray", "ages", "steps")
        towards, astray, ages, whole = (tensors.pop(_PREFIX + name).numpy() for name in names)
        self._towards = np.where(ages == steps, towards, _NONE)  # one that could not be brought back began anew
        self._astray, self.steps = astray.copy(), int(whole[0])
