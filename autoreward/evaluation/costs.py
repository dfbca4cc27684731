"""What the limits of a card cost step by step, for a reward that prices them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import COST
from autoreward.rewards.compose.lagrange import step_cost
from autoreward.tasks.card import Task
from autoreward.tasks.limits import StatedLimit


def limit_costs(task: Task, batch: Transitions) -> Parts:
    """What each step costs under each limit, shape (T, n), by the names that `lagrange` knows: see `step_cost`."""
    return _costs(task, {**batch.rule_fields, "step": batch.step, "terminated": batch.terminated}, batch.shape)


def mean_costs(task: Task, fields: Mapping[str, NDArray[Any]], terminated: bool) -> dict[str, float]:
    """What a step of an episode costs in the mean, by limit: 0 or less where a mean or a share is held, 0 where no step is beyond.

    `fields` are those after each of its steps and of its actions, `terminated` whether it ended by itself.
    """
    length = len(next(iter(fields.values())))
    ended = np.zeros(length, dtype=np.bool_)
    ended[-1] = terminated
    costs = _costs(task, {**fields, "step": np.arange(1, length + 1), "terminated": ended}, (length,))
    return {name: float(costs[f"{COST}{name}"].mean()) for name in task.limits}


def _costs(task: Task, seen: Mapping[str, Any], shape: tuple[int, ...]) -> Parts:
    values = {**seen, **{name: constant.value for name, constant in task.constants.items()}}
    costs: Parts = {}
    for name, formula in task.limit_formulas.items():
        with np.errstate(all="ignore"):
            value = formula.evaluate(values)
        costs[f"{COST}{name}"] = np.broadcast_to(step_cost(value, *priced(task.limits[name])), shape)
    return costs


def priced(limit: StatedLimit) -> tuple[float, float, float, bool]:
    """What `step_cost` asks of a limit: its number, side, size, and whether it is about the largest value."""
    side = 1.0 if limit.at_most is not None else -1.0
    size = 1.0 if limit.over == "share" else abs(limit.bound) or 1.0
    return limit.bound, side, size, limit.over in ("max", "every step")
