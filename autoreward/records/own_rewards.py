"""What became of the rewards that a person's search started from."""

from autoreward.records.base import Estimate, Id, Record


class OwnReward(Record):
    """A reward of the person's own, beside the best that the search knows."""

    candidate_id: Id
    steps: int = 0
    """Environment steps of its longest training in the search; 0: none was scored."""
    success: float | None = None
    """Held-out success there, over its training seeds; None: not measured."""
    fresh: Estimate | None = None
    """Interquartile mean of its success on fresh seeds; None: it was not confirmed."""
    improved: Estimate | None = None
    """Probability that a training with the best program does better than one with this, on fresh seeds; None: it is the best, or
    there are fewer than two seeds."""
