"""Look at an environment that has no task card yet: its spaces, its docstring, and 6,000 random steps."""

import inspect
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.records import Entry, Pace, Stretch, Survey
from autoreward.worker.envs import make
from autoreward.worker.envs.flatten import VALUE, Flat, Layout, Leaf, Sensed, layout_of
from autoreward.worker.envs.informed import Informed
from autoreward.worker.envs.masks import choice_widths
from autoreward.worker.envs.rounding import demand_moderate
from autoreward.worker.envs.stated import attribute, own_limit, stated
from autoreward.worker.envs.time_limits import cut_after
from autoreward.worker.envs.tolerant import LOST_EPISODE, Losses, Tolerant
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import SurveyJob
from autoreward.worker.jobs.said_in_info import SaidInInfo

_STEPS = 6_000
_STARTS, _STEPS_EACH = 20, 25
"""Further episodes that are only begun, for the ranges: where goals and starts are drawn anew, few whole ones show few of them."""
_CONSTANT, _LONGEST_UNMOVED = 3, 1_000
"""Further episodes of one action each, and their most steps, where nothing else shows a time limit."""
_MOST_SETTINGS = 100
_LONGEST_SETTING = 60
_OWN_TOLERANCES = (
    "distance_threshold",
    "goal_threshold",
    "goal_radius",
    "success_threshold",
    "tolerance",
    "goal_tolerance",
)
"""Where environments keep how close is close enough, if no argument says so."""
BOUNDLESS = 1e6
"""Stated bounds of this size are none that an observation comes near to."""
_SLACK = 0.1
"""Share of what is between stated bounds by which what is observed may leave them, as in a check of a card."""
Array = NDArray[Any]


def survey(job: SurveyJob, files: Mapping[str, bytes], context: JobContext) -> tuple[Survey, dict[str, bytes]]:
    """Survey the environment that the (otherwise empty) task names. Raises TaskError if it can't be made or trained in."""
    task = job.task
    env = Tolerant(make.make_env(task), Losses())
    context.closing.callback(env.close)
    said, began = SaidInInfo(), time.monotonic()
    observations, actions, episodes = _wander(env, said, began + job.seconds / 2)
    pace = Pace(seconds=(time.monotonic() - began) / len(actions), steps=len(actions))
    observations = np.concatenate([observations, _beginnings(env, began + 0.75 * job.seconds)])
    for i, column in enumerate(observations.T):
        demand_moderate(task, f"number {i} of the observation", column)
    random_length = float(np.mean([episode.length for episode in episodes]))
    own = own_limit(env)
    limit = env.spec.max_episode_steps if env.spec else None
    if (task.max_steps or limit or own) is None and _cut_after(episodes) is None:
        episodes += _unmoved(env, began + job.seconds)
    longest = max(episode.length for episode in episodes)
    layout, words = layout_of(env), stated(env)
    return Survey(
        env=task.env,
        doc=words.doc,
        dt=words.dt,
        stretches=_stretches(env, layout, observations),
        box=_box(env),
        left_out=layout.left_out,
        action=_entries(env.action_space, actions, math.inf) if isinstance(env.action_space, spaces.Box) else (),
        choices=choice_widths(env.action_space),
        first=_first(env.action_space),
        max_steps=task.max_steps or limit or own,
        terminates=any(episode.ended for episode in episodes),
        random_length=random_length,
        longest=longest,
        hurried=pace if pace.steps < _STEPS else None,
        cut_after=_cut_after(episodes),
        info=said.values,
        settings=_settings(env),
    ), {}


class _Wandered(NamedTuple):
    """One random episode."""

    length: int
    ended: bool
    cut: bool


def _wander(env: gymnasium.Env[Any, Any], said: SaidInInfo, deadline: float) -> tuple[Array, Array, list[_Wandered]]:
    """STEPS random steps, of slow ones fewer: observations (steps + episodes, d), actions, whole episodes; the last steps' where
    there is none."""
    env.action_space.seed(0)
    first, info = env.reset(seed=0)
    said.reset(info)
    observations, actions, length = [first], [], 0
    episodes: list[_Wandered] = []
    for _ in range(_STEPS):
        action = env.action_space.sample()
        observation, _, ended, cut, info = env.step(action)
        if LOST_EPISODE not in info:
            said.step(info)
        observations.append(observation)
        actions.append(action)
        length += 1
        if ended or cut:
            episodes.append(_Wandered(length, bool(ended), bool(cut and not ended)))
            length = 0
            begun, info = env.reset()
            said.reset(info)
            observations.append(begun)
        if time.monotonic() > deadline:
            break
    return np.stack(observations), np.stack(actions), episodes or [_Wandered(length, ended=False, cut=False)]


def _cut_after(episodes: Sequence[_Wandered]) -> int | None:
    return cut_after([episode.length for episode in episodes], [episode.cut for episode in episodes])


def _unmoved(env: gymnasium.Env[Any, Any], deadline: float) -> list[_Wandered]:
    """Episodes of one action each, up to one that does not end by itself: it may reach a time limit that random ones do not."""
    actions = [_none(env.action_space), *(env.action_space.sample() for _ in range(_CONSTANT))]
    episodes: list[_Wandered] = []
    for action in actions:
        env.reset()
        for length in range(1, _LONGEST_UNMOVED + 1):
            _, _, ended, cut, _ = env.step(action)
            if ended or cut:
                episodes.append(_Wandered(length, bool(ended), bool(cut and not ended)))
                break
            if time.monotonic() > deadline:
                return episodes
        if not ended:
            break
    return episodes


def _none(space: spaces.Space[Any]) -> Any:
    """The action that does the least: the nearest to 0 that there is, or the first choice."""
    if isinstance(space, spaces.Box):
        return np.clip(np.zeros(space.shape), space.low, space.high).astype(space.dtype)
    if isinstance(space, spaces.Discrete):
        return space.start
    return space.start.copy() if isinstance(space, spaces.MultiDiscrete) else np.zeros(space.shape or (), space.dtype)


def _beginnings(env: gymnasium.Env[Any, Any], deadline: float) -> Array:
    """The first random steps of further episodes, shape (observations, d)."""
    observations = []
    for _ in range(_STARTS):
        observations.append(env.reset()[0])
        if time.monotonic() > deadline:
            break
        for _ in range(_STEPS_EACH):
            observation, _, ended, cut, _ = env.step(env.action_space.sample())
            observations.append(observation)
            if ended or cut:
                break
    return np.stack(observations)


def _settings(env: gymnasium.Env[Any, Any]) -> dict[str, bool | float]:
    """The environment's arguments that are numbers, with their defaults, and its tolerances."""
    found: dict[str, Any] = {}
    for kind in reversed(type(env.unwrapped).__mro__):
        with suppress(ValueError, TypeError):  # of C, without a signature
            found |= {name: p.default for name, p in inspect.signature(kind).parameters.items()}
    found |= {name: value for name in _OWN_TOLERANCES if (value := attribute(env, name)) is not None}
    found |= env.spec.kwargs if env.spec else {}
    plain = {
        name: value if isinstance(value, bool) else float(value)
        for name, value in found.items()
        if isinstance(value, bool | int | float | np.number) and math.isfinite(value) and len(name) <= _LONGEST_SETTING
    }
    return dict(list(plain.items())[:_MOST_SETTINGS])


def _stretches(env: gymnasium.Env[Any, Any], layout: Layout, observations: Array) -> tuple[Stretch, ...]:
    if not layout.leaves:
        return (Stretch(key="", entries=_entries(env.observation_space, observations)),)
    stretches = []
    spaces_of = _parts(env)
    for leaf in layout.leaves:
        values = leaf.read(observations)
        columns = values.reshape(len(observations), -1)
        key = "" if leaf.key == VALUE and len(layout.leaves) == 1 and not leaf.choices else leaf.key
        entries = _declared(leaf, columns, spaces_of.get(leaf.key))
        stretches.append(
            Stretch(key=key, entries=entries, choices=leaf.choices, vector=not leaf.single, said=leaf.said)
        )
    return tuple(stretches)


def _box(env: gymnasium.Env[Any, Any]) -> tuple[int, ...] | None:
    """The shape of its own observation, if that is a Box."""
    space, inner = env.observation_space, env
    while isinstance(inner, gymnasium.Wrapper):
        if isinstance(inner, Flat | Sensed | Informed):  # what is around these has other numbers than the environment
            space = inner.env.observation_space
        inner = inner.env
    return tuple(space.shape) if isinstance(space, spaces.Box) else None


def _parts(env: gymnasium.Env[Any, Any]) -> Mapping[str, spaces.Space[Any]]:
    """The space of each part of the observation; none where it is one vector, or made by a state.py."""
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, Flat):
            return env.parts
        env = env.env
    return {}


def _declared(leaf: Leaf, columns: Array, space: spaces.Space[Any] | None) -> tuple[Entry, ...]:
    if not leaf.choices:
        return _entries(space, columns)
    bounds = [(float(f), float(f + n - 1)) for n, f in zip(leaf.choices, leaf.first, strict=True)]
    return tuple(_entry(low, high, columns[:, i]) for i, (low, high) in enumerate(bounds))


def _entries(space: spaces.Space[Any] | None, sampled: Array, boundless: float = BOUNDLESS) -> tuple[Entry, ...]:
    if not isinstance(space, spaces.Box):
        return tuple(_entry(None, None, column) for column in sampled.T)
    low, high = space.low.ravel().astype(np.float64), space.high.ravel().astype(np.float64)
    with np.errstate(all="ignore"):
        slack = np.nan_to_num(_SLACK * (high - low), nan=0.0)
    low = np.where(
        sampled.min(axis=0) < low - slack, -math.inf, low
    )  # what it leaves bounds nothing: Meta-World states 0 to 0
    high = np.where(sampled.max(axis=0) > high + slack, math.inf, high)
    return tuple(_entry(low[i], high[i], sampled[:, i], boundless) for i in range(sampled.shape[1]))


def _entry(low: Any, high: Any, column: Array, boundless: float = BOUNDLESS) -> Entry:
    return Entry(
        low=float(low) if low is not None and abs(low) < boundless else None,
        high=float(high) if high is not None and abs(high) < boundless else None,
        seen_low=float(column.min()),
        seen_high=float(column.max()),
        mean=float(column.mean()),
        std=float(column.std()),
        missed=missed_by_half(column),
    )


def missed_by_half(column: Array) -> float:
    """The share of the range of numbers, as they were sampled one after the other, that one half of them did not reach."""
    half = len(column) // 2
    whole = float(np.ptp(column))
    return 1.0 - min(float(np.ptp(part)) for part in (column[:half], column[half:])) / whole if whole and half else 0.0


def _first(space: spaces.Space[Any]) -> tuple[int, ...]:
    if isinstance(space, spaces.Discrete):
        return (int(space.start),)
    return tuple(map(int, space.start.ravel())) if isinstance(space, spaces.MultiDiscrete) else ()
