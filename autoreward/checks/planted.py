"""Whether recorded episodes show a fault in a program that another one, which is known to be good, has not."""

import numpy as np

from autoreward.checks.dataset import APART, Array, EpisodeDataset
from autoreward.checks.relabel import Relabelled
from autoreward.checks.screens import all_screens

WORSE = 0.05
"""Share of pairs of episodes that a faulty program orders otherwise than the task, beyond those of the good one."""
_SAID = ("rejected", "demoted")


def ordered_share(goodness: Array, returns: Array) -> float:
    """Share of the pairs of episodes, one clearly better, in which the better one has the higher return; ties are halves.

    A half where no pair is told apart. Both of shape (E,); better: by APART, of `EpisodeDataset.goodness`.
    """
    better = goodness[:, None] - goodness[None, :] >= APART
    ahead = np.sign(returns[:, None] - returns[None, :])
    return float(np.mean(0.5 + 0.5 * ahead[better])) if better.any() else 0.5


def fault_shown(dataset: EpisodeDataset, good: Relabelled, other: Relabelled, gamma: float) -> str:
    """What recorded episodes hold against a program and not against the good one, in words; empty if nothing.

    A screen says it; or a failure has a higher return than every success; or more pairs are ordered otherwise than the task does.
    """
    known = {screen.name for screen in all_screens(dataset, good, {}, {}) if screen.decision in _SAID}
    said = [s for s in all_screens(dataset, other, {}, {}) if s.decision in _SAID and s.name not in known]
    if said:
        return f"{said[0].name}: {said[0].evidence}"
    if overpaid(dataset, other) and not overpaid(dataset, good):
        return overpaid(dataset, other)
    share, before = (ordered_share(dataset.goodness, one.returns) for one in (other, good))
    if share < before - WORSE:
        return (
            f"the better of two episodes has the higher return in {share:.0%} of the pairs, and in {before:.0%} before"
        )
    return ""


def overpaid(dataset: EpisodeDataset, relabelled: Relabelled) -> str:
    """That a failure has a higher return than every success, in words; empty if none has, or nothing can be compared."""
    won = np.array([known.episode.success for known in dataset.episodes])
    if not won.any() or won.all() or relabelled.returns[~won].max() <= relabelled.returns[won].max():
        return ""
    most, best = relabelled.returns[~won].max(), relabelled.returns[won].max()
    return f"a failure has a return of {most:.3g}, the best success {best:.3g}"
