"""The sum, against a price on the card's limits that the training finds: Lagrange multipliers by dual ascent.

A policy is to earn as much as it can and break no limit. Each limit has a multiplier, which rises by as much as the limit is broken
and falls where there is room (Tessler, Mankowitz and Mannor 2019, Reward Constrained Policy Optimization, arXiv 1805.11074); the
whole is divided by one more than their sum, so that the size of a reward does not grow with its prices (Stooke, Achiam and Abbeel
2020, Responsive Safety in RL by PID Lagrangian Methods, arXiv 2007.03964, section 6).

All multipliers begin at 0: before a training the reward is the plain sum. A policy is kept with those that its checkpoint had.
"""

from collections.abc import Mapping
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from autoreward.records import Setup
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose.composition import Array, Elementwise, Fixed

RATE = 1.0
"""What a multiplier moves by where episodes are as far beyond a limit as when the warm-up ended."""
WARM_UP = 5
"""Rollouts before the first move: their episodes are of chance."""
LARGEST_MULTIPLIER = 100.0
"""The largest multiplier."""


def composed(
    parts: Parts, before: Array | float, terminated: NDArray[np.bool_] | bool, fixed: Fixed
) -> tuple[Array, Array | float]:
    """(sum of the program's parts - size * sum of multiplier * cost) / (1 + sum of multipliers)."""
    multipliers = fixed["multipliers"]
    total = reduce(np.add, [part for name, part in parts.items() if name not in multipliers])
    price = reduce(np.add, [number * parts[name] for name, number in multipliers.items()], np.zeros_like(total))
    return (total - fixed["size"] * price) / (1.0 + sum(multipliers.values())), before


def step_cost(value: Array | float, bound: float, side: float, size: float, each: bool) -> Array:
    """What steps cost under a limit, as shares of its number: how far beyond it they are.

    Args:
        value: the limit's value after each step; what is no number costs the most, 10: a simulator that breaks pays no more.
        bound: the number.
        side: 1 for at most, -1 for at least.
        size: of the number; 1 where that is 0, and for a share.
        each: whether the limit is about the largest value, so that one step can't make up for another: then what is within
            it costs nothing. Otherwise it is negative.
    """
    with np.errstate(all="ignore"):
        beyond = side * (np.asarray(value, dtype=np.float64) - bound) / size
    return np.clip(np.nan_to_num(beyond, nan=10.0), 0.0 if each else -10.0, 10.0)


def ascended(multipliers: Mapping[str, float], beyond: Mapping[str, float]) -> dict[str, float]:
    """The multipliers after one step of dual ascent; `beyond`: how far the last episodes were beyond each limit, in its unit."""
    return {
        name: float(np.clip(number + RATE * beyond[name], 0.0, LARGEST_MULTIPLIER))
        for name, number in multipliers.items()
    }


def _fault(setup: Setup, parts: Parts) -> str:
    if not setup.limits:
        return "the task's card has no limits to hold: write a [limits] table into it, or choose another composition"
    if setup.replays:
        return (
            "the task's algorithm learns from a replay buffer, whose rewards stay as they were while multipliers move: train with "
            "PPO or A2C, or choose another composition"
        )
    return ""


LAGRANGE = Elementwise(
    "all parts added up, against a price on breaking each of the task's limits, which rises while a limit is broken and falls "
    "while it is held: parts need not speak of limits themselves",
    "(sum(parts.values()) - size * sum(mu[name] * cost[name] for name in mu)) / (1 + sum(mu.values()))",
    composed,
    _fault,
)
