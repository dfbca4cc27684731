"""Successive halving: all candidates train a little on the same seed, the better half goes on, until few have trained to the end.

After Jamieson and Talwalkar 2016 (arXiv 1502.07943). A leg continues from the state its own training ended in, so nothing is
trained twice. Standing is what the scorer measured in the leg, never a maximum over training. Every decision is a record.
"""

import math
from collections.abc import Sequence
from statistics import stdev
from typing import NamedTuple

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core import seeds
from autoreward.errors import RunDamaged
from autoreward.evaluation.ranking import ranked
from autoreward.records import TRAINING_STATE, Candidate, Rung, Score, Standings, Trial, TrialId, TrialJob, Verdict
from autoreward.search.steps import Steps
from autoreward.search.study import Study
from autoreward.store.book import Page, WithFiles
from autoreward.store.keys import SCORES, STANDINGS, TRIALS
from autoreward.tasks.card import Task

RUNGS = (0.0625, 0.125, 0.25, 0.5, 1.0)
"""Shares of a full training after which the field is halved."""
FINALISTS = 2
"""How many train to the end at least: the winner needs somebody to be compared with."""


class Trained(NamedTuple):
    """Trainings, of one leg or of a whole round."""

    trials: tuple[Trial, ...]
    scores: tuple[Score, ...]

    def plus(self, more: "Trained") -> "Trained":
        """These and more."""
        return Trained((*self.trials, *more.trials), (*self.scores, *more.scores))


class Budget(NamedTuple):
    """Environment steps that a round may take."""

    left: int
    """All that the search has left."""
    share: int
    """An even part of it, where more rounds are to come: what the finalists' further seeds leave for them."""

    def less(self, taken: int) -> "Budget":
        """What remains after that many steps."""
        return Budget(self.left - taken, self.share - taken)


def env_steps(trials: Sequence[Trial]) -> int:
    """Environment steps of these trainings; a leg counts its own."""
    return sum(t.steps - t.begin for t in trials)


def successive_halving(study: Study, page: Page, field: Sequence[tuple[Candidate, Verdict]], budget: Budget) -> Trained:
    """Race candidates (in their order) over the rungs, then train the best on more seeds; never more than the budget holds."""
    task, config = study.task, study.config
    entrants = [search_job(config, task, candidate, verdict) for candidate, verdict in field]
    trained, begin = Trained((), ()), 0
    for number, goal in enumerate(goals(config, task)):
        if not entrants:
            break
        promoted = entrants[: max(budget.left, 0) // (goal - begin)]
        stretch = train_leg(study, page, promoted, number, begin, goal)
        budget = budget.less(env_steps(stretch.trials))
        trained, begin = trained.plus(stretch), goal
        rung = page.once(
            STANDINGS.of(str(number)),
            lambda: standings(config, task, number, stretch.scores, entrants, promoted),  # noqa: B023
        )
        study.listener(events.RungDone(rung))
        jobs = {job.candidate_id: job for job in promoted}
        if others := sorted({row.candidate_id for row in rung.rows} - jobs.keys()):
            path = page.folder / STANDINGS.of(str(number)).file
            raise RunDamaged(
                f"{path} names {others[0]!r}, which was not trained there; delete it, and resume makes it again."
            )
        entrants = [jobs[row.candidate_id] for row in rung.rows if row.goes_on]
    more = replicas(study, entrants, trained.scores, budget)
    again = page.each(TRIALS, more, lambda job: _train(study.steps, page, job), study.steps.executor)
    return trained.plus(Trained(again, score_all(study.steps, page, again, "search")))


def goals(config: RunConfig, task: Task) -> tuple[int, ...]:
    """Environment steps at each rung, rising.

    There is one rung alone where off-policy trainings can't be continued without their replay buffers, or no rule can halve.
    """
    halving = task.train.algorithm in ("PPO", "A2C") and task.ruled
    return tuple(sorted({max(round(share * config.full(task)), 1) for share in (RUNGS if halving else (1.0,))}))


def search_job(config: RunConfig, task: Task, candidate: Candidate, verdict: Verdict) -> TrialJob:
    """A candidate's training in the search: the same seed for all, so that they differ by reward alone."""
    return TrialJob(
        id=str(TrialId(candidate.id, 0)),
        candidate_id=candidate.id,
        reward="candidate",
        source=candidate.source,
        composition=candidate.composition,
        uses_memory=verdict.uses_memory,
        seed=seeds.derive(config.seed, "search"),
        steps=config.full(task),
    )


def survivors(count: int, config: RunConfig) -> int:
    """How many of a field go on when it is halved, ties apart."""
    return max(math.ceil(count / 2), config.finalists, FINALISTS)


def checkpoints(share: float, whole: int = TrialJob.model_fields["checkpoints"].default) -> int:
    """How often the weights are kept in a stretch that is this share of a training."""
    return max(2, round(whole * share))


def train_leg(study: Study, page: Page, jobs: Sequence[TrialJob], number: int, begin: int, end: int) -> Trained:
    """All these trainings one leg further, and what the scorer says of it."""
    legs = [leg(job, number, begin, end) for job in jobs]
    trials = page.each(TRIALS, legs, lambda job: _train(study.steps, page, job), study.steps.executor)
    return Trained(trials, score_all(study.steps, page, trials, "search"))


def leg(job: TrialJob, number: int, begin: int, end: int) -> TrialJob:
    """One stretch of a training."""
    kept = checkpoints((end - begin) / job.steps, job.checkpoints)
    change = {"id": str(TrialId.parse(job.id).on_leg(number)), "leg": number, "begin": begin, "steps": end, "checkpoints": kept,
              "unfinished": end < job.steps}  # fmt: skip
    return job.model_copy(update=change)


def replicas(study: Study, jobs: Sequence[TrialJob], scores: Sequence[Score], budget: Budget) -> list[TrialJob]:
    """The best ones that trained to the end, on more seeds in one piece, so that the winner is not the luckiest training.

    None where no rule says which are the best.
    """
    task, config = study.task, study.config
    if not task.ruled:
        return []
    finalists = ranked(scores, task)[: config.finalists]
    best = [job for job in jobs if job.candidate_id in finalists]
    return [
        job.model_copy(update={"id": str(TrialId(job.candidate_id, i)), "seed": seeds.derive(config.seed, "search", i)})
        for i in range(1, further_seeds(config, len(best) * study.full, budget) + 1)
        for job in best
    ]


def further_seeds(config: RunConfig, each: int, budget: Budget) -> int:
    """On how many more seeds the finalists train, all on as many; `each` is what one seed of them all takes.

    As many as the round's share holds. One at least if the search has the steps: nobody wins by a single training later.
    """
    if each == 0:
        return 0
    return max(min(config.finalist_seeds, budget.left // each, max(budget.share // each, 1)), 0)


def standings(
    config: RunConfig,
    task: Task,
    number: int,
    scores: Sequence[Score],
    entrants: Sequence[TrialJob],
    promoted: Sequence[TrialJob],
) -> Standings:
    """Who goes on after a rung: the better half, as many as there are finalists at least; after the first rung, where trainings
    are shortest, one more if noise can't tell it from the last of them. After the last rung all stay.

    Between two candidates the rank decides (evaluation/ranking.py); noise is one standard error of the graded progress over
    held-out episodes, of each.
    """
    by_id = {s.candidate_id: s for s in scores}
    order = ranked(scores, task)
    goal = goals(config, task)[number]
    keep = len(order) if goal >= config.full(task) else survivors(len(order), config)
    if number == 0 and keep < len(order) and _tied(by_id[order[keep]], by_id[order[keep - 1]]):
        keep += 1
    rows = [_row(by_id[identity], goes_on=place < keep) for place, identity in enumerate(order)]
    failed = [job.candidate_id for job in promoted if job.candidate_id not in order]
    rows += [Rung(candidate_id=name, success=0.0, progress=0.0, error=0.0, goes_on=False) for name in failed]
    stopped = tuple(job.candidate_id for job in entrants[len(promoted) :])
    return Standings(number=number, steps=goal, rows=tuple(rows), unaffordable=stopped)


def score_all(steps: Steps, page: Page, trials: Sequence[Trial], purpose: str) -> tuple[Score, ...]:
    """Score every finished trial of a page."""
    finished = [trial for trial in trials if trial.outcome.ok]
    return page.each(SCORES, finished, lambda t: steps.score(page, t, purpose), steps.executor)


def _row(score: Score, goes_on: bool) -> Rung:
    return Rung(
        candidate_id=score.candidate_id,
        success=score.mean_success,
        progress=score.mean_progress,
        error=_error(score),
        goes_on=goes_on,
    )


def _tied(one: Score, edge: Score) -> bool:
    """Whether noise can't tell a score from the better one at the edge. Without any progress there is nothing to spare."""
    return one.mean_progress > 0.0 and one.mean_progress + _error(one) >= edge.mean_progress - _error(edge)


def _error(score: Score) -> float:
    """Standard error of the graded progress over the scored episodes."""
    values = [e.progress for e in score.episodes]
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def _train(steps: Steps, page: Page, job: TrialJob) -> WithFiles[Trial]:
    before = TrialId.parse(job.id).on_leg(job.leg - 1)
    return steps.train(job, page.file(TRIALS.of(str(before)), TRAINING_STATE) if job.leg else b"")
