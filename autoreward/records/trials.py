"""Trainings: what is asked for, what was reported, what was measured, and why it came out so."""

from typing import Literal

from pydantic import Field

from autoreward.core.outcomes import Outcome
from autoreward.core.protection import Tier
from autoreward.records.base import Curve, Hyperparameter, Id, Name, Part, ProgramText, Record, Said
from autoreward.records.candidates import CompositionName, Setup
from autoreward.records.ids import TrialName
from autoreward.records.limits import LimitReading
from autoreward.records.stages import StageReading


class TrialJob(Record):
    """One training to do: a reward, a seed, a number of environment steps."""

    id: TrialName
    candidate_id: Id
    """Empty for the baselines."""
    reward: Literal["candidate", "sparse", "native", "none"]
    source: ProgramText = ""
    composition: CompositionName = "sum"
    setup: Setup = Setup()
    uses_memory: bool = False
    settings: dict[Name, Hyperparameter] = Field(default_factory=dict)
    """In place of what the card says in [train.hyperparameters]."""
    snapshots: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of its episodes that begin at a snapshot at first; it falls to 0 in the first half of the training."""
    seed: int
    leg: int = 0
    """Which stretch of one training this is; legs after the first go on from the one before."""
    begin: int = 0
    """Environment steps before this leg."""
    steps: int
    """Environment steps at its end."""
    schedule_steps: int | None = None
    """Environment steps that DQN's share of exploration refers to, the same in all legs; None: this one's end."""
    unfinished: bool = False
    """Another leg may follow."""
    checkpoints: int = 10
    """How often its weights are kept, evenly spaced; the last is the end."""


class PartStats(Record):
    """One part of a reward over one stretch of training."""

    name: Part
    mean: float
    std: float
    share: float = Field(ge=0.0, le=1.0)
    """Its share of the summed mean |part|, in [0, 1]."""
    low: float
    high: float


class CurvePoint(Record):
    """One point of a learning curve: the stretch of training since the last point."""

    step: int
    """Environment steps so far."""
    episode_return: float | None
    """Mean return of the episodes that ended in the stretch, under the training reward; None if none ended."""
    episode_length: float | None
    parts: tuple[PartStats, ...] = ()
    value_loss: float | None = None
    entropy: float | None = None
    progress: float | None = None
    """Mean graded progress of some of the training episodes that ended in the stretch, played as the policy explores: free, and
    smooth where the deterministic policy still stands. A claim of the training process, which races go by and no result."""
    success: float | None = None
    """Success rate of the same episodes."""
    multipliers: dict[Name, float] = Field(default_factory=dict)
    """Of the card's limits, where the training learns them: as they stood at this step."""


GRAVE = 0.5
"""Severity from which on a symptom explains a failure."""
TRAINING_STATE = "state.safetensors"
"""File of a trial that is not at its end: what its next leg goes on from."""
EPISODES = "episodes.npz"
"""File of a score: the kept checkpoint's held-out episodes."""
LOGGED = "logged.json"
"""File of a trial: what Stable-Baselines3 logged (`Logged`)."""


def policy_file(step: int) -> str:
    """File of a trial: the weights that it had at a step."""
    return f"policy-{step}.safetensors"


class LoggedPoint(Record):
    """What Stable-Baselines3 logged at one step, by its own names: `train/value_loss`, `rollout/ep_rew_mean`, ..."""

    step: int
    """Environment steps of the training so far."""
    values: dict[Curve, float]


class Logged(Record):
    """Everything that Stable-Baselines3 logged in one leg of a training."""

    points: tuple[LoggedPoint, ...] = ()


class Trial(Record):
    """What the training process reports; a claim until scored."""

    id: TrialName
    candidate_id: Id
    outcome: Outcome
    message: Said = ""
    seed: int
    begin: int = 0
    """Environment steps before this leg of the training."""
    steps: int
    """Environment steps at its end."""
    curve: tuple[CurvePoint, ...] = ()
    checkpoints: tuple[int, ...] = ()
    """Steps at which weights were kept; their files are `policy_file(step)`."""
    seconds: float = 0.0
    steps_per_second: float = 0.0
    tier: Tier = "process-only"
    lost_episodes: int = Field(default=0, ge=0)
    """Episodes of this leg that were thrown away since the environment failed in them."""
    simulator: Literal["gymnasium", "envpool"] = "gymnasium"
    """What it stepped: see `TrainingSimulator`."""
    snapshot_episodes: int = Field(default=0, ge=0)
    """Episodes of this leg that began at a snapshot."""
    replayed_steps: int = Field(default=0, ge=0)
    """Of the environment steps of this leg those in which recorded actions were played, to get to snapshots."""
    taken_from: Said = ""
    """The run that has trained it, where it was taken over and not trained again."""


class Episode(Record):
    """One scored episode on a held-out seed."""

    success: bool
    length: int
    terminated: bool
    reached: bool
    """The success rule's condition held at one step at least."""
    held: float
    """Share of the rule's window in which the condition held, in [0, 1]."""
    progress: float
    """Graded progress in [0, 1]: 0 like doing nothing, 1 for a success."""
    metric: float
    metrics: dict[Name, float] = Field(default_factory=dict)
    """The card's further metrics, those that are a number in it."""
    movement: float
    """Mean speed of the normalised state per step (0: nothing moves)."""
    stage: int = 0
    """How many stages of the rule were reached; a rule without stages is one."""
    stage_steps: tuple[int, ...] = ()
    """A stage each, in the card's order: the step after which it was reached, from 1; 0: it was not."""
    always: float = 1.0
    """Share of the steps at which what must always hold did."""
    limits: dict[Name, float] = Field(default_factory=dict)
    """What each limit of the card came to."""


class CheckpointScore(Record):
    """Episodes of one checkpoint, on the seeds for choosing."""

    step: int
    success: float
    progress: float
    metric: float | None
    """Mean metric of the successful episodes; None without one."""
    metrics: dict[Name, float] = Field(default_factory=dict)
    """The same of each further metric that is a number in one of them."""
    length: float
    stages: tuple[float, ...] = ()
    """A stage of the rule each: the share of the episodes that reached it; empty without stages."""
    limits: dict[Name, float] = Field(default_factory=dict)
    """What each limit came to: the mean over its episodes, or the worst step of any."""
    violation: float = Field(default=0.0, ge=0.0)
    """By how much limits are broken beyond noise; 0 where none is."""


class Score(Record):
    """What the scoring process measured; it never saw the reward program."""

    trial_id: TrialName
    candidate_id: Id
    outcome: Outcome
    message: Said = ""
    seed: int = 0
    """Of the training."""
    steps: int = 0
    """Environment steps of the training so far."""
    checkpoints: tuple[CheckpointScore, ...] = ()
    kept: int = -1
    """Step of the kept checkpoint: the best one on episodes that are only for choosing it."""
    success: float = 0.0
    """Success rate of the kept checkpoint, on episodes of other seeds than it was chosen by."""
    progress: float = 0.0
    metric: float | None = None
    metrics: dict[Name, float] = Field(default_factory=dict)
    """The card's further metrics over the successful episodes of the kept checkpoint, those that are a number in one of them."""
    mean_success: float = 0.0
    """Mean success rate over the checkpoints of the second half of training: what candidates are ranked by."""
    mean_progress: float = 0.0
    episodes: tuple[Episode, ...] = ()
    """Episodes of the kept checkpoint."""
    lost_episodes: int = Field(default=0, ge=0)
    """Episodes that were played again since the environment failed in them."""
    ruled: bool = True
    """Whether a rule judged them; without one success and progress say nothing."""
    limits: tuple[LimitReading, ...] = ()
    """The limits over the episodes of the kept checkpoint."""
    stages: tuple[StageReading, ...] = ()
    """The stages of the rule over the same; empty without stages."""


class Symptom(Record):
    """One named failure with the numbers that prove it."""

    name: Said
    evidence: Said
    advice: Said
    part: Said = ""
    """The reward part it concerns, if one."""
    severity: float
    """0 (a note) to 1 (explains a total failure); the order in which they are shown."""

    @property
    def hurts(self) -> bool:
        """Whether it explains a failure; anything less is a note."""
        return self.severity >= GRAVE


class Diagnosis(Record):
    """Why a candidate did as it did."""

    candidate_id: Id
    typical: TrialName | Literal[""] = ""
    """The training that the symptoms are of: the one in the middle by success; empty if it never trained."""
    success: dict[TrialName, float] = Field(default_factory=dict)
    """Success of each training's kept checkpoint."""
    symptoms: tuple[Symptom, ...] = ()
    shares: tuple[PartStats, ...] = ()
    """Part statistics over the last stretch of training."""


class Cause(Record):
    """Why a policy did what it did, as an analyzer sees it."""

    cause: Said
    episode: Said
    steps: tuple[int, ...]
    """Steps of that episode that show it; they exist."""
    suggestion: Said


class Analysis(Record):
    """An analyzer's reading of one candidate's episodes."""

    candidate_id: Id
    causes: tuple[Cause, ...]


class Analyses(Record):
    """What the analyzer said of a round."""

    items: tuple[Analysis, ...] = ()
    findings: tuple[Said, ...] = ()
    """What was wrong with its answers, such as steps that do not exist."""
