"""One question about several things, in as many portions as the model's context makes of it: nothing is left out without a word."""

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.cost import tokens
from autoreward.llm.structured import Request, ask_structured
from autoreward.llm.types import PromptTooLong
from autoreward.records import Record

A = TypeVar("A", bound=Record)
T = TypeVar("T")


class Portion(NamedTuple, Generic[T, A]):
    """A portion of the question, and what came of it."""

    key: str
    items: tuple[T, ...]
    """What it is about."""
    text: str
    """As it was asked."""
    answer: A | None
    findings: tuple[str, ...]


def asked_in_portions(
    client: ModelClient,
    request: Request,
    items: Sequence[T],
    text: Callable[[Sequence[T]], str],
    kind: type[A],
) -> Iterator[Portion[T, A]]:
    """The question `text(items)`, about as many of the items at a time as there is room for, one at least; in their order.

    The first portion has the request's key. An item that does not even fit alone is a finding of a portion without an answer.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    left, number = tuple(items), 0
    while left:
        number += 1
        key = request.key if number == 1 else f"{request.key}-portion-{number}"
        room = client.room(key, request.role, request.max_tokens)

        def shorter(tokens_left: int, among: tuple[T, ...] = left) -> str:
            return text(fitting(among, tokens_left, text))

        asked = request._replace(key=key, text=shorter(room), shorter=shorter)
        try:
            answer, findings = ask_structured(client, asked, kind)
            kept = client.kept_room(key)
            shown = fitting(left, room if kept is None else kept, text)
        except PromptTooLong as long:
            answer, findings, shown = None, (f"{key}: not asked: {visible_line(str(long), 200)}",), left[:1]
        yield Portion(key, shown, text(shown), answer, findings)
        left = left[len(shown) :]


def fitting(items: Sequence[T], room: int, text: Callable[[Sequence[T]], str]) -> tuple[T, ...]:
    """As many of the items, from the first on, as a question about them has room for; one at least, if there are any."""
    count = len(items)
    while count > 1 and tokens(text(items[:count])) > room:
        count -= 1
    return tuple(items[:count])
