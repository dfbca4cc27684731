"""How far one episode came by the success rule: which stages it reached, at which steps, and how long `always` held.

A rule without stages is the case of one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.tasks.card import Task
from autoreward.tasks.success_table import StageRule, Success

Flags = NDArray[np.bool_]


class Followed(NamedTuple):
    """The rule on one episode of L steps."""

    reached: tuple[int | None, ...]
    """A stage each, in the card's order: the step at which it was reached, counted from 0; None: it was not."""
    always: float
    """Share of the steps at which `always` held; 1 without one."""
    holds: Flags
    """(L,): the last stage's condition holds at a step from which it counts: after the stages before."""

    @property
    def stage(self) -> int:
        """How many stages were reached."""
        return sum(step is not None for step in self.reached)

    @property
    def met(self) -> bool:
        """Whether all stages were reached and `always` held throughout; an episode's length is another matter."""
        return self.stage == len(self.reached) and self.always == 1.0

    @property
    def last(self) -> int | None:
        """The step at which the last of all stages was reached; None if one was not."""
        return max((step for step in self.reached if step is not None), default=None) if self.met else None


def rule_values(task: Task, episodes: Transitions, column: int) -> dict[str, Any]:
    """What formulas over one episode read, of one column of recorded ones: its L steps, without what follows its end."""
    rows = np.flatnonzero(episodes.step[:, column] > 0)
    values: dict[str, Any] = {name: array[rows, column] for name, array in episodes.rule_fields.items()}
    values |= {name: constant.value for name, constant in task.constants.items()}
    return values | {"step": episodes.step[rows, column], "terminated": episodes.terminated[rows, column]}


def follow(task: Task, values: Mapping[str, Any]) -> Followed:
    """What the rule says of one episode; `values` as `rule_values` gives them."""
    length = len(values["step"])
    success = task.success

    def flags(formula: Any) -> Flags:
        return np.broadcast_to(np.asarray(formula.evaluate(values), dtype=np.bool_), (length,))

    holds = [flags(formula) for formula in task.stage_rules]
    reached = reached_at(success, holds)
    begin = next_from(success, reached[:-1]) if len(reached) > 1 else 0
    counted = holds[-1] & (np.arange(length) >= (length if begin is None else begin))
    always = 1.0 if task.always_rule is None else float(flags(task.always_rule).mean())
    return Followed(reached, always, counted)


def next_from(success: Success, reached: Sequence[int | None]) -> int | None:
    """The step from which the stage after these counts, in any order the first; None where one of them was not reached."""
    if success.any_order or not reached:
        return 0
    return reached[-1]


def reached_at(success: Success, holds: Sequence[Flags]) -> tuple[int | None, ...]:
    """The step, from 0, at which each stage was reached: the first that can be, which is never worse for those that follow.

    Args:
        success: its stages.
        holds: a stage each, (L,): its condition holds after a step.
    """
    reached: list[int | None] = []
    for stage, own in zip(success.plan, holds, strict=True):
        begin = next_from(success, reached)
        reached.append(None if begin is None else _reached(success, stage, own, begin))
    return tuple(reached)


def _reached(success: Success, stage: StageRule, holds: Flags, begin: int) -> int | None:
    length, window = len(holds), success.window_of(stage)
    if window:
        return length - 1 if share_held(holds, window) >= stage.share - 1e-9 else None
    hold, by = success.hold_of(stage), success.by_of(stage)
    summed = np.concatenate([[0], np.cumsum(holds[begin : by or length])])
    if len(summed) <= hold:
        return None
    whole = np.flatnonzero(summed[hold:] - summed[:-hold] == hold)
    return begin + int(whole[0]) + hold - 1 if len(whole) else None


def share_held(holds: Flags, window: int) -> float:
    """Share of the last `window` steps at which a condition holds; steps that a short episode lacks count as not held."""
    return float(holds[-window:].sum()) / window
