"""What trained policies do where the environment is not quite the one that they were trained in."""

from typing import Literal, Self

from pydantic import Field, model_validator

from autoreward.records.base import Estimate, Id, Name, Record
from autoreward.records.ids import TrialName
from autoreward.records.limits import LimitReading
from autoreward.records.trials import Episode


class VariedRange(Record):
    """A number of the environment that is drawn anew for each episode, evenly from a range."""

    name: Name
    """An argument of the environment, or a quantity of its MuJoCo model."""
    low: float
    high: float

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"the range of {self.name} is empty: write the smaller number first, then a larger one")
        return self

    @property
    def said(self) -> str:
        """`gravity 8..12`."""
        return f"{self.name} {self.low:g}..{self.high:g}"


class VariedEpisodes(Record):
    """One policy on the same starts twice: in the environment as it is, and varied."""

    trial_id: TrialName
    values: tuple[dict[Name, float], ...]
    """Of each varied episode: what was drawn for it."""
    whole: tuple[Name, ...] = ()
    """Those that are whole numbers."""
    plain: tuple[Episode, ...]
    varied: tuple[Episode, ...]

    @model_validator(mode="after")
    def _of_the_same_starts(self) -> Self:
        if not self.plain or not len(self.plain) == len(self.varied) == len(self.values):
            raise ValueError("plain and varied episodes are of the same starts, at least one, each with its values")
        return self


class RangePart(Record):
    """How a reward's policies did in one part of a range."""

    name: Name
    low: float
    high: float
    episodes: int = Field(ge=1)
    """Of each policy."""
    success: Estimate
    """Interquartile mean over the policies."""

    @property
    def said(self) -> str:
        """`gravity 10.7..12`; `size 7`."""
        return f"{self.name} {self.low:.3g}" + (f"..{self.high:.3g}" if self.low < self.high else "")


class VariedReward(Record):
    """The policies of one reward under variation, beside the plain environment on the same starts."""

    who: Id
    role: Literal["winner", "baseline"]
    plain_success: tuple[float, ...] = Field(min_length=1)
    """Of each policy: the share of successes in the environment as it is."""
    varied_success: tuple[float, ...] = Field(min_length=1)
    plain: Estimate
    """Interquartile mean over the policies."""
    varied: Estimate
    plain_limits: tuple[LimitReading, ...] = ()
    varied_limits: tuple[LimitReading, ...] = ()
    parts: tuple[RangePart, ...] = ()
    """Of each range, from its low end to its high one."""

    @property
    def worst(self) -> tuple[RangePart, ...]:
        """Of each range the part with the least success, the first of equals."""
        names = dict.fromkeys(part.name for part in self.parts)
        return tuple(min((p for p in self.parts if p.name == n), key=lambda p: p.success.value) for n in names)


class Robustness(Record):
    """Whether what won a run holds where the environment varies."""

    id: Id
    """Of the ranges, the number of episodes and the seed."""
    variations: tuple[VariedRange, ...] = Field(min_length=1)
    episodes: int = Field(ge=1)
    """Starts of each policy, plain and varied."""
    seed: int
    """Of what is drawn."""
    rewards: tuple[VariedReward, ...]
    """The winner's first."""
    unplayed: tuple[Id, ...] = ()
    """Who has no policy that could be played."""
