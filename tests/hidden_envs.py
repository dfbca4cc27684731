"""Environments that say more than a robot would know: in `info`, in numbers of the observation, and by a `state.py`.

`noise` changes what is to be hidden and nothing else, so that a policy that sees none of it can't tell one from another.
"""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from autoreward.tasks.card import Task

LIMIT = 9


class Winch(gymnasium.Env[Any, Any]):
    """A load on a rope: action 0 lowers it, 1 holds it, 2 lifts it. Number 1 of the observation is its temperature."""

    observation_space = spaces.Box(-50.0, 50.0, (3,), np.float32)
    action_space: spaces.Space[Any] = spaces.Discrete(3)

    def __init__(self, noise: float = 0.0, fault: str = "", at: int = 3) -> None:
        self.noise, self.fault, self.at = noise, fault, at
        self.height = self.energy = 0.0
        self.clock = 0

    @property
    def temperature(self) -> float:
        return 20.0 + self.energy + self.noise

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.height, self.energy, self.clock = float(self.np_random.uniform(-1, 1)), 0.0, 0
        return self._observation(), {"load": {"mass": 2.0 + self.noise}}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.clock += 1
        pull = float(np.asarray(action).reshape(-1)[0]) - 1.0
        self.height += 0.3 * pull + 0.01 * float(self.np_random.normal())
        self.energy += abs(pull)
        info: dict[str, Any] = {
            "energy": self.energy + self.noise,
            "force": np.array([pull, self.noise], np.float32),
            "load": {"mass": 2.0 + self.noise},
            "is_success": self.height > 1.0,
            "mode": "up" if pull > 0 else "down",
        }
        if self.clock == self.at:
            FAULTS.get(self.fault, lambda info: None)(info)
        return self._observation(), -abs(self.height - 1.0), self.height > 2.0, False, info

    def _observation(self) -> Any:
        return np.array([self.height, self.temperature, self.height / 2], np.float32)


FAULTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "missing": lambda info: info.pop("energy"),
    "nan": lambda info: info.update(energy=float("nan")),
    "word": lambda info: info.update(energy="much"),
    "none": lambda info: info.update(energy=None),
    "ragged": lambda info: info.update(energy=[[1.0], [1.0, 2.0]]),
    "vector": lambda info: info.update(energy=np.zeros(2)),
    "longer": lambda info: info.update(force=np.zeros(3)),
    "flat": lambda info: info.update(load=2.0),
}
"""What `info` says wrong at one step."""


class Parts(gymnasium.ObservationWrapper[Any, Any, Any]):
    """The same with an observation in parts, one of them an integer that changes with `noise`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Winch(**kwargs))
        box = spaces.Box(-50.0, 50.0, (2,), np.float32)
        self.observation_space = spaces.Dict({"robot": box, "gear": spaces.Discrete(4, start=1), "heat": box})

    def observation(self, observation: Any) -> Any:
        height, heat, half = observation
        gear = 1 + (int(abs(height) * 4) + int(heat)) % 4
        return {"robot": np.array([height, half]), "gear": gear, "heat": np.array([heat, 2 * heat])}


gymnasium.register("Winch-v0", Winch, max_episode_steps=LIMIT, disable_env_checker=True)
gymnasium.register("WinchParts-v0", Parts, max_episode_steps=LIMIT, disable_env_checker=True)
FIELDS: dict[str, dict[str, Any]] = {
    "height": {"source": "obs[0]", "about": "of the load", "unit": "m", "range": [-4.0, 4.0]},
    "temperature": {"source": "obs[1]", "about": "of the motor", "policy": False},
    "energy": {"source": "info.energy", "about": "spent", "policy": False, "at_reset": 0.0},
    "force": {"source": "info['force']", "about": "of the rope", "policy": False, "at_reset": 0.5},
    "pull": {"source": "info.force[0] + obs[0]", "about": "of both", "policy": False, "at_reset": 0.5},
    "mass": {"source": "info['load'].mass", "about": "of the load", "policy": False},
}
SETTINGS: dict[str, dict[str, Any]] = {
    "PPO": {"n_steps": 16, "batch_size": 16, "n_epochs": 2},
    "A2C": {"n_steps": 8},
    "DQN": {"buffer_size": 400, "learning_starts": 20, "batch_size": 16, "target_update_interval": 20},
}


def winch(algorithm: str = "PPO", **change: Any) -> Task:
    """A task of it, which trains in a moment."""
    card: dict[str, Any] = {
        "name": "winch",
        "env": "hidden_envs:Winch-v0",
        "goal": "Lift the load to 1 m, with little energy.",
        "state": FIELDS,
        "action": {"move": {"about": "0 lower, 1 hold, 2 lift"}},
        "success": {"when": "abs(height - 1) < 0.3 and energy < 8"},
        "train": {"algorithm": algorithm, "steps": 128, "envs": 2, "net": [8], "hyperparameters": SETTINGS[algorithm]},
    }
    return Task.model_validate(card | change)


PARTS: dict[str, dict[str, Any]] = {
    "height": {"source": "obs.robot[0]", "about": "of the load"},
    "gear": {"source": "obs.gear", "about": "that is in", "policy": False},
    "heat": {"source": "norm(obs.heat)", "about": "of the motor", "policy": False},
    "force": {"source": "info.force", "about": "of the rope", "policy": False, "at_reset": 0.0},
}
STATE = "def observe(env, observation, info):\n    return {'robot': observation[[0, 2]], 'heat': env.temperature}\n"
TOLD: dict[str, dict[str, Any]] = {
    "height": {"source": "obs.robot[0]", "about": "of the load"},
    "heat": {"source": "obs.heat[0]", "about": "of the motor", "policy": False},
    "energy": FIELDS["energy"],
}


def parts(**change: Any) -> Task:
    """A task of observations in parts."""
    return winch(env="hidden_envs:WinchParts-v0", state=PARTS, success={"when": "height > 1 and heat < 30"}, **change)


def told(**change: Any) -> Task:
    """A task with a `state.py`: the robot knows its height; success rule and reward the simulator's temperature, too."""
    return winch(state=TOLD, state_program=STATE, success={"when": "height > 1 and heat < 30"}, **change)
