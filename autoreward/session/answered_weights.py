"""Weights of a program's parts by what people and judges say: what is preferred should be paid more."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.checks.dataset import side_by_side
from autoreward.core.transitions import Transitions
from autoreward.design.weight_tuning import SLIPS, fitted_weights, named_factors, weighted
from autoreward.judges.sides import Side, Sides
from autoreward.records import EPISODES, AnsweredWeights, Aspect, Candidate, Preference, Verdict
from autoreward.report.reading import RunView, read_run
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.episodes import lasting
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.store.book import Book, powers_of
from autoreward.store.keys import ANSWERED_WEIGHTS, ASPECTS
from autoreward.store.trust import demand

PREFERRED = "preferred.py"
FEWEST_SAYINGS = 6
"""Answers, and pairs of steps, from which on weights are fitted."""
FOLDS = 20
"""At most so many times weights are fitted to a part of what was said, to see what they tell of the rest."""
_Array = NDArray[np.float64]


class SaidSteps(NamedTuple):
    """Some steps of one of several episodes that lie side by side."""

    column: int
    begin: int
    """The first of them, counted from 1."""
    end: int

    def paid(self, part: _Array) -> float:
        """Sum of a part, shape (L, E), over these steps."""
        return float(part[self.begin - 1 : self.end, self.column].sum())

    @property
    def length(self) -> int:
        """Steps."""
        return self.end - self.begin + 1


class SaidPair(NamedTuple):
    """A pair of which one side was called better."""

    better: SaidSteps
    worse: SaidSteps
    whole: bool
    """Two whole episodes, whose returns are compared; of some steps of either the means are, as if they were as long."""
    counts: float
    """How many answers about two it is worth."""

    def gap(self, part: _Array) -> float:
        """How much more a part pays in the better side."""
        better, worse = self.better.paid(part), self.worse.paid(part)
        if self.whole:
            return better - worse
        length = (self.better.length + self.worse.length) / 2
        return length * (better / self.better.length - worse / self.worse.length)


class SaidPairs(NamedTuple):
    """All that was told apart in a run."""

    episodes: Transitions
    """One column each."""
    sayings: tuple[tuple[SaidPair, ...], ...]
    """The pairs that each answer makes, several where one was chosen among several, and each pair of steps."""


def said_pairs(book: Book, reading: RunView) -> SaidPairs | None:
    """All that was preferred, praised and blamed in a run; None if too little was told apart."""
    batches: list[Transitions] = []
    sayings = (*_of_answers(book, reading.preferences, batches), *((pair,) for pair in _of_steps(book, batches)))
    return SaidPairs(side_by_side(batches), sayings) if len(sayings) >= FEWEST_SAYINGS else None


def weights_told(said: SaidPairs, jail: Jail, candidate: Candidate, verdict: Verdict) -> AnsweredWeights | None:
    """Weights of a program's parts by what was said; None: it is no sum of several parts, or fails on these episodes."""
    parts = _parts(jail, candidate, verdict, said.episodes) if candidate.composition == "sum" else None
    if parts is None or len(parts) < 2:
        return None
    pairs = [pair for saying in said.sayings for pair in saying]
    gaps = np.array([[one.gap(part) for part in parts.values()] for one in pairs])
    counts = np.array([one.counts for one in pairs])
    fold = np.repeat(np.arange(len(said.sayings)) % FOLDS, [len(saying) for saying in said.sayings])
    return AnsweredWeights(
        candidate_id=candidate.id,
        factors=tuple(named_factors(parts, fitted_weights(gaps, SLIPS, counts)).items()),
        answers=sum(saying[0].whole for saying in said.sayings),
        stretches=sum(not saying[0].whole for saying in said.sayings),
        told_before=_told(gaps.sum(axis=1), counts),
        told_after=_told(_left_out(gaps, counts, fold), counts),
    )


def weights_of_answers(folder: Path) -> AnsweredWeights | None:
    """Weights for the program that a run's answers put first, of those that have any; kept, and with the program in PREFERRED.

    None: no program has any, or too little was told apart, or what was told has not changed.

    Raises:
        NotTrusted: the run has code of somebody else's that was not let in.
        RunLocked, RunChanged, RunDamaged: as for any run.
    """
    with Book.open(folder) as book:
        reading, config = read_run(folder), book.header.config
        if (said := said_pairs(book, reading)) is None:
            return None
        demand(powers_of(book), str(folder))
        with Jail(config.trust_the_model or config.by_grammar) as jail:
            for candidate, verdict in _best_first(reading):
                if told := weights_told(said, jail, candidate, verdict):
                    if told == book.lone(ANSWERED_WEIGHTS):
                        return None
                    book.put(ANSWERED_WEIGHTS, told)
                    book.write(PREFERRED, weighted(candidate.source, dict(told.factors)).encode())
                    return told
    return None


def _best_first(reading: RunView) -> Iterator[tuple[Candidate, Verdict]]:
    for strength in reading.strengths.items:
        view = reading.candidate(strength.candidate_id)
        if view is not None and view.verdict is not None:
            yield view.candidate, view.verdict


def _of_answers(
    book: Book, preferences: Sequence[Preference], batches: list[Transitions]
) -> Iterator[tuple[SaidPair, ...]]:
    """What was preferred, against each that it was preferred to; the episodes of these are added to the batches.

    Of k alike a choice tells (k - 1) / k of each strength's information in all, k - 1 pairs (k - 1) / 2: each counts 2 / k.
    """
    sides, columns = Sides(book.pages()), dict[str, SaidSteps]()

    def whole(side: Side) -> SaidSteps:
        if side.name not in columns:
            episode = side.transitions
            columns[side.name] = SaidSteps(len(batches), 1, len(episode.step))
            batches.append(episode)
        return columns[side.name]

    for preference in preferences:
        if preference.answer != "tie":
            steps = dict(zip(preference.question.sides, map(whole, sides.of(preference.question)), strict=True))
            better, count = steps.pop(preference.answer), 2 / len(preference.question.sides)
            yield tuple(SaidPair(better, worse, whole=True, counts=count) for worse in steps.values())


def _of_steps(book: Book, batches: list[Transitions]) -> Iterator[SaidPair]:
    """All steps that were praised before all that were blamed; together as many answers as there are of the fewer ones."""
    stretches: dict[bool, list[SaidSteps]] = {True: [], False: []}
    for aspect in book.saved(ASPECTS):
        stretches[aspect.praised].append(SaidSteps(len(batches), aspect.begin, aspect.end))
        batches.append(_episode(book, aspect))
    praised, blamed = stretches[True], stretches[False]
    for good in praised:
        for bad in blamed:
            yield SaidPair(good, bad, whole=False, counts=1.0 / max(len(praised), len(blamed)))


def _episode(book: Book, aspect: Aspect) -> Transitions:
    return book.transitions(ASPECTS.of(aspect.id), EPISODES)


def _parts(jail: Jail, candidate: Candidate, verdict: Verdict, batch: Transitions) -> Parts | None:
    """What the program pays for each transition; None where it fails on them."""
    try:
        with jail.open(candidate.source) as room:
            return room.client.evaluate(lasting(batch), verdict.uses_memory)
    except RewardFailed:
        return None


def _left_out(gaps: _Array, counts: _Array, fold: NDArray[np.intp]) -> _Array:
    """By how much the better side of each pair is paid more by weights that were fitted without its fold, shape (P,)."""
    more = np.zeros(len(gaps))
    for number in range(int(fold.max()) + 1):
        out = fold == number
        more[out] = gaps[out] @ fitted_weights(gaps[~out], SLIPS, counts[~out])
    return more


def _told(more: _Array, counts: _Array) -> float:
    """Share of the pairs whose better side is paid more; ties are halves."""
    return float(((more > 0) + 0.5 * (more == 0)) @ counts / counts.sum())
