"""A round that was trained under an earlier rule: nothing in it is trained, everything is judged again."""

from collections.abc import Sequence
from statistics import fmean

from autoreward import events
from autoreward.evaluation.ranking import latest
from autoreward.records import Rung, Score, Standings, TrialId
from autoreward.search.halving import Trained, score_all
from autoreward.search.study import Study
from autoreward.store.book import Page
from autoreward.store.keys import STANDINGS, TAKEN, TRIALS


def judged_again(study: Study, page: Page) -> Trained:
    """The round's trainings as they are, their scores by the rule of now, and its race in the new numbers.

    Who went on at a rung is history, and stays.
    """
    taken, trials = page.need(TAKEN), page.saved(TRIALS)
    scores = score_all(study.steps, page, trials, "search")
    for rung in taken.rungs:
        page.once(STANDINGS.of(str(rung.number)), lambda: _renumbered(rung, scores))  # noqa: B023
    study.listener(events.JudgedAgain(taken.success, mean_success(scores)))
    return Trained(trials, scores)


def mean_success(scores: Sequence[Score]) -> dict[str, float]:
    """Success of each candidate's kept checkpoints, over its trainings."""
    return {name: fmean(s.success for s in own) for name, own in latest(scores).items()}


def _renumbered(rung: Standings, scores: Sequence[Score]) -> Standings:
    then = {s.candidate_id: s for s in scores if TrialId.parse(s.trial_id)[1:] == (0, rung.number)}
    rows = [_row(row, s) if (s := then.get(row.candidate_id)) else row for row in rung.rows]
    return rung.model_copy(update={"rows": tuple(sorted(rows, key=lambda row: -row.prospect))})


def _row(row: Rung, score: Score) -> Rung:
    """By held-out episodes alone: what training episodes are said to have made was by the rule of then."""
    success, progress = max((c.success for c in score.checkpoints), default=0.0), score.mean_progress
    return row.model_copy(update={"prospect": success + progress, "success": success, "progress": progress})
