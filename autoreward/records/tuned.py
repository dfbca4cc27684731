"""Training settings that were tried for one reward, and what the best of them came to on fresh seeds."""

from pydantic import Field

from autoreward.records.base import Estimate, Hyperparameter, Name, Record, Said
from autoreward.records.paired import Decision, Measure


class TriedSettings(Record):
    """One set of training settings."""

    hyperparameters: dict[Name, Hyperparameter]
    """As a card's [train.hyperparameters] has them."""
    success: tuple[float, ...]
    """Held-out success rate of each training seed; 0 where its training failed."""
    progress: tuple[float, ...]
    value: float
    """What settings are compared by while they are tried: success and progress in the second half of a training, seeds' mean."""
    failed: tuple[Said, ...] = ()
    """Why trainings failed, where they did."""


class Tuned(Record):
    """What a search for training settings found, the reward unchanged."""

    task: Said
    reward: Said
    """`native`, `sparse`, or the name of a file."""
    algorithm: Said
    steps: int
    """Environment steps of each training."""
    tried: tuple[TriedSettings, ...] = Field(min_length=1)
    """In the order in which they were tried; the first are the card's own."""
    best: int = Field(ge=0)
    """Place in `tried` of those with the highest value."""
    ours: tuple[float, ...] = ()
    """Of the best on fresh seeds, what they were compared by; empty where the card's own are the best."""
    theirs: tuple[float, ...] = ()
    """Of the card's own on the same seeds."""
    by: Measure = "success"
    improvement: Estimate | None = None
    """Probability that a training with the best does better than one with the card's own; None where those are the best."""
    verdict: Decision = "revert"
    why: Said = ""
    env_steps: int
    """Environment steps that were spent; trainings that were known cost nothing."""
