"""A simulator that steps all of its environments at once, in arrays: there is no single one to ask for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.tasks.card import Task
from autoreward.worker.batched.simulator import Facts, Places, Stepped
from autoreward.worker.envs.flatten import Layout
from autoreward.worker.envs.replay import EpisodeSoFar
from autoreward.worker.envs.stated import Stated
from autoreward.worker.envs.vector import EpisodeRows, PolicyFunction, RolloutEpisode, VectorEnv

LIMIT = 20
CARTS = Task.model_validate(
    {
        "name": "carts",
        "env": "Carts-v0",
        "goal": "Reach the flag.",
        "state": {"position": {"source": "obs[0]", "about": "p"}, "velocity": {"source": "obs[1]", "about": "v"}},
        "action": {"push": {"about": "0 left, 1 none, 2 right"}},
        "success": {"when": "position >= 0.5"},
        "train": {
            "algorithm": "PPO",
            "steps": 1_000,
            "envs": 4,
            "net": [8],
            "hyperparameters": {"n_steps": 16, "batch_size": 16, "n_epochs": 1},
        },
    }
)


class Carts(VectorEnv):
    """Carts on a line that are pushed left or right; an episode ends at the flag, or after LIMIT steps."""

    def __init__(self, count: int, seed: int) -> None:
        super().__init__(count, spaces.Box(-2.0, 2.0, (2,), np.float32), spaces.Discrete(3))
        self.layout = Layout(2)
        self.seed(seed)
        self._drawn = np.zeros(count, np.int64)
        self._clock = np.zeros(count, np.int64)
        self._observed = np.zeros((count, LIMIT + 1, 2), np.float32)
        self._pushed = np.zeros((count, LIMIT), np.int64)
        self._next = np.zeros(count, np.int64)

    @property
    def time_limit(self) -> int:
        return LIMIT

    def reset(self) -> NDArray[np.float32]:
        for i, seed in enumerate(self._seeds):
            self._drawn[i] = self._drawn[i] if seed is None else seed
        self._reset_seeds()
        self._begin(np.ones(self.num_envs, np.bool_))
        return self._now()

    def step_async(self, actions: NDArray[Any]) -> None:
        self._next = np.array(actions)

    def step_wait(self) -> Any:
        everyone = np.arange(self.num_envs)
        after = _pushed(self._now(), self._next)
        self._pushed[everyone, self._clock] = self._next
        self._clock += 1
        self._observed[everyone, self._clock] = after
        terminated = _at_the_flag(after)
        done = terminated | (self._clock >= LIMIT)
        infos: list[dict[str, Any]] = [{} for _ in everyone]
        for i in np.flatnonzero(done):
            infos[i] = {"terminal_observation": after[i], "TimeLimit.truncated": bool(not terminated[i])}
        self._begin(done)
        return self._now(), np.full(self.num_envs, -1.0, np.float32), done, infos

    def play(self, choose: PolicyFunction, seeds: Sequence[int]) -> list[RolloutEpisode]:
        if len(seeds) > self.num_envs:
            raise ValueError(f"{len(seeds)} episodes in {self.num_envs} environments")
        observations = [_start(np.array(seeds))]
        actions: list[NDArray[np.int64]] = []
        lengths = np.zeros(len(seeds), np.int64)
        going = np.ones(len(seeds), np.bool_)
        while going.any():
            action = np.zeros(len(seeds), np.int64)
            turn = EpisodeRows(np.flatnonzero(going), lengths[going] == 0)
            action[going] = choose(observations[-1][going], turn)
            actions.append(action)
            observations.append(_pushed(observations[-1], action))
            lengths += going
            going &= ~_at_the_flag(observations[-1]) & (lengths < LIMIT)
        seen, pushed = np.stack(observations, axis=1), np.stack(actions, axis=1)
        return [
            RolloutEpisode(seen[i, : n + 1], pushed[i, :n], bool(_at_the_flag(seen[i, n])))
            for i, n in enumerate(lengths.tolist())
        ]

    def in_progress(self) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(array.copy()) for name, array in self._arrays().items()}

    def bring_back(self, tensors: dict[str, torch.Tensor]) -> list[EpisodeSoFar]:
        for name, array in self._arrays().items():
            saved = tensors.pop(name).numpy()
            if saved.shape != array.shape:
                raise ValueError(f"{len(saved)} episodes for {self.num_envs} environments")
            array[:] = saved
        return [
            EpisodeSoFar(list(self._observed[i, : n + 1].copy()), list(self._pushed[i, :n].copy()), [-1.0] * n)
            for i, n in enumerate(self._clock.tolist())
        ]

    def close(self) -> None:
        """Nothing is open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        if attr_name == "render_mode":
            return [None] * self.num_envs
        raise AttributeError(attr_name)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise AttributeError(attr_name)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        raise AttributeError(method_name)

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self.num_envs

    def _begin(self, where: NDArray[np.bool_]) -> None:
        """New episodes in some of the environments, each with the next number of its own row of chance."""
        self._clock[where] = 0
        self._observed[where, 0] = _start(self._drawn[where])
        self._drawn[where] += 1_000

    def _now(self) -> NDArray[np.float32]:
        return self._observed[np.arange(self.num_envs), self._clock]

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"drawn": self._drawn, "clock": self._clock, "observed": self._observed, "pushed": self._pushed}


CART_FACTS = Facts(spaces.Box(-2.0, 2.0, (2,), np.float32), spaces.Discrete(3), Layout(2), LIMIT, Stated())


class CartSimulator:
    """Implements `BatchSimulator`: the same carts, each with a generator. They go on until they are told to begin again."""

    def __init__(
        self,
        seeds: Sequence[int],
        draws_in_steps: bool = False,
        fails_in: int = 0,
        rewards: float = -1.0,
        wind: float = 0.0,
    ) -> None:
        """A cart's numbers are NaN in its step `fails_in`, counted over all of its episodes; 0: never."""
        self._chance = [np.random.default_rng(seed) for seed in seeds]
        self._carts = np.full((len(seeds), 2), np.nan, np.float32)
        self._steps = np.zeros(len(seeds), np.int64)
        self._draws_in_steps, self._fails_in = draws_in_steps, fails_in
        self._rewards, self._wind = rewards, wind

    @property
    def action_space(self) -> spaces.Space[Any]:
        return spaces.Discrete(3)

    def reset(self, which: Places) -> NDArray[Any]:
        for i in which:
            self._carts[i] = self._chance[i].uniform(-0.2, 0.2), 0.0
        return self._carts[which]

    def step(self, which: Places, actions: NDArray[Any]) -> Stepped:
        after = _pushed(self._carts[which], actions)
        if self._draws_in_steps:
            after[:, 1] += np.array([self._chance[i].uniform(-0.01, 0.01) for i in which], np.float32)
        after[:, 0] += np.float32(self._wind)
        self._carts[which] = after
        self._steps[which] += 1
        observed = np.where((self._steps[which] == self._fails_in)[:, None], np.nan, after).astype(np.float32)
        never = np.zeros(len(which), np.bool_)
        return Stepped(observed, np.full(len(which), self._rewards), _at_the_flag(after), never)

    def close(self) -> None:
        """Nothing is open."""


def _start(drawn: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.stack([drawn * 7919 % 1009 / 2018 - 0.25, np.zeros(len(drawn))], axis=-1).astype(np.float32)


def _pushed(observations: NDArray[np.float32], actions: NDArray[np.int64]) -> NDArray[np.float32]:
    velocity = observations[:, 1] + 0.02 * (actions - 1)
    return np.stack([np.clip(observations[:, 0] + velocity, -2, 2), velocity], axis=-1).astype(np.float32)


def _at_the_flag(observations: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.asarray(observations[..., 0] >= 0.5)
