"""Which policies people and models are asked about side by side: who is worth comparing, and what tells most next."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, permutations
from typing import NamedTuple, TypeVar

import numpy as np

from autoreward.core import seeds
from autoreward.evaluation.bradley_terry import Array, comparisons_of, fit, information_of, looks_of
from autoreward.evaluation.ranking import latest
from autoreward.records import SIDES, Further, Judgement, Preference, Question, Score, order_of_design

LOOKS = 3
"""Comparisons of each policy, on average, before a round counts as judged."""
SETS = 5_000
"""Of so many sets of policies, at most, the most telling one is looked for."""
Said = TypeVar("Said", Preference, Judgement)
Met = tuple[frozenset[str], int]


class Policy(NamedTuple):
    """What a candidate is judged by."""

    candidate_id: str
    trials: tuple[str, ...]
    """Ids of its trainings' newest legs, one per training seed."""


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
    return tuple(p for p in answers if known.issuperset(p.question.trials))


def questions(
    among: Sequence[Policy],
    preferences: Sequence[Preference],
    episodes: int,
    count: int | None = None,
    size: int = 2,
) -> tuple[Question, ...]:
    """What to ask next, most informative first, and never about two policies that were shown in the same episode.

    Each is the one that is expected to shrink the strengths' joint uncertainty most (D-optimal), given the answers and the
    questions before it, weighted by the chance that one of those it shows is the best of all; first every policy is compared once.

    Args:
        among: the policies to compare.
        preferences: what was said of them so far.
        episodes: held-out episodes that there are of each.
        count: how many; None asks until there are LOOKS comparisons of each policy, on average.
        size: policies that a question shows.
    """
    looks, met = (
        looks_of(preferences),
        {one for p in preferences for one in _meetings(p.question.trials, p.question.episode)},
    )
    names = sorted(looks.keys() | {p.candidate_id for p in among})
    posterior = fit(len(names), comparisons_of(preferences, names))
    precision, first = posterior.precision, posterior.first if preferences else np.ones(len(names))
    wanted = math.ceil((LOOKS * len(among) - looks.total()) / size) if count is None else count
    chosen: list[Question] = []
    while len(chosen) < wanted:
        unseen = {p.candidate_id for p in among if not looks[p.candidate_id]}
        worth = {p.candidate_id: (p.candidate_id in unseen, first[names.index(p.candidate_id)]) for p in among}
        able = [s for s in _sets(among, worth, size) if not unseen or any(p.candidate_id in unseen for p in s)]
        places = np.array([[names.index(p.candidate_id) for p in one] for one in able], dtype=np.intp).reshape(-1, size)
        odds, weights = information_of(posterior.values, places)
        learned = _learned(odds, weights, np.asarray(np.linalg.inv(precision)))
        # rounded, so that the last bits never decide
        order = np.argsort(-np.round(learned * first[places].sum(axis=1), 9), kind="stable")
        fresh = ((i, question) for i in order if (question := _fresh(able[i], episodes, met)))
        best, question = next(fresh, (None, None))
        if question is None:
            break
        chosen.append(question)
        looks.update(question.candidates)
        met.update(_meetings(question.trials, question.episode))
        precision = precision + odds[best].T @ weights[best] @ odds[best]
    return tuple(chosen)


def question_called(among: Sequence[Policy], name: str, episodes: int) -> Question | None:
    """The question of this id about some of these policies; None if there is no such one."""
    trials = set(name.split("~"))
    shown = [policy for policy in among if trials.intersection(policy.trials)]
    if not 2 <= len(shown) <= len(SIDES):
        return None
    return next((q for q in every_question(shown, episodes) if q.id == name), None)


def every_question(shown: Sequence[Policy], episodes: int) -> Iterator[Question]:
    """Every question that shows these policies: one an episode, training seeds in turn, sides by a die that never changes."""
    return (_question(shown, episode) for episode in range(episodes))


def _question(shown: Sequence[Policy], episode: int) -> Question:
    sides = [(p.candidate_id, trial) for p, trial in zip(shown, _trials(shown, episode), strict=True)]
    thrown = seeds.derive(0, "side", *(trial for _, trial in sides), episode) % math.factorial(len(sides))
    (a, a_trial), (b, b_trial), *others = list(permutations(sides))[thrown]
    further = tuple(Further(candidate_id=name, trial_id=trial) for name, trial in others)
    return Question(a=a, b=b, a_trial=a_trial, b_trial=b_trial, episode=episode, further=further)


def _trials(shown: Sequence[Policy], episode: int) -> list[str]:
    return [policy.trials[episode % len(policy.trials)] for policy in shown]


def _sets(among: Sequence[Policy], worth: Mapping[str, tuple[bool, float]], size: int) -> list[tuple[Policy, ...]]:
    """All sets of this size; of those that are worth it most alone, where there were more than SETS."""
    most = next(n for n in range(len(among), -1, -1) if math.comb(n, size) <= SETS)
    kept = {p.candidate_id for p in sorted(among, key=lambda p: worth[p.candidate_id], reverse=True)[:most]}
    return list(combinations([p for p in among if p.candidate_id in kept], size))


def _learned(odds: Array, weights: Array, covariance: Array) -> Array:
    """The logarithm of what each answer multiplies the determinant of the precision by, shape (m,): see `information_of`."""
    unit = np.eye(weights.shape[-1])
    return np.asarray(np.linalg.slogdet(unit + weights @ (odds @ covariance @ odds.transpose(0, 2, 1)))[1])


def _fresh(shown: Sequence[Policy], episodes: int, met: set[Met]) -> Question | None:
    """The first question that shows these policies of which no two have met in its episode."""
    apart = (episode for episode in range(episodes) if met.isdisjoint(_meetings(_trials(shown, episode), episode)))
    episode = next(apart, None)
    return None if episode is None else _question(shown, episode)


def _meetings(trials: Sequence[str], episode: int) -> Iterator[Met]:
    """Every two trainings that are shown in an episode."""
    return ((frozenset(pair), episode) for pair in combinations(trials, 2))
