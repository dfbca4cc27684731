"""Sample a task's environment under a random policy: what its fields look like before anything is learned."""

from collections.abc import Callable

import numpy as np
from gymnasium import spaces

from autoreward.records import Description, FieldStats
from autoreward.tasks import Task
from autoreward.transitions import Transitions
from autoreward.worker import environments, pool
from autoreward.worker.recorder import Recorder
from autoreward.worker.view import Fields

STEPS = 250
ENVS = 8


def describe(
    task: Task, seed: int, demos: bytes, built: Callable[[], None]
) -> tuple[Description, Transitions, Transitions]:
    """STEPS x ENVS random transitions with their statistics, and whole episodes of simple policies, judged.

    Args:
        task: the task.
        seed: of environments and actions.
        demos: an .npz of demonstrations, or empty; see pool.py.
        built: called when the environments are there.

    Returns:
        The description, the sampled transitions, and the pool's episodes, one column each.

    Raises:
        TaskError: the card or the demonstrations don't fit the environment.
    """
    venv = environments.vectorised(task, ENVS, seed % 2**31)
    limit = environments.time_limit(venv.envs[0], task)
    recorder = Recorder(venv, task)
    built()
    recorder.action_space.seed(seed % 2**31)
    episodes, kinds = pool.episodes(task, venv.envs[0], limit, seed, demos)
    recorder.seed(seed % 2**31)
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
        pool=kinds,
    )
    return description, samples, episodes


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
