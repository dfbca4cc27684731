"""Named symptoms: small pure functions of records, each with a threshold, evidence in numbers, and advice."""

from collections.abc import Callable, Sequence

import numpy as np

from autoreward.evaluation.hacking import Untrained, exploits_the_reward
from autoreward.records import Candidate, CompositionName, Episode, LimitReading, PartStats, Score, Symptom, Trial
from autoreward.tasks.card import Task

DOMINATES = 0.8
"""A part with at least this share of the summed |parts| drowns the others."""
RARE = 0.05
"""A part on one side of 0 whose mean is at most this share of its peak is paid at few steps."""
ADDED: tuple[CompositionName, ...] = ("sum", "bounded")
"""Compositions that add the parts up: there the sizes of parts can be held against each other."""
RISING = 2.0
"""The return still rises if its last step exceeds this many times the noise around its trend."""
EARLY = 0.5
"""An episode that ends by itself before this share of the time limit died early."""
STILL = 0.003
"""Mean normalised change of the state per step below which a policy stands still."""
_MOST = 0.5
"""Share of the episodes in which something must happen to be called a symptom."""
DIFFER = 0.3
"""Difference of the success rates of two trainings of one program that is worth saying."""
_LOST = 0.3
"""Drop of the success rate from a checkpoint to the last one that counts as a lost solution."""


def never_reaches(task: Task, episodes: Sequence[Episode]) -> Symptom | None:
    """No held-out episode meets the goal's condition at any step. Of stages `stops_at_a_stage` says more."""
    if not episodes or task.success.stages or any(e.reached for e in episodes):
        return None
    progress = _mean([e.progress for e in episodes])
    return Symptom(
        name="never_reaches",
        evidence=f"0 of {len(episodes)} episodes met `{task.success.when}` at any step; mean progress {progress:.2f} of 1",
        advice="See how far it came, and whether any part pays for the next bit of the way from there.",
        severity=1.0,
    )


def stops_at_a_stage(task: Task, episodes: Sequence[Episode]) -> Symptom | None:
    """Most held-out episodes reach the same stages and not the next one; in any order, lack the same one."""
    stages = task.success.stages
    lacking = [next((j for j, step in enumerate(e.stage_steps) if not step), None) for e in episodes]
    open_at = [j for j in lacking if j is not None]
    if not stages or len(open_at) < _MOST * len(episodes) or not open_at:
        return None
    j = max(dict.fromkeys(open_at), key=open_at.count)
    stopped = open_at.count(j)
    where = "lack" if task.success.any_order else "stop at"
    also = [f"{open_at.count(k)} at {stages[k].name}" for k in sorted(set(open_at)) if k != j]
    return Symptom(
        name="stops_at_a_stage",
        evidence=f"{stopped} of {len(episodes)} episodes {where} stage {j + 1}/{len(stages)}, {stages[j].name}: `{stages[j].when}`"
        + (f" ({', '.join(also)})" if also else ""),
        advice="See what they do from where the stage before was reached, and whether any part pays for the way from there.",
        severity=1.0 if len(open_at) == len(episodes) else 0.8,
    )


def breaks_what_must_hold(task: Task, episodes: Sequence[Episode]) -> Symptom | None:
    """In most episodes what must always hold does not, at some step."""
    broken = [e for e in episodes if e.always < 1.0]
    if not broken or len(broken) < _MOST * len(episodes):
        return None
    return Symptom(
        name="breaks_what_must_hold",
        evidence=f"in {len(broken)} of {len(episodes)} episodes `{task.success.always}` did not hold at every step; it held at "
        f"{_mean([e.always for e in broken]):.0%} of theirs",
        advice="Compare what breaking it pays with what it costs.",
        severity=0.9,
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
        f"others held it in {held:.0%} of the {task.success.plan[-1].within}",
        advice="Compare what staying there pays with what leaving, or coming back, pays.",
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
        advice="Compare what the steps until the end pay with what going on would: where steps cost, an early end is cheap.",
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
        advice="Compare what resting there pays with what moving costs on the way to where more is paid.",
        severity=0.7,
    )


def one_part_dominates(parts: Sequence[PartStats], composition: CompositionName = "sum") -> Symptom | None:
    """One of the parts that are paid all along makes up nearly all of the reward's size.

    Says nothing of parts that are rare, whose weight is in their peak, and where parts are not added up: of a potential only
    the change is paid, in a product each scales the others, and of signs the size does not count.
    """
    steady = [p for p in parts if not rare(p)]
    whole = sum(p.share for p in steady)
    if composition not in ADDED or len(steady) < 2 or whole <= 0.0:
        return None
    largest = max(steady, key=lambda p: p.share)
    if largest.share < DOMINATES * whole:
        return None
    others = ", ".join(f"{p.name} {p.share / whole:.1%}" for p in steady if p is not largest)
    return Symptom(
        name="one_part_dominates",
        evidence=f"{largest.name} is {largest.share / whole:.0%} of the summed size of what is paid at most steps (mean "
        f"{largest.mean:.3g}); {others}",
        advice="The smaller parts change what is learned only where this one makes no difference. That may be meant.",
        part=largest.name,
        severity=0.3,
    )


def rare(part: PartStats) -> bool:
    """Whether a part is paid at few steps, such as a bonus or the price of an end: its mean is far below its peak on one side
    of 0, or it was not paid at all."""
    peak = max(abs(part.low), abs(part.high))
    return peak == 0.0 or (part.low * part.high == 0.0 and abs(part.mean) <= RARE * peak)


def flat_parts(parts: Sequence[PartStats], composition: CompositionName = "sum") -> tuple[Symptom, ...]:
    """Parts that never changed. A note: what a part is for may not have happened yet, or no longer happens.

    Silent about a part that is the same other than 0 at every step, which is a pay or price of time, and of a product's parts,
    which are gates.
    """
    if composition == "product":
        return ()
    return tuple(
        Symptom(
            name="flat_part",
            evidence=f"{p.name} was 0 throughout the last stretch of training",
            advice="So it is for a bonus that was never earned and for a price that was never due. If it should guide the policy, "
            "it says nothing where the policy is.",
            part=p.name,
            severity=0.1,
        )
        for p in parts
        if p.std == 0.0 and p.mean == 0.0
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
        advice="More steps may change what it does.",
        severity=0.2,
    )


def loses_its_solution(score: Score) -> Symptom | None:
    """An earlier checkpoint was much better than the last one."""
    if len(score.checkpoints) < 2:
        return None
    top = max(score.checkpoints, key=lambda c: c.success)
    last = score.checkpoints[-1]
    if top.success - last.success < _LOST:
        return None
    return Symptom(
        name="loses_its_solution",
        evidence=f"success was {top.success:.2f} after {top.step:,} steps and {last.success:.2f} after {last.step:,}",
        advice="Compare what the solution pays with what it was left for; a training can also lose one by itself.",
        severity=0.5,
    )


def breaks_limits(limits: Sequence[LimitReading]) -> Symptom | None:
    """The kept policy goes beyond a limit of the card by more than noise explains."""
    broken = [reading for reading in limits if reading.broken]
    if not broken:
        return None
    return Symptom(
        name="breaks_limits",
        evidence=f"beyond the limit in held-out episodes: {', '.join(r.said for r in broken)}",
        advice="Who breaks a limit is ranked behind everybody who does not: let going beyond it cost as it happens.",
        severity=0.8,
    )


def seeds_differ(scores: Sequence[Score]) -> Symptom | None:
    """The same program succeeded on one training seed and not on another."""
    rates = [s.success for s in scores if s.ruled]
    if len(rates) < 2 or max(rates) - min(rates) < DIFFER:
        return None
    return Symptom(
        name="seeds_differ",
        evidence="success by training: " + ", ".join(f"{s.trial_id} {s.success:.2f}" for s in scores if s.ruled),
        advice="What one training shows need not be the program's doing.",
        severity=0.25,
    )


def all_symptoms(
    task: Task, candidate: Candidate, trial: Trial, score: Score | None, max_steps: int, untrained: Untrained
) -> tuple[Symptom, ...]:
    """Every symptom of one training, gravest first."""
    parts = next((p.parts for p in reversed(trial.curve) if p.parts), ())
    episodes = score.episodes if score and score.ruled else ()
    judged = score if score and score.ruled else None
    of_episodes: tuple[Callable[[], Symptom | None], ...] = (
        lambda: never_reaches(task, episodes),
        lambda: stops_at_a_stage(task, episodes),
        lambda: breaks_what_must_hold(task, episodes),
        lambda: reaches_but_does_not_stay(task, episodes),
        lambda: dies_early(episodes, max_steps),
        lambda: stands_still(episodes),
        lambda: one_part_dominates(parts, candidate.composition),
        lambda: still_improving(trial),
        lambda: breaks_limits(score.limits) if score else None,
        lambda: loses_its_solution(judged) if judged else None,
        lambda: exploits_the_reward(trial, judged, untrained) if judged else None,
    )
    symptoms = [s for s in (make() for make in of_episodes) if s is not None]
    return in_order_of_gravity((*symptoms, *flat_parts(parts, candidate.composition)))


def in_order_of_gravity(symptoms: Sequence[Symptom]) -> tuple[Symptom, ...]:
    """Gravest first."""
    return tuple(sorted(symptoms, key=lambda s: (-s.severity, s.name, s.part)))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
