"""Is it the budget? The best training of a round goes on beyond its full length, before more programs are written."""

from collections.abc import Sequence
from statistics import fmean

from autoreward import events
from autoreward.evaluation.legs import scored_trainings
from autoreward.evaluation.prospects import improving, progress_curve
from autoreward.evaluation.ranking import latest
from autoreward.records import Longer, Round, Score, Trial, TrialId, TrialJob
from autoreward.search.halving import Trained, leg, score_all, train_from_state
from autoreward.search.study import Study
from autoreward.store.book import Page
from autoreward.store.keys import LONGER, TRIALS

TIMES = (2, 4)
"""How many full lengths a training goes on to."""


def train_longer(study: Study, page: Page, job: TrialJob | None, trained: Trained, left: int) -> Longer:
    """Go on with a training while it improves, or once if nothing has succeeded yet.

    Not where it is good enough, the search has no steps `left` for it, or an agent says what they go to.

    Args:
        study: of the run.
        page: of the round.
        job: of the best training so far; None if it is of an earlier round, and was gone on with there.
        trained: the trainings of the round.
        left: environment steps.
    """
    return page.once(LONGER, lambda: _go_on(study, page, job, trained, left) if job else Longer())


def most_helped(rounds: Sequence[Round]) -> Longer:
    """Where more steps helped most, by the success that they ended with; empty where they never did."""
    helped = [r.longer for r in rounds if r.longer.helped]
    return max(helped, key=lambda longer: longer.success[-1], default=Longer())


def _go_on(study: Study, page: Page, job: TrialJob, trained: Trained, left: int) -> Longer:
    task, full = study.task, study.full
    if study.config.by_agent or not task.ruled:
        return Longer()
    if _success(latest(trained.scores)[job.candidate_id]) >= study.config.target:
        return Longer()
    pages = study.book.longer_page()
    own = Trained(*([r for r in of if _is_leg_of(r, job)] for of in trained))  # type: ignore[arg-type]
    number, begin, succeeded = _legs(own.trials), full, any(s.success > 0.0 for s in trained.scores)
    stages = [_stage(own, full)]
    for times in TIMES:
        end = times * full
        first_hope = times == TIMES[0] and not succeeded
        if end - begin > left or not (first_hope or improving(*_whole(own))):
            break
        longer = leg(job, number, begin, end)
        why = "nothing has succeeded yet" if first_hope else "it still improves"
        study.listener(events.GoesOn(job.id, begin, end, why))
        own = own.plus(_train(study, page if begin == full else pages, pages, longer))
        left, begin, number = left - (end - begin), end, number + 1
        if len(own.scores) < len(own.trials):  # it failed, or could not be scored
            break
        stages.append(_stage(own, end))
    if len(stages) < 2:
        return Longer()
    ends, success, progress = zip(*stages, strict=True)
    return Longer(
        trial_id=job.id, steps=ends, success=success, progress=progress, still_improving=improving(*_whole(own))
    )


def _train(study: Study, states: Page, pages: Page, job: TrialJob) -> Trained:
    """One leg, from a state on the one page, kept and scored on the other."""
    trials = pages.each(TRIALS, [job], lambda j: train_from_state(study.steps, pages, j, states), study.steps.executor)
    return Trained(trials, score_all(study.steps, pages, trials, "search"))


def _stage(own: Trained, end: int) -> tuple[int, float, float]:
    """Steps, best success up to there, progress of late."""
    trial, score = _whole(own)
    curve = progress_curve(trial, score)
    return end, max(s.success for s in own.scores), fmean(curve[-max(len(curve) // 3, 1) :])


def _whole(own: Trained) -> tuple[Trial, Score]:
    return scored_trainings(*own)[0]


def _legs(trials: Sequence[Trial]) -> int:
    """How many legs there are, so what number the next one has."""
    return 1 + max(TrialId.parse(trial.id).leg or 0 for trial in trials)


def _is_leg_of(record: Trial | Score, job: TrialJob) -> bool:
    name = record.id if isinstance(record, Trial) else record.trial_id
    return TrialId.parse(name).training == TrialId.parse(job.id).training


def _success(scores: Sequence[Score]) -> float:
    return fmean(score.success for score in scores)
