"""What one task gives to build rewards with, and the makers of each kind of part."""

import math
import random
from collections.abc import Callable, Sized
from typing import Literal

from autoreward.design.grammar.courses import courses
from autoreward.design.grammar.limits import excesses
from autoreward.design.grammar.next_stage import stage_ladders
from autoreward.design.grammar.quantities import (
    Quantity,
    Stage,
    bounds,
    constants,
    fields,
    goal_distances,
    pairs,
    rates,
    readable,
    stage,
)
from autoreward.design.grammar.standing_points import standing_points
from autoreward.design.grammar.terms import Shape, Term
from autoreward.records import Description, FieldStats
from autoreward.tasks.card import Task

SHAPES: tuple[Shape, ...] = ("linear", "squared", "exp", "tanh", "inverse", "ramp")
Maker = Callable[[random.Random], list[Term]]
_LARGE = 10.0
"""Reach of an action beyond which its own numbers would drown the other parts of a reward."""
_SHORT = 0.5
"""Random episodes shorter than this share of the time limit say that episodes end by themselves."""


class Kit:
    """What one task gives to build with."""

    def __init__(self, task: Task, description: Description) -> None:
        self.task = task
        self.goals = (*goal_distances(task, description), *constants(task, description))
        self.rates = rates(task, description)
        every = fields(description)
        self.far = (*pairs(task, description), *bounds(task, description))
        self.courses = courses(task, description)
        self.standing_points = standing_points(task, description)
        fast = {q.name for q in self.rates}
        self.grounds = (*self.standing_points, *(q for q in self.goals if q.name not in fast))
        self.stages = self._staged(description)
        self.ladders = stage_ladders(task, description)
        self.excesses = excesses(task)
        things = (*self.goals, *every, *self.far, *self.standing_points, *self.courses, *self.stages)
        known = (*self.ladders, *things, *self.excesses)
        self.things: dict[str, Quantity] = {q.key: q for q in known}
        wanted = {q.name for q in self.goals}
        self.others = [q for q in every if q.name not in wanted and q not in self.rates]
        self.survive = task.success.full_length or "not terminated" in task.success.text
        self.wins = task.success.plan[-1].when.strip() == "terminated"
        self.terminates = description.terminates
        self.ends = description.terminates and not self.survive
        self.short = description.terminates and description.random_length < _SHORT * description.max_steps
        self.efforts = [_effort_key(s) for s in description.action if s.discrete != 2]
        near_zero = {m.name: abs(m.start) for m in description.motions}
        self.level = {s.name for s in description.state if not s.size and near_zero.get(s.name, math.inf) <= s.std}
        scalar = {s.name for s in description.state if not s.size}
        self.pushes = [
            f"along:{s.name}:{_neutral(s)}:{rate.name}{_reach(s)}"
            for s in description.action
            if not s.size and s.discrete in (0, 3)
            for rate in self.rates
            if rate.name in scalar
        ]

    def _staged(self, description: Description) -> tuple[Stage, ...]:
        """What comes first: standing where the object can be pushed, being at the place, being slow, and the rest."""
        moved = {m.name for m in description.motions if m.velocity} | {s.name for s in description.state if s.size}
        fast = {q.name for q in self.rates}
        orders: dict[int, list[Quantity]] = {0: list(self.standing_points), 1: [], 2: [], 3: []}
        for goal in self.goals:
            orders[2 if goal.name in fast else 1 if goal.name in moved else 3].append(goal)
        groups = [group for group in orders.values() if group]
        return tuple(stage(i, group) for i, group in enumerate(groups)) if len(groups) > 1 else ()

    @property
    def makers(self) -> tuple[Maker, ...]:
        """What a mutation may add, where the task gives enough for it."""
        always = (
            self.damping,
            self.bonus,
            self.effort,
            self.progress,
            self.centre,
            self.near,
            self.steady,
            self.smooth,
        )
        sometimes: tuple[tuple[Sized, Maker], ...] = (
            (self.courses, self.course),
            (self.grounds, self.ground),
            (self.stages, self.staged),
            (self.standing_points, self.behind),
            (self.ladders, self.next),
            (self.excesses, self.within),
        )
        return (*always, *(maker for needs, maker in sometimes if len(needs)))

    def near(self, rng: random.Random, shape: Shape | None = None) -> list[Term]:
        """One closeness term for each distance of the goal."""
        scales = (0.5, 1.0, 2.0)
        terms = []
        for q in self.goals:
            drawn: Shape = shape if shape is not None else rng.choice(SHAPES)
            terms.append(Term(kind="near", on=q.key, shape=drawn, scale=readable(q.scale * rng.choice(scales))))
        return terms

    def upkeep(self, rng: random.Random) -> list[Term]:
        """Staying in the episode where the goal needs it, haste where it does not.

        Where random episodes end early and the goal does not say whether ending is good, either may be drawn.
        """
        if self.survive or (self.short and not self.wins and rng.random() < 0.5):
            return [Term(kind="alive", weight=rng.choice((0.5, 1.0, 2.0)))]
        return [Term(kind="time", weight=rng.choice((0.1, 0.5, 1.0)))]

    def damping(self, rng: random.Random) -> list[Term]:
        """Calm for one or all speeds."""
        chosen = self.rates if rng.random() < 0.5 else rng.sample(self.rates, min(1, len(self.rates)))
        return [
            Term(kind="damping", on=f"field:{q.name}", scale=_wide(q), weight=rng.choice((0.02, 0.05, 0.1)))
            for q in chosen
        ]

    def steady(self, rng: random.Random) -> list[Term]:
        """Near the goal and slow at once, for one speed."""
        if not self.goals or not self.rates:
            return []
        rate = rng.choice(self.rates)
        return [Term(kind="steady", on=rate.key, scale=_wide(rate), weight=rng.choice((1.0, 2.0, 5.0)))]

    def smooth(self, rng: random.Random) -> list[Term]:
        """Little change of one speed from step to step."""
        if not self.rates:
            return []
        rate = rng.choice(self.rates)
        return [Term(kind="smooth", on=rate.key, scale=rate.scale, weight=rng.choice((0.02, 0.05, 0.1)))]

    def centre(self, rng: random.Random) -> list[Term]:
        """Posture: fields that the goal does not name, near zero."""
        return [
            Term(
                kind="centre",
                on=f"field:{q.name}",
                shape=rng.choice(("linear", "squared", "exp")),
                scale=_wide(q),
                weight=0.2,
            )
            for q in self.others
        ]

    def bonus(self, rng: random.Random) -> list[Term]:
        """An event bonus for the goal; where the rule has no tolerance, the end of the episode is the event, for good or ill."""
        if not any(q.tolerance is not None for q in self.goals):
            if self.wins and self.ladders:
                return []  # what comes before it counts, too: `next` pays for it in its turn
            return [Term(kind="win" if self.wins else "fall", weight=rng.choice((5.0, 10.0)))]
        weight = rng.choice((1.0, 2.0, 5.0))
        return [Term(kind="all_bonus", weight=weight)]

    def effort(self, rng: random.Random) -> list[Term]:
        """A small cost of acting."""
        return [Term(kind="effort", on=key, weight=rng.choice((0.01, 0.02, 0.05))) for key in self.efforts]

    def progress(self, rng: random.Random) -> list[Term]:
        """Coming nearer, step by step."""
        return [Term(kind="progress", on=q.key, scale=q.scale, weight=rng.choice((2.0, 5.0, 10.0))) for q in self.goals]

    def course(self, rng: random.Random, shape: Shape = "exp", pace: float = 1.0) -> list[Term]:
        """The speed that the distance left allows, for each place that has somewhere to be.

        In a ramp every bit of speed pays: one that would rather stand still is drawn out by it.
        """
        weight = rng.choice((0.5, 1.0, 2.0))
        return [
            Term(kind="course", on=c.key, shape=shape, scale=readable(c.scale * pace), weight=weight)
            for c in self.courses
        ]

    def beside(self, rng: random.Random) -> list[Term]:
        """What of the goal no course leads to: neither its places nor their velocities."""
        led = {name for c in self.courses for name in (c.name, c.velocity)}
        rest = [t for t in self.near(rng, "exp") if self.things[t.on].name not in led]
        return [t.model_copy(update={"weight": 0.5}) for t in rest]

    def ground(self, rng: random.Random) -> list[Term]:
        """New ground: nearer than ever before in the episode."""
        weight = rng.choice((2.0, 5.0, 10.0))
        return [Term(kind="ground", on=q.key, scale=q.scale, weight=weight) for q in self.grounds]

    def staged(self, rng: random.Random) -> list[Term]:
        """One part after the other: a later one pays once the earlier ones are nearly there."""
        return [
            Term(kind="staged", on=q.key, scale=rng.choice((0.5, 1.0)), weight=float(min(2**i, 4)))
            for i, q in enumerate(self.stages)
        ]

    def next(self, rng: random.Random) -> list[Term]:
        """The next stage of the card's rule: coming further than ever before in the episode."""
        return [Term(kind="next", on=q.key, weight=rng.choice((2.0, 5.0, 10.0))) for q in self.ladders]

    def behind(self, rng: random.Random) -> list[Term]:
        """Standing behind the object, and its way to the goal."""
        terms = [
            Term(kind="near", on=q.key, shape="exp", scale=readable(q.scale * rng.choice((0.5, 1.0))), weight=0.5)
            for q in self.standing_points
        ]
        return terms + self.near(rng, "exp") + self.progress(rng) if terms else []

    def ending(self, rng: random.Random) -> list[Term]:
        """Ends judged: with the goal reached, or without."""
        if not self.ends or not any(q.tolerance is not None for q in self.goals):
            return []
        return [Term(kind="end", weight=rng.choice((5.0, 10.0)))]

    def staying(self, rng: random.Random) -> list[Term]:
        """A little for staying in the episode, where the goal needs it: too little to stand still for."""
        return [Term(kind="alive", weight=rng.choice((0.1, 0.2)))] if self.survive else []

    def posture(self, rng: random.Random) -> list[Term]:
        """As at the start: near 0, for numbers that start there, are no speeds, and need not go elsewhere.

        A vector is left out: it is of joints, which must move.
        """
        led = {c.name for c in self.courses} | {q.mover for q in self.standing_points} | self.task.ruled_names
        return [t for t in self.centre(rng) if t.on.split(":")[1] in self.level - led]

    def motion(self, rng: random.Random) -> list[Term]:
        """Speed or gain of speed, for goals that must be swung at."""
        kinds: tuple[Literal["speed", "gain"], ...] = ("speed", "gain")
        return [
            Term(kind=rng.choice(kinds), on=f"field:{q.name}", scale=_wide(q), weight=rng.choice((0.5, 1.0, 2.0)))
            for q in self.rates
        ]

    def within(self, rng: random.Random) -> list[Term]:
        """A cost of going beyond each of the card's limits, the more the further."""
        return [Term(kind="limit", on=q.key, scale=q.scale, weight=rng.choice((0.5, 1.0, 2.0))) for q in self.excesses]

    def swing(self, rng: random.Random) -> list[Term]:
        """Energy: a speed squared, or acting along a motion."""
        terms = [Term(kind="energy", on=q.key, scale=_wide(q), weight=rng.choice((0.5, 1.0, 2.0))) for q in self.rates]
        for on in self.pushes:
            rate = self.things[f"field:{on.split(':')[3]}"]
            terms.append(Term(kind="along", on=on, scale=rate.scale, weight=rng.choice((0.1, 0.2, 0.5))))
        return rng.sample(terms, min(2, len(terms)))

    def explore(self, rng: random.Random) -> list[Term]:
        """One or two wild guesses: near another field of the same unit, or near an end of a field's range."""
        return [
            Term(kind="near", on=q.key, shape=rng.choice(SHAPES), scale=q.scale, weight=rng.choice((0.2, 0.5)))
            for q in rng.sample(self.far, min(rng.choice((1, 2)), len(self.far)))
        ]


def _effort_key(action: FieldStats) -> str:
    """What an effort term needs to know of an action: its name, the neutral choice of a discrete one, its size, its reach."""
    return f"action:{action.name}:{_neutral(action)}:{action.size}{_reach(action)}"


def _neutral(action: FieldStats) -> str:
    """The choice that most likely does nothing: the middle of an odd number, the first of an even one; `-` for real numbers."""
    if not action.discrete:
        return "-"
    return str(action.first + ((action.discrete - 1) // 2 if action.discrete % 2 else 0))


def _reach(action: FieldStats) -> str:
    """How far a large real-valued action goes, at the end of a key; empty where its own numbers are of the size of a reward's."""
    reach = 0.0 if action.discrete else max(abs(action.low), abs(action.high))
    return f":{readable(reach)!r}" if reach > _LARGE else ""


def _wide(quantity: Quantity) -> float:
    """A generous scale for a field: several times its spread under random actions."""
    return readable(quantity.scale * 3)
