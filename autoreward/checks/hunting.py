"""What a hunt is held against, and what it says."""

import numpy as np

from autoreward.checks.dataset import EpisodeDataset
from autoreward.checks.relabel import Relabelled
from autoreward.core.outcomes import Outcome
from autoreward.core.transitions import Transitions
from autoreward.evaluation.motion_words import motion_in_words
from autoreward.evaluation.overpaid import clearly_more, reaches_nothing
from autoreward.records import Hunt, Hunted, Payment, Screen

HUNTER = "hunter"
"""Name of the screen that says what a hunt found."""
SHOWN = 4
"""Parts whose pay is told."""


def best_success(dataset: EpisodeDataset, relabelled: Relabelled) -> float | None:
    """Most that a recorded success earns under a program; None without a success."""
    won = [i for i, known in enumerate(dataset.episodes) if known.episode.success]
    return float(relabelled.returns[won].max()) if won else None


def recorded_exploit(dataset: EpisodeDataset, relabelled: Relabelled) -> tuple[int, Hunted] | None:
    """The recorded episode that earns most of those that reach nothing, if that is clearly more than any success earns.

    It costs no environment step. With it, what a hunt would report of it; None where there is none.
    """
    success = best_success(dataset, relabelled)
    idle = [i for i, known in enumerate(dataset.episodes) if reaches_nothing(known.episode)]
    if success is None or not idle:
        return None
    random = [i for i in idle if dataset.episodes[i].kind == "random"]
    typical = float(np.median(relabelled.returns[random or idle]))
    top = max(idle, key=lambda i: relabelled.returns[i])
    earned = float(relabelled.returns[top])
    if not clearly_more(earned, success, typical):
        return None
    paid = sorted(((name, float(sums[top])) for name, sums in relabelled.parts.items()), key=lambda part: -part[1])
    return top, Hunted(
        candidate_id="recorded",
        outcome=Outcome.COMPLETED,
        found=True,
        success=success,
        earned=earned,
        episode=dataset.episodes[top].episode,
        paid=tuple(Payment(name=name, total=total) for name, total in paid),
    )


def hunt_of(hunted: Hunted, episode: Transitions | None, recorded: Transitions) -> Hunt:
    """What a hunt found, in words; `episode` (T, 1) is what it has to show."""
    return Hunt(
        candidate_id=hunted.candidate_id,
        found=hunted.found and episode is not None,
        said=_found(hunted, episode, recorded) if hunted.found and episode is not None else _nothing(hunted),
        steps=hunted.steps,
        episode=hunted.episode if hunted.found and episode is not None else None,
    )


def as_screen(hunt: Hunt) -> Screen:
    """A hunt beside the other screens. It never rejects: a success that was not found may earn more still."""
    if hunt.found:
        advice = "Make that pay less than reaching the goal."
        return Screen(name=HUNTER, decision="demoted", number=None, evidence=hunt.said, advice=advice)
    return Screen(name=HUNTER, decision="silent", number=None, evidence=hunt.said)


def _found(hunted: Hunted, episode: Transitions, recorded: Transitions) -> str:
    earned, success = hunted.earned or 0.0, hunted.success or 0.0
    times = f", {earned / success:.1f} times as much as" if earned > success > 0.0 else ", more than"
    paid = ", ".join(f"{part.name} {part.total:.3g}" for part in hunted.paid[:SHOWN])
    progress = hunted.episode.progress if hunted.episode else 0.0
    return (
        f"an episode that reaches nothing (progress {progress:.2f} of 1) earns {earned:.3g}{times} the best success known "
        f"({success:.3g}): {motion_in_words(episode, recorded)}. It is paid {paid}"
    )


def _nothing(hunted: Hunted) -> str:
    if not hunted.replayable:
        return "not hunted: the same seed and actions give other episodes in this environment"
    if not hunted.steps and hunted.outcome.ok:
        return "found nothing in the recorded episodes; there were too few environment steps to look further"
    tried = f"{hunted.steps:,} environment steps of {hunted.episodes} episodes"
    if not hunted.outcome.ok:
        return f"the hunt did not end as it should: {hunted.message or hunted.outcome.value}"
    if hunted.success is None:
        return f"no success is known after {tried}, so nothing says how much is too much"
    return f"found nothing in {tried}, by policies of a few numbers; a training looks further"
