"""What people prefer, in words, beside what was measured."""

import math
from collections import Counter
from collections.abc import Sequence

from autoreward.evaluation.bradley_terry import ahead, loser, winner
from autoreward.records import Preference
from autoreward.report.reading import RunView

EVEN = 1e-6
"""Difference of strengths below which there is nothing between two candidates."""


def beaten(preferences: Sequence[Preference], candidate_id: str) -> str:
    """Whom a candidate was preferred to, and how often."""
    over = Counter(loser(p) for p in preferences if winner(p) == candidate_id)
    return ", ".join(f"{name} x {times}" if times > 1 else name for name, times in sorted(over.items()))


def agreement(reading: RunView) -> str:
    """Whether people's first of those compared is the measurement's, and the run's winner; there are some."""
    liked, count = (
        reading.strengths.items[0],
        f"{len(reading.preferences)} answer{'s' * (len(reading.preferences) > 1)}",
    )
    if not reading.measured:
        return f"People ({count}) put {liked.candidate_id} first; no rule says what else to measure."
    measured = reading.measured[0]
    compared = {strength.candidate_id for strength in reading.strengths.items}
    lead, error = ahead(reading.preferences, liked.candidate_id, measured) if measured in compared else (0.0, 0.0)
    if liked.candidate_id == measured:
        sentence = f"People ({count}) and the measurement agree: {measured} is the best of those compared."
    elif lead < EVEN:
        sentence = f"People ({count}) see nothing between {liked.candidate_id} and {measured}, which the measurement puts first."
    elif lead <= error:
        sentence = (
            f"People ({count}) put {liked.candidate_id} first and the measurement {measured}, which is no disagreement yet: the "
            f"difference is {lead:.2f} ± {error:.2f}."
        )
    else:
        sentence = (
            f"People and the measurement disagree: people ({count}) put {liked.candidate_id} first, the measurement {measured}. "
            f"Asked again, people would prefer {liked.candidate_id} in {1 / (1 + math.exp(-lead)):.0%} of the decided pairs."
        )
    won = reading.run.best if reading.run else ""
    if won and won != liked.candidate_id and lead > max(error, EVEN):
        sentence += f" The run's winner is {won}."
    return sentence
