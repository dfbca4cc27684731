"""The task's success rule and metric on one episode, and how far it came. Candidates never see any of it.

Progress is 0 for an episode that is no nearer to success than random actions and doing nothing, 1 for a success, and in between it
is how near the rule came to holding: each condition by what simple policies miss it by (`Grading`).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.errors import TaskError
from autoreward.records import UNGRADED, Episode, Grading
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.graded import GradedRule
from autoreward.tasks.formulas.shapes import of_rows, width
from autoreward.worker.envs.fields import NamedArrays

ALMOST = 0.999
"""The most progress that an episode without success can have made."""
NEAR_START = 0.5
"""Least share of a condition's scale that an episode which starts nearer is measured by: else the last step of a short way were
worth as much as a long one."""
BEST = 0.5
"""What the best moment of an episode counts in the progress of a rule about its last step: the last step alone says too little."""
Array = NDArray[np.float64]


class _Held(NamedTuple):
    """The rule on one episode."""

    success: bool
    holds: NDArray[np.bool_]
    """(L,): the condition holds at a step."""
    held: float
    """Share of the window in which it holds."""


class SuccessRule:
    """What the rule and the metric of one task say of its episodes."""

    def __init__(self, task: Task, max_steps: int, grading: Grading = UNGRADED) -> None:
        """`max_steps`: the time limit, in steps. `grading`: of the same task; without one conditions count in their own units."""
        self._task = task
        self._max_steps = max_steps
        self._constants = {name: constant.value for name, constant in task.constants.items()}
        self._rule = GradedRule(task.success_rule, task.distance_formula)
        count = len(self._rule.conditions)
        if grading.scales and not len(grading.scales) == len(grading.weights) == count:
            raise ValueError(f"the grading is of another rule than {task.success.when!r}")
        self._scales = np.array(grading.scales or [1.0] * count)[:, None]
        self._weights = grading.weights or (1.0,) * count
        self._idle = grading.idle

    @property
    def fields(self) -> frozenset[str]:
        """State and action fields that the rule reads; one at least, so that an episode has a length."""
        named = {*self._task.state, *self._task.action}
        read = frozenset().union(*(c.names for c in self._rule.conditions)) & named
        return frozenset(read or [next(iter(self._task.state))])

    def succeeded(self, states: NamedArrays, terminated: bool) -> bool:
        """Whether the episode is a success. `states`: the fields after each of its L steps and the actions, (L,) or (L, k)."""
        return self._hold(self._values(states, terminated), terminated).success

    def progress(self, states: NamedArrays, terminated: bool) -> float:
        """How far the episode came, in [0, 1]: 0 like simple policies, 1 for a success, at most ALMOST without."""
        values = self._values(states, terminated)
        return 1.0 if self._hold(values, terminated).success else self._graded(values)

    def episode(self, states: NamedArrays, terminated: bool, movement: float) -> Episode:
        """All that is kept of one episode.

        Raises:
            TaskError: the rule or the metric does not give one value a step.
        """
        values = self._values(states, terminated)
        for formula in filter(None, (self._task.success_rule, self._task.metric_formula, self._task.distance_formula)):
            self._demand_single(formula, values)
        result = self._hold(values, terminated)
        return Episode(
            success=result.success,
            length=len(result.holds),
            terminated=terminated,
            reached=bool(result.holds.any()),
            held=min(result.held, 1.0),
            progress=1.0 if result.success else self._graded(values),
            metric=self._metric(values, len(result.holds)),
            movement=movement,
        )

    def misses(self, states: NamedArrays, terminated: bool) -> Array:
        """By how much each condition fails at each step, shape (conditions, L): see `tasks/formulas/graded.py`."""
        return self._rule.misses(self._values(states, terminated), _length(states))

    @property
    def ungraded(self) -> bool:
        """Whether the rule says yes or no and nothing in between: progress is 0 up to success."""
        return not self._task.success.full_length and all(c.yes_or_no for c in self._rule.conditions)

    @property
    def ranges(self) -> Array:
        """(conditions,): the largest range of the fields that each reads, 1 where none is stated."""
        spans = {name: field.range[1] - field.range[0] for name, field in self._task.state.items() if field.range}
        return np.array([max((spans[n] for n in c.names if n in spans), default=1.0) for c in self._rule.conditions])

    def closeness(self, states: NamedArrays, terminated: bool) -> float:
        """How near the rule came to holding over its window, in [0, 1], before what simple policies reach is taken off.

        A condition that is missed by d counts 1 - d / scale, where the scale is what the episode misses it by at its first step,
        or NEAR_START of what simple policies do, if that is more. `and` takes the mean by weight, `or` the largest. Over a window
        of several steps it is the mean; otherwise BEST of it is the best step's. Where the rule asks for the full length it is
        multiplied with the share of the time limit that was survived.
        """
        return self._near(self._values(states, terminated))

    def _near(self, values: Mapping[str, Any]) -> float:
        length = len(values["step"])
        misses = self._rule.misses(values, length)
        scales = np.maximum(np.where(np.isfinite(misses[:, :1]), misses[:, :1], 0.0), NEAR_START * self._scales)
        close = self._rule.closeness(misses, scales, self._weights)
        window = self._task.success.window
        if window > 1:
            near = float(close[-window:].mean())
        else:
            near = (1.0 - BEST) * float(close[-1] if window else close.max()) + BEST * float(close.max())
        return near * (length / self._max_steps if self._task.success.full_length else 1.0)

    def _graded(self, values: Mapping[str, Any]) -> float:
        return float(np.clip((self._near(values) - self._idle) / (1.0 - self._idle), 0.0, ALMOST))

    def _hold(self, values: Mapping[str, Any], terminated: bool) -> _Held:
        length, success = len(values["step"]), self._task.success
        holds = np.broadcast_to(np.asarray(self._task.success_rule.evaluate(values), dtype=np.bool_), (length,))
        window = self._window
        held = float(holds[window].sum()) / success.window if success.window else float(holds.any())
        full = length >= self._max_steps and not terminated
        return _Held(held >= success.share - 1e-9 and (full or not success.full_length), holds, held)

    @property
    def _window(self) -> slice:
        return slice(-self._task.success.window, None) if self._task.success.window else slice(None)

    def _demand_single(self, formula: Expression, values: Mapping[str, Any]) -> None:
        widths = {name: None if name in self._constants else of_rows(value) for name, value in values.items()}
        if size := width(formula, widths):
            raise TaskError(f"{formula.where}: {formula.text!r} gives {size} values a step, and must give one.")

    def _values(self, states: NamedArrays, terminated: bool) -> Mapping[str, Any]:
        length = _length(states)
        ended = np.zeros(length, dtype=np.bool_)
        ended[-1] = terminated
        return {**states, **self._constants, "step": np.arange(1, length + 1), "terminated": ended}

    def _metric(self, values: Mapping[str, Any], length: int) -> float:
        if self._task.metric_formula is None:
            return float(length)
        return float(
            np.mean(np.broadcast_to(np.asarray(self._task.metric_formula.evaluate(values)), (length,))[self._window])
        )


def _length(states: NamedArrays) -> int:
    return len(next(iter(states.values())))
