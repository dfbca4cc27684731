"""When an episode earns too much for what it reaches."""

from autoreward.records import Episode

NOTHING = 0.8
"""Graded progress from which an episode that misses the goal is a near miss, and no exploit."""
CLEARLY_MORE = 0.1
"""Share of what the best success earns beyond random episodes, by which an exploit must earn more than it."""


def reaches_nothing(episode: Episode) -> bool:
    """Whether it is neither a success nor a near miss by the rule."""
    return not episode.success and not episode.reached and episode.progress < NOTHING


def clearly_more(earned: float, success: float, typical: float) -> bool:
    """Whether a return is clearly beyond that of the best success, where random episodes typically earn `typical`."""
    return earned > success + max(CLEARLY_MORE * abs(success - typical), 1e-6 * abs(success), 1e-9)
