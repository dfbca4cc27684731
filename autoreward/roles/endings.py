"""How the episodes of one policy end: groups of like endings, in words, so that two episodes need not stand for all."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.records import Episode
from autoreward.roles.episode_tables import three_digits
from autoreward.tasks.card import Task

_TOLD = 5
"""Numbers of the last state that a group is told by; the first _SPLIT of them make the groups."""
_SPLIT = 3
_GAP = 0.3
"""Portion of how far a number gets in all of the episodes that must lie empty between two groups."""
_GROUPS = 4
"""Groups of one kind of ending at most."""


def endings(task: Task, episodes: Sequence[Episode], recorded: Transitions, rule_shown: bool) -> list[str]:
    """A line for each group: how many of the episodes, why they ended, between which values, and which starts they are."""
    names, last, span = _last_states(task, episodes, recorded, rule_shown)
    kinds: dict[str, list[int]] = {}
    for i, episode in enumerate(episodes):
        kinds.setdefault(_why(episode, task.ruled), []).append(i)
    lines = []
    for why, members in kinds.items():
        for group in _split(members, last[:, :_SPLIT] / span[:_SPLIT]):
            told = [f"{name} {_between(last[group, i], 1e-4 * span[i])}" for i, name in enumerate(names)]
            starts = ", ".join(map(str, group))
            lines.append(
                f"{len(group)} of {len(episodes)} {why}, after {_between(np.array([episodes[i].length for i in group]))} steps, "
                f"at {', '.join(told)} (starts {starts})"
            )
    return lines


def _why(episode: Episode, ruled: bool) -> str:
    if ruled and episode.success:
        return "succeeded"
    failed = " without success" if ruled else ""
    return f"ended by themselves{failed}" if episode.terminated else f"ran to the time limit{failed}"


def _last_states(
    task: Task, episodes: Sequence[Episode], recorded: Transitions, rule_shown: bool
) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    """Names of n numbers, those of the rule first where models may read it; (E, n): what they are at each episode's end; and (n,):
    how far each gets in all of the episodes.
    """
    ruled = task.ruled_names if task.ruled and rule_shown else frozenset()
    order = sorted(recorded.next_state, key=lambda name: (name not in ruled, recorded.next_state[name].ndim))
    columns: dict[str, NDArray[np.float64]] = {}
    for name in order:
        field = np.asarray(recorded.next_state[name], dtype=np.float64)
        flat = field[..., None] if field.ndim == 2 else field
        for k in range(flat.shape[2]):
            columns[name if field.ndim == 2 else f"{name}[{k}]"] = flat[..., k]
    names = list(columns)[:_TOLD]
    ends = [np.array([columns[name][e.length - 1, i] for i, e in enumerate(episodes)]) for name in names]
    spans = np.array([max(float(np.ptp(columns[name])), 1e-9) for name in names])
    return names, np.stack(ends, axis=1), spans


def _split(members: Sequence[int], scaled: NDArray[np.float64]) -> list[list[int]]:
    """Groups of members between which one number leaves a wide gap; the widest gap first."""
    groups = [list(members)]
    while len(groups) < _GROUPS:
        cuts = [(*_widest(group, scaled), group) for group in groups if len(group) > 1]
        if not cuts:
            break
        gap, column, threshold, group = max(cuts, key=lambda cut: cut[0])
        if gap < _GAP:
            break
        groups.remove(group)
        groups += [
            [i for i in group if scaled[i, column] <= threshold],
            [i for i in group if scaled[i, column] > threshold],
        ]
    return sorted(groups, key=lambda group: (-len(group), group))


def _widest(group: Sequence[int], scaled: NDArray[np.float64]) -> tuple[float, int, float]:
    """The widest gap of any number within a group, in which number, and the value below it."""
    values = np.sort(scaled[list(group)], axis=0)
    gaps = np.diff(values, axis=0)
    if not gaps.size:
        return 0.0, 0, 0.0
    row, column = np.unravel_index(int(gaps.argmax()), gaps.shape)
    return float(gaps[row, column]), int(column), float(values[row, column])


def _between(values: NDArray[np.float64], small: float = 0.0) -> str:
    low, high = three_digits(float(values.min()), small), three_digits(float(values.max()), small)
    return low if low == high else f"{low} to {high}"
