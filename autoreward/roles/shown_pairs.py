"""Pairs of episodes as models are shown them, what they cite of them, and whether that is so."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from autoreward.core.transitions import Transitions
from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.parsing import ModelAnswer
from autoreward.llm.pictures import picture_tokens
from autoreward.llm.portions import fitting
from autoreward.llm.structured import Request, ask_structured
from autoreward.llm.types import PromptTooLong
from autoreward.roles.brief import Brief
from autoreward.roles.episode_tables import Table, episode_table, spread_out

_ROWS, _COLUMNS = 8, 10
_CLOSE = 0.02
"""Share of a column's largest number by which a cited value may be off."""
ShownSide = Literal["first", "second"]
SHOWN_SIDES: tuple[ShownSide, ...] = ("first", "second")
A = TypeVar("A", bound=ModelAnswer)


class OfPair(Protocol):
    """What is said of one pair."""

    pair: int
    """Its number in the question, from 1."""


N = TypeVar("N", bound=OfPair)


class CitedFact(ModelAnswer):
    """A fact as a model answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"column": "", "value": 0.0}
    also: ClassVar[Mapping[str, tuple[str, ...]]] = {"column": ("field", "name")}
    clip: ShownSide
    step: int
    column: str
    value: float


class Sight(NamedTuple):
    """One policy in one episode, as a judge is shown it."""

    episode: Transitions
    """Shape (L, 1)."""
    table: Table
    picture: bytes = b""
    """A PNG of some frames; empty where nothing can be drawn."""

    @classmethod
    def of(cls, about: Brief, episode: Transitions, picture: bytes = b"") -> "Sight":
        """With a table that says nothing of the rule."""
        return cls(episode, episode_table(about.task, episode, "", {}, _ROWS, _COLUMNS, rule_shown=False), picture)

    def number(self, step: int, column: str) -> tuple[float, float] | None:
        """What a column of the table is at a step, 0 for the start, and its largest size; None if there is no such."""
        if not 0 <= step <= len(self.episode.step):
            return None
        episode = self.episode
        fields = episode.next_state if step else episode.state
        columns = {name: v for field, values in fields.items() for name, v in spread_out(field, values).items()}
        if step:
            columns |= {c: v for name, a in episode.action.items() for c, v in spread_out(f"action {name}", a).items()}
        values = columns.get(column)
        if values is None:
            return None
        numbers = np.asarray(values, dtype=np.float64)
        return float(numbers[max(step - 1, 0)]), float(np.abs(numbers).max())


class ShownPair(NamedTuple):
    """What is compared."""

    a: Sight
    b: Sight

    @property
    def pictures(self) -> tuple[bytes, ...]:
        """Of both, where both could be drawn."""
        return (self.a.picture, self.b.picture) if self.a.picture and self.b.picture else ()

    @property
    def turned(self) -> "ShownPair":
        """B first."""
        return ShownPair(self.b, self.a)


class PairPortion(NamedTuple, Generic[A]):
    """Some of the pairs, and what was answered about them."""

    key: str
    pairs: tuple[ShownPair, ...]
    answer: A | None
    findings: tuple[str, ...]


def asked_about_pairs(
    client: ModelClient,
    request: Request,
    pairs: Sequence[ShownPair],
    text: Callable[[Sequence[ShownPair]], str],
    kind: type[A],
) -> Iterator[PairPortion[A]]:
    """The question `text(pairs)` with their pictures, in as many portions as the model's context makes of it.

    The first portion has the request's key; its text and its pictures are put in here.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    left, number, refused = tuple(pairs), 0, 0
    while left:
        number += 1
        key = request.key if number == 1 else f"{request.key}-portion-{number}"
        room = client.room(key, request.role, request.max_tokens) - picture_tokens(left[0].pictures) * len(left)
        shown = fitting(left, room, text)
        pictures = tuple(png for pair in shown for png in pair.pictures)
        try:
            answer, told = ask_structured(client, request._replace(key=key, text=text(shown), pictures=pictures), kind)
        except PromptTooLong as long:
            if len(shown) > 1 and len(shown) != refused:  # by now its server has said what it holds
                refused, number = len(shown), number - 1
                continue
            answer, told = None, (f"{key}: not asked: {visible_line(str(long), 200)}",)
        yield PairPortion(key, shown, answer, told)
        left = left[len(shown) :]


def laid_out(pairs: Sequence[ShownPair]) -> list[dict[str, dict[str, object]]]:
    """The pairs as `_pairs.md.j2` has them, with the numbers of their pictures."""
    shown, number = [], 0
    for pair in pairs:
        sides: dict[str, dict[str, object]] = {}
        for name, sight in zip(SHOWN_SIDES, pair, strict=True):
            number += bool(pair.pictures)
            sides[name] = {
                "ending": sight.table.ending,
                "text": sight.table.text,
                "picture": number if pair.pictures else 0,
            }
        shown.append(sides)
    return shown


def by_number(answers: Iterable[N]) -> dict[int, N]:
    """What was said of pairs, by their numbers; of one that was answered twice, what was said first."""
    said: dict[int, N] = {}
    for one in answers:
        said.setdefault(one.pair, one)
    return said


def silence(said: Container[int], count: int) -> str:
    """Of which of so many pairs, numbered from 1, nothing was said, in words; empty if something was of each."""
    silent = [str(place) for place in range(1, count + 1) if place not in said]
    return f"nothing was said of pair{'s' * (len(silent) > 1)} {', '.join(silent)}" if silent else ""


def is_so(fact: CitedFact, sight: Sight) -> bool:
    """Whether an episode has this number there; of what only a picture shows, whether there is a picture and such a step."""
    if not fact.column:
        return bool(sight.picture) and 0 <= fact.step <= len(sight.episode.step)
    found = sight.number(fact.step, fact.column.strip("` "))
    if found is None:
        return False
    actual, largest = found
    return abs(fact.value - actual) <= _CLOSE * largest + 1e-9
