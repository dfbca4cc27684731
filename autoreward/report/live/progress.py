"""What a run is doing now, as events tell it; the live views draw it."""

import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from autoreward import events
from autoreward.evaluation.limits import violation
from autoreward.records import Score, Standings
from autoreward.store.book import CONFIRM_PAGE, Page, pages_of
from autoreward.store.folder import Folder
from autoreward.store.keys import SCORES, TRIALS

_SHOWN = 12
"""Standings shown."""
_WINDOW = 30.0
"""Seconds over which steps a second are counted."""


class RunProgress:
    """The stage of a run, what trains, how the trainings stand, and the time. Not locked: its owner is.

    A run that is gone on with stands as it was saved. Raises RunDamaged where what was saved can't be read.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds since some time or other."""
        self.stage = "starting the workers"
        self.training: dict[str, tuple[int, int]] = {}
        """Steps done and steps to do, by training."""
        self.failed: dict[str, str] = {}
        """How trainings failed."""
        self.trained = 0
        """Trainings, or legs of them, that ended since the stage began."""
        self._whole = 0
        """Trainings of the stage, where that is known before they begin."""
        self._length = 0
        """Environment steps of each of them, as far as one has said."""
        self._folder: Path | None = None
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
        """How many trainings are done, how fast they go and how long the rest will take, in words; empty before there is one."""
        of = f" of {self._whole} trainings" if self._whole else " trained"
        done = f"{self.trained}{of}" if self.trained or self._whole else ""
        speed = f"{self.rate:,.0f} steps a second" if self.rate else ""
        return ", ".join(filter(None, (done, speed, self._left)))

    @property
    def _left(self) -> str:
        """How long the trainings of the stage will take at this rate; empty where not all of them are known."""
        if not (self._whole and self.rate and self._length):
            return ""
        begun = sum(max(steps - step, 0) for step, steps in self.training.values())
        waiting = max(self._whole - self.trained - len(self.training), 0) * self._length
        minutes = (begun + waiting) / self.rate / 60
        return "less than a minute left" if minutes < 1 else f"about {minutes:.0f} min left"

    def standings(self) -> list[Score]:
        """The best trainings of the stage, best first."""
        return sorted(self._scores.values(), key=_place)[:_SHOWN]

    def take(self, event: events.Event) -> None:
        """Take one event."""
        match event:
            case events.RunStarted(folder=folder):
                self._folder = folder
                for page in pages_of(folder):
                    self._scores |= {score.trial_id: score for score in page.saved(SCORES)}
            case events.RoundStarted(number=number):
                self.stage, self._whole = f"round {number}: designing", 0
                self.trained = sum(len(page.saved(TRIALS)) for page in self._saved_pages() if page.round == number)
            case events.Designed(candidates=candidates):
                self.stage = f"checking {len(candidates)} candidates"
            case events.Checked():
                self.stage = "training and scoring"
            case events.RungDone(standings=standings):
                self.stage = f"training and scoring, {_after(standings)}"
            case events.TrialProgress(trial_id=trial_id, step=step, steps=steps):
                self._length = steps
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
                self.stage, self._whole = "confirming on fresh seeds", len(trial_ids)
                self._scores, self.trained = {}, 0
                if self._folder:
                    page = Page(Folder(self._folder).at(CONFIRM_PAGE))
                    self._scores = {
                        score.trial_id: score for score in page.saved(SCORES) if score.trial_id in trial_ids
                    }
                    self.trained = sum(trial.id in trial_ids for trial in page.saved(TRIALS))
            case events.RunDone():
                self.stage = "done"
            case _:
                return

    def _saved_pages(self) -> list[Page]:
        """The rounds that the run has saved something of."""
        return pages_of(self._folder) if self._folder else []


def _after(standings: Standings) -> str:
    on = sum(row.goes_on for row in standings.rows)
    return f"{on} of {len(standings.rows)} go on after {standings.steps:,} steps"


def _place(score: Score) -> tuple[float, float, float]:
    return violation(score.limits), -score.mean_success, -score.mean_progress
