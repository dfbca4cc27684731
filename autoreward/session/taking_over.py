"""What a tightened run takes over from the one it goes on from: programs and trainings, and nothing that the old rule said."""

from autoreward.errors import RunDamaged
from autoreward.evaluation.legs import newest
from autoreward.records import DEMONSTRATIONS, Analyses, Doubt, Feedbacks, TakenOver
from autoreward.search.taken import mean_success
from autoreward.store.book import CONFIRM_PAGE, Book, Page, pages_of
from autoreward.store.files import is_run
from autoreward.store.folder import Folder
from autoreward.store.keys import (
    ANALYSES,
    AUDIT,
    CANDIDATES,
    DOUBT,
    FEEDBACK,
    RESULT,
    SCORES,
    SCREENS,
    STANDINGS,
    TAKEN,
    TIGHTENED,
    TRIALS,
    VERDICTS,
)

_PROGRAMS = (CANDIDATES.file, SCREENS.file, VERDICTS.folder)
"""Of a round: what was designed and checked."""
BY_THE_RULE = "sparse-"
"""What trials begin with whose reward is the rule itself: they are trained again."""


def finished_rounds(pages: list[Page]) -> list[Page]:
    """The pages of the rounds that are complete, in their order."""
    done = [page.has(AUDIT) for page in pages]
    return pages[: done.index(False)] if False in done else pages


def take_over(book: Book) -> None:
    """Copy into a tightened run what it goes on from, unless that is done. A copy is as trusted as what it was made of.

    Raises:
        RunDamaged: the earlier run is gone, or something in it can't be read.
    """
    tightened = book.lone(TIGHTENED)
    if tightened is None:
        return
    missing = [n for n in range(tightened.rounds) if not book.page(n).has(TAKEN)]
    if not missing and book.files.has(f"{CONFIRM_PAGE}/{TAKEN.file}"):
        return
    source = book.folder.parent / tightened.source
    if not is_run(source):
        raise RunDamaged(f"{book.folder} goes on from {source}, which is gone; bring it back, or start a new run.")
    files = Folder(source)
    heard = f"before-feedback-{len((Page(files).lone(FEEDBACK) or Feedbacks()).items) - 1}/{RESULT.file}"
    _copy(book, files, [DEMONSTRATIONS, heard, FEEDBACK.file])  # what was heeded is not heeded again
    _copy(book, files.at(CONFIRM_PAGE), [VERDICTS.folder, TRIALS.folder])
    book.confirm_page().put(TAKEN, TakenOver(success={}))
    pages = pages_of(source)
    for number in missing:
        _take(book, pages[number], last=number == tightened.rounds - 1)


def _take(book: Book, old: Page, last: bool) -> None:
    """One round; the record that says so comes last."""
    page = book.page(old.round)
    _copy(book, old.files, [*_PROGRAMS, TRIALS.folder])
    page.put(DOUBT, Doubt())
    if not last:  # only the next design reads what an analyzer makes of a round
        page.put(ANALYSES, Analyses())
    rungs = tuple(sorted(old.saved(STANDINGS), key=lambda rung: rung.number))
    page.put(TAKEN, TakenOver(rungs=rungs, success=mean_success(list(newest(old.saved(SCORES)).values()))))


def _copy(book: Book, source: Folder, names: list[str]) -> None:
    """Copy these files and folders to the same place, byte for byte: a program from elsewhere does not become one made here."""
    for name in names:
        if inside := source.at(name).names():
            _copy(book, source, [f"{name}/{one}" for one in inside if not one.startswith(BY_THE_RULE)])
        elif source.has(name):
            place = f"{source.within}/{name}" if source.within else name
            book.before_write(book.folder / place)
            book.files.write(place, source.read(name))
