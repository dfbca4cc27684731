"""Which policies of a finished run are worth a look."""

from typing import Literal, NamedTuple

from autoreward.export.best import best_policy, handed_over
from autoreward.records import Score, TrialId
from autoreward.report.reading import RunView
from autoreward.search.confirm import NATIVE


class Look(NamedTuple):
    """A policy worth a look: a score, and the page that it is on."""

    id: Literal["winner", "second", "failure", "native"]
    page: str
    """Its folder within the run's."""
    score: Score


def worth_a_look(reading: RunView) -> list[Look]:
    """The policies of best/ and second/, the worst failure of the search, and the native reward's policy."""
    looks: list[Look] = []
    kept: tuple[tuple[Literal["winner", "second"], str], ...] = (("winner", "best"), ("second", "second"))
    for name, folder in kept:
        if policy := best_policy(reading, handed_over(reading.run, folder)):
            looks.append(Look(name, *policy))
    failed = [s for s in reading.search_scores if s.score.ruled and s.score.outcome.ok and s.score.success == 0.0]
    if failed:
        looks.append(Look("failure", *min(failed, key=lambda s: (s.score.progress, s.score.trial_id))))
    native = [
        s for s in reading.confirm_scores if s.score.outcome.ok and TrialId.parse(s.score.trial_id).candidate == NATIVE
    ]
    if native and not (reading.run and reading.run.best == NATIVE):
        looks.append(Look(NATIVE, *max(native, key=lambda s: (s.score.success, s.score.progress, s.score.trial_id))))
    return looks
