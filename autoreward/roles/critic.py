"""The critic role: reads programs that run, and says what a policy trained with them would do wrong."""

from collections.abc import Sequence
from typing import Literal

from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request, ask_structured
from autoreward.records import Candidate, Description, Record, Remark
from autoreward.tasks.card import Task

_MAX_TOKENS = 6_000
_LONGEST_TEXT = 300


class Objection(Record):
    """One remark as a critic answers it."""

    id: str
    line: int
    severity: Literal["serious", "note"]
    reason: str
    fix: str


class Objections(Record):
    """The answer to `critic.md.j2`."""

    remarks: list[Objection]


def criticise(
    client: ModelClient, key: str, task: Task, description: Description, candidates: Sequence[Candidate]
) -> tuple[dict[str, tuple[Remark, ...]], tuple[str, ...]]:
    """Remarks by candidate id, and what was wrong with the answer: lines and ids that do not exist are findings."""
    text = render_prompt("critic", task=task, description=description, items=candidates)
    answer, findings = ask_structured(client, Request(key, "critic", text, _MAX_TOKENS), Objections)
    lines = {c.id: len(c.source.splitlines()) for c in candidates}
    remarks: dict[str, tuple[Remark, ...]] = {}
    for objection in answer.remarks if answer else ():
        if objection.id not in lines:
            findings += (f"{key}: a remark on {visible_line(objection.id, 20)!r}, which is not among the programs",)
            continue
        if not 1 <= objection.line <= lines[objection.id]:
            findings += (
                f"{key}: a remark on line {objection.line} of {objection.id}, which has {lines[objection.id]} lines",
            )
            continue
        remark = Remark(
            line=objection.line,
            severity=objection.severity,
            reason=visible_line(objection.reason, _LONGEST_TEXT),
            fix=visible_line(objection.fix, _LONGEST_TEXT),
        )
        remarks[objection.id] = (*remarks.get(objection.id, ()), remark)
    return remarks, findings
