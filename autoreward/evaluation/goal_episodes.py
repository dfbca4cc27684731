"""Episodes that readings of a goal are told apart by: recorded ones, and corner traces that are drawn from a few points."""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.errors import TaskError
from autoreward.records import ReferenceEpisode
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.shapes import of_rows, width
from autoreward.tasks.limited import episode_limits
from autoreward.tasks.limits import StatedLimit
from autoreward.tasks.readings import CornerTrace
from autoreward.tasks.staged import follow, rule_values

_NUMBER = re.compile(r"(\w+)(?:\[(\d+)\])?")
_MOST_SHOWN = 4
"""Numbers of an episode that are put into words."""
Array = NDArray[np.float64]


class GoalEpisode(NamedTuple):
    """One episode that may be a success."""

    name: str
    words: str
    episodes: Transitions
    column: int


def recorded_ones(task: Task, recorded: Transitions, kinds: Sequence[ReferenceEpisode]) -> list[GoalEpisode]:
    """The recorded episodes, one a column, each in words that say how its most telling numbers went."""
    return [
        GoalEpisode(f"episode {column}", _in_words(task, recorded, column, known.kind), recorded, column)
        for column, known in enumerate(kinds)
    ]


def _in_words(task: Task, episodes: Transitions, column: int, kind: str) -> str:
    """An episode in a sentence: who acted, how long it was, and what the fields of the rule did."""
    rows = np.flatnonzero(episodes.step[:, column] > 0)
    ended = "it ended by itself" if episodes.terminated[rows[-1], column] else "it was cut"
    named = [n for n in task.state if n in task.ruled_names] or list(task.state)
    numbers: dict[str, tuple[Array, str]] = {}
    for name in named:
        values = np.asarray(episodes.next_state[name], dtype=np.float64)[rows, column]
        spread = {name: values} if values.ndim == 1 else {f"{name}[{i}]": v for i, v in enumerate(values.T)}
        numbers |= {key: (v, task.state[name].unit) for key, v in spread.items()}
    went = [
        f"{key} from {v.min():.3g} to {v.max():.3g}{unit and f' {unit}'}, at the end {v[-1]:.3g}"
        for key, (v, unit) in list(numbers.items())[:_MOST_SHOWN]
    ]
    who = {"random": "random actions", "scripted": "the card's script", "demo": "your demonstration"}.get(
        kind, f"the action {kind}"
    )
    return f"An episode of {who}: {len(rows)} steps, then {ended}; {'; '.join(went)}."


def drawn(task: Task, trace: CornerTrace, recorded: Transitions) -> Transitions:
    """The trace as the one column of an episode of L steps; what it says nothing of stays at the median of where episodes start.

    Raises:
        TaskError: it names what is no number of the state or the action, or a step beyond its end.
    """
    length, first = trace.steps, recorded.step == 1
    clock = np.arange(length + 1)
    state: dict[str, Array] = {}
    for name, array in recorded.state.items():
        start = np.median(np.asarray(array[first], dtype=np.float64), axis=0)
        state[name] = np.broadcast_to(start, (length + 1, 1, *start.shape)).copy()
    action = {
        name: np.broadcast_to(
            usual := np.median(np.asarray(array[first], dtype=np.float64), axis=0), (length + 1, 1, *usual.shape)
        ).copy()
        for name, array in recorded.action.items()
    }
    for number in dict.fromkeys(point.name for point in trace.points):
        points = sorted((p for p in trace.points if p.name == number), key=lambda p: p.step)
        if points[-1].step > length:
            raise TaskError(f"{number} is said at step {points[-1].step}, and the trace has {length} steps.")
        values = np.interp(clock, [p.step for p in points], [p.value for p in points])
        _number_of({**action, **state}, number)[:, 0] = values
    ended = np.zeros((length, 1), dtype=np.bool_)
    ended[-1] = trace.terminated
    return Transitions(
        state={name: array[:-1] for name, array in state.items()},
        action={name: array[1:] for name, array in action.items()},
        next_state={name: array[1:] for name, array in state.items()},
        step=clock[1:, None],
        terminated=ended,
    )


def _number_of(fields: dict[str, Array], name: str) -> Array:
    """A view of one number, (L + 1, 1)."""
    match = _NUMBER.fullmatch(name)
    array = fields.get(match[1]) if match else None
    if match is None or array is None:
        raise TaskError(f"{name!r} is no number of the state or the action; there are {', '.join(fields)}.")
    if array.ndim == 2 and match[2] is None:
        return array
    if array.ndim == 3 and match[2] is not None and int(match[2]) < array.shape[2]:
        return array[..., int(match[2])]
    shape = f"{array.shape[2]} numbers; write {match[1]}[0]" if array.ndim == 3 else "one number"
    raise TaskError(f"{name!r}: {match[1]} has {shape}.")


def calls_success(task: Task, limits: Collection[str], episode: GoalEpisode, max_steps: int) -> bool:
    """Whether an episode is what a reading means: it meets its rule, and breaks none of its limits.

    Args:
        task: as the reading understands it.
        limits: names of the reading's own; those of the card say nothing of success.
        episode: whichever.
        max_steps: the time limit, in steps.

    Raises:
        TaskError: the reading mixes numbers and vectors.
    """
    values = rule_values(task, episode.episodes, episode.column)
    widths = {n: None if n in task.constants else of_rows(np.asarray(v)) for n, v in values.items()}
    for rule in task.rules:
        if size := width(rule, widths):
            raise TaskError(f"{rule.where}: {rule.text!r} gives {size} values a step, and must give one.")
    fields, ended = {name: values[name] for name in episode.episodes.rule_fields}, bool(values["terminated"][-1])
    came_to = episode_limits(task, fields, ended)
    if not follow(task, values).met:
        return False
    if task.success.full_length and (ended or len(values["step"]) < max_steps):
        return False
    return all(_within(limit, came_to[name]) for name, limit in task.limits.items() if name in limits)


def _within(limit: StatedLimit, value: float) -> bool:
    return limit.reading("limit", value, value, value).held
