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


class PoolEpisode(Record):
    """One episode of a policy that is not trained, as judged by the task's rule."""

    kind: str
    """`random`, `constant 0`, `demo`, ..."""
    episode: "Episode"


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
    pool: tuple[PoolEpisode, ...] = ()
    """Episodes of random, constant and demonstrated actions; their transitions are in pool.npz, one column each."""


class Entry(Record):
    """One number of an observation or of a continuous action, as declared and as sampled under a random policy."""

    low: float | None
    """Declared bound; None: unbounded."""
    high: float | None
    seen_low: float
    seen_high: float
    mean: float
    std: float


class Stretch(Record):
    """One named part of an observation."""

    key: str
    """`obs.KEY`; empty for the whole of an observation that is one vector."""
    entries: tuple[Entry, ...]
    choices: tuple[int, ...] = ()
    """Number of values of each integer in it; empty for real numbers."""


class Survey(Record):
    """What an environment says of itself, and what 2,000 random steps showed."""

    env: str
    doc: str
    """Its docstring, without what it says of its reward."""
    stretches: tuple[Stretch, ...]
    left_out: tuple[str, ...]
    """Parts of the observation that are not numbers."""
    action: tuple[Entry, ...]
    """Entries of a continuous action; empty for choices."""
    choices: tuple[int, ...]
    """Values of each choice; empty for continuous actions."""
    max_steps: int | None
    """The time limit, in steps, if it states one."""
    terminates: bool
    """Whether a random episode ended by itself."""
    random_length: float
    """Mean length of random episodes, in steps."""
    longest: int
    """Longest random episode, in steps."""


class AuditItem(Record):
    """One check of a task card."""

    name: str
    ok: bool
    said: str


class Audit(Record):
    """A task card held against its environment."""

    task: str
    items: tuple[AuditItem, ...]


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
    how: Literal["fresh", "mutation", "crossover", "weights", "given"]
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
    reward: Literal["candidate", "sparse", "native", "none"]
    source: str = ""
    composition: str = "sum"
    uses_memory: bool = False
    seed: int
    leg: int = 0
    """Which stretch of one training this is; legs after the first go on from the one before."""
    begin: int = 0
    """Environment steps before this leg."""
    steps: int
    """Environment steps at its end."""
    unfinished: bool = False
    """Another leg may follow."""
    checkpoints: int = 10
    """How often its weights are kept, evenly spaced; the last is the end."""


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
    begin: int = 0
    """Environment steps before this leg of the training."""
    steps: int
    """Environment steps at its end."""
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


class Screen(Record):
    """What one screen found about a candidate, on recorded episodes."""

    name: str
    decision: Literal["passed", "silent", "demoted", "rejected"]
    """`silent`: there was too little to judge by."""
    number: float | None
    """What was measured."""
    evidence: str
    advice: str = ""


class ScreenedCandidate(Record):
    """All screens of one candidate."""

    candidate_id: str
    screens: tuple[Screen, ...]


class Screened(Record):
    """One round's candidates after the screens."""

    items: tuple[ScreenedCandidate, ...] = ()
    order: tuple[str, ...]
    """Ids of those worth training, the most promising first."""
    transitions: int = 0
    """Recorded transitions they were judged on."""


class Rung(Record):
    """How one candidate stood at one rung of the race."""

    candidate_id: str
    success: float
    """Mean held-out success rate over the leg's checkpoints."""
    progress: float
    error: float
    """Standard error of the graded progress over held-out episodes."""
    goes_on: bool


class Standings(Record):
    """One rung of the race, best first."""

    number: int
    steps: int
    """Environment steps that each had trained for."""
    rows: tuple[Rung, ...]


class Doubt(Record):
    """Why more rewards would not help, if that is what the evidence says."""

    said: str | None = None
    """What is wrong instead: one sentence; None: no doubt."""
    evidence: tuple[str, ...] = ()
    steps: int = 0
    """Environment steps that finding out has taken."""


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
    screened: Screened
    trials: tuple[Trial, ...]
    scores: tuple[Score, ...]
    diagnoses: tuple[Diagnosis, ...]
    analyses: tuple[Analysis, ...] = ()


class Estimate(Record):
    """A number with its 95 % bootstrap interval over training seeds."""

    value: float
    low: float
    high: float


class Confirmed(Record):
    """One reward on fresh seeds at the full budget."""

    who: str
    """A candidate id, or `sparse`, `native` or `none`."""
    role: Literal["winner", "runner-up", "zero-shot", "baseline", "given"]
    """`zero-shot`: the first program of the first round, before anything was learned from training."""
    success: tuple[float, ...]
    """Held-out success rate per training seed."""
    progress: tuple[float, ...]
    metric: tuple[float | None, ...]
    estimate: Estimate
    """Interquartile mean of the success rates."""
    over_native: Estimate | None = None
    """Probability that a training with it does better than one with the native reward."""


class Run(Record):
    """The end of a run: what won, by how much, and what it cost."""

    task: str
    goal: str
    stop: str
    rounds: int
    best: str
    """The winner's candidate id; empty if no candidate could be scored."""
    confirmed: tuple[Confirmed, ...] = ()
    doubt: Doubt = Doubt()
    trainings: int
    env_steps: int
    tier: Tier
