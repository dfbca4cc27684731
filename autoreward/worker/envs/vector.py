"""Environments of a task side by side: SB3's VecEnv, and what training, recording and describing need beyond it.

A simulator that steps all of them at once, on a GPU perhaps, is one more `VectorEnv`: nobody else asks for a single environment.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from autoreward.tasks.card import Task
from autoreward.worker.envs import replay
from autoreward.worker.envs.apart import Apart
from autoreward.worker.envs.flatten import Layout, layout_of
from autoreward.worker.envs.masks import allowed_actions
from autoreward.worker.envs.replay import EpisodeInputs, EpisodeSoFar, Replayable
from autoreward.worker.envs.stated import Stated, stated
from autoreward.worker.envs.time_limits import time_limit
from autoreward.worker.envs.tolerant import LOST_EPISODE, Losses, Tolerant


class EpisodeRows(NamedTuple):
    """Whose actions a policy is asked for, of the episodes that are played side by side."""

    places: NDArray[np.intp]
    """Shape (m,): of the episodes among all of them, growing."""
    starts: NDArray[np.bool_]
    """Shape (m,): the episode has no step yet; an episode that was lost begins again."""


PolicyFunction = Callable[[NDArray[Any], EpisodeRows], Sequence[Any] | NDArray[Any]]
"""Observations (m, d), and whose they are -> m actions."""


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

    @property
    def lost_episodes(self) -> int:
        """Episodes that were thrown away since the environments failed in them; none, where that can't happen."""
        return 0

    @abstractmethod
    def play(self, choose: PolicyFunction, seeds: Sequence[int]) -> list[RolloutEpisode]:
        """One whole episode per seed, side by side; `choose` is asked about those that go on, in the order of the seeds.
        Where the environment masks actions, none is played that is not allowed.

        Episodes in progress are lost: a `reset` or `bring_back` must come before the next step. Raises ValueError for more
        than n seeds.
        """

    def choose_seeds(self, choose: Callable[[int], int | None]) -> None:
        """From now on `choose` is asked at each reset of environment i which seed its episode is to begin from; None: any.

        Raises ValueError where single episodes can't begin from a seed, as where one simulator steps all environments.
        """
        raise ValueError(f"{type(self).__name__} begins no single episode from a seed")

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
    """Gymnasium environments, stepped one after the other in this process, and kept apart from all else in it."""

    def __init__(self, task: Task, make: Callable[[], gymnasium.Env[Any, Any]], count: int) -> None:
        self._task = task
        self._losses = Losses()
        self._apart = Apart()
        self._apart.run(super().__init__, [lambda: Tolerant(Replayable(make()), self._losses) for _ in range(count)])
        self.layout = layout_of(self.envs[0])

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """As ever; and what environments draw from without a generator of their own."""
        if seed is not None:
            self._apart.seed(seed)
        return super().seed(seed)

    def reset(self) -> Any:
        """As ever. Raises EnvironmentFault."""
        return self._apart.run(super().reset)

    def step_wait(self) -> Any:
        """As ever; an episode that is lost ends with LOST_EPISODE in its info. Raises EnvironmentFault where too many are."""
        return self._apart.run(super().step_wait)

    @property
    def lost_episodes(self) -> int:
        """In all of them."""
        return self._losses.lost

    @property
    def time_limit(self) -> int:
        """The card's, or that of the registered environment."""
        return time_limit(self._task, self.envs[0])

    @property
    def stated(self) -> Stated:
        """What the first of them says."""
        return stated(self.envs[0])

    def play(self, choose: PolicyFunction, seeds: Sequence[int]) -> list[RolloutEpisode]:
        """In the first environments, one for each seed; an episode that is lost is played again."""
        kind = self.observation_space.dtype
        parts = self._apart.run(
            lambda: [_Played(env, seed % 2**31, kind) for env, seed in zip(self.envs, seeds, strict=False)]
        )
        if len(parts) < len(seeds):
            raise ValueError(f"{len(seeds)} episodes in {len(parts)} environments")
        going = list(range(len(parts)))
        while going:
            now = np.stack([parts[i].observations[-1] for i in going])
            turn = EpisodeRows(np.array(going), np.array([not parts[i].actions for i in going]))
            chosen = allowed_actions(self.action_space, self.layout, now, choose(now, turn))
            both = list(zip(going, chosen, strict=True))
            going = self._apart.run(lambda both: [i for i, action in both if parts[i].goes_on(action)], both)
        return [RolloutEpisode(np.stack(e.observations), np.stack(e.actions), e.terminated) for e in parts]

    def choose_seeds(self, choose: Callable[[int], int | None]) -> None:
        """Of each environment."""
        for i, env in enumerate(self.envs):
            env.set_wrapper_attr("choose_seed", partial(choose, i))

    def in_progress(self) -> dict[str, torch.Tensor]:
        """Beginnings and actions: see `replay`."""
        inputs: list[EpisodeInputs] = self.get_attr("inputs")
        return replay.to_tensors(inputs)

    def bring_back(self, tensors: dict[str, torch.Tensor]) -> list[EpisodeSoFar]:
        """By playing them again."""
        both = zip(self.envs, replay.take_out(tensors), strict=True)
        return self._apart.run(lambda: [replay.replay(env, inputs) for env, inputs in both])


class _Played:
    """An episode of one environment as it is played."""

    def __init__(self, env: gymnasium.Env[Any, Any], seed: int, kind: Any) -> None:
        self._env, self._seed, self._kind = env, seed, kind
        self._begin()

    def _begin(self) -> None:
        self.observations = [np.asarray(self._env.reset(seed=self._seed)[0], dtype=self._kind)]
        self.actions: list[Any] = []
        self.terminated = False

    def goes_on(self, action: Any) -> bool:
        """Step; whether another one follows."""
        observation, _, terminated, truncated, info = self._env.step(action)
        if LOST_EPISODE in info:
            self._begin()
            return True
        self.observations.append(np.asarray(observation, dtype=self._kind))
        self.actions.append(action)
        self.terminated = bool(terminated)
        return not (terminated or truncated)
