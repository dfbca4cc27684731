"""Ask until the answer is usable, at most three times; the model is told what was wrong with the last one."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.lenient import fenced_blocks
from autoreward.llm.parsing import CUT_OFF, Unusable, parse_record, usable_text
from autoreward.llm.prompts import quoted
from autoreward.llm.types import Prompt, Reply, Role, Turn
from autoreward.records import Record

ATTEMPTS = 3
A = TypeVar("A", bound=Record)


class Request(NamedTuple):
    """What to ask, and under which key."""

    key: str
    role: Role
    text: str
    max_tokens: int
    earlier: tuple[Turn, ...] = ()
    """What was said before it in the same conversation."""


def ask_structured(
    client: ModelClient,
    request: Request,
    kind: type[A],
    otherwise: Callable[[str, bool], A | None] = lambda text, cut: None,
) -> tuple[A | None, tuple[str, ...]]:
    """The answer as a record, or None; and what was wrong with the unusable ones.

    `otherwise` reads an answer, perhaps a cut one, that holds no such JSON; None if it can't either.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    findings: list[str] = []
    text = request.text
    for turn in range(ATTEMPTS):
        key = request.key if turn == 0 else f"{request.key}-again-{turn}"
        reply = client.ask(Prompt(key, request.role, text, schema(kind), request.max_tokens, request.earlier))
        told: list[str] = []
        try:
            answer = read_reply(reply, kind, otherwise, told)
        except Unusable as unusable:
            finding = visible_line(str(unusable), 200)
            findings.append(f"{key}: {finding}")
            text = f"{request.text}\nYour last answer could not be used: {quoted(finding)}.\n"
        else:
            return answer, (*findings, *(f"{key}: left out: {visible_line(line, 200)}" for line in told))
    return None, tuple(findings)


def read_reply(reply: Reply, kind: type[A], otherwise: Callable[[str, bool], A | None], told: list[str]) -> A:
    """The answer in a reply; `told` gets what was left out of it. Raises Unusable."""
    text, cut = usable_text(reply), reply.finish == "length"
    fenced = bool(fenced_blocks(text))
    try:
        answer = parse_record(text, kind, cut, told.append, mended=not fenced)
    except Unusable as unusable:
        # programs in fences are no JSON that is to be mended
        other = otherwise(text, cut)
        if other is None and fenced:
            other = _mended(text, kind, cut, told)
        if other is None:
            raise Unusable(CUT_OFF) if cut else unusable from None
        answer = other
    if cut:
        told.append(f"what was not whole: {CUT_OFF}")
    return answer


def _mended(text: str, kind: type[A], cut: bool, told: list[str]) -> A | None:
    try:
        return parse_record(text, kind, cut, told.append)
    except Unusable:
        return None


def schema(kind: type[Record]) -> dict[str, object]:
    """The JSON schema of an answer, as strict structured output wants it: every property required, none other."""
    return kind.model_json_schema()
