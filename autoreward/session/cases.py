"""What an analyzer is shown of a program: all of it from one of its trainings."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

from autoreward.core.transitions import Transitions
from autoreward.evaluation.diagnose import diagnose
from autoreward.evaluation.legs import newest
from autoreward.records import EPISODES, Description, Round, Score, Trial, TrialId
from autoreward.rewards.agreement import Parts
from autoreward.roles.analyzer import Case, representative
from autoreward.store.book import Page
from autoreward.store.keys import SCORES
from autoreward.tasks.card import Task

R = TypeVar("R", Trial, Score)


def case_of(
    task: Task,
    described: Description,
    page: Page,
    played: Round,
    identity: str,
    parts: Callable[[str, bool, Transitions], Parts],
) -> Case:
    """A scored program of a round that is over, with symptoms and episodes of the training that is shown.

    `parts` runs a source, step by step if it uses memory, on transitions. Reading an episode raises RunDamaged.
    """
    scored = newest(s for s in played.scores if s.candidate_id == identity)
    shown, choice = representative(tuple(scored.values()))
    candidate = next(c for c in played.candidates if c.id == identity)
    stepped = next(v for v in played.verdicts if v.candidate_id == identity).uses_memory
    training = TrialId.parse(shown.trial_id).training

    def of_it(records: Sequence[R]) -> list[R]:
        return [r for r in records if TrialId.parse(r.id if isinstance(r, Trial) else r.trial_id).training == training]

    screens = next((item.screens for item in played.screened.items if item.candidate_id == identity), ())
    diagnosis = diagnose(task, candidate, of_it(played.trials), of_it(played.scores), described, screens)

    @cache
    def episodes(trial_id: str) -> Transitions:
        return page.transitions(SCORES.of(trial_id), EPISODES)

    return Case(
        candidate=candidate,
        shown=shown,
        trainings=tuple(scored.values()),
        choice=choice,
        diagnosis=diagnosis,
        episodes=lambda score: episodes(score.trial_id),
        parts=lambda one: parts(candidate.source, stepped, one),
    )
