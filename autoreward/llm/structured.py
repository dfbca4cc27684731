"""Ask until the answer is usable, at most three times; the model is told what was wrong with the last one."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.parsing import Unusable, parse_record, usable_text
from autoreward.llm.prompts import quoted
from autoreward.llm.thinking import cut_while_thinking
from autoreward.llm.types import Prompt, PromptTooLong, Reply, Role
from autoreward.records import Record

ATTEMPTS = 3
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

    def within(self, room: int | None) -> str:
        """The text, in that many tokens if it can be; None: as it is."""
        return self.text if room is None or self.shorter is None else self.shorter(room)


def ask_structured(
    client: ModelClient, request: Request, kind: type[A], otherwise: Callable[[str], A | None] = lambda text: None
) -> tuple[A | None, tuple[str, ...]]:
    """The answer as a record, or None; and what was wrong with the unusable ones.

    `otherwise` reads an answer that holds no such JSON; None if it can't either.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    findings: list[str] = []
    ending, most = "", request.max_tokens
    for turn in range(ATTEMPTS):
        key = request.key if turn == 0 else f"{request.key}-again-{turn}"
        reply = _asked(client, request._replace(max_tokens=most), key, ending, schema(kind))
        if cut_while_thinking(reply):
            most *= 2
            findings.append(
                f"{key}: the answer was cut off while thinking, at the token limit: asked again with more room"
            )
            continue
        try:
            answer = usable_text(reply)
            try:
                return parse_record(answer, kind), tuple(findings)
            except Unusable:
                if (other := otherwise(answer)) is not None:
                    return other, tuple(findings)
                raise
        except Unusable as unusable:
            finding = visible_line(str(unusable), 200)
            findings.append(f"{key}: {finding}")
            ending = f"\nYour last answer could not be used: {quoted(finding)}.\n"
    return None, tuple(findings)


def _asked(client: ModelClient, request: Request, key: str, ending: str, shape: dict[str, object]) -> Reply:
    """The reply to a request; to a shorter form of it, where the server holds no more. Raises as `ask_structured`."""
    shortens = request.shorter is not None
    while True:
        text = request.within(client.kept_room(key))
        try:
            return client.ask(
                Prompt(key, request.role, text + ending, shape, request.max_tokens, request.pictures, shortens=shortens)
            )
        except PromptTooLong:
            if len(request.within(client.kept_room(key))) < len(text):
                continue
            if not shortens:
                raise
            shortens = False  # it is as short as it gets


def schema(kind: type[Record]) -> dict[str, object]:
    """The JSON schema of an answer, as strict structured output wants it: every property required, none other."""
    return kind.model_json_schema()
