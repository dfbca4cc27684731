"""Screens that were tried on the recorded programs of the hard tasks and left out, with what they would have said.

    python benchmarks/screens_left_out.py [--tasks cheetah-stop,lander-left] [--runs DIR]

Programs, episodes, good and bad are those of `benchmarks/screens_hard.py`; DIR is the same. For each:

`redundant`: two parts of the program correlate by more than 0.98 over the recorded transitions.
`poles`: each number of a continuous action is held at either end, the others at rest; of some number one end is clearly better
(by 0.1) and is not paid more.
`slope`: what a reward changes by between two states that are nearest to each other, divided by their distance, both in units of
their spread; 99 % quantile. Its rank correlation with what came of the programs.
"""

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hard import TASKS
from numpy.typing import NDArray
from screens_hard import CONFIG, SAID, Array, Field, Judged, field

from autoreward.checks.dataset import APART, EpisodeDataset
from autoreward.checks.relabel import relabel
from autoreward.checks.screening import screen
from autoreward.core.contract import NATIVE_REWARD
from autoreward.evaluation.rank_correlation import spearman
from autoreward.records import ReferenceEpisode
from autoreward.sandbox.jail import Jail
from autoreward.search.halving import search_job
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import resting
from autoreward.worker.rollout.episodes import as_transitions, evaluated_episodes

NEIGHBOURS = 1_500
"""States whose nearest neighbours are looked for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    options = parser.parse_args()
    fields = [field(name, options.runs) for name in options.tasks.split(",")]
    print("| task | tried | told by | bad it would demote | that no screen does | good it would demote |")
    print("|---|---|---|---|---|---|")
    for of in fields:
        caught = demoted(of)
        for name, told, said in tried(of):
            bad, good = ([i for i in said if i.kind == kind] for kind in ("bad", "good"))
            new = sum(i.candidate.id not in caught for i in bad)
            print(f"| {of.task.name} | {name} | {told} | {len(bad)} | {new} | {len(good)} |", flush=True)
    print("\n| task | rank correlation of slope with what came of the program |\n|---|---|")
    for of in fields:
        neighbours = Neighbours.of(of.dataset)
        slopes = np.array([slope(neighbours, item.labels.rewards) for item in of.items])
        print(f"| {of.task.name} | {spearman(slopes, np.array([item.worth for item in of.items])):+.2f} |", flush=True)


def demoted(of: Field) -> set[str]:
    """The programs against which a screen says something."""
    judged = {i.candidate.id: screen(of.dataset, {"c": i.labels}, {}, of.task.train.gamma).items[0] for i in of.items}
    return {name for name, item in judged.items() if any(s.decision in SAID for s in item.screens)}


def tried(of: Field) -> Iterator[tuple[str, str, list[Judged]]]:
    yield "redundant", "-", [item for item in of.items if redundant(item.parts)]
    with Jail() as jail:
        held = poles(of)
        if held is None:
            return
        pairs = [
            (k, k + 1) for k in range(0, len(held.goodness), 2) if abs(held.goodness[k] - held.goodness[k + 1]) >= APART
        ]
        turned = [i for i in of.items if pairs and wrong_order(of, i, held, pairs, jail)]
        yield "poles", f"{len(pairs)} of {len(held.goodness) // 2} numbers", turned


def redundant(parts: Mapping[str, Array]) -> bool:
    moving = [p for p in parts.values() if np.ptp(p) > 1e-9 * max(1.0, float(np.abs(p).max()))]
    return any(abs(np.corrcoef(one, other)[0, 1]) > 0.98 for one, other in itertools.combinations(moving, 2))


def poles(of: Field) -> EpisodeDataset | None:
    """Two episodes for each number of a continuous action: at its lower end, and at its upper one."""
    venv = make.vectorised(of.task, 1, 0)
    try:
        space = venv.action_space
        if not space.shape:
            return None
        played = []
        for number, end in itertools.product(range(int(np.prod(space.shape))), (space.low, space.high)):
            action = np.array(resting(space), dtype=space.dtype)
            action.flat[number] = end.flat[number]
            played += venv.play(lambda observations, turn, a=action: [a], [0])
        spread = np.concatenate([e.observations for e in played]).std(axis=0) + 1e-4
        judged_ones = evaluated_episodes(of.task, venv, played, spread, of.description.grading)
        kinds = tuple(ReferenceEpisode(kind="pole", episode=e) for e in judged_ones)
        return EpisodeDataset(as_transitions(of.task, venv, played), kinds, of.task.metric.better)
    finally:
        venv.close()


def wrong_order(of: Field, item: Judged, held: EpisodeDataset, pairs: Sequence[tuple[int, int]], jail: Jail) -> bool:
    labels = relabel(jail, search_job(CONFIG, of.task, item.candidate, item.verdict), of.task.train.gamma, held)
    return any((labels.returns[a] - labels.returns[b]) * (held.goodness[a] - held.goodness[b]) <= 0.0 for a, b in pairs)


class Neighbours(NamedTuple):
    """Recorded states and the one that is nearest to each."""

    one: NDArray[np.intp]
    other: NDArray[np.intp]
    apart: Array
    """In units of each number's spread."""

    @classmethod
    def of(cls, dataset: EpisodeDataset) -> "Neighbours":
        batch = dataset.transitions.without(NATIVE_REWARD)
        there = batch.step.T > 0
        numbers = [v.swapaxes(0, 1)[there].reshape(there.sum(), -1) for v in batch.next_state.values()]
        states = np.concatenate(numbers, axis=1)
        picked = np.unique(np.linspace(0, len(states) - 1, NEIGHBOURS).astype(np.intp))
        spread = states.std(axis=0)
        near = states[:, spread > 0.0][picked] / spread[spread > 0.0]
        gaps = [np.linalg.norm(near - state, axis=1) for state in near]
        for row, gap in enumerate(gaps):
            gap[row] = np.inf
        nearest = np.array([gap.argmin() for gap in gaps])
        return cls(picked, picked[nearest], np.maximum([gap.min() for gap in gaps], 1e-3))


def slope(neighbours: Neighbours, rewards: Array) -> float:
    changes = np.abs(rewards[neighbours.one] - rewards[neighbours.other]) / (rewards.std() or 1.0)
    return float(np.quantile(changes / neighbours.apart, 0.99))


if __name__ == "__main__":
    main()
