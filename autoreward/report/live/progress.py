"""What a run is doing now, as events tell it; the live views draw it."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from autoreward import events
from autoreward.evaluation.limits import violation
from autoreward.llm.client import REPLIES, saved_bills
from autoreward.records import Score
from autoreward.report.phrases import counted
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
        """Trainings, or legs of them, that are done of those that the stage has."""
        self._whole = 0
        """Trainings of the stage, where that is known before they begin."""
        self._length = 0
        """Environment steps of each of them, as far as one has said."""
        self._round: int | None = None
        """The round that is played; None where there is none."""
        self._paid = ""
        """What models have cost so far, in words; empty where they cost nothing."""
        self._most: float | None = None
        """Dollars that they may cost in all; None: there is no limit."""
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
        """How many trainings of the stage are done, how fast they go, how long the rest takes, what models have cost; in words.

        Empty before there is any.
        """
        of = f" of {self._whole} trainings" if self._whole else " trained"
        done = f"{self.trained}{of}" if self.trained or self._whole else ""
        speed = f"{self.rate:,.0f} steps a second" if self.rate else ""
        return ", ".join(filter(None, (done, speed, self._left, self._paid)))

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
            case events.RunStarted(config=config, folder=folder):
                self._folder, self._most = folder, config.max_cost
                for page in pages_of(folder):
                    self._scores |= {score.trial_id: score for score in page.saved(SCORES)}
                self._paid = self._cost()
            case events.TrialProgress(trial_id=trial_id, step=step, steps=steps):
                self._length = self._length or steps
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
            case _:
                self._enter(event)

    def _enter(self, event: events.Event) -> None:
        """Take what a stage begins with."""
        match event:
            case events.RoundStarted(number=number):
                self._round = number
                self._begin("designing", ())
                self.trained = len(self._done())
            case events.Designed(candidates=candidates):
                self._begin(f"checking {counted(len(candidates), 'candidate')}", ())
            case events.Checked():
                self._begin("training and scoring", ())
            case events.TrainingsBegin(trial_ids=trial_ids, begin=begin, steps=steps, rung=rung, rungs=rungs):
                where = f"rung {rung} of {rungs}, to {steps:,} steps" if rung else "the best on further seeds"
                self._begin(where, trial_ids, steps - begin)
            case events.RoundDone():
                self._begin("done", ())
            case events.Confirming(trial_ids=trial_ids):
                self._round, self._scores = None, {}
                self._begin("confirming on fresh seeds", trial_ids)
                if page := self._page():
                    self._scores = {s.trial_id: s for s in page.saved(SCORES) if s.trial_id in trial_ids}
            case events.RunDone():
                self.stage = "done"
            case _:
                return

    def _begin(self, stage: str, trial_ids: Sequence[str], length: int = 0) -> None:
        """A stage of these trainings, each of so many steps where that is known."""
        self.stage = stage if self._round is None else f"round {self._round}: {stage}"
        self._whole, self._length = len(trial_ids), length
        self.trained = len(self._done().intersection(trial_ids)) if trial_ids else 0
        self._paid = self._cost()

    def _page(self) -> Page | None:
        """Where what is trained now is saved."""
        if self._folder is None:
            return None
        if self._round is None:
            return Page(Folder(self._folder).at(CONFIRM_PAGE))
        return next((page for page in pages_of(self._folder) if page.round == self._round), None)

    def _done(self) -> set[str]:
        """The trainings that are saved there."""
        page = self._page()
        return {trial.id for trial in page.saved(TRIALS)} if page else set()

    def _cost(self) -> str:
        bills = saved_bills(Folder(self._folder).at(REPLIES)) if self._folder else ()
        if not any(bill.dollars is None or bill.dollars > 0.0 for bill in bills):
            return ""
        most = f" of ${self._most:.2f}" if self._most is not None else ""
        unknown = " and calls of unknown price" if any(bill.dollars is None for bill in bills) else ""
        return f"${sum(bill.dollars or 0.0 for bill in bills):.2f}{most}{unknown}"


def _place(score: Score) -> tuple[float, float, float]:
    return violation(score.limits), -score.mean_success, -score.mean_progress
