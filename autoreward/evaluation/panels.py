"""What of an episode is worth drawing: what the success rule holds against a number, then every field."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.angles import period
from autoreward.tasks.staged import follow, rule_values


class Panel(NamedTuple):
    """One number over an episode, or over several by name."""

    title: str
    values: dict[str, NDArray[Any]]
    """By episode: shape (L,), after each of its L steps."""
    limit: float | None = None
    """What the rule holds it against."""
    period: float | None = None
    """Of an angle: what it comes round after. A change of more than half of it is a jump, and no way."""


def panels(task: Task, episodes: Mapping[str, Transitions]) -> Iterator[Panel]:
    """What the success rule holds against a number, then every field, a panel for each of its components.

    Each of `episodes` is one column, of shape (L, 1).
    """
    constants = {name: constant.value for name, constant in task.constants.items()}
    values = {name: rule_values(task, episode, 0) for name, episode in episodes.items()}
    shown = set()
    for limit in dict.fromkeys(limit for rule in task.rules for limit in rule.limits(constants)):
        if limit.side.names & {*task.state, *task.action} and not limit.side.over_episodes:
            series = {name: np.asarray(limit.side.evaluate(known), dtype=np.float64) for name, known in values.items()}
            bound = float(limit.bound.evaluate(constants))
            title = limit.text if not limit.bound.names else f"{limit.text} = {bound:g}"
            yield Panel(title, series, bound, period(limit.side.body, task.angles))
            shown.add(limit.side.text)
    for field in task.state:
        arrays = {name: np.asarray(known[field], dtype=np.float64) for name, known in values.items()}
        if field in shown:
            continue
        turn = task.state[field].turn
        if all(array.ndim == 1 for array in arrays.values()):
            yield Panel(field, arrays, period=turn and turn.period)
            continue
        for i in range(max(array.shape[1] for array in arrays.values())):
            yield Panel(
                f"{field}[{i}]", {name: array[:, i] for name, array in arrays.items()}, period=turn and turn.period
            )


def jumps(values: Sequence[float] | NDArray[Any], period: float | None) -> list[int]:
    """Where an angle comes round: the places of values, (L,), that are more than half a turn from the one before."""
    if period is None or len(values) < 2:
        return []
    moved = np.abs(np.diff(np.asarray(values, dtype=np.float64)))
    return [int(place) + 1 for place in np.flatnonzero(moved > period / 2)]


def steps_held(task: Task, episode: Transitions) -> NDArray[np.bool_]:
    """After which steps of an episode of shape (L, 1) the rule's condition holds, of stages the last one's; shape (L,)."""
    return follow(task, rule_values(task, episode, 0)).holds
