"""A model's names, units and success rule for an environment, checked against what the environment is."""

import re

from autoreward.core.visible import visible_line
from autoreward.errors import TaskError
from autoreward.llm.client import ModelClient
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import ATTEMPTS, Request, ask_structured
from autoreward.records import Record, Survey
from autoreward.tasks.draft.guess import Draft
from autoreward.tasks.files import validated_task
from autoreward.tasks.tables import Direction

_MAX_TOKENS = 8_000
_DOC_SHOWN = 6_000
_LONGEST_TEXT = 200
_PLACE = re.compile(r"^(obs(?:\.\w+)?)\[(\d+)(?::(\d+))?\]$")


class NamedField(Record):
    """A field as a model answers it."""

    name: str
    source: str
    about: str
    unit: str


class NamedNumber(Record):
    """A constant as a model answers it."""

    name: str
    value: float
    about: str
    unit: str


class Rule(Record):
    """A success rule as a model answers it."""

    when: str
    within: str
    share: float
    full_length: bool


class Ranking(Record):
    """A metric as a model answers it."""

    value: str
    better: Direction


class Proposal(Record):
    """The answer to `init.md.j2`."""

    fields: list[NamedField]
    constants: list[NamedNumber]
    success: Rule
    metric: Ranking
    action: str
    doubts: list[str]


def propose(client: ModelClient, survey: Survey, drafted: Draft) -> tuple[Draft, tuple[str, ...]]:
    """The draft with a model's fields and rule, if it has usable ones; and what was wrong with its answers.

    Raises LimitReached, ProviderError.
    """
    problem, findings = "", tuple[str, ...]()
    for turn in range(ATTEMPTS):
        text = render_prompt("init", task=drafted.task, survey=survey, doc=survey.doc[:_DOC_SHOWN], problem=problem)
        answer, wrong = ask_structured(client, Request(f"init-{turn}", "designer", text, _MAX_TOKENS), Proposal)
        findings += wrong
        if answer is None:
            break
        try:
            return _applied(answer, survey, drafted), findings
        except (TaskError, ValueError) as error:
            problem = visible_line(str(error), 300)
            findings += (f"init-{turn}: {problem}",)
    return drafted, findings


def _applied(answer: Proposal, survey: Survey, drafted: Draft) -> Draft:
    """Raises TaskError or ValueError on anything that does not fit the environment."""
    if not answer.fields:
        raise TaskError("there is no field.")
    state = {
        f.name: {
            "source": f.source,
            "about": visible_line(f.about, _LONGEST_TEXT),
            "unit": visible_line(f.unit, _LONGEST_TEXT),
            "range": _range(f, survey),
        }
        for f in answer.fields
    }
    constants = {
        c.name: {
            "value": c.value,
            "about": visible_line(c.about, _LONGEST_TEXT),
            "unit": visible_line(c.unit, _LONGEST_TEXT),
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
            "state": state,
            "constants": constants,
            "action": action,
            "success": answer.success.model_dump(),
            "metric": answer.metric.model_dump(),
        },
        "the answer",
    )
    guesses = {k: v for k, v in drafted.guesses.items() if k in ("max_steps", "train")}
    guesses |= {f"state.{name}": "named by a model" for name in state}
    guesses["success"] = "written by a model" + "".join(
        f"; {visible_line(doubt, _LONGEST_TEXT)}" for doubt in answer.doubts
    )
    return Draft(task, guesses)


def _range(field: NamedField, survey: Survey) -> tuple[float, float] | None:
    """Where the source is a stretch of the observation: its bounds, or what was sampled. Raises TaskError beyond its end."""
    place = _PLACE.match(field.source.replace(" ", ""))
    if place is None:
        return None
    key = place[1].partition(".")[2]
    stretch = next((s for s in survey.stretches if s.key == key), None)
    if stretch is None:
        return None
    first = int(place[2])
    entries = stretch.entries[first : int(place[3]) if place[3] else first + 1]
    if not entries or (place[3] and len(entries) != int(place[3]) - first):
        raise TaskError(f"{field.source} reaches beyond the {len(stretch.entries)} numbers there are.")
    low = min(e.seen_low if e.low is None else e.low for e in entries)
    high = max(e.seen_high if e.high is None else e.high for e in entries)
    return (low, high) if high > low else None
