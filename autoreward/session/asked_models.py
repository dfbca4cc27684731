"""Who is asked in a run: its models, as its header and what was allowed since say."""

from pathlib import Path

from autoreward import events
from autoreward.config import RunConfig, allowed_at_first
from autoreward.llm.client import ModelClient
from autoreward.llm.open import open_client, open_models
from autoreward.records import Allowance
from autoreward.sandbox.jail import Jail
from autoreward.session.image_text_judge import demand_seen
from autoreward.store.book import Book
from autoreward.store.keys import ALLOWANCE
from autoreward.tasks.card import Task
from autoreward.training.ray_cluster import demand_ray


def demand_possible(task: Task, config: RunConfig, folder: Path) -> None:
    """Find out what would stop such a run, before there is a folder of it; asks no model.

    Raises:
        UsageError: a model has no such name, no key, or no price to limit; an image-text model can't be opened, or there is
            nothing to draw for it; Ray is missing.
        JailError: this machine can't lock a process and the designer is a model that is not trusted.
    """
    if config.models:
        open_models(config.models, folder, config.max_cost)
    if config.pool == "ray":
        demand_ray()
    with Jail(config.trust_the_model or config.by_grammar) as jail:
        jail.demand()
    demand_seen(task, config)


def model_client(config: RunConfig, book: Book, tell: events.Listener) -> ModelClient | None:
    """Where the models of a run are asked; None where none is. Raises UsageError."""
    if not config.models:
        return None

    def say(line: str) -> None:
        tell(events.ModelSaid(line))

    return open_client(config.models, book.folder, book.write, allowance(book), say, config.efforts)


def allowance(book: Book) -> Allowance:
    """What the run's model calls may take by now."""
    config = book.header.config
    return book.lone(ALLOWANCE) or allowed_at_first(config)
