"""What a run takes over from earlier ones of its folder before it begins: exploits, and lessons for models that design."""

from autoreward import events
from autoreward.search.recorded import remember
from autoreward.session.lessons import known_lessons
from autoreward.store.book import Book
from autoreward.store.keys import EARLIER_EXPLOITS, EARLIER_LESSONS


def recall(book: Book, hear: events.Listener) -> None:
    """Both as they are known now; a run that was begun goes on with what it took over then. Raises StoreError."""
    task, config, runs = book.header.task, book.header.config, book.folder.parent
    known = book.once(EARLIER_EXPLOITS, lambda: remember(runs, book.folder.name, task))
    if known.episodes:
        hear(events.ExploitsRemembered(known))
    if config.lessons and "designer" in config.models:
        book.once(EARLIER_LESSONS, lambda: known_lessons(runs, task.env))
