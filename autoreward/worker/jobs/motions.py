"""How fields move under random actions, and which of them are velocities of which places.

A field is a place's velocity if it goes with the place's changes: by their correlation alone where it is high, and by the
units or names as well where contacts or several steps of simulation inside one blur it.
"""

import math

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.records import Motion
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.angles import Circle

_ALONE = 0.9
"""Correlation of a place's changes with a velocity from which it needs no other sign."""
_WITH_A_SIGN = 0.6
"""The same where units or names say so, too."""
_WRAPPED = 0.5
"""A change over more than this share of a field's range is a jump: an angle that came round."""
_SPEED_WORDS = ("speed", "velocity", "rate", "climb", "spin")
_Array = NDArray[np.float64]


def motions(task: Task, samples: Transitions) -> tuple[Motion, ...]:
    """How each state field moves in sampled transitions, in the task's order."""
    found = _velocities(task, samples)
    return tuple(
        Motion(
            name=name,
            start=_middle(_starts(samples, name), task.state[name].turn),
            change=float(np.mean(_lengths(_changes(task, samples, name)))),
            velocity=found[name][0] if name in found else "",
            step_time=found[name][1] if name in found else 0.0,
        )
        for name in samples.state
    )


def _velocities(task: Task, samples: Transitions) -> dict[str, tuple[str, float]]:
    """Place -> its velocity and the length of a step in that velocity's unit of time; each velocity is one place's."""
    fits = []
    for place in samples.state:
        for velocity in samples.state:
            fit = _fit(task, samples, place, velocity)
            if fit is not None:
                fits.append((fit[0], place, velocity, fit[1]))
    chosen: dict[str, tuple[str, float]] = {}
    for _, place, velocity, step_time in sorted(fits, reverse=True):
        if place not in chosen and all(velocity != taken for taken, _ in chosen.values()):
            chosen[place] = velocity, step_time
    return chosen


def _fit(task: Task, samples: Transitions, place: str, velocity: str) -> tuple[float, float] | None:
    """Correlation of a place's changes with a field, and how far it gets in a step at 1 of it; None: not its velocity."""
    if place == velocity or samples.state[place].shape != samples.state[velocity].shape:
        return None
    changes = _rows(_changes(task, samples, place))
    speeds = (_rows(samples.state[velocity]) + _rows(samples.next_state[velocity])) / 2
    span = task.state[place].range
    if span is not None and not task.state[place].wrap:
        smooth = (np.abs(changes) <= _WRAPPED * (span[1] - span[0])).all(axis=1)
        changes, speeds = changes[smooth], speeds[smooth]
    if not len(changes) or not np.any(speeds):
        return None
    step_time = float((changes * speeds).sum() / np.square(speeds).sum())
    apart = float(np.std(changes) * np.std(speeds))
    if apart == 0.0 or step_time <= 0.0:
        return None
    centred = (changes - changes.mean(axis=0)) * (speeds - speeds.mean(axis=0))
    correlation = float(centred.mean() / apart)
    return (
        (correlation, step_time)
        if correlation >= (_WITH_A_SIGN if _says_so(task, place, velocity) else _ALONE)
        else None
    )


def _says_so(task: Task, place: str, velocity: str) -> bool:
    """Whether unit or name say that a field is this place's velocity."""
    unit, per_time = task.state[place].unit, task.state[velocity].unit
    if unit and per_time in (f"{unit}/s", f"{unit}/step"):
        return True
    return place in velocity and any(word in velocity for word in _SPEED_WORDS)


def _changes(task: Task, samples: Transitions, name: str) -> _Array:
    after, before = samples.next_state[name], samples.state[name]
    moved = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    turn = task.state[name].turn
    return moved if turn is None else moved - turn.period * np.round(moved / turn.period)


def _starts(samples: Transitions, name: str) -> _Array:
    first = samples.step == 1
    return np.asarray(samples.state[name][first] if first.any() else samples.state[name][0], dtype=np.float64)


def _middle(values: _Array, turn: Circle | None) -> float:
    """The mean; of angles the direction of the mean of their unit vectors, since -3.1 and 3.1 rad lie about pi."""
    if turn is None:
        return float(np.mean(values))
    angles = math.tau / turn.period * values
    middle = math.atan2(float(np.mean(np.sin(angles))), float(np.mean(np.cos(angles)))) * turn.period / math.tau
    return (
        middle
        if turn.low <= middle < turn.high
        else middle + turn.period * math.ceil((turn.low - middle) / turn.period)
    )


def _rows(values: NDArray[np.generic]) -> _Array:
    """Shape (T * n, 1 or k)."""
    return np.asarray(values, dtype=np.float64).reshape(values.shape[0] * values.shape[1], -1)


def _lengths(changes: _Array) -> _Array:
    """Size of each change, shape (T * n,)."""
    return np.asarray(np.linalg.norm(_rows(changes), axis=1))
