"""Whether the names and formulas of a task card go together, as far as the card alone says it."""

from collections.abc import Collection, Mapping, Sequence

from autoreward.core.contract import ALWAYS_THERE, NATIVE_REWARD, PARAMETERS
from autoreward.core.wording import did_you_mean
from autoreward.errors import TaskError
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.functions import FUNCTIONS
from autoreward.tasks.formulas.names import of_info, of_observation
from autoreward.tasks.formulas.shapes import (
    demand_condition,
    demand_finite,
    demand_joined_conditions,
    demand_single_steps,
    is_condition,
)
from autoreward.tasks.native import USES_NATIVE
from autoreward.tasks.tables import Constant, StateField

RESERVED = {*ALWAYS_THERE, *PARAMETERS, *FUNCTIONS, "obs", "info", "np", "math", "length"}
MEASURED = ("success", "metric", "progress", "stages", "steps", "seeds", "candidate", "reward", "limits")
"""Columns of what is measured anyway."""
_OURS = {"policy", "env", "seed", "verbose", "action_noise", "tensorboard_log"}
"""Settings of an algorithm that are not a card's to choose, besides classes and their arguments."""


def check_names(
    goal: str,
    state: Collection[str],
    action: Collection[str],
    constants: Mapping[str, Constant],
    hyperparameters: Collection[str],
) -> None:
    """Raises TaskError if a name can't be what it is used for, or two things have the same."""
    if not goal.strip():
        raise TaskError("goal is empty; say in one sentence what the agent should do.")
    if not state:
        raise TaskError("[state] names no field; a reward needs something to look at.")
    for name in (*state, *action, *constants):
        if name in RESERVED:
            raise TaskError(f"{name!r} can't be a field or constant name; use a plain word such as 'speed'.")
    if both := sorted({*state} & {*constants}):
        raise TaskError(f"{both[0]!r} is a state field and a constant; give one of them another name.")
    if len({name.upper() for name in constants}) < len(constants):
        raise TaskError("two constants have the same name but for capital letters; give one of them another name.")
    if both := sorted({*action} & {*constants}):
        raise TaskError(f"{both[0]!r} is an action field and a constant; give one of them another name.")
    for name, constant in constants.items():
        if constant.field and constant.field not in state:
            raise TaskError(f"[constants.{name}] field = {constant.field!r} is not a state field.")
    for name in hyperparameters:
        if name == "device":
            raise TaskError("[train.hyperparameters] device is a key of [train]; move it there.")
        if name in _OURS or name.endswith(("_class", "_kwargs")):
            raise TaskError(f"[train.hyperparameters] {name} is not a card's to choose; leave it out.")


def check_sources(state: Mapping[str, Expression], action: Mapping[str, Expression]) -> None:
    """Raises TaskError if a field is not made from the observation and `info`, or from the action."""
    for source in (*state.values(), *action.values()):
        demand_single_steps(source)
    for name, source in state.items():
        if any(not (of_observation(n) or of_info(n)) for n in source.names) or not source.names:
            raise TaskError(
                f"[state.{name}] source = {source.text!r} must be made from obs, such as obs[0], or from info, such as info.energy."
            )
        demand_joined_conditions(source, ())
        demand_finite(source, {})
    for name, source in action.items():
        if source.names != {"action"}:
            raise TaskError(f"[action.{name}] source = {source.text!r} must be made from action.")
        demand_joined_conditions(source, ())
        demand_finite(source, {})


def check_seen(fields: Mapping[str, StateField], sources: Mapping[str, Expression], script: Expression | None) -> None:
    """Raises TaskError where the policy would be shown `info`, or the script reads what the policy does not see."""
    said: dict[str, tuple[str, float | None]] = {}
    for name, field in fields.items():
        paths = sorted(filter(of_info, sources[name].names))
        if field.at_reset is not None and not paths:
            raise TaskError(f"[state.{name}] at_reset is for a source that reads info; leave it out.")
        if paths and field.policy:
            raise TaskError(f"[state.{name}] reads {paths[0]}, which no policy sees; write policy = false there.")
        for path in paths:
            other, value = said.setdefault(path, (name, field.at_reset))
            if value != field.at_reset:
                raise TaskError(
                    f"[state.{other}] and [state.{name}] both read {path}; write the same at_reset in both, or in neither."
                )
    if script and (blind := sorted(n for n in script.names & fields.keys() if not fields[n].policy)):
        raise TaskError(f"script = {script.text!r} reads {blind[0]}, which the policy does not see (policy = false).")


def check_rules(
    rules: Sequence[Expression],
    measures: Sequence[Expression | None],
    script: Expression | None,
    state: Mapping[str, Expression],
    action: Mapping[str, Expression],
    constants: Mapping[str, Constant],
) -> None:
    """Raises TaskError if a formula over fields and constants speaks of anything else, or can't be worked out."""
    fields = {*state, *constants}
    known = {"terminated", *(name for name, source in state.items() if is_condition(source.body, ()))}
    numbers = {name: constant.value for name, constant in constants.items()}
    readable = fields | action.keys() | set(ALWAYS_THERE)
    for rule in rules:
        _check_known(rule, readable)
        demand_condition(rule, known)
    for formula in filter(None, (*rules, *measures, script)):
        demand_finite(formula, numbers)
    for measure in filter(None, measures):
        _check_known(measure, readable)
        demand_joined_conditions(measure, known)
    if script:
        _check_known(script, fields)
        demand_single_steps(script)
        demand_joined_conditions(script, known)


def check_metrics(metrics: Collection[str], limits: Collection[str], metric: Expression | None) -> None:
    """Raises TaskError if a further metric's name is a column of its own, or the metric that ranks may be no number."""
    taken = {*limits, *MEASURED}
    for name in metrics:
        if name in taken:
            raise TaskError(f"[metrics.{name}]: {name!r} is the name of something else that is measured; take another.")
    if metric and metric.over_episodes:
        raise TaskError(
            f"{metric.where}: {metric.text!r} is no number in an episode in which that never happens, and nothing can be ranked by "
            "it; make it one of [metrics]."
        )


def _check_known(formula: Expression, known: set[str]) -> None:
    """Raises TaskError with the first name that the card does not define."""
    if unknown := sorted(formula.names - known):
        hint = did_you_mean(unknown[0], known)
        if unknown[0] == NATIVE_REWARD:
            hint = f" It is one, for programs and [metrics.NAME], where the card says {USES_NATIVE}."
        raise TaskError(f"{formula.where}: {formula.text!r} speaks of {unknown[0]!r}, which is not a field.{hint}")
