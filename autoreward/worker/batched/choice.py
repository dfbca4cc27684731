"""Which simulator a task's trainings get: EnvPool where it is the same environment, else the person's own, and why."""

from importlib import metadata

from autoreward.errors import EnvironmentFault, TaskError, how_to_get
from autoreward.records import TASKS_OWN, TrainingSimulator
from autoreward.settings import SimulatorSetting
from autoreward.tasks.card import Task
from autoreward.worker.batched.conformance import mismatch
from autoreward.worker.batched.envpool_plan import CannotServe, envpool_installed, envpool_plan
from autoreward.worker.batched.envpool_sim import draws_in_steps, envpool_opener
from autoreward.worker.batched.envs import BatchedEnvs
from autoreward.worker.batched.simulator import facts_of
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import resting
from autoreward.worker.envs.vector import VectorEnv

_THROWN = (
    TaskError,
    EnvironmentFault,
    RuntimeError,
    ValueError,
    TypeError,
    AssertionError,
    LookupError,
    ArithmeticError,
)
"""What EnvPool, or a state.py that reads it, raises where it is not as Gymnasium's environment is."""

_UNSEEDED = "it begins no single episode from a seed, as [train] snapshots wants it"


def chosen_simulator(setting: SimulatorSetting, task: Task, seed: int) -> TrainingSimulator:
    """What the trainings of a task step, by what both do from this seed on.

    Raises TaskError where EnvPool is asked for and can't stand in.
    """
    if setting == "gymnasium" or (setting == "auto" and not envpool_installed()):
        return TASKS_OWN
    demand_envpool(task)
    version = metadata.version("envpool")
    reason = _UNSEEDED if task.train.snapshots else _difference(task, seed)
    if not reason:
        return TrainingSimulator(name="envpool", version=version)
    if setting == "envpool":
        raise TaskError(f"task {task.name}: EnvPool {version} can't stand in for its environment: {reason}.")
    return TrainingSimulator(version=version, reason=reason)


def demand_envpool(task: Task) -> None:
    """Raises TaskError where it is not installed."""
    if not envpool_installed():
        raise TaskError(f"task {task.name}: its trainings need EnvPool, which is not installed: {how_to_get('fast')}")


def training_envs(task: Task, simulator: TrainingSimulator, count: int, seed: int) -> VectorEnv:
    """Environments of the task side by side, seeded, in the simulator that was chosen.

    Raises TaskError as `make.make_env` does, and where EnvPool was chosen and is gone or has changed.
    """
    if simulator.name == "gymnasium":
        return make.vectorised(task, count, seed)
    demand_envpool(task)
    env = make.make_env(task)
    facts = facts_of(env, task)
    try:
        plan = envpool_plan(task, env, facts.time_limit)
    except CannotServe as error:
        raise TaskError(f"task {task.name}: EnvPool can't stand in for its environment any more: {error}.") from None
    opened = envpool_opener(plan, env)
    envs = BatchedEnvs(task, facts, opened, count, draws_in_steps(opened, resting(facts.action_space)))
    envs.seed(seed)
    env.close()
    return envs


def _difference(task: Task, seed: int) -> str:
    """Why EnvPool can't stand in for the task's environment; empty where it can."""
    env = make.make_env(task)
    try:
        facts = facts_of(env, task)
        plan = envpool_plan(task, env, facts.time_limit)
        return mismatch(env, envpool_opener(plan, env), facts, seed)
    except CannotServe as error:
        return str(error)
    except _THROWN as error:
        return f"it was tried, and failed: {type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}"
    finally:
        env.close()
