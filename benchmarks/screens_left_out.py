"""Screens that were tried on the recorded programs of the hard tasks and left out, with what they would have said.

    python benchmarks/screens_left_out.py [--tasks cheetah-stop,lander-left] [--runs DIR]
    python benchmarks/screens_left_out.py --mirror [--trained inverted-double-pendulum]

Programs, episodes, good and bad are those of `benchmarks/screens_hard.py`; DIR is the same. For each:

`redundant`: two parts of the program correlate by more than 0.98 over the recorded transitions.
`poles`: each number of a continuous action is held at either end, the others at rest; of some number one end is clearly better
(by 0.1) and is not paid more.
`slope`: what a reward changes by between two states that are nearest to each other, divided by their distance, both in units of
their spread; 99 % quantile. Its rank correlation with what came of the programs.

`--mirror` needs no records: none of the hard tasks has a goal that is the same in a mirror. On shipped tasks that have one, written
down here, 24 programs of the grammar's each are asked about recorded transitions and their mirror images; one that pays them
otherwise, by 1 % of its spread on average, would be demoted. So that it can be seen to speak, one more pays for one side alone.
`--trained` also trains all of one task's, on one seed, and scores them.
"""

import argparse
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
from hard import TASKS
from numpy.typing import NDArray
from screens_hard import CONFIG, SAID, Array, Field, Judged, field

from autoreward.checks.dataset import APART, EpisodeDataset
from autoreward.checks.relabel import relabel
from autoreward.checks.screening import screen
from autoreward.core.contract import NATIVE_REWARD
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.seeds import held_out
from autoreward.core.transitions import Transitions
from autoreward.design.grammar.evolve import evolved_candidates
from autoreward.evaluation.rank_correlation import spearman
from autoreward.records import Candidate, ReferenceEpisode, Verdict
from autoreward.sandbox.jail import Jail
from autoreward.search.halving import search_job
from autoreward.search.strategy import Variation
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from autoreward.training.workers import Workers
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import resting
from autoreward.worker.rollout.episodes import as_transitions, evaluated_episodes

MIRRORS: Mapping[str, tuple[frozenset[str], Mapping[int, int]]] = {
    "acrobot": (frozenset({"shoulder_speed", "elbow_speed"}), {0: 2, 2: 0}),
    "inverted-double-pendulum": (
        frozenset({"position", "velocity", "lower_tilt", "upper_tilt", "lower_speed", "upper_speed", "force"}),
        {},
    ),
    "lunar-lander-hover": (frozenset({"x", "x_speed", "angle", "spin"}), {1: 3, 3: 1}),
    "pendulum": (frozenset({"angle", "speed", "torque"}), {}),
}
"""Of a task: the fields that change their sign in a mirror, and the choices that change places."""
IDEAS = 24
NEIGHBOURS = 1_500
"""States whose nearest neighbours are looked for."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--mirror", action="store_true")
    parser.add_argument("--trained", choices=list(MIRRORS))
    options = parser.parse_args()
    if options.mirror:
        mirror(options.trained)
        return
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


def mirror(trained: str | None) -> None:
    rows, successes = [], []
    with Jail() as jail, Workers(jail) as workers:
        for name in MIRRORS:
            task = find_task(name, (envs_folder(),))
            description, files = workers.describe(task, seed=0)
            samples = Transitions.from_bytes(files["samples.npz"])
            ideas = [Variation("spread")] * IDEAS
            programs = evolved_candidates(task, description, (), ideas, seed=0)
            side = next(field for field in task.state if field in MIRRORS[name][0])
            sided = (
                f"def compute_reward(state, action, next_state, memory):\n    return {{'side': next_state.{side}}}\n"
            )
            told = [one_sided(jail, c.source, name, samples) for c in programs]
            rows.append((name, len(programs), sum(told), one_sided(jail, sided, name, samples)))
            if name == trained:
                successes = [(t, success(workers, task, c)) for c, t in zip(programs, told, strict=True)]
    print("| task | programs | told apart from their mirror image | the one-sided program |\n|---|---|---|---|")
    print("\n".join(f"| {' | '.join(map(str, row))} |" for row in rows))
    for kind, of in ((True, "told apart"), (False, "not told apart")):
        if found := sorted((value for told_apart, value in successes if told_apart is kind), reverse=True):
            print(f"\n{trained}, {of}: {', '.join(f'{value:.2f}' for value in found)}; mean {fmean(found):.2f}")


def success(workers: Workers, task: Task, program: Candidate) -> float:
    """Of one training, on held-out episodes."""
    verdict = Verdict(candidate_id=program.id, accepted=True, outcome=Outcome.COMPLETED)
    trial, weights = workers.train(task, search_job(CONFIG, task, program, verdict), CONFIG, lambda *_: None)
    score, _ = workers.score(task, trial, CONFIG, weights, held_out("search/keep", 20), held_out("search", 20))
    return score.success


def one_sided(jail: Jail, source: str, name: str, samples: Transitions) -> bool:
    with jail.open(source) as room:
        there, mirrored = (
            sum(room.client.evaluate(batch, stepped=False).values()) for batch in (samples, mirrored_of(samples, name))
        )
    return bool(np.abs(there - mirrored).mean() > 0.01 * there.std())


def mirrored_of(batch: Transitions, name: str) -> Transitions:
    signs, places = MIRRORS[name]

    def turned(fields: Mapping[str, Array]) -> dict[str, Array]:
        return {k: -v if k in signs else v for k, v in fields.items()}

    action = {
        k: np.vectorize(lambda c: places.get(int(c), int(c)))(v) if places else v for k, v in batch.action.items()
    }
    return replace(batch, state=turned(batch.state), action=turned(action), next_state=turned(batch.next_state))


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
