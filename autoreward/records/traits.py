"""What people say of stretches of episodes, and the numbers that are made of their words."""

from typing import Literal

from pydantic import Field

from autoreward.records.base import FormulaText, Id, Line, Name, Record, Said
from autoreward.records.ids import TrialName

TraitOver = Literal["mean", "max"]
"""How a number a step becomes one of several steps."""


class Aspect(Record):
    """What a person said of some steps of one recorded episode."""

    id: Id
    """`0004`: of the person's sayings the fifth; of a preference's reason its question."""
    text: Said
    page: str = Field(pattern=r"^(confirm|baselines|rounds/[0-9]{3,9})$")
    """Folder of its score within the run's."""
    trial_id: TrialName
    episode: int = Field(ge=0)
    """Index of the held-out episode."""
    begin: int = Field(ge=1)
    """The first step that is meant, counted from 1 as tables and curves count."""
    end: int = Field(ge=1)
    """The last one."""
    praised: bool = False
    """Whether it is said of what is good; otherwise of what is wrong."""
    field: Name | Literal[""] = ""
    """What it is about, where the person said so."""

    @property
    def where(self) -> str:
        """`r000c1-s0-leg4~7:120-180`."""
        return f"{self.trial_id}~{self.episode}:{self.begin}-{self.end}"


class Trait(Record):
    """A number made of people's words: a formula over a step, brought together over an episode."""

    name: Name
    about: Line = ""
    value: FormulaText
    over: TraitOver = "mean"
    better: Literal["lower", "higher"]
    praised: float
    """What it comes to in steps that were praised, or that nothing was said of, on average."""
    blamed: float
    """In steps that were blamed."""
    separates: float = Field(ge=0.0, le=1.0)
    """How often it is better in one of the first than in one of the second; ties are halves."""
    aspects: tuple[int, ...]
    """Which aspects it is made of and tells apart, by their place, from 0."""

    @property
    def bound(self) -> float:
        """Halfway between both: what lies beyond is more like what was blamed."""
        return (self.praised + self.blamed) / 2

    @property
    def measured_as(self) -> str:
        """`the mean of abs(angle)`."""
        return f"the {self.over} of {self.value}"

    def wrong(self, value: float) -> bool:
        """Whether an episode's value is more like what was blamed."""
        return value > self.bound if self.better == "lower" else value < self.bound


class Traits(Record):
    """What is measured of people's words by now."""

    items: tuple[Trait, ...] = ()
    proposed: int = 0
    """How many formulas were tried."""
    told_apart: tuple[int, ...] = ()
    """Which aspects at least one trait tells apart."""
    aspects: int = 0
    """How many there were to tell apart."""
    findings: tuple[Said, ...] = ()
    """Why others are not kept."""

    @property
    def coverage(self) -> float:
        """Share of the aspects that a trait tells apart; 0 without any."""
        return len(self.told_apart) / self.aspects if self.aspects else 0.0

    @property
    def redundancy(self) -> float:
        """Share of the formulas that added nothing; 0 without any."""
        return 1.0 - len(self.items) / self.proposed if self.proposed else 0.0
