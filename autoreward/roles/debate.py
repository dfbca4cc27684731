"""Debates about pairs of policies: a model argues either side with facts, false ones are struck, and the rest is judged anew.

After Irving, Christiano and Amodei 2018 (arXiv 1805.00899), of one turn each: what is judged are facts that the host has
checked, without the episodes, so that nothing persuades but what is so.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from autoreward.core.visible import visible_line
from autoreward.llm.client import ModelClient
from autoreward.llm.parsing import ModelAnswer, Words
from autoreward.llm.portions import asked_in_portions
from autoreward.llm.prompts import render_prompt
from autoreward.llm.structured import Request
from autoreward.records import Answer
from autoreward.roles.brief import Brief
from autoreward.roles.judge import LONGEST_REASON
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

MOST_FACTS = 4
"""That count of each side."""
_MAX_TOKENS = 4_000
_SIDES: tuple[Literal["a", "b"], ...] = ("a", "b")


class ArguedPair(ModelAnswer):
    """Both sides of a pair as a model argues them."""

    usual: ClassVar[Mapping[str, Any]] = {"first": [], "second": []}
    pair: int
    first: list[CitedFact]
    """That the first is better."""
    second: list[CitedFact]


class ArguedPairs(ModelAnswer):
    """The answer to `debate.md.j2`."""

    pairs: list[ArguedPair]


class WeighedPair(ModelAnswer):
    """A pair as it is judged by facts."""

    usual: ClassVar[Mapping[str, Any]] = {"reason": ""}
    pair: int
    reason: Words
    better: Literal["first", "second", "tie"]


class WeighedPairs(ModelAnswer):
    """The answer to `weigh.md.j2`."""

    pairs: list[WeighedPair]


class TrueFact(NamedTuple):
    """A number of one of the two episodes, as it is recorded."""

    of: Literal["a", "b"]
    step: int
    column: str
    value: float

    @property
    def what(self) -> str:
        """`step 40: position is 0.513`."""
        return f"step {self.step}: {self.column} is {self.value:.3g}"


class ArguedCase(NamedTuple):
    """What was said for either side of a pair, and is so."""

    for_a: tuple[TrueFact, ...]
    for_b: tuple[TrueFact, ...]
    struck: int
    """Facts that are not so."""
    endings: tuple[str, str]
    """How long A's and B's episodes were, and how they ended."""

    @property
    def told(self) -> bool:
        """Whether there is anything to judge by."""
        return bool(self.for_a or self.for_b)


class Weighed(NamedTuple):
    """What a model says of a pair by its facts alone; None: nothing that can be used."""

    answer: Answer | None
    reason: str = ""


class OrderedCase(NamedTuple):
    """A case in one of its two orders."""

    case: ArguedCase
    turned: bool

    @property
    def shown(self) -> dict[str, dict[str, object]]:
        """As `weigh.md.j2` has it."""
        order = _SIDES[::-1] if self.turned else _SIDES
        names = dict(zip(order, SHOWN_SIDES, strict=True))
        facts = {"a": self.case.for_a, "b": self.case.for_b}
        endings = dict(zip(_SIDES, self.case.endings, strict=True))
        return {
            names[side]: {
                "ending": endings[side],
                "facts": [(names[fact.of], fact.what) for fact in facts[side]],
            }
            for side in order
        }

    def weighed(self, said: WeighedPair | None) -> Weighed:
        """The answer about A and B."""
        if said is None:
            return Weighed(None)
        reason = visible_line(said.reason, LONGEST_REASON)
        return Weighed(
            "tie" if said.better == "tie" else "a" if (said.better == "first") != self.turned else "b", reason
        )


def argued(
    client: ModelClient, key: str, role: Role, about: Brief, pairs: Sequence[ShownPair]
) -> tuple[list[ArguedCase | None], list[str]]:
    """Both sides of every pair, in their order, None where nothing was said; and what was wrong with the answers.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    cases: list[ArguedCase | None] = []
    findings: list[str] = []

    def text(some: Sequence[ShownPair]) -> str:
        drawn = any(pair.pictures for pair in some)
        return render_prompt("debate", brief=about, pictures=drawn, pairs=laid_out(some), most=MOST_FACTS)

    for portion in asked_about_pairs(client, Request(key, role, "", _MAX_TOKENS), pairs, text, ArguedPairs):
        findings += portion.findings
        said = by_number(portion.answer.pairs if portion.answer else ())
        for place, pair in enumerate(portion.pairs, start=1):
            case = _case(said[place], pair) if place in said else None
            cases.append(case)
            if case and case.struck:
                findings.append(f"{portion.key}, pair {place}: {case.struck} of its facts are not so, and struck")
        if portion.answer and (left_out := silence(said, len(portion.pairs))):
            findings.append(f"{portion.key}: {left_out}")
    return cases, findings


def weighed(
    client: ModelClient, key: str, role: Role, about: Brief, cases: Sequence[ArguedCase]
) -> tuple[list[tuple[Weighed, Weighed]], list[str]]:
    """What is said of every case with A first and with B first, in one question; and what was wrong with the answers.

    Raises:
        LimitReached, ProviderError: nobody may be asked, or nobody answers.
    """
    orders = [OrderedCase(case, turned) for turned in (False, True) for case in cases]
    findings: list[str] = []

    def text(some: Sequence[OrderedCase]) -> str:
        principles = about.task.judge.principles
        return render_prompt("weigh", brief=about, pairs=[order.shown for order in some], principles=principles)

    def answers() -> Iterator[Weighed]:
        for portion in asked_in_portions(client, Request(key, role, "", _MAX_TOKENS), orders, text, WeighedPairs):
            findings.extend(portion.findings)
            said = by_number(portion.answer.pairs if portion.answer else ())
            yield from (order.weighed(said.get(place)) for place, order in enumerate(portion.items, start=1))
            if portion.answer and (left_out := silence(said, len(portion.items))):
                findings.append(f"{portion.key}: {left_out}")

    found = list(answers())
    return list(zip(found[: len(cases)], found[len(cases) :], strict=True)), findings


def _case(said: ArguedPair, pair: ShownPair) -> ArguedCase:
    for_a, struck_a = _checked(said.first, pair)
    for_b, struck_b = _checked(said.second, pair)
    return ArguedCase(for_a, for_b, struck_a + struck_b, (pair.a.table.ending, pair.b.table.ending))


def _checked(facts: Sequence[CitedFact], pair: ShownPair) -> tuple[tuple[TrueFact, ...], int]:
    """Those that are so, each once, and how many are not. What only a picture shows can't be checked, and does not count."""
    sights = dict(zip(SHOWN_SIDES, pair, strict=True))
    sides = dict(zip(SHOWN_SIDES, _SIDES, strict=True))
    true: dict[TrueFact, None] = {}
    struck = 0
    for fact in facts[:MOST_FACTS]:
        column = fact.column.strip("` ")
        found = sights[fact.clip].number(fact.step, column) if column and is_so(fact, sights[fact.clip]) else None
        if found:
            true[TrueFact(sides[fact.clip], fact.step, column, found[0])] = None
        else:
            struck += 1
    return tuple(true), struck
