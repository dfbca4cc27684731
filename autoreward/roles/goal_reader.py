"""The reader role: asks a model how else a goal could be meant, each reading as a rule in the language of cards.

What it answers is held against the card and the recorded episodes, as a person's card is; what can't be used is a finding.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, TypeVar

from pydantic import ValidationError

from autoreward.core.transitions import Transitions
from autoreward.core.visible import is_name, visible_line
from autoreward.errors import TaskError, shortened
from autoreward.evaluation.goal_episodes import GoalEpisode, calls_success, drawn
from autoreward.llm.client import ModelClient
from autoreward.llm.parsing import ModelAnswer
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request, ask_structured
from autoreward.records import Over, ReferenceEpisode
from autoreward.roles.brief import Brief
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.functions import WRITTEN
from autoreward.tasks.limits import StatedLimit
from autoreward.tasks.readings import (
    AS_IT_IS,
    CornerTrace,
    GoalOption,
    GoalQuestion,
    Reading,
    Readings,
    TracePoint,
    own_reading,
    understood,
)
from autoreward.tasks.success_table import LAST_STEP, StageRule, Success

READER = "reader"
"""Key of the question, of a run and of a new card."""
OTHER_READINGS = 7
"""Readings that a model is asked for, beside the card's own."""
_MAX_TOKENS = 8_000
_TRACES, _QUESTIONS, _OPTIONS = 6, 4, 5
_LONGEST_TEXT, _LONGEST_FINDING = 400, 300
Made = TypeVar("Made")


class ReadStage(ModelAnswer):
    """A stage as a model answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"hold": 1}
    name: str
    when: str
    hold: int


class ReadLimit(ModelAnswer):
    """A limit as a model answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"at_most": None, "at_least": None, "over": "every step"}
    name: str
    value: str
    at_most: float | None
    at_least: float | None
    over: Over


class ReadGoal(ModelAnswer):
    """A reading as a model answers it."""

    usual: ClassVar[Mapping[str, Any]] = {
        "when": "", "within": "last step", "share": 1.0, "full_length": False, "always": "", "stages": [], "limits": [],
        "weight": 1.0,
    }  # fmt: skip
    id: str
    words: str
    weight: float
    when: str
    within: str
    share: float
    full_length: bool
    always: str
    stages: list[ReadStage]
    limits: list[ReadLimit]


class ReadPoint(ModelAnswer):
    """What one number is at a step, as a model answers it."""

    also: ClassVar[Mapping[str, tuple[str, ...]]] = {"name": ("field",)}
    step: int
    name: str
    value: float


class ReadTrace(ModelAnswer):
    """An imagined episode as a model answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"terminated": False}
    words: str
    steps: int
    terminated: bool
    points: list[ReadPoint]


class ReadOption(ModelAnswer):
    """An answer to a question, and what it means, as a model answers it."""

    answer: str
    readings: list[str]


class ReadQuestion(ModelAnswer):
    """A question as a model answers it."""

    text: str
    options: list[ReadOption]


class GoalsRead(ModelAnswer):
    """The answer to `reader.md.j2`."""

    usual: ClassVar[Mapping[str, Any]] = {"card_weight": 1.0, "traces": [], "questions": []}
    card_weight: float
    readings: list[ReadGoal]
    traces: list[ReadTrace]
    questions: list[ReadQuestion]


def read_goal(client: ModelClient, about: Brief, recorded: Transitions) -> Readings:
    """How the goal could be meant, the card's own reading first. `about` has a description, and shows the rule.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    task, described = about.task, about.description
    assert described is not None
    text = reader_prompt(about, described.reference_episodes, described.max_steps)
    answer, findings = ask_structured(client, Request(READER, "designer", text, _MAX_TOKENS), GoalsRead)
    own = own_reading(task, 1.0)
    if answer is None:
        return Readings(items=(own,), findings=findings)
    told = [*findings]
    found = Usable(task, recorded, described.max_steps, told)
    weight = answer.card_weight if 0.0 < answer.card_weight <= 1e6 else 1.0
    items = (own.model_copy(update={"weight": weight}), *found.readings(answer.readings[: 2 * OTHER_READINGS]))
    return Readings(
        items=items,
        questions=found.questions(answer.questions[:_QUESTIONS], {reading.id for reading in items}),
        traces=found.traces(answer.traces[:_TRACES]),
        findings=tuple(told),
    )


def reader_prompt(about: Brief, known: Sequence[ReferenceEpisode], max_steps: int) -> str:
    """What the model is asked."""
    kinds = Counter(reference.kind for reference in known)
    success = about.task.success
    return render_prompt(
        "reader",
        brief=about,
        own="judged " + "; ".join(success.said(stage) or "after any step" for stage in success.plan),
        kinds=", ".join(f"{count} of {kind}" for kind, count in kinds.items()),
        met=sum(reference.episode.success for reference in known),
        recorded=len(known),
        max_steps=max_steps,
        count=OTHER_READINGS,
        functions=", ".join(f"`{name}`" for name in WRITTEN),
    )


class Usable:
    """What can be used of an answer; the rest is told."""

    def __init__(self, task: Task, recorded: Transitions, max_steps: int, told: list[str]) -> None:
        self._task, self._recorded, self._max_steps, self._told = task, recorded, max_steps, told
        self._one = GoalEpisode("", "", recorded, 0)

    def readings(self, answered: Sequence[ReadGoal]) -> tuple[Reading, ...]:
        """Those that the card could have, with names of their own."""
        made: dict[str, Reading] = {}
        for goal in answered:
            reading = self._made(f"reading {goal.id!r}", partial(self._reading, goal, made.keys()))
            if reading is not None and len(made) < OTHER_READINGS:
                made[reading.id] = reading
        return tuple(made.values())

    def traces(self, answered: Sequence[ReadTrace]) -> tuple[CornerTrace, ...]:
        """Those that can be drawn."""
        made = [self._made(f"trace {t.words!r}", partial(self._trace, t)) for t in answered]
        return tuple(trace for trace in made if trace is not None)

    def questions(self, answered: Sequence[ReadQuestion], ids: set[str]) -> tuple[GoalQuestion, ...]:
        """Those that part the readings that could be used."""
        made = [self._made(f"question {q.text!r}", partial(_question, n, q, ids)) for n, q in enumerate(answered)]
        return tuple(question for question in made if question is not None)

    def _made(self, what: str, make: Callable[[], Made]) -> Made | None:
        try:
            return make()
        except ValidationError as error:
            problem = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
        except TaskError as error:
            problem = str(error)
        self._told.append(visible_line(f"{READER}: {shortened(what)} is left out: {problem}", _LONGEST_FINDING))
        return None

    def _reading(self, goal: ReadGoal, taken: Collection[str]) -> Reading:
        if not is_name(goal.id) or goal.id == AS_IT_IS or goal.id in taken:
            raise TaskError("an id is a short plain word that no other reading has.")
        stages = tuple(StageRule(name=s.name, when=s.when, hold=s.hold) for s in goal.stages)
        when, within, share = ("", LAST_STEP, 1.0) if stages else (goal.when, goal.within, goal.share)
        reading = Reading(
            id=goal.id,
            words=visible_line(goal.words, _LONGEST_TEXT),
            weight=goal.weight,
            success=Success(when=when, within=within, share=share, stages=stages, full_length=goal.full_length, always=goal.always,
                            dt=self._task.success.dt),
            limits={
                limit.name: StatedLimit(value=limit.value, at_most=limit.at_most, at_least=limit.at_least, over=limit.over)
                for limit in goal.limits
            },
        )  # fmt: skip
        calls_success(understood(self._task, reading), reading.limits, self._one, self._max_steps)
        return reading

    def _trace(self, trace: ReadTrace) -> CornerTrace:
        points = tuple(TracePoint(step=p.step, name=p.name, value=p.value) for p in trace.points)
        made = CornerTrace(
            words=visible_line(trace.words, _LONGEST_TEXT),
            steps=trace.steps,
            terminated=trace.terminated,
            points=points,
        )
        if made.steps > self._max_steps:
            raise TaskError(f"it has {made.steps} steps, and an episode has at most {self._max_steps}.")
        drawn(self._task, made, self._recorded)
        return made


def _question(number: int, question: ReadQuestion, ids: set[str]) -> GoalQuestion:
    options = tuple(
        GoalOption(
            text=visible_line(o.answer, _LONGEST_TEXT), readings=tuple(i for i in dict.fromkeys(o.readings) if i in ids)
        )
        for o in question.options[:_OPTIONS]
    )
    named = [i for option in options for i in option.readings]
    if len({*named}) < len(named):
        raise TaskError("a reading stands for one answer alone.")
    if sum(bool(option.readings) for option in options) < 2:
        raise TaskError("it parts no readings that could be used.")
    return GoalQuestion(
        id=f"question {number}",
        text=visible_line(question.text, _LONGEST_TEXT),
        options=tuple(option for option in options if option.readings),
    )
