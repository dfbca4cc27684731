"""Find what episodes of trainings may begin at: snapshots on the ways of the best recorded episodes that can be played again."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.seeds import derive
from autoreward.records import DEMONSTRATIONS, SNAPSHOTS_FILE, Snapshots, Teacher
from autoreward.tasks.card import Task
from autoreward.worker.envs import make
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import RolloutEpisode, VectorEnv
from autoreward.worker.exploring.simple_policies import Seen, play_one, replayed
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.explore import LookedAround, look_around
from autoreward.worker.jobs.hunting_records import SnapshotsJob
from autoreward.worker.jobs.reference_episodes import DEMO, SCRIPT, SCRIPTED, demonstrated, demonstrated_seeds
from autoreward.worker.rollout.episodes import evaluated_episodes, played_fields
from autoreward.worker.rollout.snapshots import SnapshotSet
from autoreward.worker.scripts import ScriptPolicy
from autoreward.worker.success import SuccessRule

TEACHERS = 10
"""Episodes on whose ways there are snapshots, at most: the best ones (Zhao et al. 2024)."""
SNAPSHOT_EVERY = 10
"""Steps from one snapshot of a way to the next; fewer on a short way."""
CLUSTERS = 6
"""Groups of snapshots by how near to success they are, at most; as many snapshots a way has at least, if it has the steps."""
Array = NDArray[np.float64]


class _Way(NamedTuple):
    """An episode that may be a teacher's."""

    kind: str
    seed: int
    episode: RolloutEpisode
    progress: float
    success: bool


class _Taught(NamedTuple):
    """A teacher, and the snapshots on its way."""

    teacher: Teacher
    actions: NDArray[np.generic]
    steps: list[int]
    worth: list[float]
    """How far the episode had come at each."""
    observations: list[NDArray[np.generic]]


def find_snapshots(
    job: SnapshotsJob, files: Mapping[str, bytes], context: JobContext
) -> tuple[Snapshots, dict[str, bytes]]:
    """Gather episodes, play the best ones again, and take snapshots on the ways of those that come out the same.

    Raises:
        TaskError: the card, its script or the demonstrations do not fit the environment.
    """
    task = job.task
    venv = make.vectorised(task, 1, job.seed)
    context.closing.callback(venv.close)
    looked = look_around(task, venv, job.seed, job.steps, job.grading)
    ways, steps, unseeded = _ways(job, venv, looked, files.get(DEMONSTRATIONS, b""), context)
    rule = SuccessRule(task, venv.time_limit, job.grading) if task.ruled else None
    taught: list[_Taught] = []
    differing = 0
    exact = looked.replayable
    ranked = iter(_best_first(ways))
    while exact and len(taught) < TEACHERS and (way := next(ranked, None)):
        again = play_one(venv, replayed(way.episode.actions), way.seed)
        steps += len(again.actions)
        if _same(way, again):
            taught += _on_way(task, venv, rule, way, again)
        elif way.kind == DEMO:
            differing += 1
        else:  # one is enough: others may be the same by luck
            exact = False
    if not (exact and taught):
        return Snapshots(steps=steps, differing=differing, why_not=_why_not(exact, differing, unseeded)), {}
    every = _set_of(taught)
    return Snapshots(
        teachers=tuple(t.teacher for t in taught),
        count=len(every.steps),
        clusters=len(np.unique(every.cluster)),
        steps=steps,
        differing=differing,
    ), {SNAPSHOTS_FILE: every.to_bytes()}


def _ways(
    job: SnapshotsJob, venv: VectorEnv, looked: LookedAround, demos: bytes, context: JobContext
) -> tuple[list[_Way], int, bool]:
    """All episodes there are, the steps that were played for them, and whether there are demonstrations without seeds."""
    task = job.task
    found = [(looked.kind(i), *pair) for i, pair in enumerate(zip(looked.seeds, looked.episodes, strict=True))]
    steps = looked.steps
    if task.script:
        policy = ScriptPolicy(task, venv.layout, venv.action_space, context.room)
        for i in range(SCRIPTED):
            seed = derive(job.seed, SCRIPT, i)
            found.append((SCRIPT, seed, play_one(venv, policy.begin(venv), seed)))
            steps += len(found[-1][2].actions)
    seeds = demonstrated_seeds(task, demos) if demos else []
    if seeds:
        found += [(DEMO, *pair) for pair in zip(seeds, demonstrated(task, venv, demos), strict=True)]
    spread = Seen.of_episodes(PolicyView(task, venv.layout), looked.episodes).spread
    evaluated = evaluated_episodes(task, venv, [episode for _, _, episode in found], spread, job.grading)
    ways = [_Way(*one, judged.progress, judged.success) for one, judged in zip(found, evaluated, strict=True)]
    return ways, steps, bool(demos) and not seeds


def _best_first(ways: Sequence[_Way]) -> list[_Way]:
    """Successes first, the shortest of each seed before any second one of it; then what came nearest."""
    seen: dict[int, int] = {}
    ranked: list[tuple[tuple[float, ...], _Way]] = []
    for way in sorted(ways, key=lambda w: (-w.success, len(w.episode.actions) if w.success else -w.progress)):
        turn = seen[way.seed] = seen.get(way.seed, -1) + 1
        ranked.append(((-float(way.success), float(turn) if way.success else -way.progress), way))
    return [way for _, way in sorted(ranked, key=lambda pair: pair[0])]


def _same(way: _Way, again: RolloutEpisode) -> bool:
    """Whether it came out the same: to the bit, or of what a person's program recorded to single precision."""
    then = way.episode.observations
    now = again.observations[: len(then)]
    if way.kind == DEMO:
        return now.shape == then.shape and np.allclose(now, then, rtol=1e-5, atol=1e-6)
    return np.array_equal(now, then, equal_nan=True)


def _on_way(task: Task, venv: VectorEnv, rule: SuccessRule | None, way: _Way, again: RolloutEpisode) -> list[_Taught]:
    """The snapshots of one way, up to where it had come farthest; nothing of one that is too short for any."""
    length = len(way.episode.actions)
    steps = list(range(every := max(1, min(SNAPSHOT_EVERY, length // CLUSTERS)), length, every))
    worth = [0.0] * len(steps)
    if rule:
        fields = played_fields(task, venv, way.episode)
        worth = [rule.progress({name: values[:step] for name, values in fields.items()}, False) for step in steps]
    won = [i for i, progress in enumerate(worth) if progress == 1.0]
    last = won[0] - 1 if won else len(worth) - 1 if way.success or not any(worth) else int(np.argmax(worth))
    if not steps or last < 0:
        return []
    teacher = Teacher(kind=way.kind, seed=way.seed, length=steps[last], progress=way.progress, success=way.success)
    kept = steps[: last + 1]
    seen = [again.observations[step] for step in kept]
    return [_Taught(teacher, way.episode.actions[: kept[-1]], kept, worth[: last + 1], seen)]


def _set_of(taught: Sequence[_Taught]) -> SnapshotSet:
    """All snapshots, with their clusters: by how far an episode had come, or by the steps left where the rule can't tell."""
    worth = np.array([value for one in taught for value in one.worth])
    if worth.max() - worth.min() < 1e-9:
        worth = np.array([step - one.steps[-1] for one in taught for step in one.steps], np.float64)
    lengths = [len(one.actions) for one in taught]
    return SnapshotSet(
        seeds=np.array([one.teacher.seed for one in taught], np.int64),
        actions=np.concatenate([one.actions for one in taught]),
        begins=np.cumsum([0, *lengths[:-1]]).astype(np.int64),
        episode=np.repeat(np.arange(len(taught)), [len(one.steps) for one in taught]).astype(np.int64),
        steps=np.array([step for one in taught for step in one.steps], np.int64),
        cluster=clustered(worth),
        observations=np.stack([seen for one in taught for seen in one.observations]),
    )


def clustered(worth: Array) -> NDArray[np.int64]:
    """(S,): which of at most CLUSTERS groups each number (S,) is in, rising from 0: k-means, begun at quantiles."""
    distinct = np.unique(worth)
    centres = np.quantile(distinct, np.linspace(0.0, 1.0, min(CLUSTERS, len(distinct))))
    while True:
        group = np.abs(worth[:, None] - centres).argmin(axis=1)
        moved = np.array([worth[group == g].mean() if (group == g).any() else c for g, c in enumerate(centres)])
        if np.allclose(moved, centres):
            return np.unique(group, return_inverse=True)[1].astype(np.int64)
        centres = moved


def _why_not(exact: bool, differing: int, unseeded: bool) -> str:
    """Why there is nothing to begin at."""
    if not exact:
        return "the same seed and actions do not give the same episode, so that none can be played again"
    demos = "; demonstrations begin there where their file has seeds (E,)" if unseeded else ""
    demos = f"; their seeds and actions do not give the {differing} demonstrations again" if differing else demos
    return f"no recorded episode is long enough{demos}"
