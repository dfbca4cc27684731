"""Whether the names and formulas of a task card go together, as far as the card alone says it."""

import difflib
import keyword
from typing import TYPE_CHECKING

from autoreward.contract import ALWAYS_THERE
from autoreward.errors import TaskError
from autoreward.expressions import Expression
from autoreward.kinds import demand_condition, demand_joined_conditions, is_condition

if TYPE_CHECKING:
    from autoreward.tasks import Task

RESERVED = {*ALWAYS_THERE, "obs", "np", "math", "memory", "length"}


def check(task: "Task", path: str) -> None:
    """Raises TaskError, naming `path`, if names and formulas of the task do not fit together."""
    try:
        _check_words(task)
        _check_sources(task)
        _check_rules(task)
    except TaskError as error:
        raise TaskError(f"{path}: {error}") from None


def _check_words(task: "Task") -> None:
    if not task.goal.strip():
        raise TaskError("goal is empty; say in one sentence what the agent should do.")
    if not task.state:
        raise TaskError("[state] names no field; a reward needs something to look at.")
    for name in (*task.state, *task.action, *task.constants):
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_") or name in RESERVED:
            raise TaskError(f"{name!r} can't be a field or constant name; use a plain word such as 'speed'.")
    if both := sorted(task.state.keys() & task.constants.keys()):
        raise TaskError(f"{both[0]!r} is a state field and a constant; give one of them another name.")
    for name, constant in task.constants.items():
        if constant.field and constant.field not in task.state:
            raise TaskError(f"[constants.{name}] field = {constant.field!r} is not a state field.")


def _check_sources(task: "Task") -> None:
    for name, source in task.state_sources.items():
        if any(not (n == "obs" or n.startswith("obs.")) for n in source.names) or not source.names:
            raise TaskError(f"[state.{name}] source = {source.text!r} must be made from obs, such as obs[0].")
        demand_joined_conditions(source, ())
    for name, source in task.action_sources.items():
        if source.names != {"action"}:
            raise TaskError(f"[action.{name}] source = {source.text!r} must be made from action.")
        demand_joined_conditions(source, ())


def _check_rules(task: "Task") -> None:
    _ = task.success.window
    fields = {*task.state, *task.constants}
    known = {"terminated", *(name for name, source in task.state_sources.items() if is_condition(source.body, ()))}
    _check_names(task.success_rule, fields | set(ALWAYS_THERE))
    demand_condition(task.success_rule, known)
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
