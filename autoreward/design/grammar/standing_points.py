"""Where to stand to push: behind the object, on the line from its goal through it."""

from dataclasses import dataclass

from autoreward.design.grammar.distances import distances
from autoreward.design.grammar.quantities import Quantity, readable
from autoreward.records import Description, FieldStats, Motion
from autoreward.tasks.card import Task

_GOALS = ("goal", "target")
_ROOM = 2.0
"""How far behind the object's middle, in tolerances of the goal."""
_SHARE = 0.05
"""The same as a share of the object's range, where the rule has no tolerance."""


@dataclass(frozen=True)
class StandingPoint(Quantity):
    """How far a mover is from the point behind an object. `tolerance` is how far behind the object that point is."""

    helper: str = ""
    """Source of the function that `code` calls."""
    mover: str = ""


def standing_points(task: Task, description: Description) -> tuple[StandingPoint, ...]:
    """The standing point of each distance of the rule between an object and its goal, if something else can push."""
    stats = {s.name: s for s in description.state}
    motions = {m.name: m for m in description.motions}
    found = {}
    for distance in distances(task):
        names = [n for n in task.state if n in distance.names]
        if len(names) != 2 or not all(n in motions for n in names):
            continue
        thing, goal = _in_order(names, motions)
        mover = _mover(task, stats, motions, thing, goal)
        if mover is not None:
            found[thing] = _standing(task, stats[thing], mover, goal, distance.tolerance)
    return tuple(found.values())


def _in_order(names: list[str], motions: dict[str, Motion]) -> tuple[str, str]:
    """The object and its goal: by name, else the one that moves less is the goal, else the later one."""
    one, other = names
    called = [any(word in name for word in _GOALS) for name in names]
    if called[0] != called[1]:
        return (other, one) if called[0] else (one, other)
    return (other, one) if motions[one].change < motions[other].change else (one, other)


def _mover(
    task: Task, stats: dict[str, FieldStats], motions: dict[str, Motion], thing: str, goal: str
) -> FieldStats | None:
    """The field that may push: a point of the same unit that moves more than the object, and most of all; None: there is none.

    It may have one number more than the object, which lies on a table.
    """
    size = stats[thing].size
    if size < 2 or stats[goal].size != size or task.state[goal].unit != task.state[thing].unit:
        return None
    fit = [
        m
        for m in motions.values()
        if m.name not in (thing, goal)
        and task.state[m.name].unit == task.state[thing].unit
        and stats[m.name].size in (size, size + 1)
        and m.change > motions[thing].change
    ]
    return stats[max(fit, key=lambda m: m.change).name] if fit else None


def _standing(task: Task, thing: FieldStats, mover: FieldStats, goal: str, tolerance: float) -> StandingPoint:
    span = task.state[thing.name].range
    width = span[1] - span[0] if span else thing.high - thing.low
    room = float(f"{_ROOM * tolerance:g}") if tolerance else readable(_SHARE * width)
    name = f"behind_{thing.name}"
    point = f"state.{mover.name}" + ("" if mover.size == thing.size else f"[:, :{thing.size}]")
    helper = f'''def {name}(state):
    """How far {mover.name} is from the point {room!r} behind {thing.name}, seen from {goal}."""
    way = state.{goal} - state.{thing.name}
    ahead = way / np.maximum(np.linalg.norm(way, axis=-1, keepdims=True), {room / 2!r})
    return np.linalg.norm({point} - state.{thing.name} + {room!r} * ahead, axis=-1)'''
    return StandingPoint(
        key=f"behind:{thing.name}",
        name=name,
        code=f"{name}({{s}})",
        scale=readable(width / 4),
        tolerance=room,
        helper=helper,
        mover=mover.name,
    )
