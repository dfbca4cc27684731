"""How many episodes came how far through the stages of a success rule."""

from pydantic import Field

from autoreward.records.base import Name, Record


class StageReading(Record):
    """One stage over some held-out episodes."""

    name: Name
    episodes: int = Field(ge=1)
    """How many were played."""
    reached: int = Field(ge=0)
    """How many reached it."""
    stopped: int = Field(ge=0)
    """How many reached every stage before it, and not this one; in any order how many lack it."""
    any_order: bool = False

    @property
    def share(self) -> float:
        """Share of the episodes that reached it."""
        return self.reached / self.episodes
