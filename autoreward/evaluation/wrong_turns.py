"""The first error of a failed episode: the step at which it was nearest to its goal before it lost most of that again."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.tasks.card import Task
from autoreward.tasks.formulas.graded import GradedRule
from autoreward.tasks.staged import follow, rule_values

_LOST = 0.25
"""Share of the way to the goal whose loss is an error."""
_NEAR_START = 0.05
"""Share of an episode's largest miss that a condition is graded by where it starts nearer to holding."""


class WrongTurn(NamedTuple):
    """Where an episode goes wrong, in steps counted from 1."""

    step: int
    """After which it was nearest."""
    lost_by: int
    """After which it was furthest again."""
    near: float
    """Share of the way to the goal after `step`, in [0, 1]."""
    far: float

    @property
    def said(self) -> str:
        """In words."""
        return (
            f"goes wrong after step {self.step}: {self.near:.0%} of the way to the goal is done there, "
            f"{self.far:.0%} after step {self.lost_by}"
        )


def wrong_turn(task: Task, episode: Transitions) -> WrongTurn | None:
    """Where an episode, shape (L, 1), goes wrong; None where it meets the rule, or never came nearer and lost that."""
    if not task.ruled or follow(task, rule_values(task, episode, 0)).met:
        return None
    way = way_done(task, episode)
    best = np.maximum.accumulate(way)
    lost = best - way
    end = int(lost.argmax())
    if lost[end] < _LOST:
        return None
    begin = int(np.flatnonzero(way[: end + 1] == best[end])[-1])
    return WrongTurn(begin + 1, end + 1, float(way[begin]), float(way[end]))


def first_error(task: Task, episode: Transitions) -> str:
    """The same in words; empty where it does not go wrong."""
    turn = wrong_turn(task, episode)
    return turn.said if turn else ""


def way_done(task: Task, episode: Transitions) -> NDArray[np.float64]:
    """(L,): how much of the way to the goal is done after each step, in [0, 1]; of stages, those that are reached and of the next.

    A condition that is missed by d counts 1 - d / scale, the scale being what the episode misses it by after its first step.
    """
    values, length = rule_values(task, episode, 0), len(episode.step)
    reached = follow(task, values).reached
    robust = bool(task.success.stages)
    way = np.zeros(length)
    for place, (rule, distance) in enumerate(zip(task.stage_rules, task.stage_distances, strict=True)):
        graded = GradedRule(rule, distance, robust)
        misses = np.nan_to_num(graded.misses(values, length), nan=0.0, posinf=0.0)
        scales = np.maximum(misses[:, :1], _NEAR_START * misses.max(axis=1, keepdims=True))
        near = graded.closeness(misses, np.where(scales > 0.0, scales, 1.0), [1.0] * len(graded.conditions))
        since = reached[place] if robust else None
        way += near if since is None else np.where(np.arange(length) >= since, 1.0, near)
        if robust and since is None and not task.success.any_order:
            break
    return way / len(task.stage_rules)
