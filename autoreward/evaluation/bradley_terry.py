"""People's preferences: how strong each candidate is by them, and what to ask next.

The model is Bradley and Terry 1952 with ties after Davidson 1970: with strengths s and t and a readiness to tie e, "A", "B"
and "tie" have log odds s, t and e + (s + t) / 2. Its log-likelihood is concave. A normal prior on every parameter keeps
strengths finite when one candidate always wins, or when some were never compared; the fit is the posterior's maximum, and the
errors are those of the normal distribution around it (Laplace).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from autoreward.core import seeds
from autoreward.evaluation.ranking import latest
from autoreward.records import Answer, Judgement, Preference, Question, Score, Strength, Strengths, order_of_design

SPREAD = 1.5
"""Standard deviation of strengths before anything was said: of two candidates the stronger one then wins about 80 %."""
TIES = 1.0
"""Standard deviation of the readiness to tie around 0, where equals tie a third of the time."""
DRAWS = 2_000
"""Draws of the posterior by which the chance of being the best is told."""
LOOKS = 3
"""Comparisons that every policy gets before a round counts as judged."""
ANSWERS: tuple[Answer, ...] = ("a", "b", "tie")
Array = NDArray[np.float64]
Said = TypeVar("Said", Preference, Judgement)


class Comparison(NamedTuple):
    """One answered question, with candidates as indices."""

    a: int
    b: int
    answer: Answer


class Fit(NamedTuple):
    """The posterior's maximum for n candidates."""

    values: Array
    """Shape (n + 1,): the strengths, then the readiness to tie."""
    precision: Array
    """Shape (n + 1, n + 1): the inverse covariance there."""

    def chances(self, a: int, b: int) -> Array:
        """Probabilities of "a", "b" and "tie", shape (3,)."""
        return _softmax(_odds(len(self.values) - 1, a, b) @ self.values)

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


class Policy(NamedTuple):
    """What a candidate is judged by."""

    candidate_id: str
    trials: tuple[str, ...]
    """Ids of its trainings' newest legs, one per training seed."""


def fit(count: int, comparisons: Sequence[Comparison]) -> Fit:
    """Strengths of `count` candidates, by Newton steps, halved where a whole one goes too far."""
    values = np.zeros(count + 1)
    height, slope, precision = _posterior(values, comparisons)
    while np.abs(slope).max() > 1e-9:
        step = np.linalg.solve(precision, slope)
        while (attempt := _posterior(values + step, comparisons))[0] < height - 1e-12:
            step = step / 2
        values = values + step
        height, slope, precision = attempt
    return Fit(values, precision)


def strengths(preferences: Sequence[Preference]) -> Strengths:
    """The ranking of the candidates that were compared, best first; the one that was designed earlier on a tie."""
    names = sorted(_looks(preferences))
    posterior = fit(len(names), _comparisons(preferences, names))
    won, lost = Counter(map(winner, preferences)), Counter(map(loser, preferences))
    tied = _looks([p for p in preferences if p.answer == "tie"])
    items = [
        # rounded, so that the last bits never decide between two whose answers are alike
        Strength(candidate_id=n, value=round(float(v), 9) + 0.0, error=float(e), won=won[n], lost=lost[n], tied=tied[n])
        for n, v, e in zip(names, posterior.values, posterior.errors, strict=False)
    ]
    return Strengths(items=tuple(sorted(items, key=lambda s: (-s.value, order_of_design(s.candidate_id)))))


def ahead(preferences: Sequence[Preference], one: str, other: str) -> tuple[float, float]:
    """By how much one candidate is stronger than another, both of them compared, and the standard deviation of that."""
    names = sorted(_looks(preferences))
    posterior = fit(len(names), _comparisons(preferences, names))
    row = np.zeros(len(names) + 1)
    row[names.index(one)], row[names.index(other)] = 1.0, -1.0
    return float(row @ posterior.values), float(np.sqrt(row @ np.linalg.inv(posterior.precision) @ row))


def winner(preference: Preference) -> str:
    """Id of the candidate that was preferred; empty for a tie."""
    return {"a": preference.question.a, "b": preference.question.b, "tie": ""}[preference.answer]


def loser(preference: Preference) -> str:
    """Id of the candidate that was not; empty for a tie."""
    return {"a": preference.question.b, "b": preference.question.a, "tie": ""}[preference.answer]


def policies(races: Sequence[Sequence[Score]]) -> list[Policy]:
    """Who is worth comparing: of each round those that trained the longest. `races`: the scores of each round."""
    compared = []
    for scores in races:
        by_candidate = latest(scores)
        longest = max((s.steps for s in scores if s.outcome.ok), default=0)
        compared += [
            Policy(name, tuple(sorted(s.trial_id for s in own)))
            for name, own in sorted(by_candidate.items(), key=lambda item: order_of_design(item[0]))
            if max(s.steps for s in own) == longest
        ]
    return compared


def answers_about(among: Sequence[Policy], answers: Sequence[Said]) -> tuple[Said, ...]:
    """What was said of these policies; what was said of shorter trainings of the same candidates does not count."""
    known = {trial for policy in among for trial in policy.trials}
    return tuple(p for p in answers if {p.question.a_trial, p.question.b_trial} <= known)


def questions(
    among: Sequence[Policy], preferences: Sequence[Preference], episodes: int, count: int | None = None
) -> tuple[Question, ...]:
    """What to ask next, most informative first, and never the same two policies in the same episode twice.

    Each is the one that is expected to shrink the strengths' joint uncertainty most (D-optimal), given the answers and
    the questions before it; those beyond the LOOKS are weighted by the chance that one of the two is the best of all.

    Args:
        among: the policies to compare.
        preferences: what was said of them so far.
        episodes: held-out episodes that there are of each.
        count: how many; None asks until every policy has had LOOKS comparisons.
    """
    looks = _looks(preferences)
    names = sorted(looks.keys() | {p.candidate_id for p in among})
    posterior = fit(len(names), _comparisons(preferences, names))
    precision, used = posterior.precision.copy(), {p.question.id for p in preferences}
    chosen: list[Question] = []
    first = posterior.first if count is not None and preferences else np.ones(len(names))
    while count is None or len(chosen) < count:
        covariance = np.linalg.inv(precision)
        best: tuple[float, Question, Array] | None = None
        for one, other in combinations(among, 2):
            needed = count is not None or min(looks[one.candidate_id], looks[other.candidate_id]) < LOOKS
            question = next((q for q in _between(one, other, episodes) if q.id not in used), None)
            if question is None or not needed:
                continue
            a, b = names.index(question.a), names.index(question.b)
            information = _information(posterior, a, b)
            learned = float(np.linalg.slogdet(np.eye(len(information)) + information @ covariance)[1])
            gain = round(learned * float(first[a] + first[b]), 9)
            if best is None or gain > best[0]:
                best = gain, question, information
        if best is None:
            break
        _, question, information = best
        chosen.append(question)
        used.add(question.id)
        looks.update((question.a, question.b))
        precision += information
    return tuple(chosen)


def every_question(among: Sequence[Policy], episodes: int) -> Iterator[Question]:
    """All that can be asked of these policies."""
    for one, other in combinations(among, 2):
        yield from _between(one, other, episodes)


def _between(one: Policy, other: Policy, episodes: int) -> Iterator[Question]:
    """Every question about two policies: one an episode, training seeds in turn, sides by a coin that never changes."""
    for episode in range(episodes):
        sides = [(p.candidate_id, p.trials[episode % len(p.trials)]) for p in (one, other)]
        if seeds.derive(0, "side", sides[0][1], sides[1][1], episode) % 2:
            sides.reverse()
        (a, a_trial), (b, b_trial) = sides
        yield Question(a=a, b=b, a_trial=a_trial, b_trial=b_trial, episode=episode)


def _looks(preferences: Sequence[Preference]) -> Counter[str]:
    """How often each candidate was compared."""
    return Counter(name for p in preferences for name in (p.question.a, p.question.b))


def _comparisons(preferences: Sequence[Preference], names: Sequence[str]) -> list[Comparison]:
    return [Comparison(names.index(p.question.a), names.index(p.question.b), p.answer) for p in preferences]


def _posterior(values: Array, comparisons: Sequence[Comparison]) -> tuple[float, Array, Array]:
    """Log density (up to a constant), its gradient, and its negative second derivative."""
    prior = np.full(len(values), SPREAD**-2)
    prior[-1] = TIES**-2
    height, slope, precision = -0.5 * float(prior @ values**2), -prior * values, np.diag(prior)
    for a, b, answer in comparisons:
        odds = _odds(len(values) - 1, a, b)
        chances, row = _softmax(odds @ values), ANSWERS.index(answer)
        height += float(np.log(chances[row]))
        slope = slope + odds[row] - chances @ odds
        precision = precision + _spread(odds, chances)
    return height, slope, precision


def _odds(count: int, a: int, b: int) -> Array:
    """The log odds of "a", "b" and "tie" as rows over the parameters, shape (3, count + 1)."""
    rows = np.zeros((3, count + 1))
    rows[0, a] = rows[1, b] = rows[2, count] = 1.0
    rows[2, [a, b]] = 0.5
    return rows


def _information(known: Fit, a: int, b: int) -> Array:
    """What one more comparison of two candidates is expected to add to the precision."""
    return _spread(_odds(len(known.values) - 1, a, b), known.chances(a, b))


def _spread(odds: Array, chances: Array) -> Array:
    """Covariance of the rows of `odds`, drawn with `chances`."""
    mean = chances @ odds
    return np.asarray((odds * chances[:, None]).T @ odds - np.outer(mean, mean))


def _softmax(logits: Array) -> Array:
    raised = np.exp(logits - logits.max())
    return np.asarray(raised / raised.sum())
