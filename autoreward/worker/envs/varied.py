"""Environments of a task, each with numbers of its own: arguments of the environment, or quantities of its MuJoCo model.

Dynamics randomization (Peng et al. 2018, arXiv 1710.06537), to measure and not to train.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium.envs.registration import load_env_creator

from autoreward.core.wording import did_you_mean
from autoreward.errors import TaskError
from autoreward.records import VariedRange
from autoreward.tasks.card import Task
from autoreward.worker.envs import make
from autoreward.worker.envs.vector import GymnasiumEnvs, VectorEnv

_Env = gymnasium.Env[Any, Any]
_FACTORS = {
    "mass": ("body_mass", "body_inertia"),
    "friction": ("geom_friction",),
    "damping": ("dof_damping",),
    "gear": ("actuator_gear",),
}
"""Fields of a MuJoCo model that a name multiplies, all entries by the same factor."""
_GRAVITY = "gravity"
MODEL_QUANTITIES = {
    _GRAVITY: "in m/s², in the model's own direction",
    "mass": "a factor of all masses and inertias",
    "friction": "a factor of all contact friction",
    "damping": "a factor of all joint damping",
    "gear": "a factor of all actuators' gear, which is how strong they are",
}
"""What of any MuJoCo model can be varied."""


class Variable(NamedTuple):
    """What can be varied of an environment."""

    whole: bool | None
    """Whether it takes whole numbers alone; None: its default is one, but nothing says so."""
    in_model: bool = False
    """Whether it is a quantity of a MuJoCo model, and no argument."""


def variables_of(task: Task, env: _Env) -> dict[str, Variable]:
    """What can be varied of this environment of the task, by name; an argument comes before a quantity of that name."""
    model = {name: Variable(whole=False, in_model=True) for name in MODEL_QUANTITIES} if _model_of(env) else {}
    return {**model, **_arguments(task, env)}


def demand_variable(task: Task, env: _Env, variations: Sequence[VariedRange]) -> dict[str, Variable]:
    """What is to be varied. Raises TaskError, with what could be, if some of it can't, or nothing is asked for."""
    known = variables_of(task, env)
    there = ", ".join(_said(name, known[name]) for name in sorted(known))
    listed = f"what can be: {there}" if there else "it takes no number as an argument, and has no MuJoCo model"
    if not variations:
        raise TaskError(f"task {task.name}: nothing is to be varied of {task.env}; {listed}.")
    for variation in variations:
        name = variation.name
        if name not in known:
            near = did_you_mean(name, list(known))
            raise TaskError(f"task {task.name}: {name!r} of {task.env} can't be varied; {listed}.{near}")
        if known[name].whole and not _whole(variation):
            raise TaskError(
                f"task {task.name}: {name!r} of {task.env} is a whole number; write a range of whole numbers."
            )
        if known[name].in_model and variation.low < 0.0:
            raise TaskError(f"task {task.name}: {name!r} of a MuJoCo model is not negative; write a range from 0.")
    return {v.name: known[v.name]._replace(whole=known[v.name].whole is not False and _whole(v)) for v in variations}


def value_within(variation: VariedRange, share: float, whole: bool) -> float:
    """The value that lies this share, in [0, 1), into the range; of whole numbers each is as likely, both ends among them."""
    low, high = variation.low, variation.high
    return float(low + np.floor(share * (high - low + 1.0))) if whole else low + share * (high - low)


def varied_envs(task: Task, known: Mapping[str, Variable], values: Sequence[Mapping[str, float]]) -> VectorEnv:
    """An environment for each of these values, in their order.

    Raises:
        TaskError: it can't be made with one of them, or policies can't read it then.
        EnvironmentFault: it raises something else.
    """
    like = make.make_env(task)
    shape = like.observation_space.shape
    like.close()
    rest = iter(values)

    def one() -> _Env:
        own = next(rest)
        arguments = {n: int(v) if known[n].whole else v for n, v in own.items() if not known[n].in_model}
        env = make.make_env(task.model_copy(update={"kwargs": {**task.kwargs, **arguments}}))
        if env.observation_space.shape != shape:
            env.close()
            told = ", ".join(f"{name} = {value:g}" for name, value in own.items())
            raise TaskError(
                f"task {task.name}: with {told} {task.env} is observed in another shape, which trained policies can't read."
            )
        _change_model(env, {n: v for n, v in own.items() if known[n].in_model})
        return env

    venv = GymnasiumEnvs(task, one, len(values))
    venv.seed(0)
    return venv


def _change_model(env: _Env, values: Mapping[str, float]) -> None:
    model = _model_of(env)
    for name, value in values.items():
        if name == _GRAVITY:
            length = float(np.linalg.norm(model.opt.gravity))
            direction = np.array(model.opt.gravity) / length if length else np.array([0.0, 0.0, -1.0])
            model.opt.gravity[:] = value * direction
        for field in _FACTORS.get(name, ()):
            getattr(model, field)[:] *= value
    if "mass" in values:
        import mujoco

        mujoco.mj_setConst(model, env.unwrapped.data)  # type: ignore[attr-defined]  # what it computes from masses once


def _model_of(env: _Env) -> Any:
    """The environment's MuJoCo model; None without one."""
    inner: Any = env.unwrapped
    model = getattr(inner, "model", None)
    there = type(model).__module__.partition(".")[0] == "mujoco" and getattr(inner, "data", None) is not None
    return model if there else None


def _arguments(task: Task, env: _Env) -> dict[str, Variable]:
    """The arguments that take a number: by the card's, the registered or the default value, or by how they are annotated."""
    spec = gymnasium.registry.get(task.env.rpartition(":")[2])
    entry = spec.entry_point if spec else type(env.unwrapped)
    creator: Callable[..., Any] = load_env_creator(entry) if isinstance(entry, str) else entry  # type: ignore[assignment]
    given = {**(spec.kwargs if spec else {}), **task.kwargs}
    found = {}
    for parameter in inspect.signature(creator).parameters.values():
        value = given.get(parameter.name, parameter.default)
        annotation = str(getattr(parameter.annotation, "__name__", parameter.annotation))
        if annotation in ("float", "int"):
            found[parameter.name] = Variable(whole=annotation == "int")
        elif isinstance(value, float):
            found[parameter.name] = Variable(whole=False)
        elif isinstance(value, int) and not isinstance(value, bool):
            found[parameter.name] = Variable(whole=None)
    return found


def _whole(variation: VariedRange) -> bool:
    return variation.low.is_integer() and variation.high.is_integer()


def _said(name: str, variable: Variable) -> str:
    return f"{name} ({MODEL_QUANTITIES[name]})" if variable.in_model else name
