"""The named, typed view of observations and actions: raw arrays -> the task's fields, in the environment's own units."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.errors import TaskError
from autoreward.expressions import Expression
from autoreward.tasks import Task

Fields = dict[str, NDArray[Any]]


def state_fields(task: Task, observations: NDArray[Any]) -> Fields:
    """Fields of observations of shape (..., d): arrays of shape (...) or (..., k), float64."""
    return _read(task.state_sources, {"obs": observations.astype(np.float64)}, observations.shape[:-1])


def action_fields(task: Task, actions: NDArray[Any], discrete: bool) -> Fields:
    """Fields of executed actions: discrete ones of shape (...), int64; continuous ones of shape (..., k), float64."""
    shape = actions.shape if discrete else actions.shape[:-1]
    raw = actions.astype(np.int64 if discrete else np.float64)
    return _read(task.action_sources, {"action": raw}, shape)


def _read(sources: Mapping[str, Expression], raw: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> Fields:
    fields = {}
    for name, source in sources.items():
        value = np.asarray(source.evaluate(raw))
        if value.shape[: len(shape)] != shape or value.ndim > len(shape) + 1:
            raise TaskError(
                f"{source.where}: {source.text!r} gives shape {value.shape[len(shape) :]} per step, not a vector."
            )
        fields[name] = value
    return fields
