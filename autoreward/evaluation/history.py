"""How far back the steps of the search look: each has its window here, so that none is a number in the middle of a function."""

from collections.abc import Sequence

from autoreward.records import Round

DESIGN_ROUNDS = 4
"""Rounds whose programs a designer, a model or the grammar, builds on."""
TUNING_ROUNDS = 2
"""Rounds whose programs may come again with tuned weights: older ones were passed over for better ones."""


def recent_rounds(rounds: Sequence[Round], count: int) -> Sequence[Round]:
    """The last `count` rounds, oldest first; all if there are fewer."""
    return rounds[-count:]
