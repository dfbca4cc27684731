"""The parts a reward can have: each a record (the genome) and a line of readable source."""

import textwrap
from typing import Literal

from autoreward.core.contract import MAX_PART_NAME
from autoreward.design.grammar.quantities import Quantity
from autoreward.records import Record
from autoreward.tasks.card import Task
from autoreward.tasks.tables import Constant

Kind = Literal[
    "near",
    "progress",
    "bonus",
    "joint",
    "all_bonus",
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
]
Shape = Literal["linear", "squared", "exp", "tanh", "inverse"]


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


_WIDTH = 100
"""Longest line of a program, in characters."""


class Genome(Record):
    """A whole reward program."""

    terms: tuple[Term, ...]


_IDEAS = {
    "near": "being near the goal in {on}",
    "progress": "coming nearer in {on}",
    "bonus": "{on} within tolerance",
    "joint": "all distances small at once",
    "all_bonus": "the whole goal held",
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
}


def thought(genome: Genome, things: dict[str, Quantity]) -> str:
    """The design idea in one line."""
    ideas = [_IDEAS[t.kind].format(on=_noun(t, things)) for t in genome.terms]
    return "Rewards " + ", ".join(ideas[:-1]) + (" and " if len(ideas) > 1 else "") + ideas[-1] + "."


def source(task: Task, genome: Genome, things: dict[str, Quantity]) -> str:
    """The program as a person would write it."""
    goals = [q for key, q in things.items() if key.startswith("goal:")]
    lines, values = _lets(genome, things, goals)
    names = part_names(genome, things)
    terms = {t.slot: t for t in reversed(genome.terms)}
    parts = [_fit(f'        "{names[slot]}": {_line(terms[slot], things, values, goals)},') for slot in names]
    used = {c for t in genome.terms for q in _reads(t, things, goals) for c in q.constants}
    head = [_constant(name, constant) for name, constant in task.constants.items() if name in used]
    doc = textwrap.wrap(thought(genome, things), 88)
    quoted = (
        f'    """{doc[0]}"""'
        if len(doc) == 1
        else "\n".join(['    """' + doc[0], *(f"    {d}" for d in doc[1:]), '    """'])
    )
    body = ["def compute_reward(state, action, next_state, memory):", quoted, *lines, "    return {", *parts, "    }"]
    return "\n".join([*head, *(["", ""] if head else []), *body]) + "\n"


def part_names(genome: Genome, things: dict[str, Quantity]) -> dict[tuple[str, str], str]:
    """The name of each slot's part, in order: its kind and quantity, numbered where two would be the same."""
    names: dict[tuple[str, str], str] = {}
    for term in genome.terms:
        if term.slot in names:
            continue
        noun = _noun(term, things).replace(" ", "_")
        plain = name = f"{term.kind}_{noun}"[:MAX_PART_NAME] if noun else term.kind
        number = 2
        while name in names.values():
            name = f"{plain[: MAX_PART_NAME - 4]}_{number}"
            number += 1
        names[term.slot] = name
    return names


def _constant(name: str, constant: Constant) -> str:
    """A module constant and what it means, beside it or, if that is too long, above it."""
    words = " ".join(f"{constant.unit + ', ' if constant.unit else ''}{constant.about}".split())
    line = f"{name.upper()} = {constant.value!r}"
    if len(beside := f"{line}  # {words}") <= _WIDTH:
        return beside
    above = textwrap.wrap(words, _WIDTH - 2, break_on_hyphens=False)
    return "\n".join([*(f"# {text}" for text in above), line])


def _fit(line: str) -> str:
    """A line inside brackets, continued on further lines where it is too long."""
    if len(line) <= _WIDTH:
        return line
    wrapped = textwrap.wrap(
        line.strip(), _WIDTH - 12, break_long_words=False, break_on_hyphens=False, subsequent_indent="    "
    )
    indent = line[: len(line) - len(line.lstrip())]
    return "\n".join(indent + text for text in wrapped)


def _noun(term: Term, things: dict[str, Quantity]) -> str:
    """What a term is about, in a word; empty for one about everything."""
    if term.on in things:
        return things[term.on].name
    return term.on.split(":")[3] if term.kind == "along" else ""


def _reads(term: Term, things: dict[str, Quantity], goals: list[Quantity]) -> list[Quantity]:
    if term.kind in ("joint", "steady"):
        return goals
    if term.kind == "all_bonus":
        return [g for g in goals if g.tolerance is not None]
    return [things[term.on]] if term.on in things else []


def _lets(genome: Genome, things: dict[str, Quantity], goals: list[Quantity]) -> tuple[list[str], dict[str, str]]:
    """One named line for each distance that the parts use."""
    values: dict[str, str] = {}
    lines = []
    for quantity in [q for t in genome.terms for q in _reads(t, things, goals)]:
        if quantity.key in values or not quantity.key.startswith("goal:"):
            continue
        name = quantity.name if quantity.name.endswith("gap") else f"{quantity.name}_gap"
        while name in values.values():
            name += "_too"
        values[quantity.key] = name
        line = f"    {name} = {quantity.after()}"
        lines.append(
            line
            if len(line) <= _WIDTH
            else "\n".join([f"    {name} = (", _fit(f"        {quantity.after()}"), "    )"])
        )
    return lines, values


def _line(term: Term, things: dict[str, Quantity], values: dict[str, str], goals: list[Quantity]) -> str:
    """One part's formula, as source."""
    weight, scale = number(term.weight), number(term.scale)
    match term.kind:
        case "joint" | "all_bonus" | "steady":
            return _whole_goal(term, things, values, goals)
        case "along":
            return _along(term.on, weight, scale)
        case "effort":
            return _effort(term.on, weight)
        case "alive":
            return f"{weight} * (1.0 - next_state.terminated)"
        case "time":
            return f"np.full(next_state.step.shape, -{weight})"
        case "fall":
            return f"-{weight} * next_state.terminated"
    quantity = things[term.on]
    value, before = values.get(term.on) or quantity.after(), quantity.before()
    if term.kind in ("near", "centre"):
        return shaped(value if term.kind == "near" else f"np.abs({value})", term.shape, scale, weight)
    return _FORMULAS[term.kind].format(
        w=weight, s=scale, now=value, before=before, tolerance=number(quantity.tolerance or 0.0)
    )


_FORMULAS: dict[Kind, str] = {
    "progress": "{w} * ({before} - {now}) / {s}",
    "bonus": "{w} * ({now} <= {tolerance})",
    "energy": "{w} * np.square({now} / {s})",
    "smooth": "-{w} * np.square(({now} - {before}) / {s})",
    "speed": "{w} * np.abs({now}) / {s}",
    "gain": "{w} * (np.abs({now}) - np.abs({before})) / {s}",
    "damping": "-{w} * np.square({now} / {s})",
}


def _whole_goal(term: Term, things: dict[str, Quantity], values: dict[str, str], goals: list[Quantity]) -> str:
    """A part about all distances of the goal together."""
    weight, scale = number(term.weight), number(term.scale)
    if term.kind == "all_bonus":
        ruled = [g for g in goals if g.tolerance is not None]
        held = " & ".join(f"({values[g.key]} <= {number(g.tolerance or 0.0)})" for g in ruled)
        return f"{weight} * {held}" if len(ruled) == 1 else f"{weight} * ({held})"
    if term.kind == "joint":
        inside = " + ".join(f"{values[g.key]} / {number(g.scale * term.scale)}" for g in goals)
        return f"{weight} * np.exp(-({inside}))"
    near = " + ".join(f"{values[g.key]} / {number(g.scale)}" for g in goals)
    return f"{weight} * np.exp(-({near} + np.abs({things[term.on].after()}) / {scale}))"


def _effort(on: str, weight: str) -> str:
    name, neutral, size = on.split(":")[1:4]
    if neutral != "-":
        return f"-{weight} * (action.{name} != {neutral})"
    return f"-{weight} * np.square(action.{name})" + (".sum(axis=-1)" if size != "0" else "")


def _along(on: str, weight: str, scale: str) -> str:
    action, neutral, field = on.split(":")[1:4]
    push = f"action.{action}" if neutral == "-" else f"(action.{action} - {neutral})"
    return f"{weight} * {push} * next_state.{field} / {scale}"


def shaped(value: str, shape: Shape, scale: str, weight: str) -> str:
    """A falling function of a distance."""
    inside = value if scale == "1.0" else f"{value} / {scale}"
    match shape:
        case "linear":
            return f"-{weight} * {inside}"
        case "squared":
            return f"-{weight} * np.square({inside})"
        case "exp":
            return f"{weight} * np.exp(-{inside})"
        case "tanh":
            return f"-{weight} * np.tanh({inside})"
        case "inverse":
            return f"{weight} / (1.0 + {inside})"


def number(value: float) -> str:
    """A number as a person would write it."""
    return f"{value:g}" if "e" in f"{value:g}" or "." in f"{value:g}" else f"{value:g}.0"
