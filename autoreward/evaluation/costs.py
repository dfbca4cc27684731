"""What the limits of a card cost step by step, for a reward that prices them."""

import numpy as np

from autoreward.core.transitions import Transitions
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import COST
from autoreward.rewards.compose.lagrange import step_cost
from autoreward.tasks.card import Task
from autoreward.tasks.limits import StatedLimit


def limit_costs(task: Task, batch: Transitions) -> Parts:
    """What each step costs under each limit, shape (T, n), by the names that `lagrange` knows: see `step_cost`."""
    constants = {name: constant.value for name, constant in task.constants.items()}
    values = {**batch.rule_fields, "step": batch.step, "terminated": batch.terminated, **constants}
    costs: Parts = {}
    for name, formula in task.limit_formulas.items():
        with np.errstate(all="ignore"):
            value = formula.evaluate(values)
        costs[f"{COST}{name}"] = np.broadcast_to(step_cost(value, *priced(task.limits[name])), batch.shape)
    return costs


def priced(limit: StatedLimit) -> tuple[float, float, float, bool]:
    """What `step_cost` asks of a limit: its number, side, size, and whether it is about the largest value."""
    side = 1.0 if limit.at_most is not None else -1.0
    size = 1.0 if limit.over == "share" else abs(limit.bound) or 1.0
    return limit.bound, side, size, limit.over in ("max", "every step")


def excess(limit: StatedLimit, value: float) -> float:
    """How far a measured value is beyond the limit, as a share of its number, from -10 to 10; negative within it."""
    bound, side, size, _ = priced(limit)
    return float(step_cost(value, bound, side, size, each=False))
