"""What a worker can be asked to do, one record each; `table.py` says which function does which."""

from typing import Annotated

from pydantic import Field as Bounded

from autoreward.core.outcomes import Outcome
from autoreward.core.protection import Tier
from autoreward.records import (
    CLIP_FILE,
    DEMONSTRATIONS,
    EPISODES,
    FRAMES_FILE,
    LOGGED,
    REFERENCE_EPISODES,
    SAMPLES,
    SNAPSHOTS_FILE,
    TASKS_OWN,
    TRAINING_STATE,
    UNGRADED,
    Audit,
    Description,
    EnvCheck,
    Grading,
    Record,
    Score,
    Survey,
    TrainingSimulator,
    Trial,
    TrialJob,
    WorkerProtection,
    policy_file,
)
from autoreward.settings import SimulatorSetting
from autoreward.worker.jobs.job import Job, WithScript

WEIGHTS_FILE = "policy.safetensors"
"""What a job that needs one checkpoint is given."""
SB3_FILES = ("policy.zip", "vecnormalize.pkl")
"""What Stable-Baselines3 loads: a policy, and the statistics that its observations are normalised by."""
ONNX_FILE = "policy.onnx"
CHECKED_SO_FAR = "checked.json"


class EmptyReport(Record):
    """The report of a job whose files are all there is."""


class TrainJob(Job[Trial]):
    """Train one policy."""

    kind = "train"
    training: TrialJob
    grading: Grading = UNGRADED
    simulator: TrainingSimulator = TASKS_OWN

    @property
    def report_type(self) -> type[Trial]:
        """A trial; a claim until scored."""
        return Trial

    @property
    def label(self) -> str:
        """The trial's id."""
        return self.training.id

    @property
    def program(self) -> str | None:
        """A candidate's; baselines need none."""
        return self.training.source if self.training.reward == "candidate" else None

    @property
    def packages(self) -> tuple[str, ...]:
        """What it steps, where that is not the task's own environment."""
        return () if self.simulator.name == "gymnasium" else (self.simulator.name,)

    @property
    def takes(self) -> tuple[str, ...]:
        """The state that the leg before ended in, for all legs but the first; and the snapshots that episodes begin at."""
        return (
            *((TRAINING_STATE,) if self.training.leg else ()),
            *((SNAPSHOTS_FILE,) if self.training.snapshots else ()),
        )

    def makes(self, report: Trial) -> tuple[str, ...]:
        """The checkpoints' weights, what was logged, and what the next leg goes on from, if there may be one."""
        goes_on = report.outcome.ok and self.training.unfinished
        return (*map(policy_file, report.checkpoints), LOGGED, *((TRAINING_STATE,) if goes_on else ()))

    def request(self) -> str:
        """Without the program: its process never holds it."""
        return self.model_dump_json(exclude={"task": {"script_program"}, "training": {"source"}})

    def is_on_this(self, report: Trial) -> bool:
        """Whether the same candidate was trained on the same seed."""
        training = self.training
        return (report.id, report.candidate_id, report.seed) == (training.id, training.candidate_id, training.seed)

    def blames_the_room(self, report: Trial) -> bool:
        """Whether the reward program crashed."""
        return report.outcome is Outcome.CRASHED

    def held_by(self, report: Trial, tier: Tier) -> Trial:
        """The trial with the host's tier."""
        return report.model_copy(update={"tier": tier})


class ScoreJob(Job[Score]):
    """Play every checkpoint of a trial on the seeds for choosing, and the one that is kept on those for scoring."""

    kind = "score"
    trial: Trial
    grading: Grading = UNGRADED
    choosing: tuple[int, ...]
    scoring: tuple[int, ...]

    @property
    def report_type(self) -> type[Score]:
        """What was measured."""
        return Score

    @property
    def label(self) -> str:
        """Whose scoring it is."""
        return f"scoring {self.trial.id}"

    @property
    def takes(self) -> tuple[str, ...]:
        """The checkpoints' weights."""
        return tuple(map(policy_file, self.trial.checkpoints))

    def makes(self, report: Score) -> tuple[str, ...]:
        """The kept checkpoint's episodes."""
        return (EPISODES,)

    def request(self) -> str:
        """Without the statistics of the reward's parts, of which there may be many."""
        return self.model_dump_json(exclude={"task": {"script_program"}, "trial": {"curve": {"__all__": {"parts"}}}})

    def is_on_this(self, report: Score) -> bool:
        """Whether it is that trial's."""
        return (report.trial_id, report.candidate_id) == (self.trial.id, self.trial.candidate_id)


class DescribeJob(WithScript[Description]):
    """Sample the task's environment, and judge whole episodes of simple policies."""

    kind = "describe"
    seconds: float = Bounded(default=240.0, gt=0.0)
    """Most seconds of steps; of an environment that is slower, fewer samples are taken and fewer episodes played."""
    seed: int
    simulator: SimulatorSetting = "gymnasium"
    demonstrated: bool
    """Whether a file of demonstrations comes with it."""

    @property
    def report_type(self) -> type[Description]:
        """What the fields look like before anything is learned."""
        return Description

    @property
    def takes(self) -> tuple[str, ...]:
        """Demonstrations, if there are any."""
        return (DEMONSTRATIONS,) if self.demonstrated else ()

    def makes(self, report: Description) -> tuple[str, ...]:
        """Random transitions, and the judged episodes."""
        return (SAMPLES, REFERENCE_EPISODES)


class SurveyJob(Job[Survey]):
    """Look at the environment of a blank task."""

    kind = "survey"
    seconds: float = Bounded(default=120.0, gt=0.0)
    """Most seconds of steps; an environment that is slower is looked at in fewer."""

    @property
    def report_type(self) -> type[Survey]:
        """What it says of itself, and what random steps showed."""
        return Survey


class CheckEnvJob(Job[EnvCheck]):
    """Look for what could go wrong with an environment, in training or before."""

    kind = "check"
    heard = True
    patience: float = Bounded(default=30.0, gt=0.0)
    """Seconds within which one call of the environment has to return."""

    @property
    def report_type(self) -> type[EnvCheck]:
        """The rows."""
        return EnvCheck

    def makes(self, report: EnvCheck) -> tuple[str, ...]:
        """The rows so far, each time that there are more."""
        return (CHECKED_SO_FAR,)


class AuditJob(WithScript[Audit]):
    """Hold a task card against its environment."""

    kind = "audit"
    seconds: float = Bounded(default=240.0, gt=0.0)
    """Most seconds of steps; an environment that is slower is looked at in fewer."""

    @property
    def report_type(self) -> type[Audit]:
        """The checks, each with its words."""
        return Audit


class ProtectionJob(Job[WorkerProtection]):
    """Try what a worker may not do."""

    kind = "protection"

    @property
    def report_type(self) -> type[WorkerProtection]:
        """What holds it, and what it tried."""
        return WorkerProtection


class _OfOneCheckpoint(Job[EmptyReport]):
    """Work on the weights of one checkpoint, of which only files come."""

    @property
    def report_type(self) -> type[EmptyReport]:
        """Nothing."""
        return EmptyReport

    @property
    def takes(self) -> tuple[str, ...]:
        """The weights."""
        return (WEIGHTS_FILE,)


class PackageJob(_OfOneCheckpoint):
    """Write the files that Stable-Baselines3 loads."""

    kind = "package"

    def makes(self, report: EmptyReport) -> tuple[str, ...]:
        """The policy, and the statistics of its observations."""
        return SB3_FILES


class GraphJob(_OfOneCheckpoint):
    """Write the policy as one ONNX graph."""

    kind = "graph"

    def makes(self, report: EmptyReport) -> tuple[str, ...]:
        """The graph."""
        return (ONNX_FILE,)


class FilmJob(_OfOneCheckpoint):
    """Film one episode."""

    kind = "film"
    seed: int
    frames: Annotated[int, Bounded(ge=0, le=16)] = 0
    """Frames of a single picture; 0: an animation."""

    def makes(self, report: EmptyReport) -> tuple[str, ...]:
        """The clip, or the picture."""
        return (FRAMES_FILE if self.frames else CLIP_FILE,)
