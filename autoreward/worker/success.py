"""The task's success rule and metric on one episode. Candidates never see any of it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.errors import TaskError
from autoreward.records import Episode
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.shapes import of_rows, width
from autoreward.worker.envs.fields import NamedArrays

ALMOST = 0.999
"""The most progress that an episode without success can have made."""


class SuccessRule:
    """What the rule and the metric of one task say of its episodes."""

    def __init__(self, task: Task, max_steps: int) -> None:
        """`max_steps`: the time limit, in steps."""
        self._task = task
        self._max_steps = max_steps
        self._constants = {name: constant.value for name, constant in task.constants.items()}
        spans = {name: field.range for name, field in task.state.items()}
        self._scales = {name: span[1] - span[0] for name, span in spans.items() if span is not None}

    def succeeded(self, states: NamedArrays, terminated: bool) -> bool:
        """Whether the episode is a success. `states`: the fields after each of its L steps, (L,) or (L, k)."""
        return self.episode(states, terminated, movement=0.0).success

    def episode(self, states: NamedArrays, terminated: bool, movement: float) -> Episode:
        """All that is kept of one episode.

        Progress is 1 for a success. Otherwise it is the mean closeness of the rule over its window (for a rule about
        the last step: half the last step's, half the best step's), times the share of the time limit survived where
        the rule asks for the full length, and at most ALMOST.

        Raises:
            TaskError: the rule or the metric does not give one value a step.
        """
        length = len(next(iter(states.values())))
        values = {**states, **self._constants, **self._clock(length, terminated)}
        rule, success = self._task.success_rule, self._task.success
        for formula in filter(None, (rule, self._task.metric_formula)):
            self._demand_single(formula, values)
        holds = np.broadcast_to(np.asarray(rule.evaluate(values), dtype=np.bool_), (length,))
        close = np.broadcast_to(rule.closeness(values, self._scales), (length,))
        window = slice(-success.window, None) if success.window else slice(None)
        held = float(holds[window].sum()) / success.window if success.window else float(holds.any())
        full = length >= self._max_steps and not terminated
        done = held >= success.share - 1e-9 and (full or not success.full_length)
        if success.window > 1:
            progress = float(close[window].mean())
        else:
            progress = 0.5 * float(close[-1] if success.window else close.max()) + 0.5 * float(close.max())
        if success.full_length:
            progress *= length / self._max_steps
        return Episode(
            success=done,
            length=length,
            terminated=terminated,
            reached=bool(holds.any()),
            held=min(held, 1.0),
            progress=1.0 if done else min(progress, ALMOST),
            metric=self._metric(values, window, length),
            movement=movement,
        )

    def _demand_single(self, formula: Expression, values: Mapping[str, Any]) -> None:
        widths = {name: None if name in self._constants else of_rows(value) for name, value in values.items()}
        if size := width(formula, widths):
            raise TaskError(f"{formula.where}: {formula.text!r} gives {size} values a step, and must give one.")

    def _clock(self, length: int, terminated: bool) -> dict[str, NDArray[np.bool_] | NDArray[np.int64]]:
        ended = np.zeros(length, dtype=np.bool_)
        ended[-1] = terminated
        return {"step": np.arange(1, length + 1), "terminated": ended}

    def _metric(self, values: Mapping[str, Any], window: slice, length: int) -> float:
        if self._task.metric_formula is None:
            return float(length)
        return float(
            np.mean(np.broadcast_to(np.asarray(self._task.metric_formula.evaluate(values)), (length,))[window])
        )
