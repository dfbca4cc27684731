"""Make a task's environment, or say in one sentence why that can't be done."""

import importlib.util
import re
import sys
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from autoreward.errors import TaskError, how_to_get
from autoreward.tasks.card import Task
from autoreward.worker.envs.border import Border
from autoreward.worker.envs.faults import raise_as_fault
from autoreward.worker.envs.flatten import flat
from autoreward.worker.envs.guarded import Guarded
from autoreward.worker.envs.informed import Informed
from autoreward.worker.envs.masks import Masked
from autoreward.worker.envs.older import made_env
from autoreward.worker.envs.rounding import Declared
from autoreward.worker.envs.stated import attribute
from autoreward.worker.envs.vector import GymnasiumEnvs, VectorEnv
from autoreward.worker.envs.watchdog import BEAT, MAKING


def make_env(task: Task, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
    """One environment of the task.

    Raises:
        TaskError: the id is unknown, a package is missing, or it won't start.
        EnvironmentFault: it raises something else.
    """
    BEAT.begin(MAKING)
    try:
        return Guarded(fitted(registered(task, render_mode), task), task)
    except BaseException as error:
        raise_as_fault(task, "the call that makes it", error)
    finally:
        BEAT.end()


def registered(task: Task, render_mode: str | None = None) -> gymnasium.Env[Any, Any]:
    """What is registered under the task's id. Raises TaskError if there is none, a package is missing, or it won't start."""
    kwargs: dict[str, Any] = dict(task.kwargs)
    if render_mode is not None:
        kwargs["render_mode"] = render_mode
    module = task.env.partition(":")[0]
    try:
        env = made_env(task.env, kwargs, task.max_steps)
    except gymnasium.error.DependencyNotInstalled as error:
        lacking = _lacking(error)
        how = _pip(lacking) if lacking else " ".join(str(error).split())
        raise TaskError(f"task {task.name}: {task.env} needs a package that is not installed: {how}") from None
    except ModuleNotFoundError as error:
        missing = _missing(error) or module
        raise TaskError(f"task {task.name}: {task.env} needs {missing!r}: {_pip(missing)}") from None
    except (gymnasium.error.Error, ImportError) as error:
        reason = " ".join(str(error).split())
        raise TaskError(
            f"task {task.name}: gymnasium can't make {task.env!r}: {reason}{_of_a_module(error, task)}"
        ) from None
    except TypeError as error:
        what = "does not take these kwargs" if "argument" in str(error) else "can't be made"
        raise TaskError(f"task {task.name}: {task.env!r} {what}: {' '.join(str(error).split())}") from None
    return Reseeded(env) if callable(attribute(env, "seed")) else env


def fitted(env: gymnasium.Env[Any, Any], task: Task) -> gymnasium.Env[Any, Any]:
    """The environment as training needs it. Raises TaskError if its actions can't be chosen, or its observations not be read."""
    for name in ("action_space", "observation_space"):
        _demand_space(name, getattr(env, name), task)
    _trainable(env.action_space, task)
    _demand_observations_that_stay(env, task)
    env = Border(env)
    if not task.state_program:  # which makes numbers of its own
        env = Declared(env, task)
    env = flat(env if task.terminates else Endless(env), task)
    env = Informed(env, task) if task.info_at_reset else env
    return Masked(env, task) if task.train.spec.masked else env


class Reseeded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """For environments of the older kind, which draw their goals from `seed()` and ignore the seed of `reset`."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Seed both ways, then reset."""
        if seed is not None:
            self.env.unwrapped.seed(seed)  # type: ignore[attr-defined]
        return self.env.reset(seed=seed, options=options)


class Endless(gymnasium.Wrapper[Any, Any, Any, Any]):
    """For tasks that go on where the environment would end the episode."""

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """One step that never terminates."""
        observation, reward, _, cut, info = self.env.step(action)
        return observation, reward, False, cut, info


def _demand_space(name: str, space: Any, task: Task) -> None:
    """Raises TaskError unless it is a space; without any an environment observes nothing, which is said elsewhere."""
    if not isinstance(space, spaces.Space) and (space is not None or name == "action_space"):
        kind = type(space).__name__
        raise TaskError(
            f"task {task.name}: {name} of {task.env} is {'an' if kind[0] in 'aeiou' else 'a'} {kind} and no space of Gymnasium's; "
            "where each of several agents has its own, wrap the environment into one that is a single agent's."
        )


def _demand_observations_that_stay(env: gymnasium.Env[Any, Any], task: Task) -> None:
    """Raises TaskError where a wrapper changes observations by statistics that begin anew wherever it is made."""
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, gymnasium.wrappers.NormalizeObservation) and env.update_running_mean:
            raise TaskError(
                f"task {task.name}: {task.env} normalises its observations by statistics that begin anew wherever it is made, so "
                "a policy would be scored by others than it was trained by; register it without NormalizeObservation: policies "
                "here are normalised by statistics that are saved with them."
            )
        env = env.env


def _trainable(actions: spaces.Space[Any], task: Task) -> None:
    """Raises TaskError if the algorithm can't choose such actions."""
    able = task.train.spec.actions
    actions_are = f"task {task.name}: {task.env} takes actions of {type(actions).__name__}"
    if not isinstance(actions, tuple(getattr(spaces, kind) for kind in able)):
        kinds = " or ".join(able)
        raise TaskError(
            f"{actions_are}, and {task.train.algorithm} chooses {kinds}; wrap the environment or name another algorithm."
        )
    if isinstance(actions, spaces.Box) and len(actions.shape) != 1:
        raise TaskError(
            f"{actions_are} with shape {actions.shape}; wrap the environment into one that takes one vector."
        )
    if isinstance(actions, spaces.Box) and (loose := _unbounded(actions)):
        raise TaskError(
            f"{actions_are} of which number {loose[0]} has no bounds ({actions.low[loose[0]]:g} to {actions.high[loose[0]]:g}), "
            "so nothing says how far a policy should reach; wrap the environment into one that states its bounds."
        )


_BOUNDLESS = 1e30
"""Bounds of this size are the largest numbers of a type, and mean that there are none."""
_COUNTED = 2**53
"""The same for whole numbers: beyond it doubles do not count them any more."""


def _unbounded(actions: spaces.Box) -> list[int]:
    """Places of the numbers that have no bounds."""
    least = _COUNTED if np.issubdtype(actions.dtype, np.integer) else _BOUNDLESS
    reach = np.maximum(np.abs(actions.low.astype(np.float64)), np.abs(actions.high.astype(np.float64)))
    return [int(i) for i in np.flatnonzero(~(reach < least))]


def _of_a_module(error: Exception, task: Task) -> str:
    """What to do about an id that is not known: name its module, or register what that has under the name."""
    if not isinstance(error, gymnasium.error.NameNotFound):
        return ""
    module, _, name = task.env.rpartition(":")
    if not module:
        return f" If a module registers it, name that, too: MODULE:{task.env}."
    if not callable(getattr(sys.modules.get(module), name, None)):
        return f" {module} does not register it."
    line = f'gymnasium.register("{name}-v0", {name}, max_episode_steps=...)'
    return f" {module} has a {name} that is registered under no id: write {line} in it, and name {module}:{name}-v0."


def _missing(error: BaseException | None) -> str:
    """The module that was not found, of an error or of those behind it: Gymnasium raises one of its own, without its name."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name
        error = error.__cause__ or error.__context__
    return ""


def _lacking(error: gymnasium.error.DependencyNotInstalled) -> str:
    """The package that is not installed: the module that was not found, or one that the words name and that is not there."""
    words = re.findall(r"[a-z_][a-z0-9_]*", str(error).lower())
    modules = {"mujoco": "mujoco", "mujoco_py": "mujoco_py", "box2d": "Box2D"}
    named = (modules[word] for word in words if word in modules)
    return _missing(error) or next((module for module in named if not _is_there(module)), "")


def _is_there(module: str) -> bool:
    return module in sys.modules or importlib.util.find_spec(module) is not None


EXTRAS = {
    "Box2D": "box2d",
    "mujoco": "mujoco",
    "gymnasium_robotics": "robotics",
    "metaworld": "metaworld",
    "minigrid": "minigrid",
    "highway_env": "highway",
}


def _pip(module: str) -> str:
    """The command that installs a missing module."""
    if module == "gym":
        return (
            "it was written for gym, which Gymnasium has replaced: write `import gymnasium as gym` in it. What reset and step took "
            "and returned then is understood."
        )
    package, _, inner = module.partition(".")
    if inner and _is_there(package):
        return f"there is a {package!r} without such a module; look how it is spelt, or install the release that was meant."
    if extra := EXTRAS.get(package):
        return how_to_get(extra)
    own = 'if it is a file of yours, name its folder in the card: [process] modules = ["FOLDER"]'
    return f"pip install the package that has {module!r}; {own}."


def vectorised(task: Task, envs: int, seed: int) -> VectorEnv:
    """Environments of the task side by side, seeded. Raises TaskError as `make_env` does."""
    venv = GymnasiumEnvs(task, lambda: make_env(task), envs)
    venv.seed(seed)
    return venv
