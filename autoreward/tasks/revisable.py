"""Training settings that a search may change beside a reward, and within which bounds.

Few, by which a right reward is most often lost: the step, the horizon, what exploration is worth, and how far an update goes. What
says how many steps lie between two updates is not among them, nor is what changes a network: trainings stay alike in their cost,
and policies in their form.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from autoreward.records.base import Hyperparameter
from autoreward.tasks.algorithms import AlgorithmName
from autoreward.tasks.card import Task

_CLIPPED: tuple[AlgorithmName, ...] = ("PPO", "RecurrentPPO", "MaskablePPO")
_ON_POLICY: tuple[AlgorithmName, ...] = (*_CLIPPED, "A2C")


class SettingBounds(NamedTuple):
    """What a setting may become."""

    low: float
    high: float
    whole: bool = False
    """An integer."""
    of: tuple[AlgorithmName, ...] = ()
    """Algorithms that have it; empty: all."""


_REVISABLE: Mapping[str, SettingBounds] = {
    "learning_rate": SettingBounds(1e-5, 1e-2),
    "gamma": SettingBounds(0.8, 0.9999),
    "ent_coef": SettingBounds(0.0, 0.1, of=_ON_POLICY),
    "gae_lambda": SettingBounds(0.5, 1.0, of=_ON_POLICY),
    "clip_range": SettingBounds(0.05, 0.5, of=_CLIPPED),
    "n_epochs": SettingBounds(1, 30, whole=True, of=_CLIPPED),
}


def revisable(task: Task) -> dict[str, SettingBounds]:
    """The settings of the task's algorithm that may be changed."""
    return {name: b for name, b in _REVISABLE.items() if not b.of or task.train.algorithm in b.of}


def revised(task: Task, proposed: Mapping[str, Any]) -> tuple[dict[str, Hyperparameter], tuple[str, ...]]:
    """What of some proposed settings may be used, and a sentence for each that may not."""
    known = revisable(task)
    usable: dict[str, Hyperparameter] = {}
    faults = []
    for name, value in proposed.items():
        bounds = known.get(name)
        if bounds is None:
            faults.append(f"{name} is no setting that may be changed: {', '.join(known)} are")
        elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            faults.append(f"{name} is no number")
        elif not bounds.low <= value <= bounds.high:
            faults.append(f"{name} = {value:g} is not within {bounds.low:g} to {bounds.high:g}")
        elif bounds.whole and value != int(value):
            faults.append(f"{name} = {value:g} is no whole number")
        else:
            usable[name] = int(value) if bounds.whole else float(value)
    return usable, tuple(faults)
