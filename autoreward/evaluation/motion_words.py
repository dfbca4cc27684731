"""What an episode does, in a few words and without a model: what stays, what shakes, what goes where, how it ends."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions

STANDS = 0.05
"""Share of what was recorded of a number within which it stays where it is."""
TURNS = 0.25
"""Turns per step from which a number shakes."""
SWINGS = 4
"""Turns from which it goes back and forth."""
CLAUSES = 4
"""Numbers of the state that are told of: those that are furthest from where episodes usually are first."""
MOSTLY = 0.9
"""Share of the steps in which an action is the same, to be told of."""
Array = NDArray[np.float64]


def motion_in_words(episode: Transitions, recorded: Transitions) -> str:
    """An episode (T, 1) beside all that were recorded (T', n): one line, without a stop at its end."""
    known = _numbers(recorded)
    there = recorded.step > 0
    told: list[tuple[float, str]] = []
    for name, values in _numbers(episode).items():
        usual = known[name][there]
        span = float(np.ptp(usual))
        if span > 0.0:
            late = values[len(values) // 2 :, 0]
            odd = abs(float(np.median(late)) - float(np.median(usual))) / span
            told.append((odd, f"`{name}` {_moves(values[:, 0], late, span)}"))
    told.sort(key=lambda pair: -pair[0])
    clauses = [words for _, words in told[:CLAUSES]] + _acts(episode)
    length = len(episode.step)
    end = "it ends by itself" if episode.terminated[-1, 0] else "it is cut off"
    return f"{'; '.join(clauses)}; {end} after {length} step{'s' * (length != 1)}"


def _moves(values: Array, late: Array, span: float) -> str:
    if float(np.ptp(late)) <= STANDS * span:
        stays = f"stays at {_said(float(np.median(late)))}"
        return stays if abs(values[0] - late[0]) <= STANDS * span else f"goes from {_said(values[0])} and {stays}"
    turns = _turns(values, 0.01 * span)
    between = f"between {_said(float(values.min()))} and {_said(float(values.max()))}"
    if turns >= TURNS * len(values) and turns >= SWINGS:
        return f"shakes {between}"
    if turns >= SWINGS:
        return f"goes back and forth {turns} times {between}"
    return f"goes from {_said(values[0])} to {_said(values[-1])}"


def _turns(values: Array, least: float) -> int:
    """How often it changes its direction, by steps of more than `least`."""
    moved = np.diff(values)
    signs = np.sign(moved[np.abs(moved) > least])
    return int((signs[1:] != signs[:-1]).sum())


def _acts(episode: Transitions) -> list[str]:
    """Actions that are nearly always the same."""
    said = []
    for name, values in _flat(episode.action).items():
        kinds, counts = np.unique(np.round(values[:, 0], 3), return_counts=True)
        if counts.max() >= MOSTLY * len(values):
            share = counts.max() / len(values)
            said.append(f"the action `{name}` is {_said(float(kinds[counts.argmax()]))} in {share:.0%} of the steps")
    return said[:2]


def _numbers(batch: Transitions) -> dict[str, Array]:
    return _flat(batch.next_state)


def _flat(fields: Mapping[str, NDArray[np.float64]]) -> dict[str, Array]:
    """Each number by its name, (T, n): a vector's by `name[i]`."""
    numbers: dict[str, Array] = {}
    for name, values in fields.items():
        if values.ndim == 2:
            numbers[name] = np.asarray(values, dtype=np.float64)
        else:
            whole = values.reshape(*values.shape[:2], -1)
            numbers |= {f"{name}[{i}]": np.asarray(whole[:, :, i], dtype=np.float64) for i in range(whole.shape[2])}
    return numbers


def _said(value: float) -> str:
    return f"{value:.3g}"
