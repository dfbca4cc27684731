"""The judge role: shows a model pairs of policies in the same episode, and asks which does more of what the goal says.

What it names as facts is held against the recorded episodes. An answer of which no fact is so does not count.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.parsing import ModelAnswer, Words
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request
from autoreward.records import Answer
from autoreward.roles.brief import Brief
from autoreward.roles.shown_pairs import (
    SHOWN_SIDES,
    CitedFact,
    ShownPair,
    asked_about_pairs,
    by_number,
    is_so,
    laid_out,
    silence,
)
from autoreward.settings import Role

_MAX_TOKENS = 4_000
LONGEST_REASON = 300
"""Characters of it that are kept."""
_MOST_CITED = 6
_LOWEST, _HIGHEST = 1.0, 5.0
"""Scores by a principle."""


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
    principles = about.task.judge.principles

    def text(some: Sequence[ShownPair]) -> str:
        drawn = any(pair.pictures for pair in some)
        return render_prompt("judge", brief=about, pictures=drawn, pairs=laid_out(some), principles=principles)

    for portion in asked_about_pairs(client, Request(key, role, "", _MAX_TOKENS), pairs, text, JudgedPairs):
        findings += portion.findings
        said = by_number(portion.answer.pairs if portion.answer else ())
        for place, pair in enumerate(portion.pairs, start=1):
            opinion, remark = _opinion(said[place], pair, len(principles)) if place in said else (None, "")
            found.append(opinion)
            if remark:
                findings.append(f"{portion.key}, pair {place}: {remark}")
        if portion.answer and (left_out := silence(said, len(portion.pairs))):
            findings.append(f"{portion.key}: {left_out}")
    return Opinions(tuple(found), tuple(findings))


def _opinion(said: JudgedPair, pair: ShownPair, principles: int) -> tuple[Opinion | None, str]:
    """The answer, and why it does not count, if so; None: there should be scores, and there are none."""
    sights = dict(zip(SHOWN_SIDES, pair, strict=True))
    facts = said.cited[:_MOST_CITED]
    held = sum(is_so(fact, sights[fact.clip]) for fact in facts)
    answer: Answer = "tie" if said.better == "tie" else "a" if said.better == "first" else "b"
    scores = _scores(said, principles)
    if scores is None:
        return None, f"left out: it has to give two scores from 1 to 5 for each of the {principles} principles"
    if scores:
        lead = sum(a - b for a, b in scores)
        answer = "tie" if lead == 0 else "a" if lead > 0 else "b"
    reason = visible_line(said.reason, LONGEST_REASON)
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
