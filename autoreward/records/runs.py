"""Rounds and whole runs."""

from typing import Literal, Self

from pydantic import Field, model_validator

from autoreward.core.protection import Tier
from autoreward.records.base import Estimate, Id, Line, Name, ProgramText, Record, Said
from autoreward.records.candidates import Candidate, Screened, Verdict
from autoreward.records.contests import Contest
from autoreward.records.controllers import PlayedController
from autoreward.records.hunts import Hunt
from autoreward.records.ids import TrialName
from autoreward.records.limits import LimitReading
from autoreward.records.own_rewards import OwnReward
from autoreward.records.preferences import Strengths
from autoreward.records.stages import StageReading
from autoreward.records.success_audit import SuccessAudit
from autoreward.records.trials import Analysis, Diagnosis, Score, Trial

CLEARLY_LONGER = 0.15
"""Success rate, or progress, by which a training must have gained for more steps to be what it needed: a rate of 20 episodes has a
standard error of 0.11."""


class Rung(Record):
    """How one candidate stood at one rung of the race."""

    candidate_id: Id
    prospect: float
    """What the race goes by: `progress` and `success` together; see evaluation/prospects.py."""
    success: float
    """Best held-out success rate of a checkpoint so far."""
    progress: float
    """Mean progress of training episodes so far."""
    error: float
    """Standard error of the prospect."""
    goes_on: bool
    holds: bool = True
    """Whether a checkpoint so far broke no limit; those without one come last."""


class Standings(Record):
    """One rung of the race, best first."""

    number: int
    steps: int
    """Environment steps that each had trained for."""
    rows: tuple[Rung, ...]
    unaffordable: tuple[Id, ...] = ()
    """Who had got this far, and stopped because the budget had no steps left for them."""


class Longer(Record):
    """The best training of a round, gone on with beyond its full length: is it the budget?"""

    trial_id: TrialName = "none-s0"
    steps: tuple[int, ...] = ()
    """Environment steps after which it was scored, the full length first; empty if nothing was gone on with."""
    success: tuple[float, ...] = ()
    """Held-out success of the best checkpoint up to there."""
    progress: tuple[float, ...] = ()
    """Mean progress of training episodes in the last third of the stretch that ended there."""
    still_improving: bool = False
    """At its very end."""

    @property
    def env_steps(self) -> int:
        """Environment steps that it took."""
        return self.steps[-1] - self.steps[0] if self.steps else 0

    @property
    def helped(self) -> bool:
        """Whether more steps made it clearly better."""
        return bool(self.steps) and self._gained_after(0)

    @property
    def enough(self) -> int:
        """Environment steps after which more of them made nothing clearly better; 0 if nothing was gone on with."""
        return next((steps for i, steps in enumerate(self.steps) if not self._gained_after(i)), 0)

    def _gained_after(self, stage: int) -> bool:
        more = self.success[-1] - self.success[stage]
        return more > CLEARLY_LONGER or (more >= 0.0 and self.progress[-1] - self.progress[stage] > CLEARLY_LONGER)


class TrainingLength(Record):
    """How long a full training of a round is, where the search finds it."""

    steps: int
    """Environment steps."""


class Doubt(Record):
    """Why more rewards would not help, if that is what the evidence says."""

    reason: Said | None = None
    """What is wrong instead: one sentence; None: no doubt."""
    evidence: tuple[Said, ...] = ()
    trainings: int = 0
    steps: int = 0
    """Environment steps of the baselines that were trained to find out, in this round."""


class Feedback(Record):
    """What a person said of a run's result."""

    after: int
    """Rounds that were done when it was said."""
    text: Said


class Feedbacks(Record):
    """Everything that people said of a run, oldest first."""

    items: tuple[Feedback, ...] = ()

    @property
    def since(self) -> int:
        """The round from which on a winner is looked for: what was made before can't have heeded it."""
        return self.items[-1].after if self.items else 0


class Allowance(Record):
    """What a run's model calls may take: as it was started, or as a person has said since."""

    max_cost: float | None = Field(ge=0.0)
    """In dollars; None: no limit."""
    max_calls: int = Field(ge=1)
    model_silence: float | None = Field(default=None, gt=0.0)
    """Longest that a model may say nothing, in seconds; None: the usual."""
    model_timeout: float | None = Field(default=None, gt=0.0)
    """Longest that one answer may take, in seconds; None: the usual."""


class Board(Record):
    """Where this machine shows a run's curves: kept beside the run's settings and not in them, since no result depends on it."""

    logdir: Line


class Round(Record):
    """Everything one round produced."""

    number: int
    candidates: tuple[Candidate, ...]
    verdicts: tuple[Verdict, ...]
    screened: Screened
    trials: tuple[Trial, ...]
    scores: tuple[Score, ...]
    diagnoses: tuple[Diagnosis, ...]
    hunts: tuple[Hunt, ...] = ()
    """What was looked for in those that were about to train."""
    analyses: tuple[Analysis, ...] = ()
    liked: Strengths = Strengths()
    """What people preferred by the end of it, where they are to judge."""
    longer: Longer = Longer()
    """What more steps gave."""
    training_steps: int = 0
    """Environment steps of a full training in it."""
    doubt: Doubt = Doubt()
    """Whether it is the reward at all, by what was known then."""
    audit: SuccessAudit = SuccessAudit()
    """Whether the round's successes do what the goal says."""


class Confirmed(Record):
    """One reward on fresh seeds at the full budget."""

    who: Id
    """A candidate id, or `sparse`, `native` or `none`."""
    role: Literal["winner", "runner-up", "start", "zero-shot", "baseline", "given"]
    """`start`: a reward of the person's own that the search started from and that did not win it; `zero-shot`: the first program
    that the search designed, before anything was learned from training."""
    success: tuple[float, ...]
    """Held-out success rate per training seed."""
    progress: tuple[float, ...]
    metric: tuple[float | None, ...]
    metrics: dict[Name, tuple[float | None, ...]] = Field(default_factory=dict)
    """Each further metric of the card, per training seed; None where no successful episode has it."""
    estimate: Estimate
    """Interquartile mean of the success rates."""
    over_native: Estimate | None = None
    """Probability that a training with it does better than one with the native reward."""
    beside: Id | Literal[""] = ""
    """Whose that was: the native reward's, by the same settings; empty without `over_native`."""
    limits: tuple[LimitReading, ...] = ()
    """The limits over its trainings, with 95 % bootstrap intervals."""
    stages: tuple[StageReading, ...] = ()
    """The stages of the rule over the episodes of its trainings; empty without stages."""

    @model_validator(mode="after")
    def _of_the_same_trainings(self) -> Self:
        if not self.success or not len(self.success) == len(self.progress) == len(self.metric):
            raise ValueError("success, progress and metric are of the same trainings, at least one")
        return self


class Run(Record):
    """The end of a run: what won, by how much, and what it cost."""

    task: Said
    goal: Said
    stop: Said
    rounds: int
    best: Id
    """The candidate to hand over: who won the search, unless the confirmation contests it; empty if none could be scored."""
    success: float | None = None
    """The winner's held-out success in the search, averaged over its training seeds; None without a rule or a search."""
    failed: Said = ""
    """Why nothing could be trained and scored: what the first of all failed of; empty if something was."""
    confirmed: tuple[Confirmed, ...] = ()
    controllers: tuple[PlayedController, ...] = ()
    """Policies written as code, on the same held-out episodes as those that confirm."""
    starts: tuple[OwnReward, ...] = ()
    """The person's own rewards that the search started from."""
    longer: Longer = Longer()
    """Where more steps helped most; empty where they never did."""
    contest: Contest | None = None
    """Who did better on the fresh seeds than the one that won the search, if one did."""
    doubt: Doubt = Doubt()
    audit: SuccessAudit = SuccessAudit()
    """Whether the winner's successes do what the goal says."""
    limits: tuple[LimitReading, ...] = ()
    """The limits over the best one's trainings in the search; what fresh seeds say is in `confirmed`."""
    stages: tuple[StageReading, ...] = ()
    """The stages of the rule over the same."""
    unheld: tuple[LimitReading, ...] = ()
    """The limits that no trained policy held: each as that one measured it that broke it least."""
    looks: int = 0
    """How often an agent that wrote the programs was shown what held-out episodes say."""
    trainings: int
    env_steps: int
    training_steps: int
    """Environment steps of each training that confirms it."""
    tier: Tier

    @property
    def second(self) -> str:
        """The candidate that is handed over beside the best; empty where the confirmation contests nothing."""
        return self.contest.second if self.contest else ""


class LegPlan(Record):
    """Trainings of the same length, side by side as far as there are workers."""

    trainings: int
    begin: int
    end: int
    """Environment steps of each before and after."""
    kind: Literal["race", "seeds", "longer", "confirm"] = "race"
    """A leg of the race; the finalists' other seeds; the best one beyond its full length; the confirmation."""


class Speed(Record):
    """How fast this machine is for a task, measured with all workers busy."""

    workers: int
    start: float
    """Seconds until a job's environments and model are there."""
    training: float
    """Environment steps a second, in one training."""
    scoring: float
    """Environment steps a second, in one scoring."""


class Plan(Record):
    """What a run would do and take, at most."""

    task: Said
    rounds: int
    round: tuple[LegPlan, ...]
    """The race of one round, then the finalists' further seeds."""
    round_steps: int
    round_minutes: float
    search_steps: int
    """Within the budget."""
    search_minutes: float
    confirm: LegPlan | None
    confirm_minutes: float
    target: float | None
    """The success rate that ends the search; None where people or models judge."""
    judges: Said = "people judge"
    """Who judges where no target ends the search, as a clause."""
    finds_length: bool
    """Whether trainings get longer where that helps: the numbers here are of the first round's."""
    speed: Speed
    model: Said
    calls: int
    """Usual number of model calls."""
    dollars: float | None
    """None: a price is not known."""
    prompt: ProgramText
    """The first one a designer model would be sent."""
