"""The parts a reward can have, as records, and what each is called."""

from collections.abc import Sequence
from typing import Literal

from autoreward.core.contract import MAX_PART_NAME
from autoreward.design.grammar.quantities import Quantity, readable
from autoreward.records import PartRole, Record

Kind = Literal[
    "near",
    "progress",
    "bonus",
    "joint",
    "all_bonus",
    "end",
    "course",
    "ground",
    "staged",
    "next",
    "speed",
    "gain",
    "energy",
    "along",
    "damping",
    "smooth",
    "steady",
    "centre",
    "effort",
    "alive",
    "time",
    "fall",
    "win",
    "limit",
]
Shape = Literal["linear", "squared", "exp", "tanh", "inverse", "ramp"]


_ROLES: dict[Kind, PartRole] = {
    "bonus": "sparse",
    "all_bonus": "main",
    "end": "main",
    "damping": "penalty",
    "smooth": "penalty",
    "effort": "penalty",
    "time": "penalty",
    "fall": "penalty",
    "win": "main",
    "limit": "limit",
}
"""What parts are for, where they do not guide."""


class Term(Record):
    """One part: what kind, on which quantity, in which shape, how strong."""

    kind: Kind
    on: str = ""
    shape: Shape = "linear"
    scale: float = 1.0
    weight: float = 1.0

    @property
    def slot(self) -> tuple[str, str]:
        """Two terms of the same slot would say the same twice."""
        return self.kind, self.on

    @property
    def role(self) -> PartRole:
        """What it is for."""
        return _ROLES.get(self.kind, "dense")


class Genome(Record):
    """A whole reward program."""

    terms: tuple[Term, ...]


MAX_TERMS = 7
"""Most parts of a program that nobody wished for."""
_LIGHTEST, _HEAVIEST = 0.01, 10.0
"""Bounds of a weight that changes may reach."""
_FAST = ("speed", "energy")
"""Kinds that pay for speed: damping the same field would take it back."""


def tidied(terms: Sequence[Term], most: int = MAX_TERMS) -> Genome:
    """One term per slot (the last one wins), at most `most`, none against a later one, in a fixed order."""
    by_slot = {term.slot: term for term in terms}
    for term in terms:
        if term.kind in _FAST and term.slot in by_slot:
            by_slot.pop(("damping", term.on), None)
        if term.kind == "course" and term.slot in by_slot:
            by_slot.pop(("damping", f"field:{term.on.split(':')[2]}"), None)
    return Genome(terms=tuple(list(by_slot.values())[-most:]))


def reweighted(term: Term, factor: float) -> Term:
    """The term with so many times its weight, as near as a readable number within the bounds is."""
    weight = min(max(readable(term.weight * factor), _LIGHTEST), _HEAVIEST)
    return term.model_copy(update={"weight": weight})


_IDEAS = {
    "near": "being near the goal in {on}",
    "progress": "coming nearer in {on}",
    "bonus": "{on} within tolerance",
    "joint": "all distances small at once",
    "all_bonus": "the whole goal held",
    "end": "ending with the goal reached, not before",
    "course": "the speed in {on} that the distance left allows",
    "ground": "new ground in {on}",
    "staged": "{on} in its turn",
    "next": "coming further through the {on} than before",
    "speed": "moving fast in {on}",
    "gain": "gaining speed in {on}",
    "energy": "energy in {on}",
    "along": "acting along {on}",
    "damping": "slow {on}",
    "smooth": "smooth {on}",
    "steady": "being near the goal with little {on}",
    "centre": "{on} near zero",
    "effort": "little effort",
    "alive": "staying in the episode",
    "time": "haste",
    "fall": "not ending early",
    "win": "ending the episode, which is the goal",
    "limit": "keeping within the limit of {on}",
}


def thought(genome: Genome, things: dict[str, Quantity]) -> str:
    """The design idea in one line."""
    ideas = [_IDEAS[t.kind].format(on=noun(t, things)) for t in genome.terms]
    return "Rewards " + ", ".join(ideas[:-1]) + (" and " if len(ideas) > 1 else "") + ideas[-1] + "."


def part_names(genome: Genome, things: dict[str, Quantity]) -> dict[tuple[str, str], str]:
    """The name of each slot's part, in order: its kind and quantity, numbered where two would be the same."""
    names: dict[tuple[str, str], str] = {}
    for term in genome.terms:
        if term.slot in names:
            continue
        word = noun(term, things).replace(" ", "_")
        plain = name = f"{term.kind}_{word}"[:MAX_PART_NAME] if word else term.kind
        number = 2
        while name in names.values():
            name = f"{plain[: MAX_PART_NAME - 4]}_{number}"
            number += 1
        names[term.slot] = name
    return names


def noun(term: Term, things: dict[str, Quantity]) -> str:
    """What a term is about, in a word; empty for one about everything."""
    if term.on in things:
        return things[term.on].name
    return term.on.split(":")[3] if term.kind == "along" else ""
