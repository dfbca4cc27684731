"""What a search carries: one thing in every hand instead of five."""

from dataclasses import dataclass, replace

from autoreward.config import RunConfig
from autoreward.events import Listener
from autoreward.search.steps import Steps
from autoreward.store.book import Book
from autoreward.store.keys import AGENT_CALLS
from autoreward.tasks.card import Task


@dataclass(frozen=True)
class Study:
    """One run: what is asked for, who does the work, where it is kept, and who hears of it."""

    task: Task
    config: RunConfig
    steps: Steps
    book: Book
    listener: Listener

    def at(self, steps: int) -> "Study":
        """The same with trainings of that many environment steps."""
        return replace(self, config=self.config.model_copy(update={"steps": steps}))

    @property
    def looks(self) -> int:
        """How often an agent was shown what held-out episodes say."""
        return sum(call.looked for call in self.book.saved(AGENT_CALLS))

    @property
    def full(self) -> int:
        """Environment steps of one full training."""
        return self.config.full(self.task)
