"""How much a training that is not at its end promises: what a race goes by.

Of what is known early, the progress of training episodes over the whole curve says most: it rises smoothly while the policy
explores, where deterministic episodes stand still or jump (docs/search.md has the numbers). Success on held-out episodes counts on
top, wherever it was seen: a policy that had it once has what the goal asks for.
"""

import itertools
import math
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

from autoreward.evaluation.legs import scored_trainings
from autoreward.records import Score, Trial, TrialId


class Prospect(NamedTuple):
    """A training so far; larger is better."""

    value: float
    """`progress` and `success` together, in [0, 2]."""
    error: float
    """Standard error of `value`."""
    progress: float
    """Mean progress of training episodes over the curve; of held-out ones at the checkpoints where no training episode ended."""
    success: float
    """Best held-out success rate of a checkpoint, of those that break no limit if there is one."""
    holds: bool = True
    """Whether a checkpoint broke no limit: a race puts those without one last."""

    @property
    def place(self) -> tuple[bool, float]:
        """What a race sorts by; larger is better."""
        return self.holds, self.value


def prospects(trials: Sequence[Trial], scores: Sequence[Score]) -> dict[str, Prospect]:
    """That of each candidate whose latest leg was scored, from all legs of its training on one seed."""
    return {
        score.candidate_id: prospect(trial, score)
        for trial, score in scored_trainings(trials, scores)
        if score.steps >= trial.steps
    }


def prospect(trial: Trial, score: Score) -> Prospect:
    """That of one training; its legs in one trial and one score. Raises ValueError if they are of two."""
    if TrialId.parse(trial.id).training != TrialId.parse(score.trial_id).training:
        raise ValueError(f"{score.trial_id} is no score of {trial.id}")
    curve = progress_curve(trial, score)
    within = [c for c in score.checkpoints if c.violation == 0.0]
    success = max((c.success for c in within or score.checkpoints), default=0.0)
    chance = success * (1.0 - success) / len(score.episodes) if score.episodes else 0.0
    return Prospect(
        value=fmean(curve) + success,
        error=math.sqrt(noise(curve) ** 2 / len(curve) + chance),
        progress=fmean(curve),
        success=success,
        holds=bool(within) or not score.checkpoints,
    )


def progress_curve(trial: Trial, score: Score) -> list[float]:
    """Progress over training, one number a point: of training episodes, or of held-out ones where none of those was judged."""
    judged = [point.progress for point in trial.curve if point.progress is not None]
    return judged or [c.progress for c in score.checkpoints] or [score.mean_progress]


def noise(curve: Sequence[float]) -> float:
    """Standard deviation around a trend that needs no shape: from the differences of neighbours (von Neumann et al. 1941)."""
    steps = [after - before for before, after in itertools.pairwise(curve)]
    return math.sqrt(fmean(step * step for step in steps) / 2.0) if steps else 0.0


def improving(trial: Trial, score: Score) -> bool:
    """Whether a training still gets better at its end: its last third is above the third before by two standard errors.

    By progress, or by success on held-out episodes.
    """
    return _rises(progress_curve(trial, score)) or _rises([c.success for c in score.checkpoints])


def _rises(curve: Sequence[float]) -> bool:
    third = len(curve) // 3
    if third < 2:
        return False
    last, before = fmean(curve[-third:]), fmean(curve[-2 * third : -third])
    return last - before > 2.0 * noise(curve[-2 * third :]) * math.sqrt(2.0 / third)
