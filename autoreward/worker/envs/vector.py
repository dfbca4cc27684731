"""Environments of a task side by side: SB3's VecEnv, and what training, recording and describing need beyond it.

A simulator that steps all of them at once, on a GPU perhaps, is one more `VectorEnv`: nobody else asks for a single environment.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from autoreward.errors import TaskError
from autoreward.tasks.card import Task
from autoreward.worker.envs import replay
from autoreward.worker.envs.flatten import Layout, layout_of
from autoreward.worker.envs.replay import EpisodeInputs, EpisodeSoFar, Replayable
from autoreward.worker.envs.stated import Stated, stated

PolicyFunction = Callable[[NDArray[Any]], Sequence[Any] | NDArray[Any]]
"""Observations (m, d) -> m actions."""


class RolloutEpisode(NamedTuple):
    """One whole episode's raw arrays."""

    observations: NDArray[Any]
    """Shape (L + 1, d), from the reset's on."""
    actions: NDArray[Any]
    """Shape (L,) or (L, a)."""
    terminated: bool


class VectorEnv(VecEnv):
    """n environments of one task, whose observations are one vector of d numbers.

    As in SB3, a step that ends an episode begins the next one: `infos[i]` then has the episode's own last observation as
    `terminal_observation`, and `TimeLimit.truncated` where it did not end by itself. What `seed` sets holds for the next `reset`.
    """

    layout: Layout
    """What the entries of an observation are."""

    @property
    @abstractmethod
    def time_limit(self) -> int:
        """Steps after which an episode is cut. Raises TaskError if there is no limit."""

    @property
    def stated(self) -> Stated:
        """What the environment says of itself; nothing, where it can't be asked."""
        return Stated()

    @abstractmethod
    def play(self, choose: PolicyFunction, seeds: Sequence[int]) -> list[RolloutEpisode]:
        """One whole episode per seed, side by side; `choose` is asked about those that go on, in the order of the seeds.

        Episodes in progress are lost: a `reset` or `bring_back` must come before the next step. Raises ValueError for more
        than n seeds.
        """

    @abstractmethod
    def in_progress(self) -> dict[str, torch.Tensor]:
        """All that the episodes in progress depend on, as tensors under names of its own."""

    @abstractmethod
    def bring_back(self, tensors: dict[str, torch.Tensor]) -> list[EpisodeSoFar]:
        """Go on with the episodes that `in_progress` gave, instead of a reset; its tensors are taken out of `tensors`.

        Returns what they were so far, one per environment; where one can't be brought back, the start of a new one.

        Raises:
            KeyError: they are not there.
            ValueError: they are for another number of environments.
        """


class GymnasiumEnvs(DummyVecEnv, VectorEnv):
    """Gymnasium environments, stepped one after the other in this process."""

    def __init__(self, task: Task, make: Callable[[], gymnasium.Env[Any, Any]], count: int) -> None:
        super().__init__([lambda: Replayable(make()) for _ in range(count)])
        self._task = task
        self.layout = layout_of(self.envs[0])

    @property
    def time_limit(self) -> int:
        """The card's, or that of the registered environment."""
        spec = self.envs[0].spec
        limit = self._task.max_steps or (spec.max_episode_steps if spec else None)
        if limit is None:
            raise TaskError(f"task {self._task.name}: {self._task.env} has no time limit; set max_steps in task.toml.")
        return int(limit)

    @property
    def stated(self) -> Stated:
        """What the first of them says."""
        return stated(self.envs[0])

    def play(self, choose: PolicyFunction, seeds: Sequence[int]) -> list[RolloutEpisode]:
        """In the first environments, one for each seed."""
        envs, kind = self.envs[: len(seeds)], self.observation_space.dtype
        observations = [[np.asarray(e.reset(seed=s % 2**31)[0], dtype=kind)] for e, s in zip(envs, seeds, strict=True)]
        actions: list[list[Any]] = [[] for _ in envs]
        terminated = [False] * len(envs)
        going = list(range(len(envs)))
        while going:
            chosen = choose(np.stack([observations[i][-1] for i in going]))
            unfinished = []
            for i, action in zip(going, chosen, strict=True):
                observation, _, ended, cut, _ = envs[i].step(action)
                observations[i].append(np.asarray(observation, dtype=kind))
                actions[i].append(action)
                terminated[i] = bool(ended)
                if not (ended or cut):
                    unfinished.append(i)
            going = unfinished
        return [
            RolloutEpisode(np.stack(o), np.stack(a), e)
            for o, a, e in zip(observations, actions, terminated, strict=True)
        ]

    def in_progress(self) -> dict[str, torch.Tensor]:
        """Beginnings and actions: see `replay`."""
        inputs: list[EpisodeInputs] = self.get_attr("inputs")
        return replay.to_tensors(inputs)

    def bring_back(self, tensors: dict[str, torch.Tensor]) -> list[EpisodeSoFar]:
        """By playing them again."""
        return [replay.replay(env, inputs) for env, inputs in zip(self.envs, replay.take_out(tensors), strict=True)]
