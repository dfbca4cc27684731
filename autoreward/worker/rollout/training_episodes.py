"""What the success rule says of training episodes: free, since they are played anyway, and smooth, since the policy explores.

A policy whose most likely action stands still may well get somewhere when it explores: its training episodes show a learning curve
long before the deterministic ones do.
"""

from collections.abc import Collection
from statistics import fmean
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.worker.envs.fields import NamedArrays
from autoreward.worker.rollout.recorder import Recorded
from autoreward.worker.success import SuccessRule

_MOST = 6
"""Episodes that are judged of those that end in one rollout, the last ones: more would cost time and tell no more."""


class Judged(NamedTuple):
    """Means over some training episodes."""

    progress: float
    success: float


class EndedEpisode(NamedTuple):
    """An episode that ended while a policy trains."""

    step: int
    """Which of the recorded steps was its last."""
    fields: NamedArrays
    """Of all its L steps, (L,) or (L, k)."""
    terminated: bool


class EpisodeFollower:
    """Puts the pieces of each environment's episode together, whichever rollouts they come in."""

    def __init__(self, names: Collection[str], envs: int) -> None:
        """`names`: the fields that are kept, one at least."""
        self._names = names
        self._pieces: list[list[NamedArrays]] = [[] for _ in range(envs)]

    def ended(self, recorded: Recorded) -> list[EndedEpisode]:
        """The telling episodes that ended in the next T steps of all environments, in the order of time."""
        batch = recorded.transitions
        fields = {name: values for name, values in batch.rule_fields.items() if name in self._names}
        ended: list[EndedEpisode] = []
        telling = recorded.telling
        for i, pieces in enumerate(self._pieces):
            begin = 0
            for last in np.flatnonzero(recorded.done[:, i]).tolist():
                pieces.append(_cut(fields, begin, last + 1, i))
                if telling[last, i]:
                    ended.append(EndedEpisode(last, _whole(pieces), bool(batch.terminated[last, i])))
                pieces.clear()
                begin = last + 1
            if begin < len(recorded.done):
                pieces.append(_cut(fields, begin, len(recorded.done), i))
        return sorted(ended, key=lambda episode: episode.step)


class TrainingEpisodes:
    """Follows the episodes of n environments and judges some as they end."""

    def __init__(self, rule: SuccessRule, envs: int) -> None:
        self._rule = rule
        self._follower = EpisodeFollower(rule.fields, envs)
        self._judged: list[Judged] = []

    def see(self, recorded: Recorded) -> None:
        """The next T steps of all environments."""
        for _, fields, terminated in self._follower.ended(recorded)[-_MOST:]:
            progress = self._rule.progress(fields, terminated)
            self._judged.append(Judged(progress, float(progress == 1.0)))

    def take(self) -> Judged | None:
        """Means over those judged since the last call; None without one."""
        judged, self._judged = self._judged, []
        return Judged(fmean(j.progress for j in judged), fmean(j.success for j in judged)) if judged else None


def _cut(fields: NamedArrays, begin: int, end: int, environment: int) -> NamedArrays:
    return {name: values[begin:end, environment] for name, values in fields.items()}


def _whole(pieces: list[NamedArrays]) -> NamedArrays:
    arrays: dict[str, NDArray[np.float64]] = {
        name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]
    }
    return arrays
