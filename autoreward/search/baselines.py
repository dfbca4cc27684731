"""After a round: do the records say that no reward can help? Trains the environment's own and the sparse one if need be."""

from collections.abc import Sequence
from typing import Literal

from autoreward.core import seeds
from autoreward.evaluation.futility import (
    all_flat,
    at_chance,
    coverage,
    doubt,
    ended_from_outside,
    of_short_trainings,
    optimiser,
)
from autoreward.records import EPISODES, REFERENCE_EPISODES, Description, Doubt, Round, Score, Trial, TrialId, TrialJob
from autoreward.search.halving import env_steps, score_all
from autoreward.search.study import Study
from autoreward.store.book import Book, Page
from autoreward.store.keys import DESCRIPTION, SCORES, TRIALS
from autoreward.tasks.card import Task

BASELINES: tuple[Literal["native"], Literal["sparse"]] = ("native", "sparse")


def not_the_reward(study: Study, description: Description, rounds: Sequence[Round]) -> Doubt:
    """The doubt after the last of some rounds, if there is one.

    Trains the baselines where the candidates alone don't settle it, once in a run. Those that are taken over from another run cost
    the budget as much: what a search does must not depend on what is kept beside it. An agent's steps are its own.
    """
    task, book, steps = study.task, study.book, study.steps
    last, normalized = rounds[-1], task.train.normalize_rewards
    if broken := ended_from_outside(last.trials) or optimiser(last.trials, normalized):
        return broken
    chance = [p.episode.progress for p in description.reference_episodes if p.kind == "random"]
    longer = [r.longer for r in rounds]
    if study.config.by_agent or not task.ruled or not chance:
        return Doubt()
    if not at_chance(last.scores, chance) or not all_flat(last.trials, last.scores):
        return Doubt()
    if any(one.helped or one.still_improving for one in longer):
        return Doubt()
    page, jobs = book.baselines_page(), baselines(study)
    trials = page.each(TRIALS, jobs, steps.train, steps.executor)
    scores = score_all(steps, page, trials, "search")
    known = any(earlier.doubt.trainings for earlier in rounds[:-1])
    cost = {} if known else {"trainings": len(trials), "steps": env_steps(trials)}
    doubtful = optimiser((*last.trials, *trials), normalized) or Doubt()
    if not doubtful.reason and at_chance(scores, chance):
        visited = [*_visited(task, book.page(last.number), last.scores), *_visited(task, page, scores)]
        unseen = [name for name in task.unseen if name in task.ruled_names]
        by_chance = _by_chance(task, book, description)
        found = doubt((*last.scores, *scores), chance, by_chance, visited, longer, unseen)
        doubtful = of_short_trainings(found, study.full, task.train.steps)
    return doubtful.model_copy(update=cost)


def baselines(study: Study) -> list[TrialJob]:
    """The environment's own reward and the sparse one, trained as the candidates of the search are."""
    seed = seeds.derive(study.config.seed, "search")
    return [
        TrialJob(
            id=str(TrialId(reward, 0)),
            candidate_id="",
            reward=reward,
            snapshots=study.task.train.snapshots,
            seed=seed,
            steps=study.full,
        )
        for reward in BASELINES
    ]


def taken_over(trials: Sequence[Trial]) -> list[Trial]:
    """Those that another run has trained."""
    return [trial for trial in trials if trial.taken_from]


def _by_chance(task: Task, book: Book, description: Description) -> float:
    """What random actions visit; constant ones often go further."""
    random = [i for i, p in enumerate(description.reference_episodes) if p.kind == "random"]
    return coverage(book.transitions(DESCRIPTION, REFERENCE_EPISODES).cut(columns=random), task)


def _visited(task: Task, page: Page, scores: Sequence[Score]) -> list[float]:
    recordings = (page.transitions(SCORES.of(s.trial_id), EPISODES) for s in scores if s.outcome.ok)
    return [coverage(episodes, task) for episodes in recordings]
