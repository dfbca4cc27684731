"""Successive halving: all candidates train a little on the same seed, the better half goes on, until few have trained to the end.

After Jamieson and Talwalkar 2016 (arXiv 1502.07943), and after Swersky et al. 2014 (arXiv 1406.3896) nobody is gone for good: a leg
continues from the state its own training ended in, so who stopped can go on where those before it got nowhere. Standing is what
a training promises by its whole curve (evaluation/prospects.py); nobody is dropped whom noise can't tell from who goes on, as long
as the budget has room. Every decision is a record.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core import seeds
from autoreward.errors import RunDamaged
from autoreward.evaluation.limits import violation
from autoreward.evaluation.prospects import Prospect, prospects
from autoreward.evaluation.ranking import UNSEEN, ranked
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
    ends = goals(config, task)
    trained, begin = Trained((), ()), 0
    stopped: list[Stopped] = []
    for number, goal in enumerate(ends):
        if not entrants:
            break
        promoted = entrants[: max(budget.left, 0) // (goal - begin)]
        stretch = train_leg(study, page, promoted, number, begin, goal)
        budget = budget.less(env_steps(stretch.trials))
        trained, begin = trained.plus(stretch), goal
        order, places = prospects(*trained), most_survivors(len(promoted), number, config, task, budget)
        rung = page.once(
            STANDINGS.of(str(number)),
            lambda: standings(config, task, number, order, entrants, promoted, places),  # noqa: B023
        )
        study.listener(events.RungDone(rung))
        jobs = {job.candidate_id: job for job in promoted}
        if others := sorted({row.candidate_id for row in rung.rows} - jobs.keys()):
            path = page.folder / STANDINGS.of(str(number)).file
            raise RunDamaged(
                f"{path} names {others[0]!r}, which was not trained there; delete it, and resume makes it again."
            )
        entrants = [jobs[row.candidate_id] for row in rung.rows if row.goes_on]
        stopped += [
            Stopped(jobs[row.candidate_id], number)
            for row in rung.rows
            if not row.goes_on and row.candidate_id in order
        ]
    if not any(works(score) and score.steps >= study.full for score in trained.scores):
        thawed = thaw(study, page, trained, stopped, budget)
        budget, trained = budget.less(env_steps(thawed.trials)), trained.plus(thawed)
        ended = {score.candidate_id for score in thawed.scores}
        entrants += [waiting.job for waiting in stopped if waiting.job.candidate_id in ended]
    more = replicas(study, entrants, trained.scores, budget)
    if more:
        study.listener(events.TrainingsBegin(tuple(job.id for job in more), 0, study.full, 0, len(ends)))
    again = page.each(TRIALS, more, lambda job: train_from_state(study.steps, page, job), study.steps.executor)
    return trained.plus(Trained(again, score_all(study.steps, page, again, "search")))


def works(score: Score) -> bool:
    """Whether a training's kept policy succeeds beyond what can hardly be told from never, and breaks no limit."""
    return score.success > UNSEEN and violation(score.limits) == 0.0


class Stopped(NamedTuple):
    """A training that waits where it stopped."""

    job: TrialJob
    number: int
    """Of the rung that it reached."""


def thaw(study: Study, page: Page, trained: Trained, stopped: Sequence[Stopped], budget: Budget) -> Trained:
    """Where nobody who trained to the end has succeeded at all: those who stopped go on to the end, the most promising first.

    As many as the round's share holds beside the finalists' next seed.
    """
    ends, promise = goals(study.config, study.task), prospects(*trained)
    budget = budget._replace(share=budget.share - _reserve(len(promise), study.config, study.task))
    more = Trained((), ())
    for waiting in sorted(stopped, key=lambda s: promise[s.job.candidate_id].place, reverse=True):
        begin = ends[waiting.number]
        if study.full - begin > min(budget.share, budget.left):
            continue
        study.listener(events.GoesOn(waiting.job.id, begin, study.full, "none of those before it has succeeded"))
        gone_on = train_leg(study, page, [waiting.job], waiting.number + 1, begin, study.full)
        budget, more = budget.less(env_steps(gone_on.trials)), more.plus(gone_on)
        if any(map(works, gone_on.scores)):
            break
    return more


def goals(config: RunConfig, task: Task) -> tuple[int, ...]:
    """Environment steps at each rung, rising; the end alone where no rule can halve."""
    return tuple(sorted({max(round(share * config.full(task)), 1) for share in (RUNGS if task.ruled else (1.0,))}))


def search_job(config: RunConfig, task: Task, candidate: Candidate, verdict: Verdict) -> TrialJob:
    """A candidate's training in the search: the same seed for all, so that they differ by reward alone."""
    return TrialJob(
        id=str(TrialId(candidate.id, 0)),
        candidate_id=candidate.id,
        reward="candidate",
        source=candidate.source,
        composition=candidate.composition,
        settings=candidate.settings,
        setup=verdict.setup,
        uses_memory=verdict.uses_memory,
        snapshots=task.train.snapshots,
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
    ends = goals(study.config, study.task)
    rung = sum(goal <= end for goal in ends)
    study.listener(events.TrainingsBegin(tuple(job.id for job in legs), begin, end, rung, len(ends)))
    trials = page.each(TRIALS, legs, lambda job: train_from_state(study.steps, page, job), study.steps.executor)
    return Trained(trials, score_all(study.steps, page, trials, "search"))


def leg(job: TrialJob, number: int, begin: int, end: int) -> TrialJob:
    """One stretch of a training; another may follow."""
    kept = checkpoints((end - begin) / job.steps, job.checkpoints)
    change = {"id": str(TrialId.parse(job.id).on_leg(number)), "leg": number, "begin": begin, "steps": end, "checkpoints": kept,
              "schedule_steps": job.steps, "unfinished": True}  # fmt: skip
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


def most_survivors(count: int, number: int, config: RunConfig, task: Task, budget: Budget) -> int:
    """How many of a field of `count` may go on after a rung at most, if those after it are halved and the finalists are to train on
    one more seed within the round's share of the budget.
    """
    ends = goals(config, task)
    if number + 1 >= len(ends):
        return count
    reserve, most = _reserve(count, config, task), count
    while most > survivors(count, config) and _halved(most, number + 1, ends, config) + reserve > budget.share:
        most -= 1
    return most


def _reserve(count: int, config: RunConfig, task: Task) -> int:
    """Environment steps of one more seed of the finalists: nobody is to win by a single training."""
    return min(config.finalists, count) * config.full(task) if config.finalist_seeds else 0


def _halved(count: int, number: int, ends: Sequence[int], config: RunConfig) -> int:
    """Environment steps from a rung to the end for a field that is halved at each."""
    steps = 0
    for begin, end in zip(ends[number - 1 :], ends[number:], strict=False):
        steps += count * (end - begin)
        count = min(count, survivors(count, config))
    return steps


def standings(
    config: RunConfig,
    task: Task,
    number: int,
    order: Mapping[str, Prospect],
    entrants: Sequence[TrialJob],
    promoted: Sequence[TrialJob],
    places: int,
) -> Standings:
    """Who goes on after a rung: the better half by prospect, as many as there are finalists at least; and whom noise can't tell
    from the last of them, as long as there are `places`. After the last rung all stay.

    Noise is one standard error of each. Those of which every checkpoint has broken a limit come last.
    """
    names = [j.candidate_id for j in promoted if j.candidate_id in order]
    names.sort(key=lambda name: order[name].place, reverse=True)
    goal = goals(config, task)[number]
    keep = len(names) if goal >= config.full(task) else min(survivors(len(names), config), len(names))
    edge = order[names[keep - 1]] if names else None
    while edge and keep < min(len(names), places) and _tied(order[names[keep]], edge):
        keep += 1
    rows = [_row(name, order[name], goes_on=place < keep) for place, name in enumerate(names)]
    failed = [job.candidate_id for job in promoted if job.candidate_id not in order]
    rows += [_row(name, Prospect(0.0, 0.0, 0.0, 0.0), goes_on=False) for name in failed]
    stopped = tuple(job.candidate_id for job in entrants[len(promoted) :])
    return Standings(number=number, steps=goal, rows=tuple(rows), unaffordable=stopped)


def score_all(steps: Steps, page: Page, trials: Sequence[Trial], purpose: str) -> tuple[Score, ...]:
    """Score every finished trial of a page."""
    finished = [trial for trial in trials if trial.outcome.ok]
    return page.each(SCORES, finished, lambda t: steps.score(page, t, purpose), steps.executor)


def _row(name: str, prospect: Prospect, goes_on: bool) -> Rung:
    return Rung(
        candidate_id=name,
        prospect=prospect.value,
        success=prospect.success,
        progress=prospect.progress,
        error=prospect.error,
        goes_on=goes_on,
        holds=prospect.holds,
    )


def _tied(one: Prospect, edge: Prospect) -> bool:
    """Whether noise can't tell a training from the better one at the edge."""
    return one.holds == edge.holds and one.value + one.error >= edge.value - edge.error


def train_from_state(steps: Steps, page: Page, job: TrialJob, states: Page | None = None) -> WithFiles[Trial]:
    """Train one leg from the state that the one before ended in; `states` is the page where that is, if it is another."""
    before = TrialId.parse(job.id).on_leg(job.leg - 1)
    return steps.train(job, (states or page).file(TRIALS.of(str(before)), TRAINING_STATE) if job.leg else b"")
