"""When it is not the reward: every reward fails alike, the environment's own and the sparse one too.

Then more rewards cost money and change nothing. What it is instead shows in the records: the environment
fails, or time or memory is short, or the optimiser breaks, for all; or no
policy gets anywhere that random actions don't (exploration); or they do get elsewhere, and never nearer to the goal
(observation: what decides is not in what the policy sees, or the rule can't be met). It is said of trainings alone that are flat at
their end, after the best one went on to twice its length and more, where the budget allowed it.
"""

from collections.abc import Sequence
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from autoreward.core.outcomes import Outcome
from autoreward.core.transitions import Transitions
from autoreward.evaluation.legs import scored_trainings, trainings
from autoreward.evaluation.prospects import improving
from autoreward.records import Doubt, Longer, Score, Trial
from autoreward.tasks.card import Task

DIVERGED = 1e6
"""A value loss above this, with normalised rewards, is no estimate of anything."""
BINS = 10
WIDER = 1.1
"""Share of the bins that random actions visit, above which a policy has got elsewhere."""


def doubt(
    scores: Sequence[Score],
    chance: Sequence[float],
    by_chance: float,
    visited: Sequence[float],
    longer: Sequence[Longer],
    unseen: Sequence[str] = (),
) -> Doubt:
    """Exploration or observation, when all stand where random actions do, and no training got better by going on (`longer`).

    `unseen` are fields that the rule reads and policies do not see.
    """
    level = f"mean progress {max(s.mean_progress for s in scores):.3f} at best, {fmean(chance):.3f} by random actions"
    who = f"{len({s.candidate_id for s in scores if s.candidate_id})} candidates, native and sparse: {level}"
    reach = f"states visited: {max(visited):.0%} of the fields' ranges at best, {by_chance:.0%} by random actions"
    if max(visited) <= WIDER * by_chance:
        sentence = (
            "It is not the reward: no policy gets anywhere that random actions don't. Look at exploration (longer episodes, more "
            "steps, snapshots = 0.5 in [train], demonstrations), or at whether actions have any effect."
        )
    else:
        blind = f"; the rule reads {', '.join(unseen)}, which it does not see" if unseen else ""
        sentence = (
            "It is not the reward: policies get around and never nearer to the goal. Look at what the policy observes (is what "
            f"decides in it?{blind}), and at whether [success] can be met."
        )
    return Doubt(reason=sentence, evidence=(who, *map(_gone_on, (one for one in longer if one.steps)), reach))


def of_short_trainings(doubtful: Doubt, steps: int, usual: int) -> Doubt:
    """The doubt; it says so where trainings had fewer environment steps than the card's (`usual`) have."""
    if not doubtful.reason or steps >= usual:
        return doubtful
    short = f"Trainings had {steps:,} environment steps, though, and the card's have {usual:,}: before anything else, take those."
    return doubtful.model_copy(update={"reason": f"{doubtful.reason} {short}"})


def all_flat(trials: Sequence[Trial], scores: Sequence[Score]) -> bool:
    """Whether no training was still getting better at its end."""
    return not any(improving(trial, score) for trial, score in scored_trainings(trials, scores))


def _gone_on(longer: Longer) -> str:
    stages = ", ".join(f"{p:.3f} by {s:,}" for s, p in zip(longer.steps, longer.progress, strict=True))
    return f"more steps did not help: {longer.trial_id} made progress of {stages} environment steps"


def coverage(episodes: Transitions, task: Task) -> float:
    """Share of the state fields' ranges that were visited, in [0, 1]: mean over numbers of the share of BINS bins."""
    mask = episodes.step > 0
    shares = []
    for name, values in episodes.next_state.items():
        span = task.state[name].range
        if span is None or span[1] <= span[0]:
            continue
        columns: NDArray[np.float64] = values[mask].reshape(int(mask.sum()), -1)
        place = np.clip((columns - span[0]) / (span[1] - span[0]) * BINS, 0, BINS - 1).astype(int)
        shares += [len(np.unique(column)) / BINS for column in place.T]
    return fmean(shares) if shares else 0.0


_FROM_OUTSIDE = {
    Outcome.ENVIRONMENT_FAILED: "the environment fails in every training. Mend it where the lines below say.",
    Outcome.OVERDUE: "no training ends in its time. Give them more minutes_per_trial, or fewer steps in [train].",
    Outcome.SHORT_OF_MEMORY: "no training has the memory it needs. Give them more memory_mb, or fewer envs in [train].",
}
"""What ends trainings from outside, and what is said where it ends all of them."""


def ended_from_outside(trials: Sequence[Trial]) -> Doubt | None:
    """All trainings were ended by the same that no reward could have caused: the environment, the time, the memory."""
    whole = trainings(trials)
    outcomes = {trial.outcome for trial in whole}
    sentence = _FROM_OUTSIDE.get(outcomes.pop()) if len(outcomes) == 1 else None
    if sentence is None:
        return None
    evidence = tuple(f"{trial.id}: {trial.message}" for trial in whole[:3])
    return Doubt(reason=f"It is not the reward: {sentence}", evidence=evidence)


def optimiser(trials: Sequence[Trial], normalized: bool) -> Doubt | None:
    """All trainings broke in the optimiser, none for what its reward returned; `normalized` says whether rewards were."""
    whole = trainings(trials)
    signs = {t.id: sign for t in whole if (sign := _diverged(t, normalized))}
    if len(whole) < 2 or len(signs) < len(whole):
        return None
    sentence = (
        "It is not the reward: the optimiser diverges with every one. Lower learning_rate in [train.hyperparameters]."
    )
    return Doubt(reason=sentence, evidence=tuple(f"{name}: {sign}" for name, sign in list(signs.items())[:3]))


def _diverged(trial: Trial, normalized: bool) -> str:
    """What shows that a training diverged; empty if nothing does. Of normalised rewards an honest value loss stays below 100."""
    if trial.outcome is Outcome.DIVERGED:
        return trial.message
    losses = [p.value_loss for p in trial.curve if p.value_loss is not None]
    broken = normalized and losses and losses[-1] > DIVERGED
    return f"value loss {losses[-1]:.2g} at the end of training" if broken else ""


def at_chance(scores: Sequence[Score], chance: Sequence[float]) -> bool:
    """No success, and progress within two standard errors of what random actions make."""
    usable = [s for s in scores if s.outcome.ok]
    error = stdev(chance) / len(chance) ** 0.5 if len(chance) > 1 else 0.0
    limit = fmean(chance) + 2 * max(error, 0.005)
    return bool(usable) and all(s.mean_success == s.success == 0.0 and s.mean_progress <= limit for s in usable)
