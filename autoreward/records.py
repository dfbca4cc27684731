"""The vocabulary: every frozen record that flows between stages or is kept on disk.

    Task -> Candidate -> Verdict -> TrialJob -> Trial -> Score -> Diagnosis -> Round -> Run

Identity travels in the record (`candidate_id`, `trial_id`), never in a list position. Numbers are finite or None.
No record holds a clock: what depends on the machine's speed is in `seconds` fields that feed no decision and no prompt.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from autoreward.outcomes import Outcome
from autoreward.tiers import Tier


class Record(BaseModel):
    """Base of all records: frozen, nothing extra, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FieldStats(Record):
    """One named field as sampled under a random policy."""

    name: str
    size: int
    """0 for shape (n,), k for shape (n, k)."""
    low: float
    high: float
    mean: float
    std: float
    discrete: int = 0
    """Number of choices of a discrete action field; 0 for real-valued fields."""


class Description(Record):
    """What a `describe` job found out about the task's environment."""

    state: tuple[FieldStats, ...]
    action: tuple[FieldStats, ...]
    max_steps: int
    """The environment's time limit, in steps."""
    terminates: bool
    """Whether any sampled episode ended by itself before the time limit."""
    random_length: float
    """Mean episode length under a random policy, in steps."""


class Remark(Record):
    """What a critic says against a candidate, before it is trained."""

    line: int
    severity: Literal["note", "serious"]
    """Serious: trained with it, a policy would not do what the goal says."""
    reason: str
    fix: str


class Candidate(Record):
    """One reward program."""

    id: str
    """`r003c1`: round 3, candidate 1."""
    source: str
    thought: str
    """The design idea in one line."""
    origin: Literal["grammar", "model", "human"]
    how: Literal["fresh", "mutation", "crossover", "given"]
    parents: tuple[str, ...] = ()
    composition: str = "sum"
    genome: str = ""
    """The grammar's own form of the program (JSON), so that children can be made from it; empty for others."""
    remarks: tuple[Remark, ...] = ()
    """What the critic still said against it when it had its say; it trains all the same."""


class Finding(Record):
    """One thing wrong with a candidate, in words that a designer can act on."""

    rule: str
    message: str
    line: int | None = None


class Verdict(Record):
    """Whether a candidate may be trained."""

    candidate_id: str
    accepted: bool
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    parts: tuple[str, ...] = ()
    """Names of the parts it returned in the dry run."""
    uses_memory: bool = False
    tier: Tier = "process-only"


class TrialJob(Record):
    """One training to do: a reward, a seed, a number of environment steps."""

    id: str
    """`r003c1-s0`, or `sparse-s0` for a baseline."""
    candidate_id: str
    """Empty for the baselines."""
    reward: Literal["candidate", "sparse", "native"]
    source: str = ""
    composition: str = "sum"
    uses_memory: bool = False
    seed: int
    steps: int


class PartStats(Record):
    """One part of a reward over one stretch of training."""

    name: str
    mean: float
    std: float
    share: float
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


class Trial(Record):
    """What the training process reports; a claim until scored."""

    id: str
    candidate_id: str
    outcome: Outcome
    message: str = ""
    seed: int
    steps: int
    curve: tuple[CurvePoint, ...] = ()
    checkpoints: tuple[int, ...] = ()
    """Steps at which weights were kept; their files are `policy-<step>.safetensors`."""
    seconds: float = 0.0
    steps_per_second: float = 0.0
    tier: Tier = "process-only"


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
    """Graded closeness to success in [0, 1]; 1 for a success."""
    metric: float
    movement: float
    """Mean speed of the normalised state per step (0: nothing moves)."""


class CheckpointScore(Record):
    """Episodes of one checkpoint, on the seeds for choosing."""

    step: int
    success: float
    progress: float
    metric: float | None
    """Mean metric of the successful episodes; None without one."""
    length: float


class Score(Record):
    """What the scoring process measured; it never saw the reward program."""

    trial_id: str
    candidate_id: str
    outcome: Outcome
    message: str = ""
    checkpoints: tuple[CheckpointScore, ...] = ()
    kept: int = -1
    """Step of the kept checkpoint: the best one on episodes that are only for choosing it."""
    success: float = 0.0
    """Success rate of the kept checkpoint, on episodes of other seeds than it was chosen by."""
    progress: float = 0.0
    metric: float | None = None
    mean_success: float = 0.0
    """Mean success rate over the checkpoints of the second half of training: what candidates are ranked by."""
    mean_progress: float = 0.0
    episodes: tuple[Episode, ...] = ()
    """Episodes of the kept checkpoint."""


class Symptom(Record):
    """One named failure with the numbers that prove it."""

    name: str
    evidence: str
    advice: str
    part: str = ""
    """The reward part it concerns, if one."""
    severity: float
    """0 (a note) to 1 (explains a total failure); the order in which they are shown."""


class Diagnosis(Record):
    """Why a candidate did as it did."""

    candidate_id: str
    symptoms: tuple[Symptom, ...] = ()
    shares: tuple[PartStats, ...] = ()
    """Part statistics over the last stretch of training."""


class Cause(Record):
    """Why a policy did what it did, as an analyzer sees it."""

    cause: str
    episode: str
    steps: tuple[int, ...]
    """Steps of that episode that show it; they exist."""
    suggestion: str


class Analysis(Record):
    """An analyzer's reading of one candidate's episodes."""

    candidate_id: str
    causes: tuple[Cause, ...]


class Analyses(Record):
    """What the analyzer said of a round."""

    items: tuple[Analysis, ...] = ()
    findings: tuple[str, ...] = ()
    """What was wrong with its answers, such as steps that do not exist."""


class Candidates(Record):
    """One round's candidates, as designed."""

    items: tuple[Candidate, ...]
    findings: tuple[str, ...] = ()
    """What was wrong with the designer's and the critic's answers."""


class Round(Record):
    """Everything one round produced."""

    number: int
    candidates: tuple[Candidate, ...]
    verdicts: tuple[Verdict, ...]
    trials: tuple[Trial, ...]
    scores: tuple[Score, ...]
    diagnoses: tuple[Diagnosis, ...]
    analyses: tuple[Analysis, ...] = ()


class Confirmed(Record):
    """One finalist or baseline on fresh seeds at the full budget."""

    who: str
    """A candidate id, or `sparse`, or `native`."""
    success: tuple[float, ...]
    """Held-out success rate per training seed."""
    progress: tuple[float, ...]
    metric: tuple[float | None, ...]
    mean: float
    low: float
    high: float
    """95 % bootstrap interval of the mean success rate over training seeds."""


class Run(Record):
    """The end of a run: what won, by how much, and what it cost."""

    task: str
    goal: str
    stop: str
    rounds: int
    best: str
    """The winner's candidate id; empty if no candidate could be scored."""
    confirmed: tuple[Confirmed, ...] = ()
    trainings: int
    env_steps: int
    tier: Tier
