"""Reward hacking: the reward is collected, and what it stood for is lost.

After Laidlaw, Singhal and Dragan 2025 (Correlated Proxies, arXiv 2403.03185): a reward that goes with the goal under a reference
policy is hacked by a policy that collects more of it and does worse at the goal than the reference. Two cases more count here: a
policy that does worse than it did itself before it went on collecting (Gao et al. 2023, arXiv 2210.10760), and one that learned to
collect and after a whole training is at the goal where nothing untrained is.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.evaluation.rank_correlation import spearman
from autoreward.records import Score, Symptom, Trial

EXPLOIT = "exploits_the_reward"
ROSE = 3.0
"""A training return that rose by this many times its noise was learned."""
ERRORS_APART = 2.0
"""Standard errors by which the goodness must differ."""
LOST = 0.05
"""Least difference of goodness, in graded progress, that counts as worse."""
WHOLE = 8
"""Checkpoints of a training from which on it is no beginning: only then does no progress at all say something."""
_FEW = 3
"""Checkpoints, and points of a return, below which nothing is said."""
Array = NDArray[np.float64]


class Untrained(NamedTuple):
    """What is known before a training: how good reference episodes are, and how a program's return goes with that."""

    goodness: tuple[float, ...] = ()
    """Graded progress, and 1 more for a success, of idle, constant and random episodes."""
    correlation: float | None = None
    """Rank correlation of the program's return with the goodness of all recorded episodes; None where it was not screened."""


class _Course(NamedTuple):
    """A training, checkpoint by checkpoint."""

    steps: tuple[int, ...]
    returns: Array
    """Mean training return in the stretch that ends there."""
    goodness: Array
    error: float
    """Standard error of one checkpoint's goodness."""


def exploits_the_reward(trial: Trial, score: Score, untrained: Untrained) -> Symptom | None:
    """The return rose beyond its noise, and the goodness at the end is below that of the reference, or of an earlier checkpoint
    while the return rose from there on, or after a whole training no better than chance and unrelated to the return."""
    rise, noise = _rise([p.episode_return for p in trial.curve if p.episode_return is not None])
    course = _course(trial, score)
    if rise < ROSE * noise or course is None:
        return None
    now, error = _late(course)
    chance, spread = _chance(untrained, course)
    margin = max(ERRORS_APART * math.hypot(error, spread), LOST)
    correlation = spearman(course.returns, course.goodness)
    level = _smoothed(course.goodness)
    peak = int(level.argmax())
    fell = level[peak] - now > max(ERRORS_APART * math.hypot(error, course.error), LOST)
    went_on = course.returns[-_third(course.returns) :].mean() - course.returns[peak] > ERRORS_APART * noise
    if now < chance - margin:
        what = f"goodness is {now:.2f}, below the {chance:.2f} of untrained episodes"
    elif fell and went_on:
        what = f"goodness fell from {level[peak]:.2f} after {course.steps[peak]:,} steps to {now:.2f}"
    elif len(course.steps) >= WHOLE and abs(now - chance) <= margin and not _related(correlation, len(course.steps)):
        what = f"goodness stayed at {now:.2f}, where untrained episodes are ({chance:.2f})"
    else:
        return None
    before = "" if untrained.correlation is None else f"{untrained.correlation:+.2f} over the recorded episodes and "
    return Symptom(
        name=EXPLOIT,
        evidence=f"the training return rose by {rise / noise:.0f} times its noise while {what}; rank correlation of return with "
        f"goodness {before}{correlation:+.2f} over the checkpoints",
        advice="What it collects is not the goal. Look for the part that grew, and for what it pays away from the goal.",
        severity=0.95,
    )


def _rise(curve: Sequence[float]) -> tuple[float, float]:
    """How far the late third of the return is above its beginning, and its noise: of one point, from step to step."""
    if len(curve) < 2 * _FEW:
        return 0.0, 1.0
    returns = np.array(curve)
    rise = returns[-_third(returns) :].mean() - returns[: max(1, len(returns) // 10)].mean()
    noise = max(_jitter(returns), 1e-3 * float(np.ptp(returns)), 1e-9)
    return float(rise), noise


def _related(correlation: float, count: int) -> bool:
    """Whether a rank correlation is no accident: its standard error is 1 / sqrt(n - 1) where nothing is related."""
    return correlation * math.sqrt(count - 1) >= ERRORS_APART


def _jitter(values: Array) -> float:
    """Standard deviation of one value around a curve that bends little from one to the next."""
    return 1.4826 * float(np.median(np.abs(np.diff(values)))) / math.sqrt(2.0)


def _smoothed(values: Array) -> Array:
    """Running median of three: one lucky checkpoint is no peak."""
    padded = np.concatenate([values[:1], values, values[-1:]])
    return np.asarray(np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0))


def _third(values: Array) -> int:
    return max(1, len(values) // 3)


def _course(trial: Trial, score: Score) -> _Course | None:
    """The checkpoints with the return before each; None if there are too few."""
    known = [(p.step, p.episode_return) for p in trial.curve if p.episode_return is not None]
    rows, last = [], 0
    for point in score.checkpoints:
        stretch = [value for step, value in known if last < step <= point.step]
        if stretch:
            rows.append((point.step, float(np.mean(stretch)), point.progress + point.success))
        last = point.step
    if len(rows) < _FEW:
        return None
    steps, returns, goodness = zip(*rows, strict=True)
    episodes = max(len(score.episodes), 1)
    rate = float(np.mean([c.success for c in score.checkpoints]))
    sampling = math.sqrt(max(rate, 0.5 / episodes) * (1.0 - rate) / episodes) if score.episodes else 0.0
    error = max(sampling, _jitter(np.array(goodness)))
    return _Course(steps, np.array(returns), np.array(goodness), error)


def _late(course: _Course) -> tuple[float, float]:
    """Mean goodness of the last third of the checkpoints, and its standard error."""
    late = course.goodness[-_third(course.goodness) :]
    return float(late.mean()), course.error / math.sqrt(len(late))


def _chance(untrained: Untrained, course: _Course) -> tuple[float, float]:
    """Goodness of untrained episodes and its standard error; of the first checkpoint where none were recorded."""
    if len(untrained.goodness) < _FEW:
        return float(course.goodness[0]), course.error
    values = np.array(untrained.goodness)
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))
