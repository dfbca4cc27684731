"""When a confirmation says something else than the search."""

from pydantic import Field

from autoreward.records.base import Id, Record


class Pooled(Record):
    """All that was measured of one program at the full budget, in the search and on fresh seeds."""

    success: float
    """Mean held-out success over those trainings; one that failed counts as 0."""
    trainings: int = Field(ge=1)
    violation: float = Field(default=0.0, ge=0.0)
    """By how much those trainings together break limits beyond noise; 0 where none is broken."""


class Contest(Record):
    """A program that did better on the fresh seeds than the one that won the search."""

    winner: Id
    """Of the search."""
    rival: Id
    lead: float
    """How much better its held-out success is, averaged over the fresh seeds that both trained on."""
    seeds: int = Field(ge=1)
    """How many those are."""
    chance: float = Field(gt=0.0, le=1.0)
    """How often chance alone would put it as far ahead, if the two were equally good: `evaluation.pairs.better_by_chance`."""
    pooled: tuple[Pooled, Pooled]
    """Of winner and rival."""

    @property
    def best(self) -> str:
        """The one to hand over: whichever breaks limits less, then whichever is better over all its whole trainings; the search's
        winner on a tie."""
        winner, rival = self.pooled
        better = (-rival.violation, rival.success) > (-winner.violation, winner.success)
        return self.rival if better else self.winner

    @property
    def by_limits(self) -> bool:
        """Whether limits decide between the two."""
        winner, rival = self.pooled
        return rival.violation != winner.violation

    @property
    def second(self) -> str:
        """The other one."""
        return self.winner if self.best == self.rival else self.rival
