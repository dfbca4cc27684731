"""What runs leave to those after them: exploits, and lessons for models that design."""

from autoreward import events
from autoreward.errors import AutorewardError
from autoreward.report.reading import RunView
from autoreward.search.recorded import remember
from autoreward.session.lessons import keep_lessons, known_lessons
from autoreward.store.book import Book
from autoreward.store.keys import EARLIER_EXPLOITS, EARLIER_LESSONS


def recall(book: Book, hear: events.Listener) -> None:
    """Both as they are known now; a run that was begun goes on with what it took over then. Raises StoreError."""
    task, config, runs = book.header.task, book.header.config, book.folder.parent
    known = book.once(EARLIER_EXPLOITS, lambda: remember(runs, book.folder.name, task))
    if known.episodes:
        hear(events.ExploitsRemembered(known))
    lessons = known_lessons(runs, task.env)  # read in any case: a damaged file is said before anything is spent
    if config.lessons and "designer" in config.models:
        book.once(EARLIER_LESSONS, lambda: lessons)


def remember_lessons(reading: RunView, hear: events.Listener) -> None:
    """Keep a finished search's lessons; where that is not possible, the run is no worse for it, and it is said."""
    try:
        keep_lessons(reading)
    except AutorewardError as error:
        hear(events.LessonsUnkept(f"What its changes came to is not kept for later runs: {error}"))
