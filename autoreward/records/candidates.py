"""Reward programs, and what is found out about them before training."""

from typing import Literal

from pydantic import Field

from autoreward.core.outcomes import Outcome
from autoreward.core.protection import Tier
from autoreward.records.base import Hyperparameter, Id, Name, Part, ProgramText, Record, Said
from autoreward.records.ids import CandidateName

CompositionName = Literal[
    "sum",
    "bounded",
    "sign",
    "product",
    "potential",
    "standardised",
    "conjunction",
    "krc",
    "gated",
    "capped",
    "staged",
    "lagrange",
]
"""How a program's parts become one number: see rewards/compose/, which has a file for each."""

PartRole = Literal["main", "dense", "sparse", "penalty", "limit", "potential"]
"""What a part is for. main: says what is wanted; dense: guides on the way there; sparse: an event on the way; penalty: a price;
limit: a price of what must not be; potential: only its change is to be paid.
"""


class Reference(Record):
    """What is paid at the steps of recorded random actions."""

    mean: float
    std: float


class Setup(Record):
    """What a composition knows of a program's parts before anything trains."""

    roles: dict[Part, PartRole] = Field(default_factory=dict)
    """Of the parts that the program's ROLES speaks of, in its order."""
    reference: Reference | None = None
    """By the plain sum of all parts; None for a reward without a program."""
    references: dict[Part, Reference] = Field(default_factory=dict)
    """By each part."""
    cap: float | None = None
    """What any dense part may add to an episode, as the program's CAP says; None where it says nothing."""
    limits: tuple[Name, ...] = ()
    """Names of the card's limits."""
    replays: bool = False
    """The task's algorithm learns from a replay buffer, whose rewards stay as they once were."""
    multipliers: dict[Name, float] = Field(default_factory=dict)
    """Of the card's limits, as they stood at the checkpoint of a training that is kept; empty before a training."""


class Remark(Record):
    """What a critic says against a candidate, before it is trained."""

    line: int
    severity: Literal["note", "serious"]
    """Serious: trained with it, a policy would not do what the goal says."""
    reason: Said
    fix: Said


class Candidate(Record):
    """One reward program."""

    id: CandidateName
    source: ProgramText
    thought: Said
    """The design idea in one line."""
    origin: Literal["grammar", "model", "human"]
    how: Literal["fresh", "mutation", "crossover", "weights", "composition", "settings", "given", "filled", "again"]
    """`given`: by the person, to be trained or for a search to start from; `filled`: by the grammar, where a model gave too few
    that may train; `again`: the best program so far, unchanged, since trainings are longer from this round on.
    """
    parents: tuple[Id, ...] = ()
    composition: CompositionName = "sum"
    settings: dict[Name, Hyperparameter] = Field(default_factory=dict)
    """In place of what the card says in [train.hyperparameters]."""
    genome: ProgramText = ""
    """The grammar's own form of the program (JSON), so that children can be made from it; empty for others."""
    remarks: tuple[Remark, ...] = ()
    """What the critic still said against it when it had its say; it trains all the same."""
    setup: Setup = Setup()
    """As its review found it; nothing before."""

    @property
    def must_train(self) -> bool:
        """Whether nothing that is found before its training may keep it from that: a person asked for it, or it has shown what it
        can do."""
        return self.how in ("given", "again", "settings")

    @property
    def settings_line(self) -> str:
        """Its settings as a card has them, in a line; empty where they are the card's."""
        said = {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in self.settings.items()}
        return ", ".join(f"{name} = {value}" for name, value in said.items())

    def variant(self, identity: str, how: Literal["weights", "composition", "settings"], thought: str) -> "Candidate":
        """The same as a candidate of its own that nobody has written, made of this one."""
        changes = {"id": identity, "how": how, "thought": thought, "parents": (self.id,), "remarks": ()}
        return self.model_copy(update=changes)

    def reviewed(self, verdict: "Verdict") -> "Candidate":
        """The same, with what its review found of its parts."""
        return self.model_copy(update={"setup": verdict.setup})


class Candidates(Record):
    """One round's candidates, as designed."""

    items: tuple[Candidate, ...]
    findings: tuple[Said, ...] = ()
    """What was wrong with the designer's and the critic's answers."""


class Finding(Record):
    """One thing wrong with a candidate, in words that a designer can act on."""

    rule: Said
    message: Said
    line: int | None = None


RANKING = "ranking"
"""Name of the screen whose number is the rank correlation of a program's return with the goodness of recorded episodes."""

DUPLICATE = "duplicate"
"""Name of the screen whose number is the distance of a program's reward to the nearest of those that may train or have."""


class Verdict(Record):
    """Whether a candidate may be trained."""

    candidate_id: Id
    accepted: bool
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    parts: tuple[Part, ...] = ()
    """Names of the parts it returned in the dry run."""
    uses_memory: bool = False
    setup: Setup = Setup()
    tier: Tier = "process-only"


class Screen(Record):
    """What one screen found about a candidate, on recorded episodes."""

    name: Said
    decision: Literal["passed", "silent", "demoted", "rejected"]
    """`silent`: there was too little to judge by."""
    number: float | None
    """What was measured."""
    evidence: Said
    advice: Said = ""


class ScreenedCandidate(Record):
    """All screens of one candidate."""

    candidate_id: Id
    screens: tuple[Screen, ...]


class RewardDistance(Record):
    """How far two programs' rewards are from each other (STARC): 0 but for scale and shaping, 0.71 unrelated, 1 opposite."""

    one: Id
    """The later one: it is on the episodes that were recorded when this was screened."""
    other: Id
    value: float


class Screened(Record):
    """One round's candidates after the screens."""

    items: tuple[ScreenedCandidate, ...] = ()
    order: tuple[Id, ...]
    """Ids of those worth training, the most promising first."""
    transitions: int = 0
    """Recorded transitions they were judged on."""
    distances: tuple[RewardDistance, ...] = ()
    """Of each candidate that answers on them to those before it, of this round and of earlier ones."""
