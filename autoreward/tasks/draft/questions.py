"""What only a person can say about a drafted card: a question each, and what an answer changes."""

import re
from typing import Literal, NamedTuple

from autoreward.core.visible import visible_line
from autoreward.errors import TaskError
from autoreward.tasks.card import Task
from autoreward.tasks.draft.guess import Draft
from autoreward.tasks.files import validated_task
from autoreward.tasks.success_table import Success

Changes = Literal["constant", "condition", "max_steps", "nothing"]
LONGEST_LINE = 300
"""Letters of a question and of an answer."""
YES, NO = ("yes", "y"), ("no", "n")


class CardQuestion(NamedTuple):
    """One question about a card. An empty answer takes the proposal, `no` leaves the card as it is."""

    text: str
    place: str
    """What it is about, and where its comment stands: `success`, `metric`, `max_steps`, `train`, `state.NAME`, `action.NAME` or
    `constants.NAME`."""
    changes: Changes
    """What an answer is: the value of the place's constant, one more condition of the rule, a number of steps, or words."""
    proposal: str = ""
    """The answer that the model proposes; empty: it has none."""


def demand_about(task: Task, question: CardQuestion) -> None:
    """Raises TaskError, naming what there is, if a question is about nothing in the card."""
    fields = [*(f"state.{name}" for name in task.state), *(f"action.{name}" for name in task.action)]
    places = {"success", "metric", "max_steps", "train", *fields, *(f"constants.{name}" for name in task.constants)}
    if question.place not in places:
        raise TaskError(
            f"question {question.text!r}: there is no {question.place!r}; places are {', '.join(sorted(places))}."
        )
    if question.changes == "constant" and not question.place.startswith("constants."):
        raise TaskError(
            f"question {question.text!r} changes a constant, and its place is {question.place!r}; write constants.NAME."
        )


def answered(draft: Draft, question: CardQuestion, answer: str) -> Draft:
    """The draft as an answer makes it: changed where the answer can change it, with question and answer as a comment at its place.

    Raises:
        TaskError: the answer is no such number or condition; the message says what to write.
    """
    said = visible_line(answer, LONGEST_LINE) or question.proposal
    text = visible_line(question.text, LONGEST_LINE)
    if not said:
        return draft.noted(question.place, f"OPEN: {text}")
    if said.lower() in YES and question.proposal and question.changes != "nothing":
        said = question.proposal
    declined = said.lower() in NO and question.changes != "nothing"
    changed = draft if declined else draft._replace(task=_changed(draft.task, question, said))
    by = "answered" if answer.strip() else "proposed by a model"
    return changed.noted(question.place, f"ASKED: {text} {by}: {said}")


def _changed(task: Task, question: CardQuestion, said: str) -> Task:
    match question.changes:
        case "constant":
            name = question.place.removeprefix("constants.")
            value = _number(said, "a number")
            constants = {**task.constants, name: task.constants[name].model_copy(update={"value": value})}
            return _valid(task, {"constants": constants})
        case "condition":
            return _valid(task, {"success": _asks_more(task.success, said)})
        case "max_steps":
            steps = _number(said, "a number of steps")
            if steps != int(steps) or steps < 1:
                raise TaskError(f"{said!r} is no number of steps; write a whole number from 1.")
            return _valid(task, {"max_steps": int(steps)})
        case "nothing":
            return task


def _asks_more(success: Success, condition: str) -> Success:
    """The rule with one more condition; of stages the last one has it."""
    *before, last = success.plan
    rule = f"{_joined(last.when)} and {_joined(condition)}"
    if not success.stages:
        return success.model_copy(update={"when": rule})
    return success.model_copy(update={"stages": (*before, last.model_copy(update={"when": rule}))})


def _number(said: str, what: str) -> float:
    try:
        return float(re.sub(r"(?<=\d)[_ ,](?=\d{3}\b)", "", said))
    except ValueError:
        raise TaskError(f"{said!r} is not {what}; write one, or `no` to leave the card as it is.") from None


def _joined(condition: str) -> str:
    """A condition as a part of a longer one."""
    return f"({condition})" if re.search(r"\bor\b", condition) else condition


def _valid(task: Task, change: dict[str, object]) -> Task:
    return validated_task({**dict(task), **change}, "the answer")
