"""Named symptoms: small pure functions of records, each with a threshold, evidence in numbers, and advice."""

from collections.abc import Callable, Sequence

import numpy as np

from autoreward.records import Episode, PartStats, Score, Symptom, Trial
from autoreward.tasks.card import Task

DOMINATES = 0.8
"""A part with at least this share of the summed |parts| drowns the others."""
FLAT = 1e-6
"""A part whose standard deviation is below this share of its size is constant."""
RISING = 2.0
"""The return still rises if its last step exceeds this many times the noise around its trend."""
EARLY = 0.5
"""An episode that ends by itself before this share of the time limit died early."""
STILL = 0.003
"""Mean normalised change of the state per step below which a policy stands still."""
_MOST = 0.5
"""Share of the episodes in which something must happen to be called a symptom."""
EXPLOIT = "exploits_the_reward"
_GROWTH = 3.0
"""A training return that grew by this many times its noise was learned."""
LOST = 0.3
"""Drop of the success rate from a checkpoint to the last one that counts as a lost solution."""


def never_reaches(task: Task, episodes: Sequence[Episode]) -> Symptom | None:
    """No held-out episode meets the goal's condition at any step."""
    if not episodes or any(e.reached for e in episodes):
        return None
    progress = _mean([e.progress for e in episodes])
    return Symptom(
        name="never_reaches",
        evidence=f"0 of {len(episodes)} episodes met `{task.success.when}` at any step; mean progress {progress:.2f} of 1",
        advice="Give a signal all the way to the goal: reward coming nearer, widen the shape's scale, or reward the speed "
        "that a swing needs.",
        severity=1.0,
    )


def reaches_but_does_not_stay(task: Task, episodes: Sequence[Episode]) -> Symptom | None:
    """Most episodes meet the condition at some step, few hold it as long as they must."""
    reached = [e for e in episodes if e.reached]
    failed = [e for e in reached if not e.success]
    if task.success.window <= 1 or not episodes or len(failed) < _MOST * len(episodes):
        return None
    held = _mean([e.held for e in failed])
    return Symptom(
        name="reaches_but_does_not_stay",
        evidence=f"{len(reached)} of {len(episodes)} episodes met the condition, {len(reached) - len(failed)} held it; the "
        f"others held it in {held:.0%} of the {task.success.within}",
        advice="Reward being there at every step, damp speeds near the goal, and make leaving cost more than staying.",
        severity=0.8,
    )


def dies_early(episodes: Sequence[Episode], max_steps: int) -> Symptom | None:
    """Most episodes end by themselves, without success, in the first half of the time limit."""
    dead = [e for e in episodes if e.terminated and not e.success and e.length < EARLY * max_steps]
    if not episodes or len(dead) < _MOST * len(episodes):
        return None
    return Symptom(
        name="dies_early",
        evidence=f"{len(dead)} of {len(episodes)} episodes ended by themselves after {_mean([e.length for e in dead]):.0f} of "
        f"{max_steps} steps without success",
        advice="Check whether per-step costs make ending cheaper than living: pay for each step survived, or charge the end.",
        severity=0.9,
    )


def stands_still(episodes: Sequence[Episode]) -> Symptom | None:
    """The state hardly changes in most failed episodes."""
    still = [e for e in episodes if not e.success and e.movement < STILL]
    if not episodes or len(still) < _MOST * len(episodes):
        return None
    return Symptom(
        name="stands_still",
        evidence=f"in {len(still)} of {len(episodes)} episodes the state changed by {_mean([e.movement for e in still]):.4f} "
        "standard deviations a step",
        advice="Lower the cost of acting and of speed, and reward progress rather than place.",
        severity=0.7,
    )


def one_part_dominates(parts: Sequence[PartStats]) -> Symptom | None:
    """One part makes up nearly all of the reward's size."""
    if len(parts) < 2:
        return None
    largest = max(parts, key=lambda p: p.share)
    if largest.share < DOMINATES:
        return None
    return Symptom(
        name="one_part_dominates",
        evidence=f"{largest.name} is {largest.share:.0%} of the summed size of {len(parts)} parts (mean {largest.mean:.3g})",
        advice=f"Scale {largest.name} down, or the others up, until each can change the policy's mind.",
        part=largest.name,
        severity=0.4,
    )


def flat_parts(parts: Sequence[PartStats]) -> tuple[Symptom, ...]:
    """Parts that never change tell the policy nothing."""
    return tuple(
        Symptom(
            name="flat_part",
            evidence=f"{p.name} stayed at {p.mean:.3g} (standard deviation {p.std:.2g}) in the last stretch of training",
            advice=f"Drop {p.name}, or move its scale to where the policy is.",
            part=p.name,
            severity=0.2,
        )
        for p in parts
        if p.std <= FLAT * max(1.0, abs(p.mean))
    )


def still_improving(trial: Trial) -> Symptom | None:
    """The training return rises through the last quarter by more than its noise."""
    returns = [p.episode_return for p in trial.curve if p.episode_return is not None]
    last = np.asarray(returns[-max(3, len(returns) // 4) :])
    if len(returns) < 8:
        return None
    steps = np.arange(len(last))
    slope, intercept = np.polyfit(steps, last, 1)
    noise = float(np.std(last - (slope * steps + intercept)))
    rise = float(slope * (len(last) - 1))
    if rise <= RISING * noise or rise <= 0.02 * float(np.ptp(returns)):
        return None
    return Symptom(
        name="still_improving",
        evidence=f"the training return rose by {rise:.3g} over the last {len(last)} of {len(returns)} points (noise {noise:.3g})",
        advice="It may only need more steps; keep the design and change little.",
        severity=0.3,
    )


def loses_its_solution(score: Score) -> Symptom | None:
    """An earlier checkpoint was much better than the last one."""
    if len(score.checkpoints) < 2:
        return None
    top = max(score.checkpoints, key=lambda c: c.success)
    last = score.checkpoints[-1]
    if top.success - last.success < LOST:
        return None
    return Symptom(
        name="loses_its_solution",
        evidence=f"success was {top.success:.2f} after {top.step:,} steps and {last.success:.2f} after {last.step:,}",
        advice="Make the reward of holding the goal larger than what the policy leaves it for, and damp speeds.",
        severity=0.5,
    )


def exploits_the_reward(trial: Trial, score: Score) -> Symptom | None:
    """The policy learned to collect the reward, and does nothing that the goal asks for: progress falls while return grows."""
    returns = [p.episode_return for p in trial.curve if p.episode_return is not None]
    if len(returns) < 6 or score.success > 0.0 or len(score.checkpoints) < 3:
        return None
    third = len(returns) // 3
    early, late = np.asarray(returns[:third]), np.asarray(returns[-third:])
    noise = max(float(np.std(early)), float(np.std(late)), 1e-9)
    growth = (late.mean() - early.mean()) / noise
    begin, end = score.checkpoints[0].progress, score.checkpoints[-1].progress
    if growth < _GROWTH or end > begin - 0.05:
        return None
    return Symptom(
        name=EXPLOIT,
        evidence=f"the training return grew by {growth:.0f} times its noise while progress fell from {begin:.2f} to {end:.2f}",
        advice="What it collects is not the goal: cap the part that grew, or make it worth nothing away from the goal.",
        severity=0.95,
    )


def all_symptoms(task: Task, trial: Trial, score: Score | None, max_steps: int) -> tuple[Symptom, ...]:
    """Every symptom of one trial, gravest first."""
    parts = next((p.parts for p in reversed(trial.curve) if p.parts), ())
    episodes = score.episodes if score and score.ruled else ()
    of_episodes: tuple[Callable[[], Symptom | None], ...] = (
        lambda: never_reaches(task, episodes),
        lambda: reaches_but_does_not_stay(task, episodes),
        lambda: dies_early(episodes, max_steps),
        lambda: stands_still(episodes),
        lambda: one_part_dominates(parts),
        lambda: still_improving(trial),
        lambda: loses_its_solution(score) if score else None,
        lambda: exploits_the_reward(trial, score) if score else None,
    )
    symptoms = [s for s in (make() for make in of_episodes) if s is not None]
    return tuple(sorted((*symptoms, *flat_parts(parts)), key=lambda s: (-s.severity, s.name, s.part)))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
