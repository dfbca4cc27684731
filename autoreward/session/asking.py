"""Where the models of a run are asked, and what that may cost."""

from autoreward import events
from autoreward.config import RunConfig, allowed_at_first
from autoreward.llm.client import ModelClient
from autoreward.llm.open import open_client
from autoreward.records import Allowance
from autoreward.store.book import Book
from autoreward.store.keys import ALLOWANCE


def model_client(config: RunConfig, book: Book, tell: events.Listener) -> ModelClient | None:
    """Where the models of a run are asked; None where the grammar designs, or an agent. Raises UsageError."""
    if config.model == "grammar" or config.by_agent:
        return None

    def say(line: str) -> None:
        tell(events.ModelSaid(line))

    return open_client(config.models, book.folder, book.write, allowance(book), say, config.efforts)


def allowance(book: Book) -> Allowance:
    """What the run's model calls may take by now."""
    config = book.header.config
    return book.lone(ALLOWANCE) or allowed_at_first(config)
