"""The loop: design, check, train, score, diagnose; then confirm. Everything a person should know is on this page.

Every result is on disk before the next step starts (`once`, `each`), and every step is a function of saved records
alone. So calling `improve` again on the same book resumes it; there is no resume branch.
"""

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Literal, Protocol, TypeVar

from autoreward import events, seeds
from autoreward.analyze.intervals import bootstrap_mean
from autoreward.analyze.ranking import best, ranked
from autoreward.config import RunConfig
from autoreward.errors import LimitReached
from autoreward.pools import Pool
from autoreward.records import (
    Analyses,
    Candidate,
    Candidates,
    Confirmed,
    Description,
    Diagnosis,
    Round,
    Run,
    Score,
    Trial,
    TrialJob,
    Verdict,
)
from autoreward.store.book import Book, Made, Page
from autoreward.tasks import Task
from autoreward.tiers import Tier

Tell = Callable[[events.Event], None]
BASELINES: tuple[Literal["sparse", "native"], ...] = ("sparse", "native")
R = TypeVar("R", Trial, Score)


class Crew(Protocol):
    """Who does the work of each step; `crew.py` has the real one, the tests a fake one."""

    pool: Pool
    tier: Tier

    def describe(self) -> Made[Description]:
        """Sample the task's environment."""
        ...

    def design(self, description: Description, rounds: Sequence[Round]) -> Candidates:
        """Write the next round's reward programs."""
        ...

    def review(self, candidate: Candidate) -> Verdict:
        """Decide whether a candidate may train."""
        ...

    def train(self, job: TrialJob) -> Made[Trial]:
        """Train one policy."""
        ...

    def score(self, page: Page, trial: Trial, purpose: str) -> Made[Score]:
        """Score a trial's policy on held-out seeds, in a process that never met the reward."""
        ...

    def diagnose(self, candidate: Candidate, trials: Sequence[Trial], scores: Sequence[Score]) -> Diagnosis:
        """Name what went wrong with a candidate, from its numbers."""
        ...

    def analyze(
        self,
        page: Page,
        candidates: Sequence[Candidate],
        scores: Sequence[Score],
        diagnoses: Sequence[Diagnosis],
        verdicts: Sequence[Verdict],
    ) -> Analyses:
        """Explain it, from the episodes; nothing if nobody is there to."""
        ...


def improve(task: Task, config: RunConfig, crew: Crew, book: Book, tell: Tell) -> Run:
    """Search for a reward program whose trained policy does what the task asks for; resume if already begun."""
    description = book.once("description", Description, crew.describe)
    rounds: tuple[Round, ...] = ()
    while (stop := stop_reason(config, rounds, task)) is None:
        number = len(rounds)
        page = book.page(number)
        tell(events.RoundStarted(number))
        try:
            candidates = page.once("candidates", Candidates, lambda: crew.design(description, rounds)).items  # noqa: B023
        except LimitReached as limit:
            if not rounds:
                raise
            stop = str(limit)
            break
        tell(events.Designed(candidates))
        verdicts = page.each("verdicts", Verdict, candidates, crew.review, crew.pool)
        tell(events.Checked(verdicts))
        jobs = [search_job(config, task, c, v) for c, v in pairs(candidates, verdicts) if v.accepted]
        trials = page.each("trials", Trial, jobs, crew.train, crew.pool)
        scores = score_all(page, crew, trials, "search")
        more = page.each("trials", Trial, replicas(config, task, jobs, scores), crew.train, crew.pool)
        trials, scores = (*trials, *more), (*scores, *score_all(page, crew, more, "search"))
        diagnoses = page.each(
            "diagnoses",
            Diagnosis,
            candidates,
            lambda c: crew.diagnose(c, of(c.id, trials), of(c.id, scores)),  # noqa: B023
            crew.pool,
        )
        analyses = page.once("analyses", Analyses,
                             lambda: crew.analyze(page, candidates, scores, diagnoses, verdicts)).items  # noqa: B023  # fmt: skip
        rounds += (Round(number=number, candidates=candidates, verdicts=verdicts, trials=trials, scores=scores,
                         diagnoses=diagnoses, analyses=analyses),)  # fmt: skip
        tell(events.RoundDone(rounds[-1], best(rounds, task)))
    winner = best(rounds, task)
    trials, confirmed = confirm(task, config, crew, book, candidate(rounds, winner), tell)
    done = (*(t for r in rounds for t in r.trials), *trials)
    run = Run(task=task.name, goal=task.goal, stop=stop, rounds=len(rounds), best=winner, confirmed=confirmed,
              trainings=len(done), env_steps=sum(t.steps for t in done), tier=crew.tier)  # fmt: skip
    return book.once("result", Run, lambda: run)


def stop_reason(config: RunConfig, rounds: Sequence[Round], task: Task) -> str | None:
    """Why the search ends here, in words; None while it should go on."""
    winner = best(rounds, task)
    scores = [s for r in rounds for s in r.scores if s.candidate_id == winner]
    if winner and fmean(s.success for s in scores) >= config.target:
        return f"{winner} reached the target success rate of {config.target:g} on {len(scores)} training seeds"
    if len(rounds) >= config.rounds:
        return f"all {config.rounds} rounds are done"
    return None


def search_job(config: RunConfig, task: Task, candidate: Candidate, verdict: Verdict) -> TrialJob:
    """A candidate's training in the search: the same seed for all of a round, so that they differ by reward alone."""
    return TrialJob(
        id=f"{candidate.id}-s0",
        candidate_id=candidate.id,
        reward="candidate",
        source=candidate.source,
        composition=candidate.composition,
        uses_memory=verdict.uses_memory,
        seed=seeds.derive(config.seed, "search"),
        steps=config.steps or task.train.steps,
    )


def replicas(config: RunConfig, task: Task, jobs: Sequence[TrialJob], scores: Sequence[Score]) -> list[TrialJob]:
    """The round's finalists on more seeds, so that the winner is not the luckiest training."""
    finalists = ranked(scores, task)[: config.finalists]
    return [
        job.model_copy(update={"id": f"{job.candidate_id}-s{i}", "seed": seeds.derive(config.seed, "search", i)})
        for job in jobs
        if job.candidate_id in finalists
        for i in range(1, config.finalist_seeds + 1)
    ]


def score_all(page: Page, crew: Crew, trials: Sequence[Trial], purpose: str) -> tuple[Score, ...]:
    """Score every finished trial of a page."""
    finished = [trial for trial in trials if trial.outcome.ok]
    return page.each("scores", Score, finished, lambda t: crew.score(page, t, purpose), crew.pool)


def confirm(
    task: Task, config: RunConfig, crew: Crew, book: Book, winner: Candidate | None, tell: Tell
) -> tuple[tuple[Trial, ...], tuple[Confirmed, ...]]:
    """Train the winner and the baselines again at the full budget on fresh seeds, and score them on fresh episodes."""
    if config.confirm_seeds == 0 or winner is None:
        return (), ()
    page = book.confirm_page()
    verdict = page.each("verdicts", Verdict, [winner], crew.review, crew.pool)[0]
    jobs = [
        search_job(config, task, winner, verdict).model_copy(
            update={
                "id": f"{who}-s{i}",
                "candidate_id": winner.id if who == winner.id else "",
                "reward": "candidate" if who == winner.id else who,
                "source": winner.source if who == winner.id else "",
                "seed": seeds.derive(config.seed, "confirm", i),
            }
        )
        for who in (winner.id, *BASELINES)
        for i in range(config.confirm_seeds)
    ]
    tell(events.Confirming(tuple(job.id for job in jobs)))
    trials = page.each("trials", Trial, jobs, crew.train, crew.pool)
    scores = {score.trial_id: score for score in score_all(page, crew, trials, "confirm")}
    return trials, tuple(
        confirmed(who, [scores.get(f"{who}-s{i}") for i in range(config.confirm_seeds)])
        for who in (winner.id, *BASELINES)
    )


def confirmed(who: str, scores: Sequence[Score | None]) -> Confirmed:
    """Success over training seeds with its interval; a training that failed counts as a success rate of 0."""
    success = tuple(score.success if score else 0.0 for score in scores)
    mean, low, high = bootstrap_mean(success)
    return Confirmed(
        who=who,
        success=success,
        progress=tuple(score.progress if score else 0.0 for score in scores),
        metric=tuple(score.metric if score else None for score in scores),
        mean=mean,
        low=low,
        high=high,
    )


def candidate(rounds: Sequence[Round], wanted: str) -> Candidate | None:
    """The candidate of that id, or None."""
    return next((c for r in rounds for c in r.candidates if c.id == wanted), None)


def pairs(candidates: Sequence[Candidate], verdicts: Sequence[Verdict]) -> list[tuple[Candidate, Verdict]]:
    """Each candidate with its own verdict, matched by id."""
    by_id = {verdict.candidate_id: verdict for verdict in verdicts}
    return [(c, by_id[c.id]) for c in candidates]


def of(candidate_id: str, records: Sequence[R]) -> tuple[R, ...]:
    """The records of one candidate."""
    return tuple(record for record in records if record.candidate_id == candidate_id)
