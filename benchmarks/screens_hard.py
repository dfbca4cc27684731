"""What screens say of the recorded programs of the four hard tasks before anything is trained, and what came of it.

    python benchmarks/screens_hard.py screens [--tasks cheetah-stop,lander-left] [--runs DIR]
    python benchmarks/screens_hard.py near [--tasks ...] [--runs DIR]

The programs of `benchmarks/data/hard` (a strong model's and the grammar's) are judged as in a first round: by episodes of random
and constant actions and by those of an exploration of 20,000 steps, which are made once a task and kept in DIR. Nothing is
trained: what came of each program is in its records (see `benchmarks/hard.py`). Bad: none of its trainings ever succeeded in
more than 1 of 20 episodes; good: a quarter of the episodes, over its trainings. The others are in neither.

`screens`: how many were rejected or demoted, and how many of those by informativeness alone; then the rank correlation of what
came of all programs (success and the last checkpoint's progress) with the numbers of ranking and of informativeness.
`near`: pairs of programs of a task by their STARC distance, what products of two of the eight most varying numbers of the state
among the shaping terms would change, and how far apart pairs are in success. What else was tried: `benchmarks/screens_left_out.py`.
"""

import argparse
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from hard import DATA, TASKS, programs, recorded
from numpy.typing import NDArray

from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.hunting import recorded_exploit
from autoreward.checks.informativeness import paid_share
from autoreward.checks.relabel import Relabelled, relabel
from autoreward.checks.screening import screen
from autoreward.checks.starc import Distances, potentials
from autoreward.config import RunConfig
from autoreward.core.contract import NATIVE_REWARD
from autoreward.core.transitions import Transitions
from autoreward.evaluation.rank_correlation import spearman
from autoreward.records import Candidate, Description, Verdict
from autoreward.rewards.compose.episodes import lasting
from autoreward.sandbox.jail import Jail
from autoreward.search.halving import search_job
from autoreward.search.recorded import recorded as recorded_episodes
from autoreward.session.real_steps import open_steps
from autoreward.store.book import Book, RunHeader
from autoreward.store.keys import DESCRIPTION, EXPLORATION, VERDICTS
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

CONFIG = RunConfig(explore_steps=20_000)
BAD, GOOD = 0.05, 0.25
SAID = ("rejected", "demoted")
Array = NDArray[np.float64]


class Judged(NamedTuple):
    """A program, what came of it, and what it makes of the recorded episodes."""

    candidate: Candidate
    verdict: Verdict
    success: list[float]
    progress: list[float]
    labels: Relabelled
    parts: dict[str, Array]

    @property
    def kind(self) -> str:
        if max(self.success) <= BAD:
            return "bad"
        return "good" if fmean(self.success) >= GOOD else ""

    @property
    def worth(self) -> float:
        return fmean(self.success) + fmean(self.progress)


class Field(NamedTuple):
    """All programs of a task."""

    task: Task
    description: Description
    dataset: EpisodeDataset
    items: tuple[Judged, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("do", choices=("screens", "near"))
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    fields = [field(name, options.runs) for name in options.tasks.split(",")]
    if options.do == "screens":
        show_screens(fields)
        show_correlations(fields)
    else:
        show_near(fields)


def field(name: str, runs: Path) -> Field:
    """Describe and explore a task, unless it is done, and have its programs judge the episodes."""
    task, folder = find_task(name, (DATA,)), runs / f"screens-{name}"
    opened = Book.open(folder) if (folder / "run.json").exists() else Book.create(folder, RunHeader.of(task, CONFIG))
    with opened as book, open_steps(task, CONFIG, book, lambda event: None) as (steps, _):
        description = book.once(DESCRIPTION, steps.describe)
        book.once(EXPLORATION, steps.explore)
        verdicts = book.page(0).each(VERDICTS, programs(name), steps.review, steps.executor)
        dataset = recorded_episodes(book, ())
    if dataset is None:
        raise SystemExit(f"nothing was recorded of {name}")
    came = recorded(name)
    with Jail() as jail:
        items = [
            judged(
                c.reviewed(v),
                v,
                [r for (program, _, leg), r in came.items() if program == c.id and not leg],
                jail,
                task,
                dataset,
            )
            for c, v in zip(programs(name), verdicts, strict=True)
            if v.accepted
        ]
    return Field(task, description, dataset, tuple(items))


def judged(
    candidate: Candidate,
    verdict: Verdict,
    came: Sequence[Mapping[str, object]],
    jail: Jail,
    task: Task,
    dataset: EpisodeDataset,
) -> Judged:
    job = search_job(CONFIG, task, candidate, verdict)
    labels = relabel(jail, job, task.train.gamma, dataset)
    with jail.open(job.source) as room:
        parts = room.client.evaluate(lasting(dataset.transitions), job.uses_memory)
    there = dataset.transitions.step.T > 0
    ends = [training["checkpoints"][-1][2] for training in came]
    return Judged(
        candidate,
        verdict,
        [training["success"] for training in came],
        ends,
        labels,
        {n: p.T[there] for n, p in parts.items()},
    )


def show_screens(fields: Sequence[Field]) -> None:
    print(
        "| task | bad programs | rejected or demoted | by informativeness alone | good programs | rejected or demoted |"
    )
    print("|---|---|---|---|---|---|")
    for task, _, dataset, items in fields:
        caught: dict[str, list[set[str]]] = {"bad": [], "good": []}
        for item in items:
            (found,) = screen(dataset, {"c": item.labels}, {}, task.train.gamma).items
            by = {s.name for s in found.screens if s.decision in SAID}
            by |= {"hunter"} if recorded_exploit(dataset, item.labels) else set()
            if item.kind:
                caught[item.kind].append(by)
        bad, good = caught["bad"], caught["good"]
        alone = sum(by == {"informativeness"} for by in bad)
        print(f"| {task.name} | {len(bad)} | {sum(map(bool, bad))} | {alone} | {len(good)} | {sum(map(bool, good))} |")


def show_correlations(fields: Sequence[Field]) -> None:
    print("\n| task | ranking | informativeness |\n|---|---|---|")
    for of in fields:
        if not of.dataset.partings:
            continue  # none of the episodes is clearly better than another
        worth = np.array([item.worth for item in of.items])
        ranking = np.array([spearman(item.labels.returns, of.dataset.goodness) for item in of.items])
        paid = np.array([paid_share(item.labels.rewards, of.dataset.partings) for item in of.items])
        print(f"| {of.task.name} | {spearman(ranking, worth):+.2f} | {spearman(paid, worth):+.2f} |")


def show_near(fields: Sequence[Field]) -> None:
    bounds = (0.02, 0.05, 0.1, 0.2)
    print(f"| task | pairs | {' | '.join(f'nearer than {b}' for b in bounds)} | most that a product moves a distance |")
    print(f"|---|---|{'---|' * (len(bounds) + 1)}")
    apart: list[tuple[float, float]] = []
    for task, _, dataset, items in fields:
        basis = potentials(dataset.transitions, task.train.gamma)
        more = np.concatenate([basis, crossed(dataset.transitions, task.train.gamma)], axis=1)
        rewards = {item.candidate.id: item.labels.rewards for item in items}
        plain, richer = Distances(rewards, basis), Distances(rewards, more)
        success = {item.candidate.id: fmean(item.success) for item in items}
        pairs = list(itertools.combinations(rewards, 2))
        far = np.array([plain.between(*pair) for pair in pairs])
        moved = max(abs(richer.between(*pair) - d) for pair, d in zip(pairs, far, strict=True))
        apart += [(d, abs(success[one] - success[other])) for (one, other), d in zip(pairs, far, strict=True)]
        print(
            f"| {task.name} | {len(pairs)} | {' | '.join(str(int((far < b).sum())) for b in bounds)} | {moved:.3f} |",
            flush=True,
        )
    print("\n| distance | pairs | mean difference of success |\n|---|---|---|")
    for low, high in itertools.pairwise((0.0, *bounds, 1.01)):
        inside = [gap for d, gap in apart if low <= d < high]
        print(f"| {low} to {min(high, 1.0)} | {len(inside)} | {f'{fmean(inside):.2f}' if inside else '-'} |")


def crossed(batch: Transitions, gamma: float) -> Array:
    """Shaping terms of products of two different ones of the eight numbers of the state that vary most."""
    there = batch.step.T > 0
    alive = 1.0 - batch.terminated.T[there]
    fields = batch.without(NATIVE_REWARD)
    before, after = (
        np.concatenate([v.swapaxes(0, 1)[there].reshape(len(alive), -1) for v in side.values()], axis=1).astype(
            np.float64
        )
        for side in (fields.state, fields.next_state)
    )
    size = np.maximum(np.abs(after).max(axis=0), 1e-12)
    before, after = before / size, after / size
    chosen = after.std(axis=0).argsort()[::-1][:8]
    return np.stack(
        [
            gamma * alive * after[:, i] * after[:, j] - before[:, i] * before[:, j]
            for i, j in itertools.combinations(chosen, 2)
        ],
        axis=1,
    )


if __name__ == "__main__":
    main()
