"""Several rewards trained on the same fresh seeds and compared: how a search is confirmed, and what `autoreward train` does."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from autoreward import events
from autoreward.core import seeds
from autoreward.core.wording import Command, Setting
from autoreward.errors import UsageError
from autoreward.evaluation.intervals import Interval, interquartile_mean, probability_of_improvement
from autoreward.evaluation.limits import on_fresh_seeds
from autoreward.evaluation.metrics import metrics_on_fresh_seeds
from autoreward.evaluation.stages import stages_over_trainings
from autoreward.records import Candidate, Confirmed, Contest, Estimate, Score, Trial, TrialId, TrialJob, Verdict
from autoreward.records.base import Hyperparameter
from autoreward.search.contest import contested
from autoreward.search.halving import score_all
from autoreward.search.study import Study
from autoreward.store.book import Page
from autoreward.store.keys import TRIALS, VERDICTS
from autoreward.tasks.card import Task

NATIVE: Literal["native"] = "native"
RETUNED = "retuned"
"""Behind the name of a baseline that trains with the winner's settings, not the card's."""
Baseline = Literal["sparse", "native", "none"]
ArmRole = Literal["winner", "runner-up", "start", "zero-shot", "baseline", "given"]


class Arm(NamedTuple):
    """A reward that takes part."""

    role: ArmRole
    reward: Candidate | Baseline
    settings: Mapping[str, Hyperparameter] = {}
    """Of a baseline: the winner's, in place of the card's."""

    @property
    def who(self) -> str:
        """Its candidate's id, or its own name."""
        if not isinstance(self.reward, str):
            return self.reward.id
        return f"{self.reward}_{RETUNED}" if self.settings else self.reward

    @property
    def trained_with(self) -> Mapping[str, Hyperparameter]:
        """In place of the card's settings."""
        return self.settings if isinstance(self.reward, str) else self.reward.settings


class Confirmation(NamedTuple):
    """What came of it."""

    trials: tuple[Trial, ...] = ()
    confirmed: tuple[Confirmed, ...] = ()
    contest: Contest | None = None


def confirm(study: Study, page: Page, arms: Sequence[Arm], searched: Sequence[Score] = ()) -> Confirmation:
    """Train each on the same `confirm_seeds` fresh seeds at the full budget, and score it on fresh held-out episodes.

    `searched` are the search's scores of the programs that may be handed over; without one nothing contests the winner.
    """
    config, steps = study.config, study.steps
    if config.confirm_seeds == 0 or not arms:
        return Confirmation()
    programs = [c.reward for c in arms if isinstance(c.reward, Candidate)]
    verdicts = {v.candidate_id: v for v in page.each(VERDICTS, programs, steps.review, steps.executor)}
    jobs = [_job(study, c, verdicts, i) for c in arms for i in range(config.confirm_seeds)]
    study.listener(events.Confirming(tuple(job.id for job in jobs)))
    trials = page.each(TRIALS, jobs, steps.train, steps.executor)
    scores = {score.trial_id: score for score in score_all(steps, page, trials, "confirm")}
    # a worker that died twice says nothing of the reward, nor does an environment that failed
    lost = {t.id for t in trials if t.outcome.blames_nobody_here}
    lost |= {identity for identity, score in scores.items() if score.outcome.blames_nobody_here}
    by_arm = {
        c.who: {
            i: scores.get(name) for i in range(config.confirm_seeds) if (name := str(TrialId(c.who, i))) not in lost
        }
        for c in arms
    }
    contest = contested(by_arm, arms[0].who, searched, study.full)
    rows = []
    for c in arms:
        beside = _native_beside(c, arms)
        native = [*by_arm[beside].values()] if beside else []
        rows += [confirmed(c, [*by_arm[c.who].values()], native, beside)] if by_arm[c.who] else []
    return Confirmation(trials, tuple(rows), contest)


def _native_beside(arm: Arm, arms: Sequence[Arm]) -> str:
    """The native reward by the same settings, whose trainings say what the reward alone is worth; empty where none takes part."""
    natives = [a.who for a in arms if a.reward == NATIVE and a.trained_with == arm.trained_with]
    return next((who for who in natives if who != arm.who), "")


def confirmed(arm: Arm, scores: Sequence[Score | None], native: Sequence[Score | None], beside: str) -> Confirmed:
    """Success over training seeds with its interval; a training that failed counts as a success rate of 0.

    `native` are the scores of what it stands beside.
    """
    success = _success(scores)
    against = probability_of_improvement(success, _success(native)) if native else None
    whole = [score for score in scores if score]
    return Confirmed(
        who=arm.who,
        role=arm.role,
        success=success,
        progress=tuple(score.progress if score else 0.0 for score in scores),
        metric=tuple(score.metric if score else None for score in scores),
        metrics=metrics_on_fresh_seeds(scores),
        estimate=_estimate(interquartile_mean(success)),
        over_native=_estimate(against) if against else None,
        beside=beside if against else "",
        limits=on_fresh_seeds(whole),
        stages=stages_over_trainings(whole),
    )


def demand_sound(candidate: Candidate, task: Task, verdict: Verdict) -> None:
    """Raises UsageError, with the first thing that is wrong, if a person's program may not train."""
    if verdict.accepted:
        return
    number = verdict.findings[0].line if verdict.findings else None
    line = f" (line {number} of the program)" if number else ""
    raise UsageError(
        f"The reward {candidate.id} may not train{line}: {_first_finding(verdict).rstrip('.')}. `",
        Command("check", ("FILE",), (Setting("task", task.name),)),
        "` says all that is wrong with it.",
    )


def why_nothing(trials: Sequence[Trial], scores: Sequence[Score], verdicts: Sequence[Verdict]) -> str:
    """What the first training, scoring or program failed of, if no policy was scored; empty if one was."""
    if any(s.outcome.ok for s in scores):
        return ""
    failures = [
        *((t.id, t.outcome, t.message) for t in trials if not t.outcome.ok),
        *((f"the scoring of {s.trial_id}", s.outcome, s.message) for s in scores if not s.outcome.ok),
    ]
    for name, outcome, message in failures:
        return f"{name} {outcome.value.replace('_', ' ')}: {message or outcome.advice}"
    for refused in (v for v in verdicts if not v.accepted):
        return f"{refused.candidate_id} was refused: {_first_finding(refused)}"
    return "none was left to train"


def _first_finding(verdict: Verdict) -> str:
    return verdict.findings[0].message if verdict.findings else verdict.outcome.advice


def _job(study: Study, arm: Arm, verdicts: dict[str, Verdict], i: int) -> TrialJob:
    without_program = TrialJob(
        id=str(TrialId(arm.who, i)),
        candidate_id="",
        reward="none",
        snapshots=study.task.train.snapshots,
        settings=dict(arm.trained_with),
        seed=seeds.derive(study.config.seed, "confirm", i),
        steps=study.full,
    )
    if isinstance(arm.reward, str):
        return without_program.model_copy(update={"reward": arm.reward})
    program = arm.reward
    return without_program.model_copy(
        update={
            "candidate_id": program.id,
            "reward": "candidate",
            "source": program.source,
            "composition": program.composition,
            "setup": program.setup,
            "uses_memory": verdicts[program.id].uses_memory,
        }
    )


def _success(scores: Sequence[Score | None]) -> tuple[float, ...]:
    return tuple(score.success if score else 0.0 for score in scores)


def _estimate(interval: Interval) -> Estimate:
    return Estimate(value=interval.value, low=interval.low, high=interval.high)
