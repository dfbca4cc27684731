"""The limits of a task card: what a policy may not do on its way to the goal.

[limits.torque]
value = "norm(torque)"        # a formula over the fields after a step, the action that led there, and constants
at_most = 2.0                 # or at_least
over = "mean"                 # or max, share, every step
"""

from collections.abc import Collection, Mapping
from typing import Self

from pydantic import Field as Bounded
from pydantic import model_validator

from autoreward.core.wording import did_you_mean
from autoreward.errors import TaskError
from autoreward.records import LimitReading, Over, Record
from autoreward.records.base import FormulaText, Line, Unit
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.shapes import (
    demand_condition,
    demand_finite,
    demand_joined_conditions,
    demand_single_steps,
    is_condition,
)

MOST_LIMITS = 20
"""Limits of one card."""


class StatedLimit(Record):
    """One limit; what becomes of it is a `LimitReading`."""

    value: FormulaText
    """Over `share` a condition, otherwise one number a step."""
    at_most: float | None = Bounded(default=None, ge=-1e12, le=1e12)
    at_least: float | None = Bounded(default=None, ge=-1e12, le=1e12)
    over: Over = "every step"
    unit: Unit = ""
    about: Line = ""

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            raise ValueError("write one of at_most and at_least; for both, make two limits")
        if self.over == "share" and not 0.0 <= self.bound <= 1.0:
            raise ValueError(f"a share of steps lies between 0 and 1, and {self.bound:g} does not")
        return self

    @property
    def bound(self) -> float:
        """The number that it is held against."""
        return self.at_most if self.at_most is not None else self.at_least or 0.0

    @property
    def said(self) -> str:
        """`the mean of norm(torque) over an episode is at most 2 N·m`."""
        what = {
            "mean": f"the mean of {self.value} over an episode",
            "max": f"the largest {self.value} of an episode",
            "share": f"the share of an episode's steps with {self.value}",
            "every step": f"{self.value} at every step of every episode",
        }[self.over]
        return f"{what} is at {'most' if self.at_most is not None else 'least'} {self.bound:g}{self.unit and f' {self.unit}'}"

    def reading(self, name: str, value: float, low: float, high: float) -> LimitReading:
        """It, as measured: `low` to `high` is what noise leaves."""
        return LimitReading(name=name, over=self.over, at_most=self.at_most, at_least=self.at_least, unit=self.unit,
                            value=value, low=low, high=high)  # fmt: skip


def check_limits(
    limits: Mapping[str, StatedLimit],
    formulas: Mapping[str, Expression],
    state: Mapping[str, Expression],
    action: Collection[str],
    numbers: Mapping[str, float],
    always: Collection[str],
) -> None:
    """Raises TaskError if a limit speaks of what is not there, or gives what can't be held against a number.

    Args:
        limits: by name.
        formulas: their parsed values.
        state: the parsed sources of state fields.
        action: names of action fields.
        numbers: the constants.
        always: names that are there in every task.
    """
    known = {*state, *action, *numbers, *always}
    conditions = {"terminated", *(name for name, source in state.items() if is_condition(source.body, ()))}
    for name, formula in formulas.items():
        if unknown := sorted(formula.names - known):
            hint = did_you_mean(unknown[0], known)
            raise TaskError(f"{formula.where}: {formula.text!r} speaks of {unknown[0]!r}, which is not a field.{hint}")
        if not formula.names - {*numbers}:
            raise TaskError(f"{formula.where}: {formula.text!r} is the same at every step; name a field in it.")
        demand_single_steps(formula)
        demand_finite(formula, numbers)
        if limits[name].over == "share":
            demand_condition(formula, conditions)
        else:
            demand_joined_conditions(formula, conditions)
            if is_condition(formula.body, conditions):
                raise TaskError(
                    f"{formula.where}: {formula.text!r} is a condition; write over = 'share', and the share of steps as the number."
                )
