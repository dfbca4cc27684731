"""Whether the names and formulas of a task card go together, as far as the card alone says it."""

import difflib
from typing import TYPE_CHECKING

from pydantic import ValidationError

from autoreward.core.contract import ALWAYS_THERE, PARAMETERS
from autoreward.errors import TaskError
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.functions import FUNCTIONS
from autoreward.tasks.formulas.shapes import demand_condition, demand_finite, demand_joined_conditions, is_condition

if TYPE_CHECKING:
    from autoreward.tasks.card import Task

RESERVED = {*ALWAYS_THERE, *PARAMETERS, *FUNCTIONS, "obs", "np", "math", "length"}
OURS = {"policy", "env", "seed", "device", "verbose", "action_noise", "tensorboard_log"}
"""Settings of an algorithm that are not a card's to choose, besides classes and their arguments."""


def check(task: "Task") -> None:
    """Raises ValueError if names and formulas of the task do not fit together."""
    try:
        _check_words(task)
        _check_sources(task)
        _check_rules(task)
    except TaskError as error:
        raise ValueError(str(error)) from None


def first_wrong(error: ValidationError) -> str:
    """The first thing wrong with a card, in one sentence."""
    problem = error.errors(include_url=False)[0]
    steps = [str(part)[:60] for part in problem["loc"] if part not in ("[key]", "function-before[_value()]")]
    place = ".".join(
        step if (step.isascii() and step.isidentifier()) or step.isdigit() else repr(step) for step in steps
    )
    if problem["type"] == "extra_forbidden":
        return f"unknown key {'.'.join(steps)!r}; see envs/README.md for the keys of a task card."
    if problem["type"] == "missing":
        return f"the key {'.'.join(steps)!r} is missing."
    said = problem["msg"].removeprefix("Value error, ").rstrip(".")
    return f"{place}: {said[0].lower()}{said[1:]}." if place else f"{said}."


def _check_words(task: "Task") -> None:
    if not task.goal.strip():
        raise TaskError("goal is empty; say in one sentence what the agent should do.")
    if not task.state:
        raise TaskError("[state] names no field; a reward needs something to look at.")
    for name in (*task.state, *task.action, *task.constants):
        if name in RESERVED:
            raise TaskError(f"{name!r} can't be a field or constant name; use a plain word such as 'speed'.")
    if both := sorted(task.state.keys() & task.constants.keys()):
        raise TaskError(f"{both[0]!r} is a state field and a constant; give one of them another name.")
    if len({name.upper() for name in task.constants}) < len(task.constants):
        raise TaskError("two constants have the same name but for capital letters; give one of them another name.")
    for name, constant in task.constants.items():
        if constant.field and constant.field not in task.state:
            raise TaskError(f"[constants.{name}] field = {constant.field!r} is not a state field.")
    for name in task.train.hyperparameters:
        if name in OURS or name.endswith(("_class", "_kwargs")):
            raise TaskError(f"[train.hyperparameters] {name} is not a card's to choose; leave it out.")


def _check_sources(task: "Task") -> None:
    for name, source in task.state_sources.items():
        if any(not (n == "obs" or n.startswith("obs.")) for n in source.names) or not source.names:
            raise TaskError(f"[state.{name}] source = {source.text!r} must be made from obs, such as obs[0].")
        demand_joined_conditions(source, ())
        demand_finite(source, {})
    for name, source in task.action_sources.items():
        if source.names != {"action"}:
            raise TaskError(f"[action.{name}] source = {source.text!r} must be made from action.")
        demand_joined_conditions(source, ())
        demand_finite(source, {})


def _check_rules(task: "Task") -> None:
    _ = task.success.window
    fields = {*task.state, *task.constants}
    known = {"terminated", *(name for name, source in task.state_sources.items() if is_condition(source.body, ()))}
    numbers = {name: constant.value for name, constant in task.constants.items()}
    _check_names(task.success_rule, fields | set(ALWAYS_THERE))
    demand_condition(task.success_rule, known)
    for formula in filter(None, (task.success_rule, task.metric_formula, task.script_formula)):
        demand_finite(formula, numbers)
    if task.metric_formula:
        _check_names(task.metric_formula, fields | set(ALWAYS_THERE))
        demand_joined_conditions(task.metric_formula, known)
    if task.script_formula:
        _check_names(task.script_formula, fields)
        demand_joined_conditions(task.script_formula, known)


def _check_names(formula: Expression, known: set[str]) -> None:
    if unknown := sorted(formula.names - known):
        close = difflib.get_close_matches(unknown[0], known, n=1, cutoff=0.4)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise TaskError(f"{formula.text!r} speaks of {unknown[0]!r}, which is not a field.{hint}")
