"""The named, typed view of observations and actions: raw arrays -> the task's fields, in the environment's own units."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.errors import TaskError
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.expression import Expression
from autoreward.tasks.formulas.shapes import of_rows, width
from autoreward.worker.envs.flatten import Layout

NamedArrays = dict[str, NDArray[Any]]


def state_fields(task: Task, layout: Layout, observations: NDArray[Any]) -> NamedArrays:
    """Fields of observations of shape (..., d): arrays of shape (...) or (..., k), float64."""
    return _read(task.state_sources, layout.values(observations.astype(np.float64)), observations.shape[:-1])


def action_fields(task: Task, space: spaces.Space[Any], actions: NDArray[Any]) -> NamedArrays:
    """Fields of executed actions, of shape (...) for one choice and (..., k) otherwise; choices as int64, else float64."""
    shape = actions.shape if isinstance(space, spaces.Discrete) else actions.shape[:-1]
    raw = actions.astype(np.float64 if isinstance(space, spaces.Box) else np.int64)
    return _read(task.action_sources, {"action": raw}, shape)


def _read(sources: Mapping[str, Expression], raw: Mapping[str, NDArray[Any]], shape: tuple[int, ...]) -> NamedArrays:
    fields = {}
    for name, source in sources.items():
        if unknown := sorted(source.names - set(raw)):
            raise TaskError(f"{source.where}: there is no {unknown[0]!r}; there is {', '.join(raw)}.")
        width(source, {key: of_rows(array, len(shape)) for key, array in raw.items()})
        value = np.asarray(source.evaluate(raw))
        if value.shape[: len(shape)] != shape or value.ndim > len(shape) + 1:
            raise TaskError(
                f"{source.where}: {source.text!r} gives shape {value.shape[len(shape) :]} per step, not a vector."
            )
        fields[name] = value
    return fields
