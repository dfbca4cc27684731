"""Successive halving: all candidates train a little on the same seed, the better half goes on, until few have trained to the end.

After Jamieson and Talwalkar 2016 (arXiv 1502.07943). A leg continues from the state its own training ended in, so nothing is
trained twice. Standing is what the scorer measured in the leg, never a maximum over training. Every decision is a record.
"""

import math
from collections.abc import Callable, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from autoreward import events, seeds
from autoreward.analyze.ranking import ranked
from autoreward.config import RunConfig
from autoreward.crews import Crew
from autoreward.records import Candidate, Rung, Score, Standings, Trial, TrialJob, Verdict
from autoreward.store.book import Made, Page
from autoreward.tasks import Task

RUNGS = (0.0625, 0.125, 0.25, 0.5, 1.0)
"""Shares of the full budget at which the field is halved."""
FINALISTS = 2
"""How many train to the end at least: the winner needs somebody to be compared with."""
STATE = "state.safetensors"


class Raced(NamedTuple):
    """Trainings, of one leg or of a whole round."""

    trials: tuple[Trial, ...]
    scores: tuple[Score, ...]


def race(
    task: Task,
    config: RunConfig,
    crew: Crew,
    page: Page,
    field: Sequence[tuple[Candidate, Verdict]],
    left: int,
    tell: Callable[[events.Event], None],
) -> Raced:
    """Race candidates (in their order) over the rungs, then train the best on more seeds; at most `left` environment steps."""
    entrants = [search_job(config, task, candidate, verdict) for candidate, verdict in field]
    trials: tuple[Trial, ...] = ()
    scores: tuple[Score, ...] = ()
    before = 0
    for number, share in enumerate(rungs(task)):
        goal = round(share * full(config, task))
        going = _affordable(entrants, goal - before, left)
        if not going:
            break
        done, found = one_leg(crew, page, going, number, before, goal)
        left -= sum(t.steps - t.begin for t in done)
        trials, scores, before = (*trials, *done), (*scores, *found), goal
        rung = page.once(f"rung-{number}", Standings, lambda: standings(number, share, goal, found, going, task))  # noqa: B023
        tell(events.RungDone(rung))
        on = {row.candidate_id for row in rung.rows if row.goes_on}
        entrants = [job for job in going if job.candidate_id in on]
    more = replicas(config, task, entrants, scores)[: max(left // full(config, task), 0)]
    again = page.each("trials", Trial, more, lambda job: _train(crew, page, job), crew.pool)
    return Raced((*trials, *again), (*scores, *score_all(page, crew, again, "search")))


def full(config: RunConfig, task: Task) -> int:
    """Environment steps of one full training."""
    return config.steps or task.train.steps


def rungs(task: Task) -> tuple[float, ...]:
    """The rungs; one alone where off-policy trainings can't be continued without their replay buffers, or no rule can halve."""
    return RUNGS if task.train.algorithm in ("PPO", "A2C") and task.ruled else (1.0,)


def search_job(config: RunConfig, task: Task, candidate: Candidate, verdict: Verdict) -> TrialJob:
    """A candidate's training in the search: the same seed for all, so that they differ by reward alone."""
    return TrialJob(
        id=f"{candidate.id}-s0",
        candidate_id=candidate.id,
        reward="candidate",
        source=candidate.source,
        composition=candidate.composition,
        uses_memory=verdict.uses_memory,
        seed=seeds.derive(config.seed, "search"),
        steps=full(config, task),
    )


def survivors(count: int) -> int:
    """How many of a field go on when it is halved, ties apart."""
    return max(math.ceil(count / 2), FINALISTS)


def checkpoints(share: float, whole: int = TrialJob.model_fields["checkpoints"].default) -> int:
    """How often the weights are kept in a stretch that is this share of a training."""
    return max(2, round(whole * share))


def one_leg(crew: Crew, page: Page, jobs: Sequence[TrialJob], number: int, begin: int, end: int) -> Raced:
    """All these trainings one leg further, and what the scorer says of it."""
    legs = [leg(job, number, begin, end) for job in jobs]
    done = page.each("trials", Trial, legs, lambda job: _train(crew, page, job), crew.pool)
    return Raced(done, score_all(page, crew, done, "search"))


def leg(job: TrialJob, number: int, begin: int, end: int) -> TrialJob:
    """One stretch of a training."""
    kept = checkpoints((end - begin) / job.steps, job.checkpoints)
    change = {"id": f"{job.id}-leg{number}", "leg": number, "begin": begin, "steps": end, "checkpoints": kept,
              "unfinished": end < job.steps}  # fmt: skip
    return job.model_copy(update=change)


def replicas(config: RunConfig, task: Task, jobs: Sequence[TrialJob], scores: Sequence[Score]) -> list[TrialJob]:
    """The best ones that trained to the end, on more seeds in one piece, so that the winner is not the luckiest training.

    None where no rule says which are the best.
    """
    if not task.ruled:
        return []
    finalists = ranked(scores, task)[: config.finalists]
    return [
        job.model_copy(update={"id": f"{job.candidate_id}-s{i}", "seed": seeds.derive(config.seed, "search", i)})
        for i in range(1, config.finalist_seeds + 1)
        for job in jobs
        if job.candidate_id in finalists
    ]


def standings(
    number: int, share: float, steps: int, scores: Sequence[Score], jobs: Sequence[TrialJob], task: Task
) -> Standings:
    """Who goes on after `share` of the budget: the better half, FINALISTS at least, and while trainings are short one more, if
    noise can't tell it from the last of them.

    Between two candidates the rank decides (analyze/ranking.py); noise is one standard error of the graded progress over
    held-out episodes, of each.
    """
    order = ranked(scores, task)
    by_id = {s.candidate_id: s for s in scores}
    keep = len(order) if share == 1.0 else survivors(len(order))
    rows = []
    for place, identity in enumerate(order):
        mean, error = _noise(by_id[identity])
        goes_on = place < keep
        if place == keep and share < 0.5:
            edge_mean, edge_error = _noise(by_id[order[keep - 1]])
            goes_on = mean + error >= edge_mean - edge_error and mean > 0.0
        score = by_id[identity]
        rows.append(
            Rung(
                candidate_id=identity,
                success=score.mean_success,
                progress=score.mean_progress,
                error=error,
                goes_on=goes_on,
            )
        )
    scored = set(order)
    rows += [
        Rung(candidate_id=job.candidate_id, success=0.0, progress=0.0, error=0.0, goes_on=False)
        for job in jobs
        if job.candidate_id not in scored
    ]
    return Standings(number=number, steps=steps, rows=tuple(rows))


def score_all(page: Page, crew: Crew, trials: Sequence[Trial], purpose: str) -> tuple[Score, ...]:
    """Score every finished trial of a page."""
    finished = [trial for trial in trials if trial.outcome.ok]
    return page.each("scores", Score, finished, lambda t: crew.score(page, t, purpose), crew.pool)


def _noise(score: Score) -> tuple[float, float]:
    """Mean graded progress of the scored episodes, and its standard error."""
    values = [e.progress for e in score.episodes]
    if len(values) < 2:
        return score.mean_progress, 0.0
    return fmean(values), stdev(values) / math.sqrt(len(values))


def _affordable(jobs: Sequence[TrialJob], each: int, left: int) -> list[TrialJob]:
    """As many as the budget has steps for, the first in line first; the last leg may overshoot by its rollout."""
    return list(jobs[: max(left, 0) // each])


def _train(crew: Crew, page: Page, job: TrialJob) -> Made[Trial]:
    before = job.id.replace(f"-leg{job.leg}", f"-leg{job.leg - 1}")
    return crew.train(job, page.file("trials", before, STATE) if job.leg else b"")
