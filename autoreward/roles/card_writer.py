"""A model's names, units and success rule for an environment, checked against what the environment is; and what it has to ask."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from autoreward.core.visible import visible_line
from autoreward.errors import TaskError
from autoreward.llm.client import ModelClient
from autoreward.llm.parsing import ModelAnswer
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import ATTEMPTS, Request, ask_structured
from autoreward.records import Survey
from autoreward.tasks.draft.guess import Draft
from autoreward.tasks.draft.questions import LONGEST_LINE, CardQuestion, Changes, answered, demand_about
from autoreward.tasks.draft.ranges import HALF_TURN, hull, is_direction, source_range
from autoreward.tasks.files import validated_task
from autoreward.tasks.success_table import LAST_STEP
from autoreward.tasks.tables import Direction

_MAX_TOKENS = 8_000
_DOC_SHOWN = 6_000
_LONGEST_TEXT = 200
_MOST_QUESTIONS = 8


class NamedField(ModelAnswer):
    """A field as a model answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"about": "", "unit": "", "low": None, "high": None}
    name: str
    source: str
    about: str
    unit: str
    low: float | None
    """Least value that matters; None: what the environment states or random actions gave is enough."""
    high: float | None


class NamedNumber(ModelAnswer):
    """A constant as a model answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"about": "", "unit": "", "field": ""}
    name: str
    value: float
    about: str
    unit: str
    field: str
    """The field it is a value of; empty if of none."""


class NamedStage(ModelAnswer):
    """A stage as a model answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"hold": 1, "distance": ""}
    name: str
    when: str
    hold: int
    distance: str


class Rule(ModelAnswer):
    """A success rule as a model answers it: a condition, or stages."""

    usual: ClassVar[Mapping[str, Any]] = {"when": "", "within": LAST_STEP, "share": 1.0, "stages": []}
    when: str
    within: str
    share: float
    full_length: bool
    stages: list[NamedStage]

    @property
    def table(self) -> dict[str, Any]:
        """The card's table; of stages and a condition both, which the card then refuses."""
        if not self.stages:
            return self.model_dump(exclude={"stages"})
        stages = [stage.model_dump() for stage in self.stages]
        return {"stages": stages, "when": self.when, "full_length": self.full_length}


class Ranking(ModelAnswer):
    """A metric as a model answers it."""

    value: str
    better: Direction


class Unsure(ModelAnswer):
    """What a model would ask the person, as it answers it."""

    text: str
    place: str
    changes: Changes
    proposal: str


class Proposal(ModelAnswer):
    """The answer to `init.md.j2`."""

    usual: ClassVar[Mapping[str, Any]] = {"constants": [], "action": "", "max_steps": None, "questions": []}
    fields: list[NamedField]
    constants: list[NamedNumber]
    success: Rule
    metric: Ranking
    action: str
    max_steps: int | None
    """None: the environment's own limit."""
    questions: list[Unsure]


class Proposed(NamedTuple):
    """What came of asking a model."""

    draft: Draft
    questions: tuple[CardQuestion, ...]
    """What it has to ask the person."""
    findings: tuple[str, ...]
    """What was wrong with its answers."""


def propose(client: ModelClient, survey: Survey, drafted: Draft) -> Proposed:
    """The draft with a model's fields and rule, if it has usable ones, else the draft as it was.

    Raises LimitReached, ProviderError.
    """
    problem, findings = "", tuple[str, ...]()
    for turn in range(ATTEMPTS):
        text = _prompt(survey, drafted, problem)
        answer, wrong = ask_structured(client, Request(f"init-{turn}", "designer", text, _MAX_TOKENS), Proposal)
        findings += wrong
        if answer is None:
            break
        try:
            applied = _applied(answer, survey, drafted)
            return Proposed(applied, _questions(answer, applied), findings)
        except (TaskError, ValueError) as error:
            problem = visible_line(str(error), 300)
            findings += (f"init-{turn}: {problem}",)
    return Proposed(drafted, (), findings)


def _prompt(survey: Survey, drafted: Draft, problem: str) -> str:
    task = drafted.task
    kwargs = json.dumps(task.kwargs) if task.kwargs else ""
    return render_prompt(
        "init",
        task=task,
        kwargs=kwargs,
        survey=survey,
        doc=survey.doc[:_DOC_SHOWN],
        problem=problem,
        most=_MOST_QUESTIONS,
    )


def _extent(field: NamedField, survey: Survey) -> dict[str, Any]:
    """The range of a field, and whether it comes round. Raises TaskError."""
    known = source_range(field.source, survey)
    if is_direction(field.source):
        return {"range": (-HALF_TURN, HALF_TURN), "wrap": True}
    return {"range": hull(known, field.low, field.high)}


def _applied(answer: Proposal, survey: Survey, drafted: Draft) -> Draft:
    """Raises TaskError or ValueError on anything that does not fit the environment."""
    if not answer.fields:
        raise TaskError("there is no field.")
    state = {
        f.name: {
            "source": f.source,
            "about": visible_line(f.about, _LONGEST_TEXT),
            "unit": visible_line(f.unit, _LONGEST_TEXT),
            **_extent(f, survey),
        }
        for f in answer.fields
    }
    kept = {name: drafted.task.state[name] for name in drafted.task.unseen if name not in state}
    constants = {
        c.name: {
            "value": c.value,
            "about": visible_line(c.about, _LONGEST_TEXT),
            "unit": visible_line(c.unit, _LONGEST_TEXT),
            "field": c.field,
        }
        for c in answer.constants
    }
    action = drafted.task.action
    if len(action) == 1 and answer.action:
        action = {
            k: a.model_copy(update={"about": visible_line(answer.action, _LONGEST_TEXT)}) for k, a in action.items()
        }
    task = validated_task(
        {
            **dict(drafted.task),
            "state": state | kept,
            "constants": constants,
            "action": action,
            "success": answer.success.table,
            "metric": answer.metric.model_dump(),
            "max_steps": answer.max_steps if answer.max_steps is not None else drafted.task.max_steps,
        },
        "the answer",
    )
    guesses = {k: v for k, v in drafted.guesses.items() if k in ("max_steps", "train")}
    guesses |= {f"state.{name}": "named by a model" for name in state}
    guesses["success"] = "written by a model"
    if answer.max_steps is not None and answer.max_steps != drafted.task.max_steps:
        own = (
            f"the environment's own limit is {survey.max_steps}"
            if survey.max_steps
            else "the environment states no time limit"
        )
        guesses["max_steps"] = f"proposed by a model; {own}"
    return Draft(task, guesses, tuple(note for note in drafted.notes if note[0] == "info"))


def _questions(answer: Proposal, drafted: Draft) -> tuple[CardQuestion, ...]:
    """Its questions, each about something in the card, with proposals that could be taken. Raises TaskError."""
    questions = tuple(
        CardQuestion(visible_line(q.text, LONGEST_LINE), q.place, q.changes, visible_line(q.proposal, LONGEST_LINE))
        for q in answer.questions[:_MOST_QUESTIONS]
    )
    for question in questions:
        demand_about(drafted.task, question)
        drafted = answered(drafted, question, "")
    return questions
