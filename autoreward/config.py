"""One run's settings: what a person may choose, each with a reader and a line in the help."""

from typing import Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from autoreward.records import Candidate, Record
from autoreward.records.base import Line
from autoreward.tasks.card import Task


class RunConfig(Record):
    """Settings of one run; saved in run.json and compared on resume."""

    seed: int = Field(default=0, ge=0, lt=2**31)
    rounds: int = Field(default=3, ge=1, le=100)
    candidates: int = Field(default=8, ge=1, le=100)
    """Reward programs per round."""
    steps: int | None = Field(default=None, gt=0, le=10**12)
    """Environment steps of one training; None takes the task's own."""
    finalists: int = Field(default=2, ge=1, le=100)
    """Best candidates of a round that are trained again on more seeds: one seed's luck wins nothing."""
    finalist_seeds: int = Field(default=2, ge=0, le=100)
    """More training seeds for each finalist, at most: fewer where later rounds need the steps."""
    target: float = Field(default=0.9, gt=0.0, le=1.0)
    """Stop after a round whose best candidate has this success rate, on average over its training seeds (kept checkpoints)."""
    budget: float = Field(default=16.0, gt=0.0, le=1e6)
    """Environment steps that the whole search may take, in full trainings."""
    tune_weights: bool = False
    """Add, in every round, the best program with its weights tuned on recorded episodes."""
    judge: Literal["rule", "human"] = "rule"
    """Who ranks the candidates that trained to the end: the task's rule, or people who compare them."""
    given: Candidate | Literal["sparse", "native", "none"] | None = None
    """Train this reward and search for nothing."""
    confirm_seeds: int = Field(default=5, ge=0, le=100)
    """Fresh training seeds for the finalists and the baselines; 0 skips the confirmation."""
    episodes: int = Field(default=20, ge=1, le=1000)
    """Held-out episodes per score."""
    pool: Literal["local", "ray"] = "local"
    """Where trainings run: on this machine, or on a Ray cluster."""
    workers: int | None = Field(default=None, ge=1, le=4096)
    """Trainings side by side, one core each; None takes all cores of the machine or the cluster."""
    minutes_per_trial: float = Field(default=20.0, gt=0.0, le=1e6)
    """Wall-clock limit of one training, and of one scoring."""
    model: Line = "grammar"
    """Who designs: see llm/names.py; `grammar` is the embedded designer."""
    critic: Line = ""
    """Who reviews; empty takes the designer's model."""
    analyzer: Line = ""
    """Who explains; empty takes the designer's model."""
    max_cost: float | None = Field(default=1.0, ge=0.0, le=1e6)
    """Most that model calls may cost, in dollars; None: no limit."""
    max_calls: int = Field(default=30, ge=1, le=10**9)
    """Most model calls, counting those that failed."""
    trust_the_model: bool = False
    """Run a model's programs even where this machine can't lock a process."""
    memory_mb: int = Field(default=4096, ge=512, le=2**30)
    """Memory limit of one training or scoring process beyond what it starts with, in MiB."""

    @field_validator("critic", "analyzer")
    @classmethod
    def _has_a_designer(cls, name: str, others: ValidationInfo) -> str:
        if name and others.data.get("model") == "grammar":
            raise ValueError(
                "The grammar's programs are neither reviewed nor explained; name a designer too, with model"
            )
        return name

    @field_validator("confirm_seeds")
    @classmethod
    def _trains_what_is_given(cls, count: int, others: ValidationInfo) -> int:
        if count == 0 and others.data.get("given") is not None:
            raise ValueError("A given reward is trained on one seed at least")
        return count

    def full(self, task: Task) -> int:
        """Environment steps of one full training."""
        return self.steps or task.train.steps

    @property
    def models(self) -> dict[Literal["designer", "critic", "analyzer"], str]:
        """Who is asked in each role."""
        return {
            "designer": self.model,
            "critic": self.critic or self.model,
            "analyzer": self.analyzer or self.model,
        }


def first_problem(error: ValidationError) -> tuple[str, object, str]:
    """The setting that can't be, what was given for it, and what is wrong with that."""
    problem = error.errors(include_url=False)[0]
    said = str(problem["msg"]).removeprefix("Value error, ")
    return str(problem["loc"][0]), problem["input"], f"{said[0].lower()}{said[1:]}."
