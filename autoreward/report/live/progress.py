"""What a run is doing now, as events tell it; the live views draw it."""

import time

from autoreward import events
from autoreward.evaluation.limits import violation
from autoreward.records import Score

_SHOWN = 12
"""Standings shown."""


class RunProgress:
    """The stage of a run, what trains, how the trainings stand, and the time. Not locked: its owner is."""

    def __init__(self) -> None:
        self.stage = "starting the workers"
        self.training: dict[str, tuple[int, int]] = {}
        """Steps done and steps to do, by training."""
        self.failed: dict[str, str] = {}
        """How trainings failed."""
        self._scores: dict[str, Score] = {}
        self._began = time.monotonic()

    @property
    def clock(self) -> str:
        """Minutes and seconds so far."""
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        return f"{minutes}:{seconds:02d}"

    def standings(self) -> list[Score]:
        """The best trainings of the stage, best first."""
        return sorted(self._scores.values(), key=_place)[:_SHOWN]

    def take(self, event: events.Event) -> None:
        """Take one event."""
        match event:
            case events.RoundStarted(number=number):
                self.stage = f"round {number}: designing"
            case events.Designed(candidates=candidates):
                self.stage = f"checking {len(candidates)} candidates"
            case events.Checked():
                self.stage = "training and scoring"
            case events.TrialProgress(trial_id=trial_id, step=step, steps=steps):
                self.training[trial_id] = (step, steps)
            case events.TrialDone(trial=trial):
                self.training.pop(trial.id, None)
                if not trial.outcome.ok:
                    self.failed[trial.id] = trial.outcome.value
            case events.ScoreDone(score=score):
                self._scores[score.trial_id] = score
            case events.Confirming(trial_ids=trial_ids):
                self.stage = f"confirming: {len(trial_ids)} trainings on fresh seeds"
                self._scores.clear()
            case events.RunDone():
                self.stage = "done"
            case _:
                return


def _place(score: Score) -> tuple[float, float, float]:
    return violation(score.limits), -score.mean_success, -score.mean_progress
