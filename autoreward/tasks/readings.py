"""Readings of a goal: ways to understand it, each as a rule in the language of cards; what is asked about them, what is answered.

A reading takes the place of a card's `[success]` and adds its limits to those of the card.
"""

from typing import Any

from pydantic import Field as Bounded

from autoreward.errors import TaskError
from autoreward.records import Record
from autoreward.records.base import Line, Name, Prose
from autoreward.tasks.card import Task
from autoreward.tasks.files import validated_task
from autoreward.tasks.limits import StatedLimit
from autoreward.tasks.success_table import Success
from autoreward.tasks.tables import Clarified

AS_IT_IS = "card"
"""The reading that the card's own rule is."""
NONE_OF_THEM = -2
"""The answer of somebody who means something else than every answer that is offered."""
LONGEST_TRACE = 10_000
"""Steps."""


class Reading(Record):
    """One way to understand a goal."""

    id: Name
    words: Line
    weight: float = Bounded(gt=0.0, le=1e6)
    """How probable it is, beside those of the others."""
    success: Success
    limits: dict[Name, StatedLimit] = Bounded(default_factory=dict)


class GoalOption(Record):
    """One answer to a question, and the readings under which it is given."""

    text: Line
    readings: tuple[Name, ...]


class GoalQuestion(Record):
    """One question about a goal."""

    id: Line
    text: Prose
    options: tuple[GoalOption, ...] = Bounded(min_length=2)


class TracePoint(Record):
    """What one number is after a step; straight lines lead from one such step to the next."""

    step: int = Bounded(ge=0, le=LONGEST_TRACE)
    """0: where the episode starts."""
    name: Line
    """A field of one number, or one number of a field, such as `gap[0]`."""
    value: float


class CornerTrace(Record):
    """An episode that nobody has played, made up since readings differ in it."""

    words: Line
    steps: int = Bounded(ge=1, le=LONGEST_TRACE)
    terminated: bool
    """Whether it ends by itself."""
    points: tuple[TracePoint, ...]


class Readings(Record):
    """What a goal may mean, and what is asked to find out."""

    items: tuple[Reading, ...]
    """The card's own rule among them."""
    questions: tuple[GoalQuestion, ...] = ()
    traces: tuple[CornerTrace, ...] = ()
    findings: tuple[Line, ...] = ()
    """What was wrong with the others."""


class GoalAnswer(Record):
    """One question, as it was asked, and the number of the option that was answered: SKIP or NONE_OF_THEM where it was none."""

    question: GoalQuestion
    option: int

    @property
    def said(self) -> str:
        """The answer in words."""
        if self.option >= 0:
            return self.question.options[self.option].text
        return "none of these" if self.option == NONE_OF_THEM else "I don't know"


class GoalAnswers(Record):
    """All of them, in the order in which they were given."""

    items: tuple[GoalAnswer, ...] = ()


class Clarification(Record):
    """What became of the questions about a run's goal: the rule that is meant, and what was said."""

    reading: Name
    success: Success
    limits: dict[Name, StatedLimit]
    """All of the card's, those of the reading among them."""
    clarified: tuple[Clarified, ...]
    """All that was ever said of the goal."""

    def of(self, task: Task) -> Task:
        """The task as it is meant. Raises TaskError."""
        change: dict[str, Any] = {"success": self.success, "limits": self.limits, "clarified": self.clarified}
        return validated_task({**dict(task), **change}, "the clarified task")


def own_reading(task: Task, weight: float) -> Reading:
    """The card's own rule as a reading."""
    return Reading(id=AS_IT_IS, words="as the card has it", weight=weight, success=task.success)


def understood(task: Task, reading: Reading) -> Task:
    """The task under a reading. Raises TaskError if the reading says nothing of its fields, or has the name of another limit."""
    if twice := sorted(reading.limits.keys() & task.limits.keys()):
        raise TaskError(f"reading {reading.id}: the card has a limit {twice[0]!r} already; choose another name.")
    change: dict[str, Any] = {"success": reading.success, "limits": {**task.limits, **reading.limits}}
    return validated_task({**dict(task), **change}, f"reading {reading.id}")
