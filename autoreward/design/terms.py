"""The parts a reward can have: each a record (the genome) and a line of readable source."""

import textwrap
from typing import Literal

from autoreward.design.quantities import Quantity
from autoreward.records import Record
from autoreward.tasks import Task

Kind = Literal[
    "near",
    "progress",
    "bonus",
    "joint",
    "all_bonus",
    "speed",
    "gain",
    "damping",
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


class Genome(Record):
    """A whole reward program."""

    terms: tuple[Term, ...]


IDEAS = {
    "near": "being near the goal in {on}",
    "progress": "coming nearer in {on}",
    "bonus": "{on} within tolerance",
    "joint": "all distances small at once",
    "all_bonus": "the whole goal held",
    "speed": "moving fast in {on}",
    "gain": "gaining speed in {on}",
    "damping": "slow {on}",
    "centre": "{on} near zero",
    "effort": "little effort",
    "alive": "staying in the episode",
    "time": "haste",
    "fall": "not ending early",
}


def thought(genome: Genome, things: dict[str, Quantity]) -> str:
    """The design idea in one line."""
    said = [IDEAS[t.kind].format(on=things[t.on].name if t.on in things else "") for t in genome.terms]
    return "Rewards " + ", ".join(said[:-1]) + (" and " if len(said) > 1 else "") + said[-1] + "."


def source(task: Task, genome: Genome, things: dict[str, Quantity]) -> str:
    """The program as a person would write it."""
    goals = [q for key, q in things.items() if key.startswith("goal:")]
    lines, values = _lets(genome, things, goals)
    parts = [f'        "{_name(t, things)}": {_line(task, t, things, values, goals)},' for t in _unique(genome)]
    names = sorted({c for t in genome.terms for q in _reads(t, things, goals) for c in q.constants})
    head = [
        f"{name.upper()} = {constant.value!r}  # {constant.unit + ', ' if constant.unit else ''}{constant.about}"
        for name, constant in task.constants.items()
        if name in names
    ]
    doc = textwrap.wrap(thought(genome, things), 88)
    quoted = (
        f'    """{doc[0]}"""'
        if len(doc) == 1
        else "\n".join(['    """' + doc[0], *(f"    {d}" for d in doc[1:]), '    """'])
    )
    body = ["def compute_reward(state, action, next_state, memory):", quoted, *lines, "    return {", *parts, "    }"]
    return "\n".join([*head, *(["", ""] if head else []), *body]) + "\n"


def _unique(genome: Genome) -> list[Term]:
    seen: dict[tuple[str, str], Term] = {}
    for term in genome.terms:
        seen.setdefault(term.slot, term)
    return list(seen.values())


def _reads(term: Term, things: dict[str, Quantity], goals: list[Quantity]) -> list[Quantity]:
    if term.kind in ("joint", "all_bonus"):
        return goals
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
        lines.append(f"    {name} = {quantity.after()}")
    return lines, values


def _name(term: Term, things: dict[str, Quantity]) -> str:
    return f"{term.kind}_{things[term.on].name}"[:40] if term.on in things else term.kind


def _line(task: Task, term: Term, things: dict[str, Quantity], values: dict[str, str], goals: list[Quantity]) -> str:
    weight, scale = number(term.weight), number(term.scale)
    quantity = things.get(term.on)
    value = values.get(term.on) or (quantity.after() if quantity else "")
    match term.kind:
        case "near":
            return shaped(value, term.shape, scale, weight)
        case "progress" if quantity:
            return f"{weight} * ({quantity.before()} - {value}) / {scale}"
        case "bonus" if quantity:
            return f"{weight} * ({value} <= {number(quantity.tolerance or 0.0)})"
        case "joint":
            inside = " + ".join(f"{values[g.key]} / {number(g.scale * term.scale)}" for g in goals)
            return f"{weight} * np.exp(-({inside}))"
        case "all_bonus":
            held = " & ".join(f"({values[g.key]} <= {number(g.tolerance or 0.0)})" for g in goals)
            return f"{weight} * {held}" if len(goals) == 1 else f"{weight} * ({held})"
        case "speed":
            return f"{weight} * np.abs({value}) / {scale}"
        case "gain" if quantity:
            return f"{weight} * (np.abs({value}) - np.abs({quantity.before()})) / {scale}"
        case "damping":
            return f"-{weight} * np.square({value} / {scale})"
        case "centre":
            return shaped(f"np.abs({value})", term.shape, scale, weight)
        case "effort":
            return _effort(task, term.on, weight)
        case "alive":
            return f"{weight} * (1.0 - next_state.terminated)"
        case "time":
            return f"np.full(next_state.step.shape, -{weight})"
        case "fall":
            return f"-{weight} * next_state.terminated"
    raise AssertionError(f"a {term.kind} term needs a quantity")


def _effort(task: Task, on: str, weight: str) -> str:
    name, neutral, size = on.split(":")[1:4]
    if neutral != "-":
        return f"-{weight} * (action.{name} != {neutral})"
    return f"-{weight} * np.square(action.{name})" + (".sum(axis=-1)" if size != "0" else "")


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
