"""What is known of an environment before anything is trained in it."""

from typing import Literal

from pydantic import Field

from autoreward.records.base import Record, Said
from autoreward.records.trials import Episode

SAMPLES, REFERENCE_EPISODES = "samples.npz", "reference_episodes.npz"
"""Files of a description: transitions under a random policy, and whole reference episodes."""
DEMONSTRATIONS = "demos.npz"
"""File of a run: the demonstrations that the person gave it."""
EXPLOITS = "exploits.npz"
"""File of what is remembered: its episodes' transitions."""


class FieldStats(Record):
    """One named field as sampled under a random policy."""

    name: Said
    size: int
    """0 for shape (n,), k for shape (n, k)."""
    low: float
    high: float
    mean: float
    std: float
    discrete: int = 0
    """Number of choices of a discrete action field; 0 for real-valued fields."""
    first: int = 0
    """The number of its first choice."""


class Motion(Record):
    """How one state field moves under random actions."""

    name: Said
    start: float
    """Mean where episodes start."""
    change: float
    """Mean size of its change in a step; a vector's is its length."""
    velocity: Said = ""
    """The field that is its velocity; empty without one."""
    step_time: float = 0.0
    """How far it gets in a step at a velocity of 1: the length of a step in the velocity's unit of time, where units agree."""


class Entry(Record):
    """One number of an observation or of a continuous action, as declared and as sampled under a random policy."""

    low: float | None
    """Declared bound; None: unbounded, or one that was left."""
    high: float | None
    seen_low: float
    seen_high: float
    mean: float
    std: float
    missed: float = Field(default=0.0, ge=0.0, le=1.0)
    """The share of the sampled range that one half of the steps did not reach: what is rare lies farther out still."""


class Stretch(Record):
    """One named part of an observation."""

    key: Said
    """`obs.KEY`; empty for the whole of an observation that is one vector."""
    entries: tuple[Entry, ...]
    choices: tuple[int, ...] = ()
    """Number of values of each integer in it; empty for real numbers."""
    vector: bool = False
    """Its integers are a vector, also where it is of one."""
    said: Said = ""
    """Where it is in the observation, as the environment writes it; empty where that is its key, or all of it."""


class InfoValue(Record):
    """A value of `info` that was numbers at every step, finite and of one shape."""

    keys: tuple[Said, ...]
    """From `info` on."""
    size: int
    """0 for a number, k for an array of k."""
    low: float
    high: float
    flag: bool
    """It was never anything but 0 or 1."""
    at_reset: bool
    """Every reset said it, too."""


class Pace(Record):
    """How far a slow environment was looked at in the time that there is for it."""

    seconds: float
    """Of one step."""
    steps: int
    """Random steps that were taken."""


class Survey(Record):
    """What an environment says of itself, and what 6,000 random steps showed."""

    env: Said
    doc: Said
    """Its docstring, without what it says of its reward."""
    dt: float | None = None
    """Seconds of one step; None where it states none."""
    stretches: tuple[Stretch, ...]
    box: tuple[int, ...] | None = None
    """Shape of an observation that is one array of numbers, as the environment gives it; None of any other."""
    left_out: tuple[Said, ...]
    """Parts of the observation that are not numbers."""
    action: tuple[Entry, ...]
    """Entries of a continuous action; empty for choices."""
    choices: tuple[int, ...]
    """Values of each choice; empty for continuous actions."""
    first: tuple[int, ...] = ()
    """The number of the first value of each choice; empty: 0."""
    max_steps: int | None
    """The time limit, in steps, if it states one."""
    terminates: bool
    """Whether a random episode ended by itself."""
    random_length: float
    """Mean length of random episodes, in steps."""
    longest: int
    """Longest random episode, in steps."""
    hurried: Pace | None = None
    """How far it was looked at, where a step takes so long that these were fewer than 6,000 random steps."""
    cut_after: int | None = None
    """Steps after which every random episode was cut that was cut; None where none was, or not always after as many."""
    info: tuple[InfoValue, ...] = ()
    settings: dict[Said, bool | float] = Field(default_factory=dict)
    """The arguments that it was made with and that are numbers, those left at their defaults too, and its own tolerances."""


class AuditItem(Record):
    """One check of a task card."""

    name: Said
    ok: bool
    message: Said


class Audit(Record):
    """A task card held against its environment."""

    task: Said
    items: tuple[AuditItem, ...]


class ReferenceEpisode(Record):
    """One recorded episode, as judged by the task's rule."""

    kind: Said
    """`random`, `constant 0`, `scripted`, `demo`, a trial's id, `exploit` and a trial's id, ..."""
    episode: Episode


class Remembered(Record):
    """Exploits that earlier runs of the same task found: their episodes collect much and do not what the task asks for."""

    runs: tuple[Said, ...] = ()
    """Names of those runs."""
    episodes: tuple[ReferenceEpisode, ...] = ()


class Grading(Record):
    """What graded progress is measured by: how simple policies stand to the success rule. See `worker/success.py`.

    Empty: conditions are graded in their own units, and nothing is known of simple policies.
    """

    scales: tuple[float, ...] = ()
    """By how much simple policies miss each condition, in its own unit; one a condition, positive."""
    weights: tuple[float, ...] = ()
    """How much each condition counts: how often simple policies fail it, in (0, 1]."""
    idle: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Closeness of the better one of random actions and of doing nothing: what counts as no progress."""


UNGRADED = Grading()
"""Where nothing is known of simple policies."""


class TrainingSimulator(Record):
    """What the trainings of a task step; scores are of the person's own environment whatever it is."""

    name: Literal["gymnasium", "envpool"] = "gymnasium"
    """The person's own environment, or EnvPool's in its place."""
    version: Said = ""
    """Of EnvPool, where it was looked at."""
    reason: Said = ""
    """Why EnvPool was looked at and not taken, as a clause; empty otherwise."""

    @property
    def sentence(self) -> str:
        """What to tell of it; nothing where EnvPool was not looked at."""
        if self.name == "envpool":
            return f"Policies are trained in EnvPool {self.version} and scored in the task's own environment."
        if self.reason:
            return f"Policies are trained in the task's own environment, not in EnvPool {self.version}: {self.reason}."
        return ""


TASKS_OWN = TrainingSimulator()
"""The person's own environment, where nobody looked at another one."""


class Description(Record):
    """What a `describe` job found out about the task's environment."""

    state: tuple[FieldStats, ...]
    """Of all state fields but the environment's own reward."""
    native: tuple[FieldStats, ...] = ()
    """Of that one, where the card hands it to programs."""
    action: tuple[FieldStats, ...]
    max_steps: int
    """The environment's time limit, in steps."""
    terminates: bool
    """Whether any sampled episode ended by itself before the time limit."""
    random_length: float
    """Mean episode length under a random policy, in steps."""
    reference_episodes: tuple[ReferenceEpisode, ...] = ()
    """Episodes of random, constant and demonstrated actions; their transitions are in reference_episodes.npz, one column each."""
    grading: Grading = UNGRADED
    """What progress is measured by, from the episodes that are not demonstrated or scripted."""
    motions: tuple[Motion, ...] = ()
    """How the state fields move, in their order."""
    doc: Said = ""
    """The environment's docstring, without what it says of its reward."""
    dt: float | None = None
    """Seconds of one step, where the environment states it."""
    lost_episodes: int = Field(default=0, ge=0)
    """Episodes that were thrown away since the environment failed in them."""
    simulator: TrainingSimulator = TASKS_OWN
    """What trainings step."""
    hurried: Pace | None = None
    """How far it was sampled, where a step takes so long that samples and episodes are fewer than usual."""
