"""Policies under variation: what is drawn for their episodes, and what a range's parts come to."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from autoreward.evaluation.intervals import interquartile_mean
from autoreward.evaluation.limits import of_episodes, on_fresh_policies
from autoreward.records import Episode, Estimate, RangePart, VariedEpisodes, VariedRange, VariedReward
from autoreward.tasks.card import Task

RANGE_PARTS = 3
"""Of a range; of a few whole numbers each is a part."""
_FEW = 5
_ALMOST = 1.0 - 2.0**-53
"""The largest number below 1."""


def even_shares(seed: int, count: int, ranges: int) -> tuple[tuple[float, ...], ...]:
    """`count` points of a Latin hypercube, each with a share in [0, 1) of each range.

    Every range is cut into `count` equal pieces, and each piece has one point (McKay, Beckman & Conover 1979), so that the parts
    of a range have as many episodes as each other.
    """
    random = np.random.default_rng(seed)
    columns = [(random.permutation(count) + random.random(count)) / count for _ in range(ranges)]
    return tuple(tuple(min(float(column[i]), _ALMOST) for column in columns) for i in range(count))


def varied_reward(
    task: Task,
    who: str,
    role: Literal["winner", "baseline"],
    variations: Sequence[VariedRange],
    policies: Sequence[VariedEpisodes],
) -> VariedReward:
    """What the policies of one reward, at least one, come to; all were given the same values."""
    plain, varied = [_rate(p.plain) for p in policies], [_rate(p.varied) for p in policies]
    return VariedReward(
        who=who,
        role=role,
        plain_success=tuple(plain),
        varied_success=tuple(varied),
        plain=_estimate(plain),
        varied=_estimate(varied),
        plain_limits=on_fresh_policies([of_episodes(task.limits, p.plain) for p in policies]),
        varied_limits=on_fresh_policies([of_episodes(task.limits, p.varied) for p in policies]),
        parts=tuple(part for variation in variations for part in _parts(variation, policies)),
    )


def _parts(variation: VariedRange, policies: Sequence[VariedEpisodes]) -> list[RangePart]:
    name, low, high = variation.name, variation.low, variation.high
    values = np.array([own[name] for own in policies[0].values])
    whole = name in policies[0].whole
    size = high - low + 1.0 if whole else high - low
    count = int(size) if whole and size <= _FEW else RANGE_PARTS
    of = np.minimum(((values - low) / size * count).astype(int), count - 1)
    found = []
    for number in range(count):
        own = np.flatnonzero(of == number).tolist()
        if not own:
            continue
        ends = (low + number * size / count, low + (number + 1) * size / count)
        begin, end = (float(values[own].min()), float(values[own].max())) if whole else ends
        rates = [_rate([p.varied[i] for i in own]) for p in policies]
        found.append(RangePart(name=name, low=begin, high=end, episodes=len(own), success=_estimate(rates)))
    return found


def _rate(episodes: Sequence[Episode]) -> float:
    return sum(e.success for e in episodes) / len(episodes)


def _estimate(rates: Sequence[float]) -> Estimate:
    return Estimate(**interquartile_mean(rates)._asdict())
