"""What there is to build rewards from: distances that the goal speaks of, and the task's fields.

A designer model reads the goal sentence. The grammar can't, so it reads the goal's formal twin instead, the task's
success rule: `abs(position - hold_at) < 0.2` gives a distance |position - hold_at| with tolerance 0.2. The candidate
programs themselves never see the rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from autoreward.design.grammar.distances import distances
from autoreward.records import Description, FieldStats
from autoreward.tasks.card import Task

_NEARLY = 0.1
"""Of a distance's scale: nearly reached, where the rule has no tolerance."""


@dataclass(frozen=True)
class Quantity:
    """A number per transition, shape (n,), that a reward can be made from."""

    key: str
    name: str
    """A plain word for part names."""
    code: str
    """Its source for one state, with `{s}` where the state's name goes."""
    scale: float
    """A typical size, in its own unit."""
    tolerance: float | None
    """For a distance of the goal: where the rule counts it as reached."""
    constants: tuple[str, ...] = ()

    def after(self) -> str:
        """Source of its value after the step."""
        return self.code.format(s="next_state")

    def before(self) -> str:
        """Source of its value before the step."""
        return self.code.format(s="state")


@dataclass(frozen=True)
class Stage(Quantity):
    """The sum of several distances, each in units of its scale: what must be nearly reached before what comes later pays."""

    members: tuple[Quantity, ...] = ()


def goal_distances(task: Task, description: Description) -> tuple[Quantity, ...]:
    """The distances in the task's success rule; 0 where their comparison holds (or the distance itself for |x| < tol)."""
    stats = {s.name: s for s in description.state}
    quantities = []
    for number, distance in enumerate(distances(task)):
        used = sorted(distance.names & set(task.state))
        quantities.append(
            Quantity(
                key=f"goal:{number}",
                name=used[0],
                code=distance.code,
                scale=readable(max(_span(task, stats[name]) for name in used) / 4),
                tolerance=distance.tolerance,
                constants=tuple(sorted(n for n in distance.names & set(task.constants) if n.upper() in distance.code)),
            )
        )
    return tuple(quantities)


def constants(task: Task, description: Description) -> tuple[Quantity, ...]:
    """The distance of a field to each constant that is a value of it and that the rule does not name."""
    by_name = {q.name: q for q in fields(description)}
    stats = {s.name: s for s in description.state}
    return tuple(
        Quantity(
            key=f"goal:{name}",
            name=constant.field,
            code=f"np.abs({difference(task, f'{by_name[constant.field].code} - {name.upper()}', constant.field)})",
            scale=readable(_span(task, stats[constant.field]) / 4),
            tolerance=None,
            constants=(name,),
        )
        for name, constant in task.constants.items()
        if constant.field and name not in task.ruled_names
    )


def fields(description: Description) -> tuple[Quantity, ...]:
    """Each state field as a signed number (its length, for a vector)."""
    return tuple(
        Quantity(
            key=f"field:{stats.name}",
            name=stats.name,
            code=f"np.linalg.norm({{s}}.{stats.name}, axis=-1)" if stats.size else f"{{s}}.{stats.name}",
            scale=readable(max(stats.std, 1e-3)),
            tolerance=None,
        )
        for stats in description.state
    )


def rates(task: Task, description: Description) -> tuple[Quantity, ...]:
    """Fields whose unit is something per time: speeds."""
    return tuple(
        quantity
        for quantity in fields(description)
        if "/s" in task.state[quantity.name].unit
        or any(word in quantity.name for word in ("speed", "velocity", "spin", "climb", "rate"))
    )


def pairs(task: Task, description: Description) -> tuple[Quantity, ...]:
    """Distances between two fields of the same unit and size, speeds left out."""
    fast = {q.name for q in rates(task, description)}
    slow = [s for s in description.state if s.name not in fast and task.state[s.name].unit]
    return tuple(
        Quantity(
            key=f"pair:{one.name}:{two.name}",
            name=f"{one.name}_to_{two.name}",
            code=_length(difference(task, f"{{s}}.{one.name} - {{s}}.{two.name}", one.name, two.name), one.size),
            scale=readable(max(_span(task, one), _span(task, two)) / 4),
            tolerance=None,
        )
        for i, one in enumerate(slow)
        for two in slow[i + 1 :]
        if (task.state[one.name].unit, one.size) == (task.state[two.name].unit, two.size)
    )


def bounds(task: Task, description: Description) -> tuple[Quantity, ...]:
    """Distances of a field to the two ends of its range; speeds, vectors and what comes round, which has no ends, left out."""
    fast = {q.name for q in rates(task, description)}
    quantities = []
    for stats in description.state:
        ends = task.state[stats.name].range
        if ends is None or stats.size or stats.name in fast or task.state[stats.name].wrap:
            continue
        for word, end in zip(("bottom", "top"), ends, strict=True):
            quantities.append(
                Quantity(
                    key=f"bound:{stats.name}:{word}",
                    name=f"{stats.name}_{word}",
                    code=f"np.abs({{s}}.{stats.name} {'-' if end >= 0 else '+'} {abs(float(end))!r})",
                    scale=readable(_span(task, stats) / 4),
                    tolerance=None,
                )
            )
    return tuple(quantities)


def difference(task: Task, code: str, *names: str) -> str:
    """Source of a difference of these fields: the shorter way, if one of them comes round."""
    turn = next((turn for name in names if (turn := task.state[name].turn)), None)
    return code if turn is None else f"{code} - {turn.period!r} * np.round(({code}) / {turn.period!r})"


def stage(number: int, members: Sequence[Quantity]) -> Stage:
    """Several distances as one stage; its tolerance is where all of them are nearly reached."""
    names = tuple(dict.fromkeys(q.name for q in members))
    return Stage(
        key=f"stage:{number}",
        name="_and_".join(names[:2]),
        code="",
        scale=1.0,
        tolerance=min(readable((q.tolerance or _NEARLY * q.scale) / q.scale) for q in members),
        constants=tuple(dict.fromkeys(name for q in members for name in q.constants)),
        members=tuple(members),
    )


def readable(value: float) -> float:
    """The nearest number of the 1-2-5 series, as a person would write it."""
    if value <= 0:
        return 1.0
    exponent = 0
    while value >= 10:
        value, exponent = value / 10, exponent + 1
    while value < 1:
        value, exponent = value * 10, exponent - 1
    mantissa = min((1, 2, 5, 10), key=lambda m: abs(m - value))
    return float(f"{mantissa}e{exponent}")


def _span(task: Task, stats: FieldStats) -> float:
    return task.state[stats.name].span or max(4 * stats.std, 1e-3)


def _length(code: str, size: int) -> str:
    return f"np.linalg.norm({code}, axis=-1)" if size else f"np.abs({code})"
