"""Make a task's environment, or say in one sentence why that can't be done."""

from typing import Any

import gymnasium
from gymnasium import spaces
from stable_baselines3.common.vec_env import DummyVecEnv

from autoreward.errors import TaskError
from autoreward.tasks import Task


def make(task: Task) -> gymnasium.Env[Any, Any]:
    """One environment of the task. Raises TaskError if the id is unknown, a package is missing, or it won't start."""
    kwargs: dict[str, Any] = dict(task.kwargs)
    if task.max_steps is not None:
        kwargs["max_episode_steps"] = task.max_steps
    try:
        env = gymnasium.make(task.env, **kwargs)
    except gymnasium.error.DependencyNotInstalled as error:
        raise TaskError(f"task {task.name}: {task.env} needs a package that is not installed: {error}") from None
    except (gymnasium.error.Error, ImportError) as error:
        said = " ".join(str(error).split())
        raise TaskError(f"task {task.name}: gymnasium can't make {task.env!r}: {said}") from None
    except TypeError as error:
        raise TaskError(f"task {task.name}: {task.env!r} does not take these kwargs: {error}") from None
    if not isinstance(env.observation_space, spaces.Box) or len(env.observation_space.shape) != 1:
        raise TaskError(
            f"task {task.name}: {task.env} has observations of {type(env.observation_space).__name__} with shape "
            f"{env.observation_space.shape}; training needs a flat vector. Wrap it, for example with "
            "gymnasium.wrappers.FlattenObservation."
        )
    if not isinstance(env.action_space, spaces.Box | spaces.Discrete):
        raise TaskError(f"task {task.name}: actions of {type(env.action_space).__name__} can't be trained here.")
    return env


def time_limit(env: gymnasium.Env[Any, Any], task: Task) -> int:
    """The episode's time limit in steps. Raises TaskError if there is none."""
    limit = task.max_steps or (env.spec.max_episode_steps if env.spec else None)
    if limit is None:
        raise TaskError(f"task {task.name}: {task.env} has no time limit; set max_steps in task.toml.")
    return int(limit)


def vectorised(task: Task, seed: int) -> DummyVecEnv:
    """The task's training environments side by side in one process, seeded."""
    venv = DummyVecEnv([lambda: make(task) for _ in range(task.train.envs)])
    venv.seed(seed)
    return venv
