"""The task's success rule and metric on one episode, and how far it came. Candidates never see any of it.

Progress is 0 for an episode that is no nearer to success than random actions and doing nothing, 1 for a success, and in between it
is how near the rule came to holding: each condition by what simple policies miss it by (`Grading`). Of n stages, k of them reached,
it is (k + how near the next one is) / n, times the share of the steps at which `always` held.
"""

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from autoreward.errors import TaskError
from autoreward.records import UNGRADED, Episode, Grading
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.graded import GradedRule
from autoreward.tasks.formulas.shapes import of_rows, width
from autoreward.tasks.staged import Followed, follow, next_from, share_held
from autoreward.worker.envs.fields import NamedArrays

ALMOST = 0.999
"""The most progress that an episode without success can have made."""
NEAR_START = 0.5
"""Least share of a condition's scale that an episode which starts nearer is measured by: else the last step of a short way were
worth as much as a long one."""
BEST = 0.5
"""What the best moment of an episode counts in the progress of a rule about its last step: the last step alone says too little."""
Array = NDArray[np.float64]


class SuccessRule:
    """What the rule and the metric of one task say of its episodes."""

    def __init__(self, task: Task, max_steps: int, grading: Grading = UNGRADED) -> None:
        """`max_steps`: the time limit, in steps. `grading`: of the same task; without one conditions count in their own units."""
        self._task = task
        self._max_steps = max_steps
        self._constants = {name: constant.value for name, constant in task.constants.items()}
        robust = bool(task.success.stages)
        pairs = zip(task.stage_rules, task.stage_distances, strict=True)
        self._rules = tuple(GradedRule(rule, distance, robust) for rule, distance in pairs)
        self._conditions = tuple(c for rule in self._rules for c in rule.conditions)
        count = len(self._conditions)
        if grading.scales and not len(grading.scales) == len(grading.weights) == count:
            raise ValueError(f"the grading is of another rule than {task.success.text!r}")
        self._scales = self._by_stage(grading.scales or [1.0] * count)
        self._weights = self._by_stage(grading.weights or [1.0] * count)
        self._idle = grading.idle

    @property
    def fields(self) -> frozenset[str]:
        """State and action fields that the rule reads; one at least, so that an episode has a length."""
        named = {*self._task.state, *self._task.action}
        read = frozenset().union(*(r.names for r in self._task.rules), *(c.names for c in self._conditions)) & named
        return frozenset(read or [next(iter(self._task.state))])

    def succeeded(self, states: NamedArrays, terminated: bool) -> bool:
        """Whether the episode is a success. `states`: the fields after each of its L steps and the actions, (L,) or (L, k)."""
        values = self._values(states, terminated)
        return self._success(follow(self._task, values), values)

    def progress(self, states: NamedArrays, terminated: bool) -> float:
        """How far the episode came, in [0, 1]: 0 like simple policies, 1 for a success, at most ALMOST without."""
        values = self._values(states, terminated)
        followed = follow(self._task, values)
        return 1.0 if self._success(followed, values) else self._graded(followed, values)

    def episode(self, states: NamedArrays, terminated: bool, movement: float) -> Episode:
        """All that is kept of one episode.

        Raises:
            TaskError: the rule or the metric does not give one value a step.
        """
        values = self._values(states, terminated)
        task = self._task
        measures = (task.metric_formula, *task.metric_formulas.values(), *task.stage_distances)
        for formula in (*task.rules, *filter(None, measures)):
            self._demand_single(formula, values)
        followed = follow(self._task, values)
        success = self._success(followed, values)
        window = self._task.success.window
        held = share_held(followed.holds, window) if window else float(followed.holds.any())
        return Episode(
            success=success,
            length=len(followed.holds),
            terminated=terminated,
            reached=bool(followed.holds.any()),
            held=min(held, 1.0),
            progress=1.0 if success else self._graded(followed, values),
            metric=self._metric(self._task.metric_formula, values, len(followed.holds)),
            metrics=self._further_metrics(values, len(followed.holds)),
            movement=movement,
            stage=followed.stage,
            stage_steps=tuple(0 if step is None else step + 1 for step in followed.reached),
            always=followed.always,
        )

    def misses(self, states: NamedArrays, terminated: bool) -> list[Array]:
        """By how much each condition of each stage fails, (conditions, W), in the W steps that the stage may be judged by."""
        values, windows = self._values(states, terminated), map(self._task.success.window_of, self._task.success.plan)
        return [
            rule.misses(values, _length(states))[:, slice(-window, None) if window else slice(None)]
            for rule, window in zip(self._rules, windows, strict=True)
        ]

    def ungraded(self, flags: Collection[str] = ()) -> tuple[str, ...]:
        """The stages of which nothing says how near they are, in a rule without any the rule itself: progress stays where it is.

        Args:
            flags: fields that are 0 or 1 and nothing in between, which say no more than yes or no.
        """
        success = self._task.success
        known = {*flags, *self._constants}
        return tuple(
            stage.name
            for stage, rule in zip(success.plan, self._rules, strict=True)
            if (success.stages or not success.full_length)
            and all(c.yes_or_no or (c.names and c.names <= known) for c in rule.conditions)
        )

    @property
    def ranges(self) -> Array:
        """(conditions,): the largest span of the fields that each reads, 1 where none is stated."""
        spans = {name: field.span for name, field in self._task.state.items() if field.span}
        return np.array([max((spans[n] for n in c.names if n in spans), default=1.0) for c in self._conditions])

    def closeness(self, states: NamedArrays, terminated: bool) -> float:
        """How near the rule came to holding, in [0, 1], before what simple policies reach is taken off.

        A condition that is missed by d counts 1 - d / scale, where the scale is what the episode misses it by at the first step
        from which it counts, or NEAR_START of what simple policies do, if that is more. `and` takes the mean by weight, `or` the
        largest. Over a window of several steps it is the mean; otherwise BEST of it is the best step's. Of stages, those that
        were reached count 1 and the next one as robustly as signal temporal logic grades it: `and` and each step of `hold` take
        the smallest, `or` and all steps from where the stage before was reached the largest. Where the rule asks for the full
        length it is multiplied with the share of the time limit that was survived, and where something must always hold with
        the share of the steps at which it did.
        """
        values = self._values(states, terminated)
        return self._near(follow(self._task, values), values)

    def _near(self, followed: Followed, values: Mapping[str, Any]) -> float:
        length, success = len(values["step"]), self._task.success
        open_stages = [j for j, step in enumerate(followed.reached) if step is None]
        if not success.any_order:
            open_stages = open_stages[:1]
        if not success.stages:
            near = self._plain(values, length)
        else:
            nearest = max((self._robust(j, followed, values, length) for j in open_stages), default=0.0)
            near = (followed.stage + nearest) / len(followed.reached)
        return near * followed.always * (length / self._max_steps if success.full_length else 1.0)

    def _plain(self, values: Mapping[str, Any], length: int) -> float:
        """Of a rule without stages."""
        close = self._close(0, 0, values, length)
        window = self._task.success.window
        if window > 1:
            return float(close[-window:].mean())
        return (1.0 - BEST) * float(close[-1] if window else close.max()) + BEST * float(close.max())

    def _robust(self, j: int, followed: Followed, values: Mapping[str, Any], length: int) -> float:
        """Of a stage that was not reached, at most ALMOST."""
        success, stage = self._task.success, self._task.success.plan[j]
        begin = next_from(success, followed.reached[:j]) or 0
        close = self._close(j, begin, values, length)
        if window := success.window_of(stage):
            whole = np.sort(np.concatenate([np.zeros(max(window - length, 0)), close[-window:]]))
            return min(float(whole[window - math.ceil(stage.share * window - 1e-9)]), ALMOST)
        close = close[begin : success.by_of(stage) or length]
        hold = min(success.hold_of(stage), len(close))
        return min(float(sliding_window_view(close, hold).min(axis=1).max()), ALMOST) if hold else 0.0

    def _close(self, j: int, begin: int, values: Mapping[str, Any], length: int) -> Array:
        """(L,): how near stage j is to holding at each step, where it counts from step `begin` on."""
        misses = self._rules[j].misses(values, length)
        first = misses[:, begin : begin + 1]
        scales = np.maximum(np.where(np.isfinite(first), first, 0.0), NEAR_START * np.array(self._scales[j])[:, None])
        return self._rules[j].closeness(misses, scales, self._weights[j])

    def _graded(self, followed: Followed, values: Mapping[str, Any]) -> float:
        return float(np.clip((self._near(followed, values) - self._idle) / (1.0 - self._idle), 0.0, ALMOST))

    def _success(self, followed: Followed, values: Mapping[str, Any]) -> bool:
        full = len(values["step"]) >= self._max_steps and not values["terminated"][-1]
        return followed.met and (bool(full) or not self._task.success.full_length)

    def _by_stage(self, numbers: Sequence[float]) -> list[tuple[float, ...]]:
        """One number a condition, as those of each stage."""
        rest = iter(numbers)
        return [tuple(itertools.islice(rest, len(rule.conditions))) for rule in self._rules]

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

    def _metric(self, formula: Expression | None, values: Mapping[str, Any], length: int) -> float:
        if formula is None:
            return float(length)
        return float(np.mean(np.broadcast_to(np.asarray(formula.evaluate(values)), (length,))[self._window]))

    def _further_metrics(self, values: Mapping[str, Any], length: int) -> dict[str, float]:
        """Those that are a number in this episode. One of a whole episode counts from where it is one."""
        found = {}
        for name, formula in self._task.metric_formulas.items():
            if formula is None or not formula.over_episodes:
                found[name] = self._metric(formula, values, length)
            else:
                steps = np.broadcast_to(np.asarray(formula.evaluate(values), dtype=np.float64), (length,))[self._window]
                found[name] = float(np.mean(steps[~np.isnan(steps)])) if not np.isnan(steps).all() else math.nan
        return {name: value for name, value in found.items() if math.isfinite(value)}


def _length(states: NamedArrays) -> int:
    return len(next(iter(states.values())))
