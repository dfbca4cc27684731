"""Ask until the answer is usable, at most three times; the model is told what was wrong with the last one."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.conversation import Tools, converse
from autoreward.llm.lenient import fenced_blocks
from autoreward.llm.parsing import CUT_OFF, Unusable, parse_record, usable_text
from autoreward.llm.prompts import quoted
from autoreward.llm.thinking import cut_while_thinking
from autoreward.llm.types import Exchange, Prompt, PromptTooLong, Reply, Turn
from autoreward.records import Record
from autoreward.settings import Role

ATTEMPTS = 3
_AGAIN = "\nNow answer the question.\n"
A = TypeVar("A", bound=Record)


class Request(NamedTuple):
    """What to ask, and under which key."""

    key: str
    role: Role
    text: str
    max_tokens: int
    pictures: tuple[bytes, ...] = ()
    """As in `Prompt`."""
    shorter: Callable[[int], str] | None = None
    """The same question in that many tokens, where it can be said in fewer."""
    earlier: tuple[Turn, ...] = ()
    """What was said before it in the same conversation."""
    tools: Tools | None = None
    """What may be called before the first answer to it."""
    held: bool = True
    """Whether a server that can is to hold the answer to its schema; not where programs are asked for in fences."""

    def within(self, room: int | None) -> str:
        """The text, in that many tokens if it can be; None: as it is."""
        return self.text if room is None or self.shorter is None else self.shorter(room)


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
    ending, most = "", request.max_tokens
    called: tuple[Exchange, ...] = ()
    for turn in range(ATTEMPTS):
        key = request.key if turn == 0 else f"{request.key}-again-{turn}"
        wanted = request._replace(max_tokens=most, tools=request.tools if turn == 0 or called else None)
        reply, called = _asked(client, wanted, key, ending, schema(kind) if request.held else {}, called)
        told: list[str] = []
        try:
            answer = read_reply(reply, kind, otherwise, told)
        except Unusable as unusable:
            if cut_while_thinking(reply):
                most *= 2
                findings.append(
                    f"{key}: the answer was cut off while thinking, at the token limit: asked again with more room"
                )
                continue
            finding = visible_line(str(unusable), 200)
            findings.append(f"{key}: {finding}")
            ending = f"\nYour last answer could not be used: {quoted(finding)}.\n"
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


def _asked(
    client: ModelClient,
    request: Request,
    key: str,
    ending: str,
    shape: dict[str, object],
    called: tuple[Exchange, ...],
) -> tuple[Reply, tuple[Exchange, ...]]:
    """The reply to a request, and what was called for it; to a shorter form of it, where the server holds no more.

    `called`: what was called before an answer that could not be used. Raises as `ask_structured`.
    """
    shortens = request.shorter is not None
    while True:
        text = request.within(client.kept_room(key))
        try:
            prompt = Prompt(
                key, request.role, text, shape, request.max_tokens, request.pictures, shortens=shortens
            )._replace(earlier=request.earlier)
            if request.tools is not None and called:
                return converse(client, prompt._replace(close=ending or _AGAIN), request.tools, called)
            if request.tools is not None:
                return converse(client, prompt, request.tools)
            return client.ask(prompt._replace(text=text + ending)), ()
        except PromptTooLong:
            if len(request.within(client.kept_room(key))) < len(text):
                continue
            if not shortens:
                raise
            shortens = False  # it is as short as it gets


def schema(kind: type[Record]) -> dict[str, object]:
    """The JSON schema of an answer, as strict structured output wants it: every property required, none other."""
    return kind.model_json_schema()
