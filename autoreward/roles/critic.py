"""The critic role: reads programs that run, with what they pay in recorded episodes, and says what a policy would do wrong."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from autoreward.checks.pay import Pay
from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.parsing import ModelAnswer, Words
from autoreward.llm.portions import Portion, asked_in_portions
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request
from autoreward.records import Candidate, Remark
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.roles.brief import Brief
from autoreward.roles.episode_tables import three_digits

_MAX_TOKENS = 6_000
_LONGEST_TEXT = 300
_NOTHING = 1e-4
"""Share of the largest number of a row below which a number is shown as 0."""


class Objection(ModelAnswer):
    """One remark as a critic answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"fix": ""}
    id: Words
    line: int
    severity: Literal["serious", "note"]
    reason: Words
    fix: Words


class Objections(ModelAnswer):
    """The answer to `critic.md.j2`."""

    remarks: list[Objection]


def criticise(
    client: ModelClient, key: str, brief: Brief, candidates: Sequence[Candidate], pays: Mapping[str, Pay]
) -> tuple[dict[str, tuple[Remark, ...]], tuple[str, ...]]:
    """Remarks by candidate id, and what was wrong with the answer: lines and ids that do not exist are findings.

    `pays`: what each pays in recorded episodes, by id, where that is known. A small context makes several questions of it.
    """
    remarks: dict[str, tuple[Remark, ...]] = {}
    findings: tuple[str, ...] = ()

    def text(shown: Sequence[Candidate]) -> str:
        return critic_prompt(brief, shown, pays)

    for portion in asked_in_portions(client, Request(key, "critic", "", _MAX_TOKENS), candidates, text, Objections):
        found, wrong = _remarks(portion)
        remarks |= found
        findings += portion.findings + wrong
    return remarks, findings


def _remarks(portion: Portion[Candidate, Objections]) -> tuple[dict[str, tuple[Remark, ...]], tuple[str, ...]]:
    """What was said of lines that exist, by candidate id, and what of others."""
    lines = {c.id: len(c.source.splitlines()) for c in portion.items}
    remarks: dict[str, tuple[Remark, ...]] = {}
    findings: tuple[str, ...] = ()
    for objection in portion.answer.remarks if portion.answer else ():
        if objection.id not in lines:
            findings += (
                f"{portion.key}: a remark on {visible_line(objection.id, 20)!r}, which is not among the programs",
            )
            continue
        if not 1 <= objection.line <= lines[objection.id]:
            findings += (
                f"{portion.key}: a remark on line {objection.line} of {objection.id}, which has {lines[objection.id]} lines",
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


def critic_prompt(brief: Brief, candidates: Sequence[Candidate], pays: Mapping[str, Pay]) -> str:
    """The whole prompt."""
    items = [
        {
            "id": c.id,
            "composition": c.composition,
            "meaning": COMPOSITIONS[c.composition].about,
            "thought": c.thought,
            "source": c.source,
            "pay": pay_table(pays[c.id]) if c.id in pays else "",
        }
        for c in candidates
    ]
    return render_prompt("critic", brief=brief, items=items)


def pay_table(pay: Pay) -> str:
    """What a program pays, as a table."""
    rows = [
        ("", pay.kinds),
        *((f"part {name}, a step", _numbers(values)) for name, values in pay.parts.items()),
        ("reward, a step", _numbers(pay.rewards)),
        ("reward, an episode", _numbers(pay.returns)),
        ("steps of an episode", _numbers(pay.steps)),
    ]
    lines = [f"| {' | '.join([name, *cells])} |" for name, cells in rows]
    return "\n".join([lines[0], "|" + "---|" * (1 + len(pay.kinds)), *lines[1:]])


def _numbers(values: Sequence[float]) -> tuple[str, ...]:
    small = _NOTHING * max(map(abs, values))
    return tuple(three_digits(value, small) for value in values)
