"""Which pairs of policies people and models are asked about: who is worth comparing, and what tells most next."""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import NamedTuple, TypeVar

import numpy as np

from autoreward.core import seeds
from autoreward.evaluation.bradley_terry import comparisons_of, fit, information_of, looks_of
from autoreward.evaluation.ranking import latest
from autoreward.records import Judgement, Preference, Question, Score, order_of_design

LOOKS = 3
"""Comparisons of each policy, on average, before a round counts as judged."""
Said = TypeVar("Said", Preference, Judgement)


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
    return tuple(p for p in answers if {p.question.a_trial, p.question.b_trial} <= known)


def questions(
    among: Sequence[Policy], preferences: Sequence[Preference], episodes: int, count: int | None = None
) -> tuple[Question, ...]:
    """What to ask next, most informative first, and never the same two policies in the same episode twice.

    Each is the one that is expected to shrink the strengths' joint uncertainty most (D-optimal), given the answers and the
    questions before it, weighted by the chance that one of the two is the best of all; first every policy is compared once.

    Args:
        among: the policies to compare.
        preferences: what was said of them so far.
        episodes: held-out episodes that there are of each.
        count: how many; None asks until there are LOOKS comparisons of each policy, on average.
    """
    looks, used = looks_of(preferences), {p.question.id for p in preferences}
    names = sorted(looks.keys() | {p.candidate_id for p in among})
    posterior = fit(len(names), comparisons_of(preferences, names))
    precision, unit = posterior.precision, np.eye(len(names) + 1)
    first = posterior.first if preferences else np.ones(len(names))
    pairs = list(combinations(among, 2))
    places = np.array([[names.index(p.candidate_id) for p in pair] for pair in pairs], dtype=np.intp).reshape(-1, 2)
    information = np.array([information_of(posterior, a, b) for a, b in places]).reshape(-1, *unit.shape)
    unasked = [(q for q in _between(*pair, episodes) if q.id not in used) for pair in pairs]
    following = {i: question for i, left in enumerate(unasked) if (question := next(left, None))}
    wanted = math.ceil(LOOKS * len(among) / 2) - len(preferences) if count is None else count
    chosen: list[Question] = []
    while len(chosen) < wanted:
        unseen = {p.candidate_id for p in among if not looks[p.candidate_id]}
        able = [i for i, q in sorted(following.items()) if not unseen or {q.a, q.b} & unseen]
        if not able:
            break
        learned = np.linalg.slogdet(unit + information[able] @ np.linalg.inv(precision))[1]
        # rounded, so that the last bits never decide
        best = able[int(np.round(learned * first[places[able]].sum(axis=1), 9).argmax())]
        chosen.append(following.pop(best))
        looks.update((chosen[-1].a, chosen[-1].b))
        precision = precision + information[best]
        if question := next(unasked[best], None):
            following[best] = question
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
