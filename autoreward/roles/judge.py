"""The judge role: shows a model pairs of policies in the same episode, and asks which does more of what the goal says.

What it names as facts is held against the recorded episodes. An answer of which no fact is so does not count.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from autoreward.core.transitions import Transitions
from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.parsing import ModelAnswer, Words
from autoreward.llm.pictures import picture_tokens
from autoreward.llm.portions import fitting
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request, ask_structured
from autoreward.llm.types import PromptTooLong
from autoreward.records import Answer
from autoreward.roles.brief import Brief
from autoreward.roles.episode_tables import Table, episode_table, spread_out
from autoreward.settings import Role

_ROWS, _COLUMNS = 8, 10
_MAX_TOKENS = 4_000
_LONGEST_REASON = 300
_MOST_CITED = 6
_LOWEST, _HIGHEST = 1.0, 5.0
"""Scores by a principle."""
_CLOSE = 0.02
"""Share of a column's largest number by which a cited value may be off."""
_PLACES: tuple[Literal["first", "second"], ...] = ("first", "second")


class CitedFact(ModelAnswer):
    """A fact as a judge answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"column": "", "value": 0.0}
    also: ClassVar[Mapping[str, tuple[str, ...]]] = {"column": ("field", "name")}
    clip: Literal["first", "second"]
    step: int
    column: str
    value: float


class JudgedPair(ModelAnswer):
    """A pair as a judge answers it."""

    usual: ClassVar[Mapping[str, Any]] = {"cited": [], "reason": "", "scores": []}
    pair: int
    cited: list[CitedFact]
    reason: Words
    scores: list[list[float]]
    """Of each principle: the first's and the second's."""
    better: Literal["first", "second", "tie"]


class JudgedPairs(ModelAnswer):
    """The answer to `judge.md.j2`."""

    pairs: list[JudgedPair]


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


class Opinion(NamedTuple):
    """What a judge said of a pair; `a` is the one that was shown first."""

    answer: Answer
    reason: str
    cited: int
    """Facts that are so."""
    struck: int
    """Facts that are not."""
    principles: tuple[tuple[float, float], ...] = ()
    """What each side was given by each principle."""


class Opinions(NamedTuple):
    """Of all pairs, in their order; None where nothing was said that can be used."""

    items: tuple[Opinion | None, ...]
    findings: tuple[str, ...]


def opinions(client: ModelClient, key: str, role: Role, about: Brief, pairs: Sequence[ShownPair]) -> Opinions:
    """A judge's opinions, in as many questions as its context makes of it. `about` does not show the rule.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    found: list[Opinion | None] = []
    findings: list[str] = []
    number = refused = 0

    principles = about.task.judge.principles

    def text(some: Sequence[ShownPair]) -> str:
        return render_prompt(
            "judge", brief=about, pictures=any(p.pictures for p in some), pairs=_shown(some), principles=principles
        )

    while left := pairs[len(found) :]:
        number += 1
        asked = key if number == 1 else f"{key}-portion-{number}"
        room = client.room(asked, role, _MAX_TOKENS) - picture_tokens(left[0].pictures) * len(left)
        shown = fitting(left, room, text)
        request = Request(asked, role, text(shown), _MAX_TOKENS, tuple(png for pair in shown for png in pair.pictures))
        try:
            answer, told = ask_structured(client, request, JudgedPairs)
        except PromptTooLong as long:
            if len(shown) > 1 and len(shown) != refused:  # by now its server has said what it holds
                refused, number = len(shown), number - 1
                continue
            answer, told = None, (f"{asked}: not asked: {visible_line(str(long), 200)}",)
        findings += told
        said = {one.pair: one for one in reversed(answer.pairs)} if answer else {}
        for place, pair in enumerate(shown, start=1):
            opinion, remark = _opinion(said[place], pair, len(principles)) if place in said else (None, "")
            found.append(opinion)
            if remark:
                findings.append(f"{asked}, pair {place}: {remark}")
        silent = [str(place) for place in range(1, len(shown) + 1) if place not in said]
        if answer and silent:
            findings.append(f"{asked}: nothing was said of pair{'s' * (len(silent) > 1)} {', '.join(silent)}")
    return Opinions(tuple(found), tuple(findings))


def _shown(pairs: Sequence[ShownPair]) -> list[dict[str, dict[str, object]]]:
    """The pairs as the template has them, with the numbers of their pictures."""
    shown, number = [], 0
    for pair in pairs:
        sides: dict[str, dict[str, object]] = {}
        for name, sight in zip(_PLACES, pair, strict=True):
            number += bool(pair.pictures)
            sides[name] = {
                "ending": sight.table.ending,
                "text": sight.table.text,
                "picture": number if pair.pictures else 0,
            }
        shown.append(sides)
    return shown


def _opinion(said: JudgedPair, pair: ShownPair, principles: int) -> tuple[Opinion | None, str]:
    """The answer, and why it does not count, if so; None: there should be scores, and there are none."""
    sights = dict(zip(_PLACES, pair, strict=True))
    facts = said.cited[:_MOST_CITED]
    held = sum(is_so(fact, sights[fact.clip]) for fact in facts)
    answer: Answer = "tie" if said.better == "tie" else "a" if said.better == "first" else "b"
    scores = _scores(said, principles)
    if scores is None:
        return None, f"left out: it has to give two scores from 1 to 5 for each of the {principles} principles"
    if scores:
        lead = sum(a - b for a, b in scores)
        answer = "tie" if lead == 0 else "a" if lead > 0 else "b"
    reason = visible_line(said.reason, _LONGEST_REASON)
    if answer != "tie" and not held:
        why = f"none of the {len(facts)} facts that it names is so" if facts else "it names no fact"
        return Opinion("tie", reason, 0, len(facts), scores), f"counted as a tie: {why}"
    return Opinion(answer, reason, held, len(facts) - held, scores), ""


def _scores(said: JudgedPair, principles: int) -> tuple[tuple[float, float], ...] | None:
    """Both sides' by each principle; None if they are not as asked for."""
    if not principles:
        return ()
    fit = len(said.scores) == principles and all(len(both) == 2 for both in said.scores)
    if not fit or not all(_LOWEST <= score <= _HIGHEST for both in said.scores for score in both):
        return None
    return tuple((a, b) for a, b in said.scores)


def is_so(fact: CitedFact, sight: Sight) -> bool:
    """Whether an episode has this number there; of what only a picture shows, whether there is a picture and such a step."""
    length = len(sight.episode.step)
    if not 0 <= fact.step <= length:
        return False
    if not fact.column:
        return bool(sight.picture)
    episode = sight.episode
    fields = episode.next_state if fact.step else episode.state
    columns = {column: v for name, field in fields.items() for column, v in spread_out(name, field).items()}
    if fact.step:
        columns |= {c: v for name, a in episode.action.items() for c, v in spread_out(f"action {name}", a).items()}
    values = columns.get(fact.column.strip("` "))
    if values is None:
        return False
    numbers = np.asarray(values, dtype=np.float64)
    actual = float(numbers[max(fact.step - 1, 0)])
    return abs(fact.value - actual) <= _CLOSE * float(np.abs(numbers).max()) + 1e-9
