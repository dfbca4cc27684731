"""The table `[success]` of a task card: one condition, or several stages, when they count, and what must hold all along.

Stages and `always` are a formula of signal temporal logic over one episode: a stage is F (eventually) of its condition, held for
some steps (G), from where the one before was reached; `always` is G (Maler and Nickovic 2004; how robustly they hold: Donze and
Maler 2010).
"""

import math
from typing import Self

from pydantic import Field as Bounded
from pydantic import model_validator

from autoreward.errors import TaskError
from autoreward.records import Record
from autoreward.records.base import FormulaText, Line, Name

MOST_STAGES = 20
_LONGEST = 10**9
"""Steps of a duration, at most."""
LAST_STEP, ANY_STEP = "last step", "any step"
Duration = int | Line
"""Steps, or seconds such as `0.5 s` where the card states how long a step is."""


class StageRule(Record):
    """One thing to be reached."""

    name: Name
    when: FormulaText
    within: Line = ANY_STEP
    """`any step`, from the one on at which the stage before was reached; or `last step`, `last N steps`, `last X s`."""
    share: float = Bounded(default=1.0, gt=0.0, le=1.0)
    """Share of the last steps in which `when` must hold."""
    by: Duration = 0
    """Steps of the episode after which it is too late; 0: never."""
    hold: Duration = 1
    """Steps in a row in which `when` must hold."""
    distance: FormulaText = ""
    """How far it still is, 0 or less where it is done: grades a `when` that only says yes or no; judges nothing."""


class Success(Record):
    """When an episode counts as a success."""

    when: FormulaText = ""
    """A condition; empty where there are stages."""
    within: Line = LAST_STEP
    """`last step`, `any step`, `last N steps`, or `last X s`."""
    share: float = Bounded(default=1.0, gt=0.0, le=1.0)
    """Share of the window in which `when` must hold."""
    full_length: bool = False
    """The episode must also reach the time limit; a shorter one counts as a failure."""
    distance: FormulaText = ""
    """How far it still is, 0 or less where it is done: grades what `when` alone can't, such as `terminated`; judges no success."""
    stages: tuple[StageRule, ...] = Bounded(default=(), max_length=MOST_STAGES)
    """In place of `when`: what is to be reached, one after the other."""
    any_order: bool = False
    """The stages may be reached in any order."""
    always: FormulaText = ""
    """What must hold after every step of the episode."""
    dt: float | None = Bounded(default=None, gt=0.0)
    """Seconds of one step, as the environment has them: for durations in seconds."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        """Raises ValueError where the keys do not go together."""
        try:
            self._demand_one_form()
            for number, stage in enumerate(self.stages, start=1):
                where = f"stage {stage.name}"
                later = self.steps(stage.by, f"{where}, by"), self.steps(stage.hold, f"{where}, hold")
                at_the_end = self.window_of(stage) > 0
                if later[1] < 1:
                    raise TaskError(f"{where}, hold: it must be held for one step at least.")
                if at_the_end and later != (0, 1):
                    raise TaskError(f"{where}: what counts at the end of an episode has neither `by` nor `hold`.")
                if at_the_end and number < len(self.stages) and not self.any_order:
                    raise TaskError(
                        f"{where}, within = {stage.within!r}: nothing can be reached after the end; only the last stage can be so."
                    )
                if stage.share < 1.0 and not at_the_end:
                    raise TaskError(f"{where}, share: it is of the last steps; say within = 'last N steps', too.")
        except TaskError as error:
            raise ValueError(str(error)) from None
        return self

    def _demand_one_form(self) -> None:
        if bool(self.when) == bool(self.stages):
            raise TaskError("write either when = ... or stages = [...].")
        if self.stages and (self.within, self.share, self.distance) != (LAST_STEP, 1.0, ""):
            raise TaskError("`within`, `share` and `distance` stand in the stages where there are stages.")
        if self.any_order and not self.stages:
            raise TaskError("`any_order` is of stages, and there are none.")
        if len({stage.name for stage in self.stages}) < len(self.stages):
            raise TaskError("two stages have the same name; give one of them another.")

    @property
    def plan(self) -> tuple[StageRule, ...]:
        """What is to be reached: the stages, or the one that `when` says."""
        alone = StageRule.model_construct(
            name="success",
            when=self.when,
            within=self.within,
            share=self.share,
            by=0,
            hold=1,
            distance=self.distance,
        )
        return self.stages or (alone,)

    @property
    def window(self) -> int:
        """Steps at an episode's end in which the last stage must hold: 1 for the last step, 0 for any step. Raises TaskError."""
        return self.window_of(self.plan[-1])

    def window_of(self, stage: StageRule) -> int:
        """The same of one stage."""
        match stage.within.split():
            case ["last", "step"]:
                return 1
            case ["any", "step"]:
                return 0
            case ["last", number, "steps"] if number.isascii() and number.isdigit() and 0 < int(number) <= _LONGEST:
                return int(number)
            case ["last", _, "s"]:
                return self.steps(stage.within.removeprefix("last "), "within")
        raise TaskError(
            f"[success] within = {stage.within!r}: use 'last step', 'any step', 'last N steps' or 'last X s'."
        )

    def hold_of(self, stage: StageRule) -> int:
        """Steps in a row in which a stage must hold."""
        return self.steps(stage.hold, "hold")

    def by_of(self, stage: StageRule) -> int:
        """Steps of the episode after which a stage is too late; 0: never."""
        return self.steps(stage.by, "by")

    def steps(self, duration: Duration, what: str) -> int:
        """A duration in steps; seconds are rounded up to whole steps. Raises TaskError, naming `what`."""
        if isinstance(duration, int):
            if not 0 <= duration <= _LONGEST:
                raise TaskError(f"{what} = {duration}: write a number of steps from 0.")
            return duration
        number, _, unit = duration.strip().partition(" ")
        try:
            seconds = float(number) if unit == "s" else math.nan
        except ValueError:
            seconds = math.nan
        if not 0.0 < seconds <= _LONGEST:
            raise TaskError(f"{what} = {duration!r}: write a number of steps, or seconds such as '0.5 s'.")
        if self.dt is None:
            raise TaskError(
                f"{what} = {duration!r}: say how long a step is, such as dt = 0.02, for durations in seconds."
            )
        if seconds / self.dt > _LONGEST:
            raise TaskError(f"{what} = {duration!r} is too long.")
        return max(1, math.ceil(seconds / self.dt - 1e-9))

    @property
    def text(self) -> str:
        """The rule in one line, in the language of cards."""
        joined = (" and, in any order, " if self.any_order else ", then ").join(s.when for s in self.plan)
        return f"{joined}; always {self.always}" if self.always else joined

    def said(self, stage: StageRule) -> str:
        """When and for how long a stage must hold, in words; empty where once is enough."""
        window, hold, by = self.window_of(stage), self.hold_of(stage), self.by_of(stage)
        if window == 1:
            return "after the last step"
        if window:
            return f"after {'each' if stage.share >= 1 else f'at least {stage.share:.0%}'} of the last {window} steps"
        return ", ".join((*((f"for {hold} steps in a row",) if hold > 1 else ()), *((f"by step {by}",) if by else ())))


NO_RULE = Success(when="0 > 1")
"""Where a card has no [success]: no episode meets it, and people compare policies instead."""
