"""The task's limits on one episode: what each comes to, whoever played it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.errors import TaskError
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.shapes import of_rows, width

_MOST = 1e12
"""What a value beyond counts as, and one that is no number, on the wrong side of its limit: a policy that breaks the simulator
holds nothing."""


def episode_limits(task: Task, fields: Mapping[str, NDArray[Any]], terminated: bool) -> dict[str, float]:
    """What each limit comes to in an episode of L steps, by name.

    Args:
        task: whose limits.
        fields: those after each step and of the actions, (L,) or (L, k): see `rollout.episodes.played_fields`.
        terminated: whether it ended by itself.

    Raises:
        TaskError: a limit does not give one value a step.
    """
    if not task.limits:
        return {}
    length = len(next(iter(fields.values())))
    ended = np.zeros(length, dtype=np.bool_)
    ended[-1] = terminated
    constants = {name: constant.value for name, constant in task.constants.items()}
    values = {**fields, **constants, "step": np.arange(1, length + 1), "terminated": ended}
    return {name: _came_to(task, name, values, length) for name in task.limits}


def _came_to(task: Task, name: str, values: Mapping[str, Any], length: int) -> float:
    limit, formula = task.limits[name], task.limit_formulas[name]
    widths = {key: None if key in task.constants else of_rows(value) for key, value in values.items()}
    if size := width(formula, widths):
        raise TaskError(
            f"{formula.where}: {formula.text!r} gives a vector of {size} a step, and must give one number; take one of it, such as "
            "x[0], or its norm."
        )
    with np.errstate(all="ignore"):
        given: NDArray[Any] = np.asarray(formula.evaluate(values), dtype=np.float64)
    wrong = _MOST if limit.at_most is not None else -_MOST
    steps = np.clip(np.nan_to_num(np.broadcast_to(given, (length,)), nan=wrong), -_MOST, _MOST)
    if limit.over in ("mean", "share"):
        return float(steps.mean())
    return float(steps.min() if limit.over == "every step" and limit.at_least is not None else steps.max())
