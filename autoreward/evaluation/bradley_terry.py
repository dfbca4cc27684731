"""People's preferences: how strong each candidate is by them, and what to ask next.

The model is Bradley and Terry 1952 with ties after Davidson 1970: with strengths s and t and a readiness to tie e, "A", "B"
and "tie" have log odds s, t and e + (s + t) / 2. Of more than two one is chosen after Luce 1959: each has the log odds of its
strength, and a tie of all of them e and their mean (Firth, Kosmidis and Turner 2019, arXiv 1909.07123, who have a readiness to
tie for each number that is shown: here it is one). All answers make one log-likelihood, and it is concave. A normal prior on
every parameter keeps strengths finite when one candidate always wins, or when some were never compared; the fit is the posterior's
maximum, and the errors are those of the normal distribution around it (Laplace). Of several people each has strengths of their own
around the shared ones, with a normal prior (partial pooling): who answers little is taken to see things as the others do.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.records import SIDES, Chosen, Preference, Strength, Strengths, order_of_design

SPREAD = 1.5
"""Standard deviation of strengths before anything was said: of two candidates the stronger one then wins about 80 %."""
TIES = 1.0
"""Standard deviation of the readiness to tie around 0, where equals tie a third of the time."""
PERSONAL = 1.0
"""Standard deviation of one person's strengths around those of all."""
DRAWS = 2_000
"""Draws of the posterior by which the chance of being the best is told."""
Array = NDArray[np.float64]


class Comparison(NamedTuple):
    """One answered question, with candidates as indices."""

    shown: tuple[int, ...]
    """In the order of SIDES."""
    answer: Chosen
    by: int = 0
    """Who answered, as an index."""


class Fit(NamedTuple):
    """The posterior's maximum for n candidates and p people."""

    values: Array
    """Shape (n + 1,): the strengths that all share, then the readiness to tie."""
    precision: Array
    """Shape (n + 1, n + 1): their inverse covariance there."""
    own: Array
    """Shape (p, n): by how much each person's strengths are above the others', less their mean; (0, n) of one person."""
    own_errors: Array
    """Shape (p, n): the standard deviation of each of these."""

    def chances(self, shown: Sequence[int]) -> Array:
        """Probabilities that each of the k that are shown is chosen, and of a tie: shape (k + 1,)."""
        return _softmax(_odds(len(self.values) - 1, np.array([shown]))[0] @ self.values)

    @property
    def first(self) -> Array:
        """Probability that each candidate is the strongest, shape (n,), from DRAWS of the posterior."""
        drawn = np.random.default_rng(0).multivariate_normal(self.values, np.linalg.inv(self.precision), DRAWS)
        strongest = np.bincount(drawn[:, :-1].argmax(axis=1), minlength=len(self.values) - 1)
        return np.asarray((strongest + 1) / (DRAWS + len(strongest)))

    @property
    def errors(self) -> Array:
        """Standard deviation of each strength, shape (n,)."""
        return np.asarray(np.sqrt(np.diag(np.linalg.inv(self.precision))[:-1]))


class _Said(NamedTuple):
    """Answers to m questions, of which the largest shows k, over all d parameters."""

    odds: Array
    """Shape (m, k + 1, d): the log odds of each answer as rows, the tie last."""
    offered: Array
    """Shape (m, k + 1): 0 of what could be answered, else minus infinity."""
    answers: NDArray[np.intp]
    """Shape (m,): which one was."""


class OwnView(NamedTuple):
    """How one of several people sees a candidate."""

    by: str
    candidate_id: str
    above: float
    """By how much stronger than the others see it, on the logit scale."""
    error: float


def fit(count: int, comparisons: Sequence[Comparison]) -> Fit:
    """Strengths of `count` candidates, by Newton steps, halved where a whole one goes too far."""
    people = max((c.by for c in comparisons), default=0) + 1
    people = people if people > 1 else 0
    said = _design(count, comparisons, people)
    values = np.zeros(said.odds.shape[-1])
    height, slope, precision = _posterior(values, count, said)
    while np.abs(slope).max() > 1e-9:
        step = np.linalg.solve(precision, slope)
        while (attempt := _posterior(values + step, count, said))[0] < height - 1e-12:
            step = step / 2
        values = values + step
        height, slope, precision = attempt
    if not people:
        return Fit(values, precision, np.zeros((0, count)), np.zeros((0, count)))
    covariance, shared, own = np.linalg.inv(precision), slice(count + 1), slice(count + 1, None)
    # answers tell differences alone: each person's strengths are told from their mean, and from the others'
    others = (1.0 - np.eye(people)) / (people - 1)
    contrast = np.kron(np.eye(people) - others, np.eye(count) - 1.0 / count)
    errors = np.sqrt(np.diag(contrast @ covariance[own, own] @ contrast.T))
    return Fit(
        values[shared],
        np.linalg.inv(covariance[shared, shared]),
        (contrast @ values[own]).reshape(people, count),
        errors.reshape(people, count),
    )


def strengths(preferences: Sequence[Preference]) -> Strengths:
    """The ranking of the candidates that were compared, best first; the one that was designed earlier on a tie."""
    names = sorted(looks_of(preferences))
    posterior = fit(len(names), comparisons_of(preferences, names))
    won, lost = Counter(p.winner for p in preferences), Counter(name for p in preferences for name in p.losers)
    tied = looks_of([p for p in preferences if p.answer == "tie"])
    items = [
        # rounded, so that the last bits never decide between two whose answers are alike
        Strength(candidate_id=n, value=round(float(v), 9) + 0.0, error=float(e), won=won[n], lost=lost[n], tied=tied[n])
        for n, v, e in zip(names, posterior.values, posterior.errors, strict=False)
    ]
    return Strengths(items=tuple(sorted(items, key=lambda s: (-s.value, order_of_design(s.candidate_id)))))


def own_views(preferences: Sequence[Preference]) -> tuple[OwnView, ...]:
    """How each of several people sees each candidate, those furthest from the others first; empty where one person answered."""
    names, people = sorted(looks_of(preferences)), answerers(preferences)
    posterior = fit(len(names), comparisons_of(preferences, names))
    views = [
        OwnView(who, name, float(above), float(error))
        for who, row, errors in zip(people, posterior.own, posterior.own_errors, strict=False)
        for name, above, error in zip(names, row, errors, strict=True)
    ]
    return tuple(sorted(views, key=lambda view: -abs(view.above) / view.error))


def answerers(preferences: Sequence[Preference]) -> tuple[str, ...]:
    """Who answered, in the order of names; without a name: empty."""
    return tuple(sorted({p.by for p in preferences}))


def ahead(preferences: Sequence[Preference], one: str, other: str) -> tuple[float, float]:
    """By how much one candidate is stronger than another, both of them compared, and the standard deviation of that."""
    names = sorted(looks_of(preferences))
    posterior = fit(len(names), comparisons_of(preferences, names))
    row = np.zeros(len(names) + 1)
    row[names.index(one)], row[names.index(other)] = 1.0, -1.0
    return float(row @ posterior.values), float(np.sqrt(row @ np.linalg.inv(posterior.precision) @ row))


def looks_of(preferences: Sequence[Preference]) -> Counter[str]:
    """How often each candidate was compared."""
    return Counter(name for p in preferences for name in p.question.candidates)


def comparisons_of(preferences: Sequence[Preference], names: Sequence[str]) -> list[Comparison]:
    """What was answered about the candidates of these names, with indices for them and for who answered."""
    people = answerers(preferences)
    return [
        Comparison(tuple(map(names.index, p.question.candidates)), p.answer, people.index(p.by)) for p in preferences
    ]


def _posterior(values: Array, count: int, said: _Said) -> tuple[float, Array, Array]:
    """Log density (up to a constant), its gradient, and its negative second derivative."""
    odds, offered, answers = said
    prior = np.full(len(values), PERSONAL**-2)
    prior[:count], prior[count] = SPREAD**-2, TIES**-2
    chances, each = _softmax(odds @ values + offered), np.arange(len(answers))
    mean = (chances[:, None] @ odds)[:, 0]
    height = -0.5 * float(prior @ values**2) + float(np.log(chances[each, answers]).sum())
    slope = -prior * values + (odds[each, answers] - mean).sum(axis=0)
    rows = odds.reshape(-1, len(values))
    return height, slope, np.diag(prior) + (rows * chances.reshape(-1, 1)).T @ rows - mean.T @ mean


def _design(count: int, comparisons: Sequence[Comparison], people: int) -> _Said:
    """What was answered, over the parameters that all share, and each person's strengths where there are several."""
    widest = max((len(c.shown) for c in comparisons), default=2)
    odds = np.zeros((len(comparisons), widest + 1, count + 1 + people * count))
    offered = np.full(odds.shape[:2], -np.inf)
    for rows, could, (shown, _, by) in zip(odds, offered, comparisons, strict=True):
        places = [*range(len(shown)), widest]
        could[places] = 0.0
        rows[places, : count + 1] = _odds(count, np.array([shown]))[0]
        if people:  # the same again in the columns of who answered
            start = count + 1 + by * count
            rows[:, start : start + count] = rows[:, :count]
    answers = [widest if c.answer == "tie" else SIDES.index(c.answer) for c in comparisons]
    return _Said(odds, offered, np.array(answers, dtype=np.intp))


def _odds(count: int, sets: NDArray[np.intp]) -> Array:
    """The log odds of each answer to m questions that show k, as rows over the parameters: shape (m, k + 1, count + 1)."""
    number, size = sets.shape
    rows, each = np.zeros((number, size + 1, count + 1)), np.arange(number)
    for place, column in enumerate(sets.T):
        rows[each, place, column] = 1.0
        rows[each, size, column] = 1.0 / size
    rows[:, size, count] = 1.0
    return rows


def information_of(values: Array, sets: NDArray[np.intp]) -> tuple[Array, Array]:
    """What one more answer about each of m sets of k candidates is expected to add to the precision: U' W U.

    Args:
        values: a Fit's.
        sets: indices of candidates, shape (m, k).

    Returns:
        U, shape (m, k + 1, n + 1), and W, shape (m, k + 1, k + 1).
    """
    odds = _odds(len(values) - 1, sets)
    chances = _softmax(odds @ values)
    return odds, np.eye(chances.shape[1]) * chances[:, None] - chances[:, :, None] * chances[:, None]


def _softmax(logits: Array) -> Array:
    """Over the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
