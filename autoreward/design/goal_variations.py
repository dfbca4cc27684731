"""Readings of a goal without a model: the card's rule, varied in when it must hold, how exactly, in which order, and up to when.

Each way to vary it is an axis with its own question; the readings are what all of them give together. What the rule says nothing
of is beyond them.
"""

import ast
import itertools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from autoreward.records import Description
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.readings import AS_IT_IS, GoalOption, GoalQuestion, Reading, Readings
from autoreward.tasks.success_table import ANY_STEP, LAST_STEP, Success

KEPT = 0.4
"""How probable it is that the card's rule is meant as it is, on each axis; the others share the rest."""
PART = 0.1
"""A window, or how long something is held, as a share of the time limit."""
EXACTLY = {"twice as exactly": 0.5, "half as exactly": 2.0}
"""What the bounds of distances are multiplied by."""
_SIZES = ("abs", "norm")
"""Functions that give a size: what is below a bound is a distance."""
RuleTable = dict[str, Any]


class Choice(NamedTuple):
    """One way on an axis."""

    words: str
    change: Callable[[RuleTable], RuleTable]
    """Of the table of the success rule."""


class Axis(NamedTuple):
    """One thing that a goal may leave open; its first choice leaves the rule as it is."""

    question: str
    choices: tuple[Choice, ...]


def varied_goal(task: Task, description: Description) -> Readings:
    """The readings of a goal, and a question for each axis. The task has a rule."""
    axes = [axis for axis in _axes(task, description) if len(axis.choices) > 1]
    readings: list[Reading] = []
    meant: dict[tuple[int, int], list[str]] = {}
    for picked in itertools.product(*(range(len(axis.choices)) for axis in axes)):
        table, weight, words = _table(task.success), 1.0, []
        for number, (axis, place) in enumerate(zip(axes, picked, strict=True)):
            choice = axis.choices[place]
            table = choice.change(table)
            weight *= (1.0 - KEPT) / (len(axis.choices) - 1) if place else KEPT
            words += [choice.words] if place else []
            meant.setdefault((number, place), []).append(_name(picked))
        readings.append(
            Reading(
                id=_name(picked),
                words=", ".join(words) or "as the card has it",
                weight=weight,
                success=Success.model_validate(table),
            )
        )
    questions = tuple(
        GoalQuestion(
            id=f"question {number}",
            text=axis.question,
            options=tuple(
                GoalOption(text=choice.words, readings=tuple(meant[number, place]))
                for place, choice in enumerate(axis.choices)
            ),
        )
        for number, axis in enumerate(axes)
    )
    return Readings(items=tuple(readings), questions=questions)


def _name(picked: tuple[int, ...]) -> str:
    return "v" + "".join(map(str, picked)) if any(picked) else AS_IT_IS


def _table(success: Success) -> RuleTable:
    return success.model_dump()


def _axes(task: Task, description: Description) -> list[Axis]:
    success, part = task.success, max(2, round(PART * description.max_steps))
    fields = task.success_rule.names & {*task.state, *task.action}
    axes = [
        *([_when(success, part)] if fields else []),
        _how_exactly(task),
    ]  # how an episode ends is asked about by itself
    if len(success.stages) > 1 and all(not success.window_of(stage) for stage in success.stages):
        axes.append(_in_which_order(success))
    if description.terminates and "terminated" not in task.ruled_names:
        axes.append(_to_the_end(success))
    return axes


def _when(success: Success, part: int) -> Axis:
    """At any step, at the end, or held."""
    last = success.plan[-1]
    held = f"for {part} steps in a row, at any time"
    if success.stages:
        if success.window_of(last) or success.hold_of(last) > 1:
            return Axis("", ())
        choices = (_as_it_is("for one step, once is enough"), Choice(held, lambda t: _of_last(t, {"hold": part})))
        return Axis(f"How long must `{last.when}` hold, once it is reached?", choices)
    usual = {
        ANY_STEP: Choice("after any step, once is enough", lambda t: {**t, "within": ANY_STEP, "share": 1.0}),
        LAST_STEP: Choice("after the last step of the episode", lambda t: {**t, "within": LAST_STEP, "share": 1.0}),
        f"last {part} steps": Choice(
            f"after each of the last {part} steps", lambda t: {**t, "within": f"last {part} steps", "share": 1.0}
        ),
    }
    own = usual.pop(success.within, None) if success.share >= 1.0 else None
    kept = own.words if own else f"{success.said(last) or 'after any step'}, as the card has it"
    return Axis(
        f"When must `{success.when}` hold?",
        (_as_it_is(kept), *usual.values(), Choice(held, lambda t: _held(t, part))),
    )


def _held(table: RuleTable, steps: int) -> RuleTable:
    """A condition as the one stage that is held for so many steps in a row."""
    stage = {"name": "held", "when": table["when"], "hold": steps, "distance": table["distance"]}
    return {**table, "when": "", "within": LAST_STEP, "share": 1.0, "distance": "", "stages": (stage,)}


def _of_last(table: RuleTable, change: Mapping[str, Any]) -> RuleTable:
    stages = [dict(stage) for stage in table["stages"]]
    return {**table, "stages": (*stages[:-1], {**stages[-1], **change})}


def _how_exactly(task: Task) -> Axis:
    """The bounds of distances, nearer or farther."""
    bounds = [bound for rule in task.stage_rules for bound in _bounds(rule)]
    if not bounds:
        return Axis("", ())

    def scaled(factor: float) -> Callable[[RuleTable], RuleTable]:
        def change(table: RuleTable) -> RuleTable:
            stages = [{**stage, "when": _scaled(stage["when"], factor)} for stage in table["stages"]]
            when = _scaled(table["when"], factor) if table["when"] else ""
            return {**table, "when": when, "stages": tuple(stages)}

        return change

    choices = (Choice(words, scaled(factor)) for words, factor in EXACTLY.items())
    return Axis(
        f"How exactly must it be met? The card says {' and '.join(f'`{b}`' for b in bounds)}.",
        (_as_it_is("as the card says"), *choices),
    )


def _bounds(rule: Expression) -> list[str]:
    return [ast.unparse(node) for node in ast.walk(rule.written) if _is_bound(node)]


def _is_bound(node: ast.AST) -> bool:
    """Whether it says that a size is below one number or constant."""
    match node:
        case ast.Compare(
            left=ast.Call(func=ast.Name(id=name)), ops=[ast.Lt() | ast.LtE()], comparators=[ast.Constant() | ast.Name()]
        ):
            return name in _SIZES
    return False


def _scaled(when: str, factor: float) -> str:
    """A condition with its bounds multiplied."""
    tree = Expression(when, "the rule").body
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and _is_bound(node):
            bound = node.comparators[0]
            if isinstance(bound, ast.Constant) and isinstance(bound.value, int | float):
                node.comparators = [ast.Constant(float(f"{bound.value * factor:.6g}"))]
            else:
                node.comparators = [ast.BinOp(ast.Constant(factor), ast.Mult(), bound)]
    return ast.unparse(tree)


def _in_which_order(success: Success) -> Axis:
    names = ", ".join(stage.name for stage in success.stages)
    order, free = f"one after the other: {names}", "in any order"
    words = (free, order) if success.any_order else (order, free)
    turned = Choice(words[1], lambda t: {**t, "any_order": not success.any_order})
    return Axis("In which order must they be reached?", (_as_it_is(words[0]), turned))


def _to_the_end(success: Success) -> Axis:
    words = ("no, it has failed", "yes, if the rest is met")
    kept, other = words if success.full_length else words[::-1]
    turned = Choice(other, lambda t: {**t, "full_length": not success.full_length})
    return Axis("May an episode end before its time limit and still be a success?", (_as_it_is(kept), turned))


def _as_it_is(words: str) -> Choice:
    return Choice(words, lambda table: table)
