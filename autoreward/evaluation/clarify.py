"""Which question about a goal to ask: readings that nothing tells apart are one, and the question that tells most is asked first.

A reading is one way to understand a goal, with a probability. A question has answers, and each answer is what is said under
some of the readings. What it tells is the mutual information of reading and answer, H - E[H | answer], in bits (Lindley 1956, On a
measure of the information provided by an experiment): 1 for one that halves equally probable readings.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST_GAIN = 0.3
"""Bits that a question has to tell to be worth a person's time."""
MOST_QUESTIONS = 3
"""Questions about one goal."""
SKIP = -1
"""The answer of somebody who does not know: it tells nothing."""
_TINY = 1e-12
Array = NDArray[np.float64]


class Split(NamedTuple):
    """What a question's answers mean: each stands for some readings, by number. A reading of no answer may get any of them."""

    answers: tuple[frozenset[int], ...]


def merged(judged: NDArray[np.bool_], rules: Sequence[str], splits: Sequence[Split]) -> tuple[tuple[int, ...], ...]:
    """The readings in groups that nothing tells apart, in their order.

    Two are in one group if they are the same rule, or judge every episode alike, some as successes and some not, and no question
    is asked that separates them by its words. Readings that call no episode a success, or every one, stay apart: the episodes say
    nothing of them.

    Args:
        judged: (readings, episodes), whether each reading calls each episode a success.
        rules: of each reading, in writing.
        splits: of the questions that were written for them.
    """
    groups: list[list[int]] = []
    for number, row in enumerate(judged):
        told = bool(row.any() and not row.all())

        def same(other: int, number: int = number, row: NDArray[np.bool_] = row, told: bool = told) -> bool:
            if rules[number] == rules[other]:
                return True
            return told and np.array_equal(row, judged[other]) and not any(separates(s, number, other) for s in splits)

        home = next((group for group in groups if all(same(other) for other in group)), None)
        if home is None:
            groups.append([number])
        else:
            home.append(number)
    return tuple(tuple(group) for group in groups)


def separates(split: Split, one: int, other: int) -> bool:
    """Whether two readings are of different answers."""
    homes = [next((i for i, meant in enumerate(split.answers) if reading in meant), None) for reading in (one, other)]
    return None not in homes and homes[0] != homes[1]


def entropy(probabilities: Array) -> float:
    """In bits; of a vector that sums to 1."""
    some = probabilities[probabilities > _TINY]
    return float(-(some * np.log2(some)).sum()) if len(some) else 0.0


def gain(prior: Array, split: Split) -> float:
    """Bits that an answer is expected to tell about the readings, whose probabilities (R,) sum to 1."""
    joint = _said(split, len(prior)) * prior
    shares = joint.sum(axis=1)
    left = sum(float(p) * entropy(row / p) for p, row in zip(shares, joint, strict=True) if p > _TINY)
    return max(entropy(prior) - left, 0.0)


def most_telling(prior: Array, splits: Sequence[Split], least: float = LEAST_GAIN) -> int | None:
    """Number of the question that tells most, the first of those alike; None if none tells more than `least` bits."""
    gains = [gain(prior, split) for split in splits]
    best = max(gains, default=0.0)
    return next(i for i, told in enumerate(gains) if told >= best - 1e-9) if best > least else None


def after(prior: Array, split: Split, answer: int) -> Array:
    """The probabilities (R,) once that answer was given; as they were where it was SKIP, or can't be."""
    if answer == SKIP:
        return prior
    joint = _said(split, len(prior))[answer] * prior
    return joint / joint.sum() if joint.sum() > _TINY else prior


def _said(split: Split, count: int) -> Array:
    """(A, R): how probable each answer is under each reading."""
    table = np.array([[float(r in meant) for r in range(count)] for meant in split.answers])
    table[:, table.sum(axis=0) == 0.0] = 1.0
    return np.asarray(table / table.sum(axis=0))
