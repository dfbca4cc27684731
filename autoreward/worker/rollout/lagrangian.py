"""Rewards of the composition `lagrange` while a policy trains: the multipliers, and the episodes that move them."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.evaluation.costs import excess, limit_costs
from autoreward.records import Setup
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import as_read
from autoreward.rewards.compose.lagrange import WARM_UP, ascended, composed
from autoreward.tasks.card import Task
from autoreward.tasks.limited import episode_limits
from autoreward.worker.rollout.recorder import Recorded
from autoreward.worker.rollout.training_episodes import EpisodeFollower


class Lagrangian:
    """Combines parts at the multipliers as they stand, and moves these once a rollout.

    They move by how far the last episodes, as many as there are environments, are beyond the limit as it is measured, as the
    policy explores; in units of how far they were beyond it when the warm-up ended. Until so many have ended nothing moves.
    """

    def __init__(self, task: Task, envs: int, setup: Setup) -> None:
        self._task = task
        self._setup = setup
        self.multipliers = dict.fromkeys(task.limits, 0.0)
        """By limit, as the next rollout is paid."""
        self._rollouts = 0
        self._latest: deque[list[float]] = deque(maxlen=envs)
        """How far the last episodes were beyond each limit, as a share of its number."""
        self._units: list[float] = []
        """By limit: how far they were beyond it when the warm-up ended; 1 where that was not at all. None before."""
        read = frozenset().union(*(formula.names for formula in task.limit_formulas.values()))
        fields = {*task.state, *task.action}
        self._follower = EpisodeFollower(read & fields or {next(iter(task.state))}, envs)

    def __call__(self, parts: Parts, transitions: Transitions) -> NDArray[np.float64]:
        """Rewards of shape (T, n)."""
        setup = self._setup.model_copy(update={"multipliers": self.multipliers})
        fixed = as_read(self._task.train.gamma, setup)
        ended = transitions.terminated
        return composed({**parts, **limit_costs(self._task, transitions)}, 0.0, ended, fixed)[0]

    def see(self, recorded: Recorded) -> None:
        """The rollout that was just paid: multipliers move by its episodes."""
        for _, fields, terminated in self._follower.ended(recorded):
            came_to = episode_limits(self._task, fields, terminated)
            self._latest.append([excess(self._task.limits[name], value) for name, value in came_to.items()])
        self._rollouts += 1
        if self._rollouts > WARM_UP and len(self._latest) == self._latest.maxlen:
            beyond = np.mean(self._latest, axis=0).tolist()
            self._units = self._units or [far if far > 0.0 else 1.0 for far in beyond]
            moved = [far / unit for far, unit in zip(beyond, self._units, strict=True)]
            self.multipliers = ascended(self.multipliers, dict(zip(self._task.limits, moved, strict=True)))

    def state(self) -> dict[str, NDArray[Any]]:
        """All that it goes on from in the next leg, but for the episodes in progress."""
        return {
            "multipliers": np.array(list(self.multipliers.values())),
            "rollouts": np.array([self._rollouts]),
            "units": np.array(self._units),
            "latest": np.array(self._latest, dtype=np.float64).reshape(-1, len(self.multipliers)),
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Be as the leg before left it. Raises KeyError if that was another composition's."""
        self.multipliers = dict(zip(self._task.limits, state["multipliers"].tolist(), strict=True))
        self._rollouts = int(state["rollouts"][0])
        self._units = state["units"].tolist()
        self._latest.clear()
        self._latest.extend(state["latest"].tolist())
