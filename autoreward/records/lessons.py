"""What changes of programs came to, over the runs of one environment."""

from typing import Literal

from pydantic import Field

from autoreward.records.base import Environment, Id, Line, Part, Record
from autoreward.records.candidates import CompositionName
from autoreward.records.ids import CandidateName


class Edit(Record):
    """What a program changed of the one that it was made from."""

    adds: tuple[Part, ...] = ()
    """Parts that it has and its parent had not, in alphabetical order."""
    drops: tuple[Part, ...] = ()
    composition: CompositionName | None = None
    """How its parts add up, where its parent's did otherwise."""
    within: Literal["", "numbers", "formulas"] = ""
    """Of one with the same parts and composition: numbers alone, or more than that."""

    @property
    def said(self) -> str:
        """In words."""
        words = [
            f"adds {', '.join(self.adds)}" if self.adds else "",
            f"drops {', '.join(self.drops)}" if self.drops else "",
            f"adds its parts up as {self.composition}" if self.composition else "",
            f"changes {self.within} alone" if self.within == "numbers" else "",
            "changes the formulas of its parts" if self.within == "formulas" else "",
        ]
        return "; ".join(filter(None, words))


class EditCase(Record):
    """One child and its parent, after trainings of the same length and seed."""

    run: Id
    child: CandidateName
    task: Line
    gain: float
    """Of the child's success over the parent's, on held-out episodes; of progress where neither ever succeeds."""
    error: float = Field(gt=0.0)
    """Standard error of the gain over these episodes."""


class Lesson(Record):
    """All cases of one edit of a program with one symptom."""

    symptom: Line
    """The gravest that its parent had; empty for none."""
    edit: Edit
    of: Literal["success", "progress"]
    cases: tuple[EditCase, ...] = Field(min_length=1)


class Lessons(Record):
    """Those of one environment."""

    env: Environment
    items: tuple[Lesson, ...] = ()
