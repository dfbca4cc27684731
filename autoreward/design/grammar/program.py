"""A genome as the source of a reward program, as a person would write it."""

import textwrap

from autoreward.design.grammar.courses import Course
from autoreward.design.grammar.next_stage import StageLadder
from autoreward.design.grammar.quantities import Quantity, Stage
from autoreward.design.grammar.standing_points import StandingPoint
from autoreward.design.grammar.terms import Genome, Kind, Shape, Term, part_names, thought
from autoreward.tasks.card import Task
from autoreward.tasks.tables import Constant

_WIDTH = 100
"""Longest line of a program, in characters."""
_NARROW = 0.5
"""How far off the wanted velocity still pays, as a share of the full speed; a ramp is as wide as that: 0 for standing still."""

_HELD = "held"
"""Key of the line that says whether the whole goal is held."""


def source(task: Task, genome: Genome, things: dict[str, Quantity]) -> str:
    """The program as a person would write it."""
    terms = {t.slot: t for t in reversed(genome.terms)}
    lets = _Lets(things)
    read = [q for t in genome.terms for q in _reads(t, things)]
    for term in genome.terms:
        lets.add(term)
    names = part_names(genome, things)
    parts = [_fit(f'        "{names[slot]}": {_line(terms[slot], things, lets.names)},') for slot in names]
    used = {constant for q in read for constant in q.constants}
    head = [_constant(name, constant) for name, constant in task.constants.items() if name in used]
    helpers = {q.key: f"\n\n{q.helper}" for q in read if isinstance(q, StandingPoint)}
    doc = textwrap.wrap(thought(genome, things), 88)
    quoted = (
        f'    """{doc[0]}"""'
        if len(doc) == 1
        else "\n".join(['    """' + doc[0], *(f"    {d}" for d in doc[1:]), '    """'])
    )
    roles = ", ".join(f'"{names[slot]}": "{terms[slot].role}"' for slot in names)
    head.append(_fit(f"ROLES = {{{roles}}}"))
    body = [
        "def compute_reward(state, action, next_state, memory):",
        quoted,
        *lets.lines,
        "    return {",
        *parts,
        "    }",
    ]
    return "\n".join([*head, *helpers.values(), "", "", *body]) + "\n"


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


def _goals(things: dict[str, Quantity]) -> list[Quantity]:
    return [q for q in things.values() if q.key.startswith("goal:")]


def _stages(things: dict[str, Quantity], last: str) -> list[Stage]:
    """The stages up to one of them."""
    stages = [q for q in things.values() if isinstance(q, Stage)]
    return stages[: [q.key for q in stages].index(last) + 1]


def _reads(term: Term, things: dict[str, Quantity]) -> list[Quantity]:
    """The quantities that a part is about, those that it names for the first time included."""
    if term.kind in ("joint", "steady"):
        return _goals(things)
    if term.kind in ("all_bonus", "end"):
        return [g for g in _goals(things) if g.tolerance is not None]
    if term.kind == "staged":
        return [q for s in _stages(things, term.on) for q in (*s.members, s)]
    return [things[term.on]] if term.on in things else []


class _Lets:
    """The named lines of a program, and the name of each value."""

    def __init__(self, things: dict[str, Quantity]):
        self._things = things
        self.names: dict[str, str] = {}
        self.lines: list[str] = []

    def add(self, term: Term) -> None:
        """The lines that a part needs and that are not there yet."""
        for quantity in _reads(term, self._things):
            if isinstance(quantity, StageLadder):
                self._climb(quantity)
            elif isinstance(quantity, Course):
                self._let(quantity.key, f"{quantity.velocity}_wanted", _wanted(quantity, term.scale))
            elif isinstance(quantity, Stage):
                members = " + ".join(f"{self.names[q.key]} / {number(q.scale)}" for q in quantity.members)
                name = self._let(quantity.key, f"{quantity.name}_off", members)
                if quantity.key != term.on:
                    nearly = f"np.clip(2.0 - {name} / {number(quantity.tolerance or 1.0)}, 0.0, 1.0)"
                    self._let(f"gate:{quantity.key}", f"{quantity.name}_there", nearly)
            elif quantity.key.startswith(("goal:", "behind:")):
                word = quantity.name
                self._let(quantity.key, word if word.endswith("gap") else f"{word}_gap", quantity.after())
        if term.kind in ("all_bonus", "end"):
            ruled = [g for g in _goals(self._things) if g.tolerance is not None]
            within = [f"{self.names[g.key]} <= {number(g.tolerance or 0.0)}" for g in ruled]
            self._let(_HELD, "held", within[0] if len(within) == 1 else " & ".join(f"({w})" for w in within))
        if term.kind == "ground" and (key := f"nearest:{term.on}") not in self.names:
            gap = self.names[term.on]
            nearest = self._let(key, f"nearest_{gap}", f'memory.get("{gap}", {self._things[term.on].before()})')
            self.lines.append(f'    memory["{gap}"] = np.minimum({nearest}, {gap})')

    def _climb(self, ladder: StageLadder) -> None:
        """The lines that count stages, once."""
        if ladder.key not in self.names:
            self.names |= {
                ladder.key: "came",
                "ladder:count": "stage",
                "ladder:left": "left",
                "ladder:best": "furthest",
            }
            self.lines += ladder.lines()

    def _let(self, key: str, name: str, formula: str) -> str:
        if key in self.names:
            return self.names[key]
        while name in self.names.values():
            name += "_too"
        self.names[key] = name
        line = f"    {name} = {formula}"
        self.lines.append(
            line if len(line) <= _WIDTH else "\n".join([f"    {name} = (", _fit(f"        {formula}"), "    )"])
        )
        return name


def _wanted(course: Course, fastest: float) -> str:
    """The velocity that the distance left allows; towards a ground that may lie beyond it never stops, nor turns."""
    low, high = f"-{number(fastest)}", number(fastest)
    left = course.after()
    if course.gain != 1.0:
        left = (
            f"-{number(course.gain)} * {left[1:]}"
            if left == f"-next_state.{course.name}"
            else f"{number(course.gain)} * ({left})"
        )
    if not course.creep:
        return f"np.clip({left}, {low}, {high})"
    low, high = (low, "0.0") if course.creep < 0 else ("0.0", high)
    return f"np.clip({left}, {low}, {high}) {'-' if course.creep < 0 else '+'} {number(abs(course.creep))}"


def _line(term: Term, things: dict[str, Quantity], names: dict[str, str]) -> str:
    """One part's formula, as source."""
    weight, scale = number(term.weight), number(term.scale)
    match term.kind:
        case "joint" | "steady":
            return _whole_goal(term, things, names)
        case "all_bonus":
            return f"{weight} * {names[_HELD]}"
        case "end":
            return f"{weight} * next_state.terminated * (2.0 * {names[_HELD]} - 1.0)"
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
        case "win":
            return f"{weight} * next_state.terminated"
        case "staged":
            *earlier, last = _stages(things, term.on)
            gates = "".join(f" * {names[f'gate:{stage.key}']}" for stage in earlier)
            return f"{weight}{gates} * np.exp(-{names[last.key]} / {scale})"
    quantity = things[term.on]
    if isinstance(quantity, Course):
        off = f"np.abs(next_state.{quantity.velocity} - {names[term.on]})"
        width = term.scale if term.shape == "ramp" else float(f"{term.scale * _NARROW:g}")
        return shaped(off, term.shape, number(width), weight)
    value, before = names.get(term.on) or quantity.after(), quantity.before()
    if term.kind in ("near", "centre"):
        return shaped(value if term.kind == "near" else f"np.abs({value})", term.shape, scale, weight)
    return _FORMULAS[term.kind].format(
        w=weight,
        s=scale,
        now=value,
        before=before,
        tolerance=number(quantity.tolerance or 0.0),
        nearest=names.get(f"nearest:{term.on}"),
    )


_FORMULAS: dict[Kind, str] = {
    "next": "{w} * np.maximum(came - furthest, 0.0)",
    "ground": "{w} * np.maximum({nearest} - {now}, 0.0) / {s}",
    "progress": "{w} * ({before} - {now}) / {s}",
    "bonus": "{w} * ({now} <= {tolerance})",
    "energy": "{w} * np.square({now} / {s})",
    "smooth": "-{w} * np.square(({now} - {before}) / {s})",
    "speed": "{w} * np.abs({now}) / {s}",
    "gain": "{w} * (np.abs({now}) - np.abs({before})) / {s}",
    "damping": "-{w} * np.square({now} / {s})",
    "limit": "-{w} * ({now}) / {s}",
}


def _whole_goal(term: Term, things: dict[str, Quantity], names: dict[str, str]) -> str:
    """A part that falls with all distances of the goal together."""
    weight, scale = number(term.weight), number(term.scale)
    goals = _goals(things)
    if term.kind == "joint":
        inside = " + ".join(f"{names[g.key]} / {number(g.scale * term.scale)}" for g in goals)
        return f"{weight} * np.exp(-({inside}))"
    near = " + ".join(f"{names[g.key]} / {number(g.scale)}" for g in goals)
    return f"{weight} * np.exp(-({near} + np.abs({things[term.on].after()}) / {scale}))"


def _effort(on: str, weight: str) -> str:
    name, neutral, size, *reach = on.split(":")[1:]
    if neutral != "-":
        return f"-{weight} * (action.{name} != {neutral})"
    return f"-{weight} * np.square(action.{name}{_over(reach)})" + (".sum(axis=-1)" if size != "0" else "")


def _along(on: str, weight: str, scale: str) -> str:
    action, neutral, field, *reach = on.split(":")[1:]
    push = f"action.{action}{_over(reach)}" if neutral == "-" else f"(action.{action} - {neutral})"
    return f"{weight} * {push} * next_state.{field} / {scale}"


def _over(reach: list[str]) -> str:
    """What a large action is divided by."""
    return f" / {number(float(reach[0]))}" if reach else ""


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
        case "ramp":
            return f"{weight} * np.clip(1.0 - {inside}, -1.0, 1.0)"


def number(value: float) -> str:
    """A number as a person would write it."""
    return f"{value:g}" if "e" in f"{value:g}" or "." in f"{value:g}" else f"{value:g}.0"
