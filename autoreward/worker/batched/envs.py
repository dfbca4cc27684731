"""Environments of one simulator that steps them all, as training asks for them: how episodes end, begin and are brought back."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from autoreward.errors import EnvironmentFault
from autoreward.tasks.card import Task
from autoreward.worker.batched.simulator import BatchSimulator, Facts, Opener, Places
from autoreward.worker.envs.faults import not_finite, returned
from autoreward.worker.envs.replay import EpisodeSoFar
from autoreward.worker.envs.stated import Stated
from autoreward.worker.envs.tolerant import LOST_EPISODE, Losses
from autoreward.worker.envs.vector import EpisodeRows, PolicyFunction, RolloutEpisode, VectorEnv

_SEEDS, _RESETS, _STARTS, _ACTIONS = "batched.seeds", "batched.resets", "batched.starts", "batched.actions"
_KEPT = 1_024
"""Rows of actions after which those are dropped that no episode in progress needs."""


class _Advanced(NamedTuple):
    """A step of k environments, those that ended already in their next episode."""

    last: NDArray[Any]
    """Shape (k, d): where the step led, of an ended episode its own last observation."""
    rewards: NDArray[np.float32]
    done: NDArray[np.bool_]
    terminated: NDArray[np.bool_]
    lost: NDArray[np.bool_]


class BatchedEnvs(VectorEnv):
    """n environments of one simulator. Environment i has the seed + i, and its chance is a function of that.

    Simulators begin the next episode when they are told to, here in the step that ends one, as SB3 has it. Episodes are cut after
    the task's own time limit, whatever the simulator's is; one that ends by itself in its last step is not cut. One whose numbers
    are no longer finite is thrown away.
    """

    def __init__(self, task: Task, facts: Facts, opened: Opener, count: int, draws_in_steps: bool) -> None:
        """`draws_in_steps`: a step may draw from the environment's stream of chance, so that what the next episodes are depends on
        how long the ones before were, and not on their number alone."""
        self._task, self._facts, self._open = task, facts, opened
        self._draws_in_steps = draws_in_steps
        self._losses = Losses()
        self._drawn = np.zeros(count, np.int64)
        """The seeds that hold."""
        self._rows: list[NDArray[Any]] = []
        """Actions of all, a row a step."""
        self._resets = np.zeros(count, np.int64)
        """How many episodes each had begun when the first row that it needs was played."""
        self._starts = np.zeros(count, np.int64)
        """The first row that brings each to where it is, from its resets on."""
        self._ages = np.zeros(count, np.int64)
        """Steps of the episodes in progress."""
        self._now: NDArray[Any] = np.zeros((count, facts.layout.size), facts.observation_space.dtype)
        super().__init__(count, facts.observation_space, facts.action_space)
        self.layout = facts.layout
        self._everyone: Places = np.arange(count)
        self._simulator: BatchSimulator | None = None
        self._chosen: NDArray[Any] = np.zeros((count, *(facts.action_space.shape or ())))

    @property
    def time_limit(self) -> int:
        """That of the Gymnasium environment."""
        return self._facts.time_limit

    @property
    def stated(self) -> Stated:
        """What the Gymnasium environment says."""
        return self._facts.stated

    @property
    def lost_episodes(self) -> int:
        """In all of them."""
        return self._losses.lost

    def reset(self) -> NDArray[Any]:
        """Begin anew: with the seeds that were set, else with the next ones."""
        seeds = [s if s is not None else int(d) + self.num_envs for s, d in zip(self._seeds, self._drawn, strict=True)]
        self._reset_seeds()
        self._begin_all(np.array(seeds) % 2**31)
        self._start_over(self._everyone, 0)
        return self._now.copy()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Remember them."""
        self._chosen = np.array(actions)

    def step_wait(self) -> Any:
        """Step all. Raises EnvironmentFault where too many episodes are lost."""
        self._rows.append(self._chosen)
        step = self._advance(self._everyone, self._chosen, len(self._rows))
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(step.done):
            infos[i] = {"terminal_observation": step.last[i], "TimeLimit.truncated": not step.terminated[i]}
            if step.lost[i]:
                infos[i][LOST_EPISODE] = True
        if not self._draws_in_steps and len(self._rows) > _KEPT + self.time_limit:
            unneeded = int(self._starts.min())
            del self._rows[:unneeded]
            self._starts -= unneeded
        return self._now.copy(), step.rewards, step.done, infos

    def play(self, choose: PolicyFunction, seeds: Sequence[int]) -> list[RolloutEpisode]:
        """In environments of their own. Raises EnvironmentFault for one whose numbers are not finite."""
        if len(seeds) > self.num_envs:
            raise ValueError(f"{len(seeds)} episodes in {self.num_envs} environments")
        simulator = self._open([seed % 2**31 for seed in seeds])
        going = np.arange(len(seeds))
        observations = [[row] for row in simulator.reset(going)]
        actions: list[list[Any]] = [[] for _ in seeds]
        ended = np.zeros(len(seeds), np.bool_)
        while len(going):
            turn = EpisodeRows(going, np.array([not actions[i] for i in going]))
            chosen = np.stack(list(choose(np.stack([observations[i][-1] for i in going]), turn)))
            step = simulator.step(going, chosen)
            self._demand_finite(step.observations)
            for i, action, after in zip(going, chosen, step.observations, strict=True):
                actions[i].append(action)
                observations[i].append(after)
            ended[going] = step.terminated
            cut = step.truncated | np.array([len(actions[i]) >= self.time_limit for i in going])
            going = going[~(step.terminated | cut)]
        simulator.close()
        both = zip(observations, actions, ended.tolist(), strict=True)
        return [RolloutEpisode(np.stack(seen), np.stack(done), terminated) for seen, done, terminated in both]

    def in_progress(self) -> dict[str, torch.Tensor]:
        """Seeds, resets, and actions since: of the episodes in progress alone where chance is drawn at resets, else of all."""
        first = int(self._starts.min())
        rows = np.stack(self._rows[first:]) if self._rows[first:] else self._chosen[None][:0]
        return {
            _SEEDS: torch.from_numpy(self._drawn.copy()),
            _RESETS: torch.from_numpy(self._resets.copy()),
            _STARTS: torch.from_numpy(self._starts - first),
            _ACTIONS: torch.from_numpy(rows),
        }

    def bring_back(self, tensors: dict[str, torch.Tensor]) -> list[EpisodeSoFar]:
        """By playing them again, from the seeds on."""
        seeds, resets, starts, rows = (tensors.pop(name).numpy() for name in (_SEEDS, _RESETS, _STARTS, _ACTIONS))
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} episodes for {self.num_envs} environments")
        self._begin_all(seeds)
        self._start_over(self._everyone, 0)
        for number in range(1, int(resets.max())):
            self._start_over(np.flatnonzero(resets > number), 0)
        self._starts = starts.copy()
        episodes = [EpisodeSoFar([row], [], []) for row in self._now.copy()]
        for number, row in enumerate(rows):
            which = np.flatnonzero(starts <= number)
            step = self._advance(which, row[which], number + 1)
            for k, i in enumerate(which):
                if step.done[k]:
                    episodes[i] = EpisodeSoFar([self._now[i].copy()], [], [])
                    continue
                episodes[i].observations.append(step.last[k])
                episodes[i].actions.append(row[i])
                episodes[i].native.append(float(step.rewards[k]))
        self._rows = list(rows)
        self._reset_seeds()
        return episodes

    def close(self) -> None:
        """Let go of the simulator."""
        if self._simulator is not None:
            self._simulator.close()
            self._simulator = None

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """There is no single environment: `render_mode` alone is known."""
        if attr_name == "render_mode":
            return [None] * self.num_envs
        raise AttributeError(attr_name)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """There is no single environment. Raises AttributeError."""
        raise AttributeError(attr_name)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """There is no single environment. Raises AttributeError."""
        raise AttributeError(method_name)

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """None is."""
        return [False] * self.num_envs

    def _begin_all(self, seeds: NDArray[np.int64]) -> None:
        """A simulator with these seeds, of which no episode has begun."""
        self.close()
        self._drawn = np.array(seeds, np.int64)
        self._simulator = self._open(self._drawn.tolist())
        self._rows = []
        self._resets = np.zeros(self.num_envs, np.int64)
        self._starts = np.zeros(self.num_envs, np.int64)
        self._ages = np.zeros(self.num_envs, np.int64)
        self._now = np.zeros((self.num_envs, self._facts.layout.size), self.observation_space.dtype)

    @property
    def _begun(self) -> BatchSimulator:
        if self._simulator is None:
            raise RuntimeError("the environments were never reset")
        return self._simulator

    def _start_over(self, which: Places, row: int) -> None:
        """New episodes in some of them, before that row."""
        self._now[which] = self._begun.reset(which)
        self._demand_finite(self._now[which])
        self._losses.begun += len(which)
        self._ages[which] = 0
        if row == 0 or not self._draws_in_steps:
            self._resets[which] += 1
            self._starts[which] = row

    def _advance(self, which: Places, actions: NDArray[Any], rows: int) -> _Advanced:
        """Step some of them; `rows` have been played then."""
        step = self._begun.step(which, actions)
        last = np.array(step.observations, self._now.dtype)
        finite = np.isfinite(last).all(axis=1)
        lost = ~(finite & np.isfinite(step.rewards))
        for k in np.flatnonzero(lost):
            self._losses.add(self._fault(last[k], float(step.rewards[k])))
        last[lost] = self._now[which[lost]]
        self._now[which] = last
        self._ages[which] += 1
        terminated = np.asarray(step.terminated & ~lost)
        done = np.asarray(terminated | step.truncated | lost | (self._ages[which] >= self.time_limit))
        if done.any():
            self._start_over(which[done], rows)
        rewards = np.where(lost, 0.0, step.rewards).astype(np.float32)
        return _Advanced(last, rewards, done, terminated, lost)

    def _fault(self, observation: NDArray[Any], reward: float) -> EnvironmentFault:
        if np.isfinite(observation).all():
            return returned(self._task, "step", f"a reward of {reward}")
        return not_finite(self._task, "step", self.layout, observation.astype(np.float64))

    def _demand_finite(self, observations: NDArray[Any]) -> None:
        for row in observations[~np.isfinite(observations).all(axis=1)]:
            raise self._fault(row, 0.0)
