"""Which of EnvPool's environments a card's is: by the code that Gymnasium has registered under its id, and what the card asks.

Whether that one does the same is another question; see `conformance.py`.
"""

import importlib
import importlib.util
from typing import Any, NamedTuple

import gymnasium
from gymnasium import spaces

from autoreward.tasks.card import Task

_FAMILIES = (
    "gymnasium.envs.classic_control",
    "gymnasium.envs.box2d",
    "gymnasium.envs.mujoco",
    "gymnasium.envs.toy_text",
    "minigrid.envs",
)
"""Code of the environments that EnvPool has anew and that it steps faster."""
GRID_WORLDS = "minigrid.envs"
_NOT_ITS = ("max_episode_steps", "num_envs", "batch_size", "seed", "env_seed", "num_threads", "base_path")
"""What EnvPool has under these names is no argument of an environment."""


class CannotServe(Exception):
    """Why EnvPool can't stand in for a task's environment: a clause without a full stop."""


class EnvPoolPlan(NamedTuple):
    """How EnvPool is to make a task's environment."""

    id: str
    settings: dict[str, Any]
    """The card's arguments."""
    cut_after: int
    """Steps after which EnvPool cuts an episode: more than the task's, where that changes nothing else."""
    grid_world: bool


def envpool_installed() -> bool:
    """Whether EnvPool is installed."""
    return importlib.util.find_spec("envpool") is not None


def envpool_plan(task: Task, env: gymnasium.Env[Any, Any], limit: int) -> EnvPoolPlan:
    """How EnvPool makes the environment of the task, of which `env` is Gymnasium's, with the time limit that it has there.

    Raises CannotServe.
    """
    grid_world = _family(task) == GRID_WORLDS
    if task.state_program and not grid_world:
        raise CannotServe("the card's state.py reads an object that EnvPool does not have")
    if task.info_at_reset:
        raise CannotServe("fields read info, or the environment's own reward")
    if not task.terminates:
        raise CannotServe("the card goes on where the environment ends an episode, and EnvPool does not")
    if isinstance(env.action_space, spaces.Discrete) and env.action_space.start != 0:
        raise CannotServe("its actions are not counted from 0")
    registry = importlib.import_module("envpool.registration").registry
    importlib.import_module("envpool")
    name = task.env.rpartition(":")[2]
    if name not in registry.specs:
        raise CannotServe(f"EnvPool has no {name}")
    known = registry.make_spec(name)._config_keys
    if strange := sorted(key for key in task.kwargs if key not in known or key in _NOT_ITS):
        raise CannotServe(f"EnvPool's {name} takes no {strange[0]}")
    # a grid world's own limit is in its reward
    inner = int(env.unwrapped.max_steps) if grid_world else limit + 1  # type: ignore[attr-defined]
    if inner < limit:
        raise CannotServe(f"the environment cuts episodes itself after {inner} of {limit} steps")
    return EnvPoolPlan(name, dict(task.kwargs), inner, grid_world)


def _family(task: Task) -> str:
    """Where the code of the environment is. Raises CannotServe."""
    spec = gymnasium.spec(task.env.rpartition(":")[2])
    made_by = spec.entry_point if isinstance(spec.entry_point, str) else ""
    family = next((f for f in _FAMILIES if made_by.startswith(f)), "")
    if not family:
        raise CannotServe(f"{task.env} is none of the environments that EnvPool has anew")
    if spec.additional_wrappers:
        raise CannotServe(f"{task.env} has wrappers")
    return family
