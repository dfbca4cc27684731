"""Ways to a place: how fast to go at which distance, from the card's rule and from how its fields move.

A course is for a place field and its velocity field. It leads to where the rule or a constant of the card wants the place:
to a value, to the middle of two bounds, or a little beyond a single one. A place that the rule leaves free, but not its
velocity, must come to rest somewhere, as a lander must on the ground: its course leads to 0 and never quite stops, as the
ground may lie elsewhere.

The time limit says how fast: a third of it is for the way, and what is left of the way shrinks to a third in a sixth of it.
"""

import math
import re
from dataclasses import dataclass
from typing import NamedTuple

from autoreward.design.grammar.distances import Bound, bounds_of_fields
from autoreward.design.grammar.quantities import Quantity, difference, readable
from autoreward.records import Description, FieldStats, Motion
from autoreward.tasks.card import Task

_SHARE = 1 / 3
"""Of the time limit: for the way, at full speed."""
_BRAKING = 1 / 6
"""Of the time limit: the time constant of the approach."""
_BEYOND = 0.1
"""Of the way: how far beyond a single bound a course leads."""
_CREEP = 0.5
"""Of the speed that the rule allows: what a course to an unknown ground keeps."""


@dataclass(frozen=True)
class Course(Quantity):
    """What is left of the way to a place, signed: positive where the place must grow. `scale` is the full speed."""

    velocity: str = ""
    gain: float = 1.0
    """Wanted velocity for each unit of distance left."""
    creep: float = 0.0
    """Wanted velocity where nothing is left, with its sign: of a course to a ground that may lie beyond; 0: stop."""


class _Aim(NamedTuple):
    """Where a place should be."""

    code: str
    """Source of the value; empty for 0."""
    value: float
    tolerance: float
    creep: float = 0.0


def courses(task: Task, description: Description) -> tuple[Course, ...]:
    """A course for each place that has a velocity and somewhere to be, unless it is there from the start."""
    stats = {s.name: s for s in description.state}
    bounds = tuple(bounds_of_fields(task))
    found = []
    for motion in description.motions:
        if not motion.velocity or stats[motion.name].size:
            continue
        aim = _aim(task, description, motion, bounds)
        if aim is not None and _way(task, motion, stats[motion.name], aim.value) > aim.tolerance:
            found.append(_course(task, description, motion, aim))
    return tuple(found)


def _course(task: Task, description: Description, motion: Motion, aim: _Aim) -> Course:
    steps = motion.step_time * description.max_steps
    stats = next(s for s in description.state if s.name == motion.name)
    here = f"{{s}}.{motion.name}"
    return Course(
        key=f"course:{motion.name}:{motion.velocity}",
        name=motion.name,
        code=difference(task, f"{aim.code} - {here}", motion.name) if aim.code else f"-{here}",
        scale=readable(_way(task, motion, stats, aim.value) / (_SHARE * steps)),
        tolerance=None,
        constants=tuple(sorted(name for name in task.constants if name.upper() in re.findall(r"\w+", aim.code))),
        velocity=motion.velocity,
        gain=readable(1.0 / (_BRAKING * steps)),
        creep=aim.creep,
    )


def _aim(task: Task, description: Description, motion: Motion, bounds: tuple[Bound, ...]) -> _Aim | None:
    """Where the rule, or else a constant, or else the rest that the rule asks for wants a place to be; None: nowhere."""
    mine = [b for b in bounds if b.field == motion.name]
    for bound in mine:
        if bound.side == "at":
            return _Aim(bound.code, bound.value, bound.tolerance)
    sides = {b.side: b for b in mine}
    if len(sides) == 2:
        low, high = sides["above"], sides["below"]
        return _Aim(f"0.5 * ({low.code} + {high.code})", (low.value + high.value) / 2, abs(high.value - low.value) / 2)
    if sides:
        return _beyond(task, description, motion, mine[0])
    named = task.ruled_names
    for name, constant in task.constants.items():
        if constant.field == motion.name and name not in named:
            return _Aim(name.upper(), constant.value, 0.0)
    spread = next(s.std for s in description.state if s.name == motion.name)
    return None if motion.name in named else _rest(task, motion, bounds, spread)


def _beyond(task: Task, description: Description, motion: Motion, bound: Bound) -> _Aim:
    """A little beyond a single bound: a course that ended at it would only come near."""
    stats = next(s for s in description.state if s.name == motion.name)
    margin = readable(_BEYOND * _way(task, motion, stats, bound.value))
    up = bound.side == "above"
    return _Aim(f"{bound.code} {'+' if up else '-'} {margin!r}", bound.value + (margin if up else -margin), 0.0)


def _rest(task: Task, motion: Motion, bounds: tuple[Bound, ...], spread: float) -> _Aim | None:
    """0, for a place that starts away from it and whose velocity the rule wants to be small; None: no such place."""
    slow = next((b for b in bounds if b.field == motion.velocity and b.side == "at" and not b.code), None)
    ends = task.state[motion.name].range
    if slow is None or abs(motion.start) <= spread or (ends is not None and not ends[0] <= 0.0 <= ends[1]):
        return None
    return _Aim("", 0.0, 0.0, creep=-math.copysign(float(f"{_CREEP * slow.tolerance:g}"), motion.start))


def _way(task: Task, motion: Motion, stats: FieldStats, value: float) -> float:
    """How far it is to a value, typically: from the start, and from where random actions lead."""
    turn = task.state[motion.name].turn
    return math.hypot(motion.start - value if turn is None else turn.shortest(motion.start - value), stats.std)
