"""What a run is doing now, as events tell it; the live views draw it."""

import time
from collections import deque
from collections.abc import Callable

from autoreward import events
from autoreward.evaluation.limits import violation
from autoreward.records import Score

_SHOWN = 12
"""Standings shown."""
_WINDOW = 30.0
"""Seconds over which steps a second are counted."""


class RunProgress:
    """The stage of a run, what trains, how the trainings stand, and the time. Not locked: its owner is."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds since some time or other."""
        self.stage = "starting the workers"
        self.training: dict[str, tuple[int, int]] = {}
        """Steps done and steps to do, by training."""
        self.failed: dict[str, str] = {}
        """How trainings failed."""
        self.trained = 0
        """Trainings, or legs of them, that ended since the stage began."""
        self._scores: dict[str, Score] = {}
        self._clock = clock
        self._began = clock()
        self._steps: deque[tuple[float, int]] = deque()
        """When so many environment steps were told of, in the last `_WINDOW` seconds."""

    @property
    def clock(self) -> str:
        """Minutes and seconds so far."""
        minutes, seconds = divmod(int(self._clock() - self._began), 60)
        return f"{minutes}:{seconds:02d}"

    @property
    def rate(self) -> float:
        """Environment steps a second of all trainings together, over the last half minute; 0 where none trains."""
        now = self._clock()
        while self._steps and now - self._steps[0][0] > _WINDOW:
            self._steps.popleft()
        if len(self._steps) < 2 or now <= self._steps[0][0]:
            return 0.0
        # what was told first was made before it was told
        return sum(steps for _, steps in list(self._steps)[1:]) / (now - self._steps[0][0])

    @property
    def work(self) -> str:
        """How many trainings are done and how fast they go, in words; empty before there is one."""
        done = f"{self.trained} trained" if self.trained else ""
        speed = f"{self.rate:,.0f} steps a second" if self.rate else ""
        return ", ".join(filter(None, (done, speed)))

    def standings(self) -> list[Score]:
        """The best trainings of the stage, best first."""
        return sorted(self._scores.values(), key=_place)[:_SHOWN]

    def take(self, event: events.Event) -> None:
        """Take one event."""
        match event:
            case events.RoundStarted(number=number):
                self.stage, self.trained = f"round {number}: designing", 0
            case events.Designed(candidates=candidates):
                self.stage = f"checking {len(candidates)} candidates"
            case events.Checked():
                self.stage = "training and scoring"
            case events.TrialProgress(trial_id=trial_id, step=step, steps=steps):
                before = self.training.get(trial_id, (0, steps))[0]
                self._steps.append((self._clock(), max(step - before, 0) if before else 0))
                self.training[trial_id] = (step, steps)
            case events.TrialDone(trial=trial):
                self.training.pop(trial.id, None)
                self.trained += 1
                if not trial.outcome.ok:
                    self.failed[trial.id] = trial.outcome.value
            case events.ScoreDone(score=score):
                self._scores[score.trial_id] = score
            case events.Confirming(trial_ids=trial_ids):
                self.stage, self.trained = f"confirming: {len(trial_ids)} trainings on fresh seeds", 0
                self._scores.clear()
            case events.RunDone():
                self.stage = "done"
            case _:
                return


def _place(score: Score) -> tuple[float, float, float]:
    return violation(score.limits), -score.mean_success, -score.mean_progress
