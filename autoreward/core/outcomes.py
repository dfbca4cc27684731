"""How a candidate's check or training can end: values, not exceptions.

Each member's text is advice. The same sentence is shown to the person and to the designer, so that a
failure always says what to do next.
"""

from enum import Enum


class Outcome(Enum):
    """The end of one candidate's check, training or scoring."""

    COMPLETED = "completed"
    BROKE_CONTRACT = "broke_contract"
    NOT_FINITE = "not_finite"
    TOO_LARGE = "too_large"
    RAISED = "raised"
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    CRASHED = "crashed"
    LOST = "lost"
    ENVIRONMENT_FAILED = "environment_failed"
    OVERDUE = "overdue"
    SHORT_OF_MEMORY = "short_of_memory"
    DIVERGED = "diverged"

    @property
    def ok(self) -> bool:
        """Whether there is a result to go on with."""
        return self is Outcome.COMPLETED

    @property
    def blames_nobody_here(self) -> bool:
        """Whether no reward program could have caused it: who writes rewards is not told of it, having nothing to mend."""
        return self in (Outcome.ENVIRONMENT_FAILED, Outcome.LOST, Outcome.OVERDUE, Outcome.SHORT_OF_MEMORY)

    @property
    def advice(self) -> str:
        """One sentence: what happened and what to change."""
        return _ADVICE[self]


_ADVICE = {
    Outcome.COMPLETED: "Nothing to change: it ran to the end.",
    Outcome.BROKE_CONTRACT: (
        "The answer did not keep the contract: return a dict of named parts, each an array of shape (n,), "
        "the same names at every call, row i computed from row i alone."
    ),
    Outcome.NOT_FINITE: (
        "A part became NaN or infinite: guard divisions, logarithms and square roots, and bound exponentials."
    ),
    Outcome.TOO_LARGE: "A part exceeded the largest accepted magnitude of 1e6: bound it or scale it down.",
    Outcome.RAISED: "The program raised an exception: read the message, and handle arrays of any length n >= 1.",
    Outcome.TIMED_OUT: "It took too long: work on whole arrays instead of looping over rows, and end every loop.",
    Outcome.OUT_OF_MEMORY: "It used too much memory: build no array larger than the rows it is given.",
    Outcome.CRASHED: "The process died without an answer: use plain NumPy arithmetic only.",
    Outcome.LOST: "The worker process was lost (killed from outside or out of memory): run it again.",
    Outcome.ENVIRONMENT_FAILED: "The environment failed, whatever the reward: mend it where the message says.",
    Outcome.OVERDUE: (  # a program whose own calls take long has timed out before
        "It was not done in its time, whatever the reward: give it more minutes_per_trial, or fewer steps in [train]."
    ),
    Outcome.SHORT_OF_MEMORY: (
        "Environment, policy and recorded steps need more memory than they may have, whatever the reward: give it more "
        "memory_mb, or fewer envs or smaller networks in [train]."
    ),
    Outcome.DIVERGED: (
        "The optimiser diverged: its weights became NaN or infinite, though observations and rewards were finite. Lower "
        "learning_rate in [train.hyperparameters]; where rewards are not normalised, keep them near 1."
    ),
}
