"""Sample a task's environment under a random policy: what its fields look like before anything is learned."""

from collections.abc import Callable

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import DummyVecEnv

from autoreward.errors import TaskError
from autoreward.records import Description, FieldStats
from autoreward.tasks import Task
from autoreward.transitions import Transitions
from autoreward.worker import environments
from autoreward.worker.recorder import Recorder
from autoreward.worker.view import Fields

STEPS = 250
ENVS = 8


def describe(task: Task, seed: int, built: Callable[[], None]) -> tuple[Description, Transitions]:
    """STEPS x ENVS random transitions and their statistics; `built` is called when the environments are there.

    Raises TaskError if the card does not fit the environment.
    """
    probe = environments.make(task)
    limit = environments.time_limit(probe, task)
    shape = probe.observation_space.shape
    probe.close()
    for name, source in task.state_sources.items():
        if any(n != "obs" for n in source.names):
            raise TaskError(
                f"{source.where}: {source.text!r} names a key, but the observation is one vector of shape {shape}."
            )
        source.evaluate({"obs": np.zeros((1, *(shape or ())))})
        del name
    recorder = Recorder(DummyVecEnv([lambda: environments.make(task) for _ in range(ENVS)]), task)
    built()
    recorder.seed(seed % 2**31)
    recorder.action_space.seed(seed % 2**31)
    recorder.reset()
    for _ in range(STEPS):
        recorder.step(np.stack([recorder.action_space.sample() for _ in range(ENVS)]))
    recorded = recorder.take()
    recorder.close()
    samples = recorded.transitions
    ended = samples.step[recorded.done]
    choices = int(recorder.action_space.n) if isinstance(recorder.action_space, spaces.Discrete) else 0
    description = Description(
        state=_stats(samples.next_state, 0),
        action=_stats(samples.action, choices),
        max_steps=limit,
        terminates=bool(samples.terminated.any()),
        random_length=float(ended.mean()) if ended.size else float(min(limit, STEPS)),
    )
    return description, samples


def _stats(fields: Fields, choices: int) -> tuple[FieldStats, ...]:
    return tuple(
        FieldStats(
            name=name,
            size=values.shape[2] if values.ndim == 3 else 0,
            low=float(values.min()),
            high=float(values.max()),
            mean=float(values.mean()),
            std=float(values.std()),
            discrete=choices,
        )
        for name, values in fields.items()
    )
