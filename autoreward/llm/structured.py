"""Ask until the answer is usable, at most three times; the model is told what was wrong with the last one."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from autoreward.core.visible import plain
from autoreward.llm.client import Desk
from autoreward.llm.parsing import Unusable, record, usable
from autoreward.llm.prompts import quoted
from autoreward.llm.types import Prompt, Role
from autoreward.records import Record

TIMES = 3
A = TypeVar("A", bound=Record)


class Question(NamedTuple):
    """What to ask, and under which key."""

    key: str
    role: Role
    text: str
    max_tokens: int


def converse(
    desk: Desk, question: Question, kind: type[A], otherwise: Callable[[str], A | None] = lambda text: None
) -> tuple[A | None, tuple[str, ...]]:
    """The answer as a record, or None; and what was wrong with the unusable ones.

    `otherwise` reads an answer that holds no such JSON; None if it can't either.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    findings: list[str] = []
    text = question.text
    for turn in range(TIMES):
        key = question.key if turn == 0 else f"{question.key}-again-{turn}"
        reply = desk.ask(Prompt(key, question.role, text, schema(kind), question.max_tokens))
        try:
            said = usable(reply)
            try:
                return record(said, kind), tuple(findings)
            except Unusable:
                if (made := otherwise(said)) is not None:
                    return made, tuple(findings)
                raise
        except Unusable as unusable:
            finding = plain(str(unusable), 200)
            findings.append(f"{key}: {finding}")
            text = f"{question.text}\nYour last answer could not be used: {quoted(finding)}.\n"
    return None, tuple(findings)


def schema(kind: type[Record]) -> dict[str, object]:
    """The JSON schema of an answer, as strict structured output wants it: every property required, none other."""
    return kind.model_json_schema()
