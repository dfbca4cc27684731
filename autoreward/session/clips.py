"""Which policies of a finished run are worth a look."""

from typing import Literal, NamedTuple

from autoreward.export.best import best_policy
from autoreward.records import Run, Score, TrialId
from autoreward.search.confirm import NATIVE
from autoreward.store.book import Book, Page
from autoreward.store.keys import SCORES


class Look(NamedTuple):
    """A policy worth a look: a score, and the page that it is on."""

    id: Literal["winner", "failure", "native"]
    page: Page
    score: Score


def worth_a_look(book: Book, run: Run) -> list[Look]:
    """The winner, the worst failure of the search, and the native reward's policy."""
    looks: list[Look] = []
    if best := best_policy(book, run):
        looks.append(Look("winner", *best))
    failed = [(p, s) for p in book.pages() for s in p.saved(SCORES) if s.ruled and s.outcome.ok and s.success == 0.0]
    if failed:
        looks.append(Look("failure", *min(failed, key=lambda pair: (pair[1].progress, pair[1].trial_id))))
    confirm = book.confirm_page()
    native = [s for s in confirm.saved(SCORES) if s.outcome.ok and TrialId.parse(s.trial_id).candidate == NATIVE]
    if native and run.best != NATIVE:
        looks.append(Look(NATIVE, confirm, max(native, key=lambda s: (s.success, s.progress, s.trial_id))))
    return looks
