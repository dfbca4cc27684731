"""Limits over episodes, trainings and whole runs: who holds them, and by how much they are broken.

The rule, wherever policies are ranked: who breaks no limit comes before who breaks one, and of those who do the one that breaks
them least (Deb 2000, An efficient constraint handling method for genetic algorithms, section 3). A limit is broken where the whole
interval that noise leaves lies beyond its number.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from autoreward.evaluation.intervals import mean_interval
from autoreward.evaluation.legs import newest
from autoreward.records import Episode, LimitReading, Score
from autoreward.tasks.limits import StatedLimit


def of_episodes(limits: Mapping[str, StatedLimit], episodes: Sequence[Episode]) -> tuple[LimitReading, ...]:
    """Each limit over the episodes of one policy, one standard error to either side; nothing without an episode."""
    readings = []
    for name, limit in limits.items() if episodes else ():
        values = [episode.limits[name] for episode in episodes]
        if limit.over == "every step":
            worst = max(values) if limit.at_most is not None else min(values)
            readings.append(limit.reading(name, worst, worst, worst))
        else:
            mean, error = fmean(values), _error(values)
            readings.append(limit.reading(name, mean, mean - error, mean + error))
    return tuple(readings)


def over_trainings(scores: Sequence[Score]) -> tuple[LimitReading, ...]:
    """Each limit over the kept policies of some trainings, one standard error of their mean to either side.

    One training has the error of its episodes.
    """

    def joined(own: Sequence[LimitReading]) -> LimitReading:
        if len(own) == 1 or own[0].over == "every step":
            return _worst(own)
        mean, error = fmean(r.value for r in own), _error([r.value for r in own])
        return own[0].model_copy(update={"value": mean, "low": mean - error, "high": mean + error})

    return tuple(joined(own) for own in _by_limit(scores))


def on_fresh_seeds(scores: Sequence[Score]) -> tuple[LimitReading, ...]:
    """Each limit over the trainings of a confirmation, with the 95 % bootstrap interval of their mean."""
    return on_fresh_policies([score.limits for score in scores if score.outcome.ok])


def on_fresh_policies(policies: Sequence[Sequence[LimitReading]]) -> tuple[LimitReading, ...]:
    """The same, from what each policy's limits came to."""

    def joined(own: Sequence[LimitReading]) -> LimitReading:
        if len(own) == 1 or own[0].over == "every step":
            return _worst(own)
        mean = mean_interval([r.value for r in own])
        return own[0].model_copy(update={"value": mean.value, "low": mean.low, "high": mean.high})

    return tuple(joined(own) for own in _by_name(policies))


def violation(readings: Sequence[LimitReading]) -> float:
    """By how much limits are broken, summed over them; 0 exactly where none is."""
    return sum(reading.excess for reading in readings)


def holds_limits(scores: Sequence[Score]) -> bool:
    """Whether these trainings of one reward break no limit together."""
    return violation(over_trainings(scores)) == 0.0


def unheld(scores: Sequence[Score]) -> tuple[LimitReading, ...]:
    """The limits that no trained policy holds, not even within noise: each as the policy measured that breaks it least."""
    by_limit = _by_limit(list(newest(scores).values()))
    return tuple(min(own, key=lambda r: r.excess) for own in by_limit if all(r.broken for r in own))


def limits_clause(readings: Sequence[LimitReading]) -> str:
    """`; torque 1.2 held, speed 3.4 broken`, to go on a sentence with; empty without a limit."""
    return f"; {limits_cell(readings)}" if readings else ""


def limits_cell(readings: Sequence[LimitReading]) -> str:
    """`torque 1.2 held, speed 3.4 broken`; `-` without a limit."""
    return ", ".join(f"{r.name} {r.value:.3g} {r.word}" for r in readings) or "-"


def _by_limit(scores: Sequence[Score]) -> list[list[LimitReading]]:
    return _by_name([score.limits for score in scores if score.outcome.ok])


def _by_name(policies: Sequence[Sequence[LimitReading]]) -> list[list[LimitReading]]:
    by_name: dict[str, list[LimitReading]] = {}
    for reading in (reading for own in policies for reading in own):
        by_name.setdefault(reading.name, []).append(reading)
    return list(by_name.values())


def _worst(own: Sequence[LimitReading]) -> LimitReading:
    return max(own, key=lambda r: r.value if r.at_most is not None else -r.value)


def _error(values: Sequence[float]) -> float:
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
