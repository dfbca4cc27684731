"""Episodes that cost no training: random, constant and scripted actions, and a person's demonstrations, evaluated by the rule."""

import io
import math
import socket
import time
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.core.seeds import HELD_OUT_BASE
from autoreward.core.transitions import Transitions
from autoreward.errors import TaskError
from autoreward.records import Grading, ReferenceEpisode
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.names import INFO, info_keys
from autoreward.worker.envs.actions import resting
from autoreward.worker.envs.flatten import Layout
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import EpisodeRows, PolicyFunction, RolloutEpisode, VectorEnv
from autoreward.worker.grading import SimpleEpisode, graded_by
from autoreward.worker.rollout.episodes import as_transitions, evaluated_episodes, played_fields
from autoreward.worker.scripts import ScriptPolicy

RANDOM = 10
CONSTANT = 2
"""Episodes of each constant action."""
SCRIPTED = 10
"""Episodes of the task's script."""
SCRIPT, DEMO = "scripted", "demo"
"""What episodes are called that are more than simple policies make."""
CONSTANTS = 6
"""Constant actions tried: standing still, and pushing all one way."""
_STEPS = 20_000
"""Most steps of one kind of episodes: fewer of them where they are long."""
DEMOS = ("observations", "actions", "lengths", "terminated")
"""Arrays of a file of demonstrations."""


def reference_episodes(
    task: Task,
    venv: VectorEnv,
    seed: int,
    demos: bytes,
    deadline: float = math.inf,
    room: socket.socket | None = None,
) -> tuple[Transitions, tuple[ReferenceEpisode, ...], Grading]:
    """The episodes as columns, what each is, and what progress is measured by; after the deadline none is begun but the first.

    `room` is that of the script's program, if it is one. Raises TaskError if the demonstrations or the script don't fit.
    """
    episodes: list[RolloutEpisode] = []
    kinds: list[str] = []
    space = venv.action_space
    space.seed(seed % 2**31)
    plans: list[tuple[str, Callable[[], PolicyFunction], int]] = [
        ("random", lambda: partial(_alone, space.sample), RANDOM),
        *((f"constant {_shown(a)}", partial(_always, a), CONSTANT) for a in _constants(space)),
    ]
    if task.script:
        plans.append((SCRIPT, partial(ScriptPolicy(task, venv.layout, space, room).begin, venv), SCRIPTED))
    for kind, begin, count in plans:
        for i in range(max(1, min(count, _STEPS // venv.time_limit))):
            if episodes and time.monotonic() > deadline:
                break
            episodes += venv.play(begin(), [seed + i])
            kinds.append(kind)
    shown = demonstrated(task, venv, demos) if demos else []
    episodes, kinds = episodes + shown, kinds + [DEMO] * len(shown)
    view = PolicyView(task, venv.layout)
    spread = np.concatenate([view.of(episode.observations) for episode in episodes]).std(axis=0) + 1e-4
    simple = [
        SimpleEpisode(kind, played_fields(task, venv, episode), episode.terminated)
        for kind, episode in zip(kinds, episodes, strict=True)
        if kind not in (SCRIPT, DEMO)
    ]
    grading = graded_by(task, venv.time_limit, simple)
    evaluated = evaluated_episodes(task, venv, episodes, spread, grading)
    pooled = tuple(ReferenceEpisode(kind=k, episode=e) for k, e in zip(kinds, evaluated, strict=True))
    return as_transitions(task, venv, episodes), pooled, grading


def _always(action: Any) -> PolicyFunction:
    return partial(_alone, lambda: action)


def _alone(act: Callable[[], Any], observations: NDArray[Any], turn: EpisodeRows) -> list[Any]:
    return [act()]


def _shown(action: Any) -> str:
    numbers = np.atleast_1d(action)
    return f"{numbers[0]:g}" if np.all(numbers == numbers[0]) else "action"


def _constants(space: spaces.Space[Any]) -> list[Any]:
    if isinstance(space, spaces.Discrete):
        return [np.int64(space.start + i) for i in range(min(int(space.n), CONSTANTS))]
    if isinstance(space, spaces.Box):
        return [resting(space), space.low, space.high]
    return [resting(space)]


def demonstrated(task: Task, venv: VectorEnv, demos: bytes) -> list[RolloutEpisode]:
    """Demonstrations: `observations` (E, L + 1, d), `actions` (E, L) or (E, L, a), `lengths` (E,), `terminated` (E,).

    Of each value of `info` that fields read an array (E, L + 1) or (E, L + 1, k), named by its keys, such as `info.energy`.

    Raises:
        TaskError: the file can't be read, or holds something else.
    """
    informed = {_dotted(leaf.key): leaf for leaf in venv.layout.info}
    try:
        (observations, actions, lengths, terminated), told = _arrays(demos, list(informed))
        observations = _with_info(observations, told, task, venv.layout)
        return [
            RolloutEpisode(
                _observed(observations, i, length),
                _acted(actions, i, length, venv.action_space),
                bool(terminated[i]),
            )
            for i, length in enumerate(map(int, lengths))
        ]
    except ValueError as error:
        raise TaskError(
            f"task {task.name}, demonstrations: {error}. The file needs observations (E, L + 1, d), actions (E, L[, a]), "
            "lengths (E,) and terminated (E,) for E episodes"
            + "".join(f", and {name} (E, L + 1{'' if leaf.single else ', k'})" for name, leaf in informed.items())
            + "."
        ) from None


def demonstrated_seeds(task: Task, demos: bytes) -> list[int]:
    """The seed of the reset that each demonstration begins with, its `seeds` (E,); none where the file has no such array.

    Raises TaskError for what are no seeds of training episodes.
    """
    with np.load(io.BytesIO(demos), allow_pickle=False) as archive:
        if "seeds" not in archive:
            return []
        seeds, count = archive["seeds"], len(archive["lengths"])
    if seeds.dtype.kind not in "iu" or seeds.shape != (count,) or not ((seeds >= 0) & (seeds < HELD_OUT_BASE)).all():
        raise TaskError(
            f"task {task.name}, demonstrations: seeds of {seeds.dtype} and shape {seeds.shape}; they are {count} whole numbers "
            f"from 0 to {HELD_OUT_BASE - 1}, one an episode: what its reset was given. Larger ones are kept for scoring."
        )
    return [int(seed) for seed in seeds]


def _dotted(path: str) -> str:
    """What an array of a value of `info` is called."""
    return ".".join((INFO, *info_keys(path)))


def _with_info(observations: NDArray[Any], told: Sequence[NDArray[Any]], task: Task, layout: Layout) -> NDArray[Any]:
    """Observations with the values of `info` behind them, as environments hand them out. Raises ValueError."""
    if observations.shape[2] != layout.observed:
        raise ValueError(f"observations of shape {observations.shape[2:]}, not {(layout.observed,)}")
    columns = [observations]
    for leaf, array in zip(layout.info, told, strict=True):
        size = leaf.stop - leaf.start
        if array.shape[:2] != observations.shape[:2] or array.size != observations[:, :, 0].size * size:
            raise ValueError(f"{_dotted(leaf.key)} of shape {array.shape} beside observations of {observations.shape}")
        column = array.reshape(*observations.shape[:2], size).astype(np.float64)
        if (said := task.info_at_reset[leaf.key]) is not None:
            column[:, 0] = said
        columns.append(column)
    return np.concatenate(columns, axis=2)


def _arrays(demos: bytes, info: Sequence[str]) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """The four arrays of numbers and those of `info`, each of as many episodes. Raises ValueError."""
    names = (*DEMOS, *info)
    try:
        loaded = np.load(io.BytesIO(demos), allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        loaded = None
    if not isinstance(loaded, np.lib.npyio.NpzFile):
        raise ValueError("it is no .npz file")
    with loaded as archive:
        if missing := [name for name in names if name not in archive]:
            raise ValueError(f"it has no {missing[0]}")
        try:
            arrays = [archive[name] for name in names]
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
            raise ValueError("its arrays can't be read: they are torn, or hold no numbers") from None
    axes_of = ((3,), (2, 3), (1,), (1,), *(range(2, 9) for _ in info))
    for name, array, axes in zip(names, arrays, axes_of, strict=True):
        if array.dtype.kind not in "biuf" or array.ndim not in axes:
            raise ValueError(f"{name} has {array.ndim} axes of {array.dtype}")
    if {len(array) for array in arrays} != {len(arrays[0])} or not len(arrays[0]):
        raise ValueError("it holds no episode, or not as many of each: " + ", ".join(str(len(a)) for a in arrays))
    return arrays[: len(DEMOS)], arrays[len(DEMOS) :]


def _observed(recorded: NDArray[Any], i: int, length: int) -> NDArray[Any]:
    """One episode's observations, shape (length + 1, d). Raises ValueError."""
    if not 1 <= length < recorded.shape[1]:
        raise ValueError(
            f"episode {i} has length {length}; {recorded.shape[1]} observations an episode are for 1 to {recorded.shape[1] - 1}"
        )
    observations = recorded[i, : length + 1]
    if not np.isfinite(observations).all():
        raise ValueError(f"an observation of episode {i} is not finite")
    return observations


def _acted(recorded: NDArray[Any], i: int, length: int, space: spaces.Space[Any]) -> NDArray[Any]:
    """One episode's actions as the space has them; beyond a box's bounds the environment clips. Raises ValueError."""
    if recorded.shape[2:] != (space.shape or ()) or recorded.shape[1] < length:
        raise ValueError(f"actions of shape {recorded.shape[1:]} an episode are not {length} of {space}")
    actions = recorded[i, :length]
    if isinstance(space, spaces.Box):
        wrong = ~np.isfinite(actions).all(axis=-1)
    else:
        whole = actions.astype(np.int64)
        wrong = np.array([not space.contains(a) for a in whole]) | (whole != actions).reshape(length, -1).any(axis=-1)
        actions = whole
    if wrong.any():
        raise ValueError(f"action {recorded[i, int(wrong.argmax())]} of episode {i} is none of {space}")
    return actions
