"""Look at an environment that has no task card yet: its spaces, its docstring, and 2,000 random steps."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.records import Entry, Stretch, Survey
from autoreward.worker.envs import make
from autoreward.worker.envs.flatten import VALUE, Layout, Leaf, layout_of
from autoreward.worker.envs.stated import documentation
from autoreward.worker.envs.time_limits import cut_after
from autoreward.worker.envs.tolerant import Losses, Tolerant
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import SurveyJob

_STEPS = 2_000
BOUNDLESS = 1e6
"""Stated bounds of this size are none that an observation comes near to."""
Array = NDArray[Any]


def survey(job: SurveyJob, files: Mapping[str, bytes], context: JobContext) -> tuple[Survey, dict[str, bytes]]:
    """Survey the environment that the (otherwise empty) task names. Raises TaskError if it can't be made or trained in."""
    task = job.task
    env = Tolerant(make.make_env(task), Losses())
    context.closing.callback(env.close)
    observations, actions, episodes = _wander(env)
    lengths = [episode.length for episode in episodes]
    own = getattr(env.unwrapped, "max_steps", None)
    limit = env.spec.max_episode_steps if env.spec else None
    layout = layout_of(env)
    return Survey(
        env=task.env,
        doc=documentation(env),
        stretches=_stretches(env, layout, observations),
        left_out=layout.left_out,
        action=_entries(env.action_space, actions, math.inf) if isinstance(env.action_space, spaces.Box) else (),
        choices=_choices(env.action_space),
        first=_first(env.action_space),
        max_steps=task.max_steps or limit or (own if isinstance(own, int) else None),
        terminates=any(episode.ended for episode in episodes),
        random_length=float(np.mean(lengths)),
        longest=max(lengths),
        cut_after=cut_after(lengths, [episode.cut for episode in episodes]),
    ), {}


class _Wandered(NamedTuple):
    """One random episode."""

    length: int
    ended: bool
    cut: bool


def _wander(env: gymnasium.Env[Any, Any]) -> tuple[Array, Array, list[_Wandered]]:
    """STEPS random steps: observations (STEPS + episodes, d), actions, whole episodes; the last steps' where there is none."""
    env.action_space.seed(0)
    observations, actions, length = [env.reset(seed=0)[0]], [], 0
    episodes: list[_Wandered] = []
    for _ in range(_STEPS):
        action = env.action_space.sample()
        observation, _, ended, cut, _ = env.step(action)
        observations.append(observation)
        actions.append(action)
        length += 1
        if ended or cut:
            episodes.append(_Wandered(length, bool(ended), bool(cut and not ended)))
            length = 0
            observations.append(env.reset()[0])
    return np.stack(observations), np.stack(actions), episodes or [_Wandered(length, ended=False, cut=False)]


def _stretches(env: gymnasium.Env[Any, Any], layout: Layout, observations: Array) -> tuple[Stretch, ...]:
    if not layout.leaves:
        return (Stretch(key="", entries=_entries(env.observation_space, observations)),)
    stretches = []
    for leaf in layout.leaves:
        values = leaf.read(observations)
        columns = values.reshape(len(observations), -1)
        key = "" if leaf.key == VALUE and len(layout.leaves) == 1 and not leaf.choices else leaf.key
        entries = _declared(leaf, columns)
        stretches.append(
            Stretch(key=key, entries=entries, choices=leaf.choices, vector=not leaf.single, said=leaf.said)
        )
    return tuple(stretches)


def _declared(leaf: Leaf, columns: Array) -> tuple[Entry, ...]:
    if leaf.choices:
        bounds = [(float(f), float(f + n - 1)) for n, f in zip(leaf.choices, leaf.first, strict=True)]
    else:
        bounds = [(None, None)] * columns.shape[1]  # type: ignore[list-item]
    return tuple(_entry(low, high, columns[:, i]) for i, (low, high) in enumerate(bounds))


def _entries(space: spaces.Space[Any], sampled: Array, boundless: float = BOUNDLESS) -> tuple[Entry, ...]:
    low, high = (space.low.ravel(), space.high.ravel()) if isinstance(space, spaces.Box) else ((), ())
    return tuple(_entry(low[i], high[i], sampled[:, i], boundless) for i in range(sampled.shape[1]))


def _entry(low: Any, high: Any, column: Array, boundless: float = BOUNDLESS) -> Entry:
    return Entry(
        low=float(low) if low is not None and abs(low) < boundless else None,
        high=float(high) if high is not None and abs(high) < boundless else None,
        seen_low=float(column.min()),
        seen_high=float(column.max()),
        mean=float(column.mean()),
        std=float(column.std()),
    )


def _choices(space: spaces.Space[Any]) -> tuple[int, ...]:
    if isinstance(space, spaces.Discrete):
        return (int(space.n),)
    if isinstance(space, spaces.MultiDiscrete):
        return tuple(map(int, space.nvec.ravel()))
    if isinstance(space, spaces.MultiBinary):
        return (2,) * int(np.prod(space.shape))
    return ()


def _first(space: spaces.Space[Any]) -> tuple[int, ...]:
    if isinstance(space, spaces.Discrete):
        return (int(space.start),)
    return tuple(map(int, space.start.ravel())) if isinstance(space, spaces.MultiDiscrete) else ()
