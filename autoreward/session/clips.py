"""Which policies of a finished run are worth a look, and a clip of each."""

from typing import Literal, NamedTuple

from autoreward.core.executor import Executor
from autoreward.core.seeds import held_out
from autoreward.errors import CannotDraw
from autoreward.export.best import best_policy, handed_over
from autoreward.records import Clip, Score, TrialId
from autoreward.report.reading import RunView
from autoreward.search.confirm import NATIVE
from autoreward.store.book import Book, WithFiles
from autoreward.store.keys import CLIPS
from autoreward.training.workers import Workers


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


def film_policies(book: Book, reading: RunView, workers: Workers, executor: Executor) -> tuple[Clip, ...]:
    """A clip of each policy worth a look, all from the same held-out start, or why there is none."""

    def filmed(look: Look) -> WithFiles[Clip]:
        clip = Clip(id=look.id, trial_id=look.score.trial_id, page=look.page)
        weights = reading.weights(look.page, look.score)
        try:
            return WithFiles(clip, workers.film(book.header.task, weights, held_out("confirm", 1)[0]))
        except CannotDraw as error:
            return WithFiles(clip.model_copy(update={"why_not": str(error)}), {})

    return book.each(CLIPS, worth_a_look(reading), filmed, executor)
