"""Two rewards trained on the same seeds and compared: what a keep-or-revert loop decides by."""

from typing import Literal, Self

from pydantic import Field, model_validator

from autoreward.records.base import Estimate, Record, Said

Decision = Literal["keep", "revert", "not enough seeds"]
Measure = Literal["success", "progress", "metric"]


class PairedReward(Record):
    """One of the two rewards."""

    who: Said
    """`native`, `sparse`, `none`, or the name of a file."""
    digest: Said
    """SHA-256 of its program and composition; empty for a baseline."""
    values: tuple[float, ...]
    """What it was compared by, one number a training seed; larger is better."""
    success: tuple[float, ...]
    """Held-out success rate of each training seed; 0 where its training failed."""
    estimate: Estimate
    """Interquartile mean of the success rates, with its interval."""
    failed: tuple[Said, ...] = ()
    """Why trainings failed, where they did."""


class Paired(Record):
    """A reward against another one, on the same training seeds and the same held-out episodes."""

    task: Said
    reward: PairedReward
    against: PairedReward
    by: Measure
    """Success where any of them succeeds; progress where none does; the metric where both are solved."""
    improvement: Estimate
    """Probability that a training with the reward does better than one with the other, with its interval."""
    by_chance: float = Field(gt=0.0, le=1.0)
    """How often chance alone would put the reward so far ahead, by a paired sign-flip test."""
    verdict: Decision
    more_seeds: int = Field(default=0, ge=0)
    """How many more would tell them apart if they go on like this; 0 where the verdict is clear."""
    why: Said
    seeds: int
    asked_seeds: int
    steps: int
    """Environment steps of each training."""
    trainings: int
    """Trainings that were made for this; others were taken from what was trained before."""
    taken: int
    env_steps: int
    """Environment steps that were spent."""

    @model_validator(mode="after")
    def _of_the_same_seeds(self) -> Self:
        if not self.seeds == len(self.reward.values) == len(self.against.values) >= 1:
            raise ValueError("both sides have a value for each seed, at least one")
        return self
