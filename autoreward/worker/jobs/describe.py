"""Sample a task's environment under a random policy: what its fields look like before anything is learned."""

import inspect
import math
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.core.contract import NATIVE_REWARD
from autoreward.core.wording import did_you_mean
from autoreward.errors import TaskError
from autoreward.records import DEMONSTRATIONS, REFERENCE_EPISODES, SAMPLES, Description, Episode, FieldStats, Pace
from autoreward.tasks.card import Task
from autoreward.worker import policies
from autoreward.worker.batched.choice import chosen_simulator
from autoreward.worker.envs import make
from autoreward.worker.envs.fields import NamedArrays
from autoreward.worker.envs.masks import allowed_actions
from autoreward.worker.envs.rounding import demand_moderate
from autoreward.worker.envs.time_limits import cut_after
from autoreward.worker.envs.vector import VectorEnv
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.motions import motions
from autoreward.worker.jobs.records import DescribeJob
from autoreward.worker.jobs.reference_episodes import reference_episodes
from autoreward.worker.rollout.recorder import Recorder

_STEPS = 250
_FEWEST_STEPS = 10
_ENVS = 8
TINY_BUFFER = 1_000
"""Transitions of the replay buffer of an algorithm that is only tried: a whole one may need the memory of a training."""


def describe(job: DescribeJob, files: Mapping[str, bytes], context: JobContext) -> tuple[Description, dict[str, bytes]]:
    """STEPS x ENVS random transitions with their statistics, and whole episodes of simple policies, evaluated.

    Of an environment so slow that these take longer than the job's seconds, there are fewer of both.

    Args:
        job: the task, and the seed of environments and actions.
        files: an .npz of demonstrations, or none; see reference_episodes.py.
        context: closes the environments; the room of the script, if that is a program.

    Returns:
        The description; the sampled transitions, and the reference episodes, one column each.

    Raises:
        TaskError: the card, the demonstrations or the simulator don't fit the environment, or its settings the algorithm.
    """
    task, seed, demos = job.task, job.seed, files.get(DEMONSTRATIONS, b"")
    venv = make.vectorised(task, _ENVS, seed % 2**31)
    context.closing.callback(venv.close)
    _try_settings(task, venv)
    limit, stated = venv.time_limit, venv.stated
    recorder = Recorder(venv, task)
    recorder.action_space.seed(seed % 2**31)
    began = time.monotonic()
    episodes, kinds, grading = reference_episodes(task, venv, seed, demos, began + job.seconds / 2, context.room)
    sampling = time.monotonic()
    recorder.seed(seed % 2**31)
    recorder.reset()
    for taken in range(1, _STEPS + 1):
        recorder.step(_drawn_actions(recorder))
        if taken >= _FEWEST_STEPS and time.monotonic() > sampling + job.seconds / 2:
            break
    pace = Pace(seconds=(time.monotonic() - sampling) / (taken * _ENVS), steps=taken * _ENVS)
    samples = recorder.take().transitions
    states = samples.without(NATIVE_REWARD)
    for name, values in states.next_state.items():
        demand_moderate(task, name, values)
    whole = [
        known.episode for known in kinds if known.kind == "random"
    ]  # the samples may be cut before an episode ends
    _demand_full_length(task, limit, whole)
    _demand_step_time(task, stated.dt)
    one = recorder.action_space if isinstance(recorder.action_space, spaces.Discrete) else None
    choices, first = (int(one.n), int(one.start)) if one else (0, 0)
    description = Description(
        state=_stats(states.next_state),
        native=_stats({n: v for n, v in samples.next_state.items() if n == NATIVE_REWARD}),
        action=_stats(samples.action, choices, first),
        max_steps=limit,
        terminates=bool(samples.terminated.any()) or any(episode.terminated for episode in whole),
        random_length=float(np.mean([episode.length for episode in whole])),
        reference_episodes=kinds,
        grading=grading,
        motions=motions(task, states),
        doc=stated.doc,
        dt=stated.dt,
        lost_episodes=venv.lost_episodes,
        simulator=chosen_simulator(job.simulator, task, seed % 2**31),
        hurried=pace if taken < _STEPS or sampling > began + job.seconds / 2 else None,
    )
    return description, {SAMPLES: samples.to_bytes(), REFERENCE_EPISODES: episodes.to_bytes()}


def _drawn_actions(recorder: Recorder) -> NDArray[Any]:
    """One for each environment, that it allows now."""
    drawn = np.stack([recorder.action_space.sample() for _ in range(recorder.num_envs)])
    return np.asarray(allowed_actions(recorder.action_space, recorder.layout, recorder.observations, drawn))


def _demand_full_length(task: Task, limit: int, episodes: Sequence[Episode]) -> None:
    """Raises TaskError where a success needs the full length and the environment cuts every episode before it."""
    own = cut_after([e.length for e in episodes], [not e.terminated for e in episodes])
    if task.success.full_length and own is not None and own < limit:
        raise TaskError(
            f"task {task.name}: [success] asks for the full length of {limit} steps, and {task.env} cuts every episode after "
            f"{own} itself; set max_steps = {own} in its card."
        )


def _demand_step_time(task: Task, stated: float | None) -> None:
    """Raises TaskError where the card says that a step takes another time than the environment says."""
    said = task.success.dt
    if said is not None and stated is not None and not math.isclose(said, stated, rel_tol=0.01):
        raise TaskError(
            f"task {task.name}: [success] dt = {said:g}, and a step of {task.env} takes {stated:g} s as it says itself; "
            f"write dt = {stated:g}."
        )


def _stats(fields: NamedArrays, choices: int = 0, first: int = 0) -> tuple[FieldStats, ...]:
    return tuple(
        FieldStats(
            name=name,
            size=values.shape[2] if values.ndim == 3 else 0,
            low=float(values.min()),
            high=float(values.max()),
            mean=float(values.mean()),
            std=float(values.std()),
            discrete=choices,
            first=first,
        )
        for name, values in fields.items()
    )


def _try_settings(task: Task, venv: VectorEnv) -> None:
    """Build the task's algorithm once. Raises TaskError on settings that it does not take."""
    train = task.train
    card = f"task {task.name}, [train"
    parameters = inspect.signature(policies.algorithm_class(task)).parameters
    for name, value in train.hyperparameters.items():
        if name not in parameters:
            hint = did_you_mean(name, parameters)
            raise TaskError(f"{card}.hyperparameters]: {train.algorithm} has no setting {name!r}.{hint}")
        usual = parameters[name].default
        if isinstance(value, str) and isinstance(usual, int | float):
            raise TaskError(
                f"{card}.hyperparameters]: {name} = {value!r} is no number; {train.algorithm}'s own is {usual!r}."
            )
    policy: Any = policies.algorithm_class(task).policy_aliases[train.policy]
    takes = inspect.signature(policy).parameters
    if strange := sorted(train.policy_kwargs.given().keys() - takes):
        raise TaskError(f"{card}.policy_kwargs]: policies of {train.algorithm} have no {strange[0]!r}; leave it out.")
    if not train.spec.on_policy and train.hyperparameters.get("n_steps", 1) != 1:
        raise TaskError(
            f"{card}.hyperparameters]: n_steps is not used here: {train.algorithm} learns from single steps; leave it out."
        )
    if not train.rescale_actions and train.spec.rescales:
        raise TaskError(f"{card}] rescale_actions: {train.algorithm} always rescales actions; leave it out.")
    if not 0.0 <= train.gamma <= 1.0:
        raise TaskError(f"{card}.hyperparameters]: gamma = {train.gamma:g} is not between 0 and 1.")
    settings = {
        name: type(value)(TINY_BUFFER)
        if name == "buffer_size" and not isinstance(value, str) and value > TINY_BUFFER
        else value
        for name, value in train.hyperparameters.items()
    }
    tried = task.model_copy(update={"train": train.model_copy(update={"hyperparameters": settings})})
    try:
        with warnings.catch_warnings(action="ignore"):
            policies.build(tried, policies.normalised(tried, venv), seed=0)
    except (TypeError, ValueError, AssertionError, ArithmeticError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise TaskError(f"{card}]: {train.algorithm} can't be built with these settings: {reason}") from None
