"""One round's candidates through all screens, and the order in which they are worth training."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.relabel import Relabelled
from autoreward.checks.screens import all_screens
from autoreward.checks.starc import Distances, potentials
from autoreward.records import RANKING, RewardDistance, Screen, Screened, ScreenedCandidate
from autoreward.sandbox.client import RewardFailed

SAMPLE = 20_000
"""Transitions that duplicates are looked for on."""


def screen(
    dataset: EpisodeDataset,
    relabelled: Mapping[str, Relabelled | RewardFailed],
    earlier: Mapping[str, Relabelled],
    gamma: float,
    trained: Collection[str] = (),
) -> Screened:
    """Screen candidates (by id, in the order they were designed) against a dataset and against earlier candidates.

    A duplicate is one of those that were `trained`, or of a candidate before it; distances are to all earlier ones.
    One that failed on the dataset comes last in the order: its training may not meet what it fails on. The least bad one is kept
    where all would be rejected: a screen may save trainings, it can't stop a search.
    """
    rows = _sample(dataset)
    shaping = potentials(dataset.transitions, gamma)[rows]
    # where no episode ended by itself it can't be told from what decides whether a policy wants one to end
    told_apart = shaping if dataset.ended else shaping[:, :0]
    answers = {name: answer for name, answer in relabelled.items() if isinstance(answer, Relabelled)}
    rewards = {name: answer.rewards[rows] for name, answer in {**earlier, **answers}.items()}
    far, careful = (Distances(rewards, basis) for basis in (shaping, told_apart))
    known = {name: answer for name, answer in earlier.items() if name in trained}
    items: list[ScreenedCandidate] = []
    distances: list[RewardDistance] = []
    for place, (name, own) in enumerate(answers.items()):
        distances += [
            RewardDistance(one=name, other=other, value=round(far.between(name, other), 4))
            for other in (*earlier, *list(answers)[:place])
        ]
        near = {other: careful.between(name, other) for other in known}
        items.append(ScreenedCandidate(candidate_id=name, screens=all_screens(dataset, own, known, near)))
        if not any(s.decision == "rejected" for s in items[-1].screens):
            known[name] = own
    places = {item.candidate_id: _worth(item.screens, i) for i, item in enumerate(items)}
    order = [name for name in sorted(places, key=lambda n: places[n]) if not places[name][0]]
    if not order and places:
        order = [min(places, key=lambda n: places[n])]
    failed = {name: _failure(answer) for name, answer in relabelled.items() if isinstance(answer, RewardFailed)}
    items += [ScreenedCandidate(candidate_id=name, screens=(why,)) for name, why in failed.items()]
    return Screened(items=tuple(items), order=(*order, *failed), transitions=dataset.size, distances=tuple(distances))


def _failure(failure: RewardFailed) -> Screen:
    line = f" (line {failure.line})" if failure.line else ""
    evidence = f"the program fails on the recorded episodes: {failure.message}{line}"
    return Screen(name="answers", decision="demoted", number=None, evidence=evidence, advice=failure.outcome.advice)


def _worth(screens: Sequence[Screen], designed: int) -> tuple[bool, int, float, int]:
    """Smaller is more worth training: not rejected, fewer demotions, better ranking, designed earlier."""
    rank = next((s.number for s in screens if s.name == RANKING and s.number is not None), 0.0)
    demoted = sum(s.decision == "demoted" for s in screens)
    return any(s.decision == "rejected" for s in screens), demoted, -round(rank, 1), designed


def _sample(dataset: EpisodeDataset) -> NDArray[np.intp]:
    """Which of the recorded transitions: evenly spaced, and all that end an episode."""
    there = dataset.transitions.step.T > 0
    ends = np.flatnonzero(dataset.transitions.terminated.T[there])
    return np.union1d(np.arange(0, dataset.size, max(1, dataset.size // SAMPLE)), ends)
