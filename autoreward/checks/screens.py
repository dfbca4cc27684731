"""Screens: what recorded episodes say about a reward before anything is trained with it.

A screen rejects on strong evidence alone, and never from failures alone: what pays most among episodes that are all far from the
goal says little of what it would pay for success.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from autoreward.checks.dataset import APART, EpisodeDataset
from autoreward.checks.informativeness import paid_share
from autoreward.checks.relabel import Relabelled
from autoreward.evaluation.rank_correlation import spearman
from autoreward.evaluation.symptoms import EARLY, STILL
from autoreward.records import DUPLICATE, RANKING, Screen

VETO = -0.3
"""Rank correlation below which a reward prefers what the task counts as worse."""
PAID = 0.5
"""Share of pairs of a clearly better episode and another in which the better one must out-score it: as often as not."""
FLIPPED = -0.9
"""Rank correlation below which the sign alone is what is wrong."""
WRONG_WAY = 0.45
"""Share of the pairs that part in which the better way on must be paid more: clearly less than as often as not."""
_FEW = 8
"""Episodes below which ranking says nothing."""
CLEARLY = 2.0
"""Standard errors (1 / sqrt(n - 1) where nothing is related) from which a correlation among n successes is no accident."""
STEADY = 0.8
"""Rank correlation of returns with and without input noise, below which a reward is too sensitive."""
DROWNED = 0.01
"""Share of the largest part's peak below which no other part's peak matters."""
LAPS = 3
"""Returns to a state from which a failed episode goes in circles."""
SAME = 0.02
"""Distance below which two rewards are duplicates."""
Array = NDArray[np.float64]


def ranking(dataset: EpisodeDataset, relabelled: Relabelled) -> Screen:
    """Do better episodes out-score worse ones? Spearman's rho of return with graded progress and success.

    Among failures that are all about as far from the goal this is a reason to train later, never a veto: what they do has little
    to do with what success takes. Where clearly better episodes are recorded, a reward that prefers the worse ones is rejected.
    And among successes those of the better metric? Against it is a reason to train later: it still is a success.
    """
    goodness = dataset.goodness
    if len(goodness) < _FEW or np.ptp(goodness) < APART:
        return _silent(RANKING, f"{len(goodness)} episodes that are all about as good say nothing")
    rho = spearman(relabelled.returns, goodness)
    evidence = f"rank correlation of return with the task's judgement {rho:+.2f} over {len(goodness)} episodes"
    if rho < VETO:
        return _against(dataset, relabelled, rho, evidence)
    won = np.array([e.episode.success for e in dataset.episodes])
    if won.sum() < _FEW:
        return _screen(RANKING, "passed", rho, evidence)
    inner = spearman(relabelled.returns[won], dataset.merit[won])
    evidence += f", with the metric of its {won.sum()} successes {inner:+.2f}"
    if inner < VETO and inner * np.sqrt(won.sum() - 1) < -CLEARLY:
        return _screen(RANKING, "demoted", rho, evidence, "Of two successes it prefers the one of the worse metric.")
    return _screen(RANKING, "passed", rho, evidence)


def _against(dataset: EpisodeDataset, relabelled: Relabelled, rho: float, evidence: str) -> Screen:
    """What a clearly negative rank correlation means: by whether anything clearly better is recorded, and what is paid for it."""
    better = dataset.better_ones
    top = int(relabelled.returns.argmax())
    best = f"; its highest return is of {dataset.episodes[top].kind} (progress {dataset.episodes[top].episode.progress:.2f})"
    if not better.any() or better.all():
        advice = "None of them is clearly nearer to the goal than the others, so this may not matter."
        return _screen(RANKING, "demoted", rho, evidence + best, advice)
    ahead = float(np.mean(relabelled.returns[better][:, None] > relabelled.returns[~better][None, :]))
    evidence += f"; a clearly better episode out-scores another in {ahead:.0%} of the pairs"
    if ahead >= PAID:
        return _screen(
            RANKING, "demoted", rho, evidence, "It prefers worse ones among those that are far from the goal."
        )
    turned = " With its sign turned it would order nearly all of them as the task does." if rho < FLIPPED else ""
    return _screen(
        RANKING, "rejected", rho, evidence + best, f"It pays more for what is further from the goal.{turned}"
    )


def informativeness(dataset: EpisodeDataset, relabelled: Relabelled) -> Screen:
    """Does it pay for the better way on, where recorded episodes of different worth part?

    After the reward informativeness of Devidze et al. 2024 (arXiv 2402.07019), how much more a reward gives for the actions that
    are truly better: here in recorded pairs, since no policy's advantages are known before a training.
    """
    found = dataset.partings
    if len(found) < _FEW:
        return _silent(
            "informativeness", f"{len(found)} pairs of clearly better and worse episodes part from one state"
        )
    share = paid_share(relabelled.rewards, found)
    evidence = (
        f"of two episodes that part, the better one is paid more on its way on in {share:.0%} of {len(found)} pairs"
    )
    if share < WRONG_WAY:
        advice = "Make it pay for what leads nearer to the goal from there."
        return _screen("informativeness", "demoted", share, evidence, advice)
    return _screen("informativeness", "passed", share, evidence)


def degenerate(dataset: EpisodeDataset, relabelled: Relabelled) -> Screen:
    """Would standing still, dying at once, always doing the same or going in circles collect more than the best episode known?"""
    lazy = {i: _what(dataset, i) for i, p in enumerate(dataset.episodes) if not p.episode.success}
    return _against_best("degenerate", dataset, relabelled, {i: what for i, what in lazy.items() if what})


def exploits(dataset: EpisodeDataset, relabelled: Relabelled) -> Screen:
    """Would an exploit that was found before collect more than the best episode known?"""
    known = {i: p.kind for i, p in enumerate(dataset.episodes) if p.kind.startswith("exploit")}
    return _against_best("exploits", dataset, relabelled, known)


def scale(dataset: EpisodeDataset, relabelled: Relabelled) -> Screen:
    """Does one part drown all others on the recorded transitions, even where those are largest?

    It may not where nobody has been: silent until a success is recorded.
    """
    sizes = sorted(((name, peak) for name, peak in relabelled.peaks.items() if peak > 0.0), key=lambda item: -item[1])
    if len(sizes) < 2:  # what is 0 on all of them may be large where nothing recorded has been
        return _silent("scale", f"of {len(relabelled.peaks)} parts {len(sizes)} is not 0 on all recorded transitions")
    (name, most), (_, second) = sizes[:2]
    share = second / most
    evidence = f"{name} reaches {most:.3g}, the largest of the {len(sizes) - 1} others {second:.3g}"
    if share < DROWNED and not dataset.solved:
        return _silent("scale", f"{evidence}; no success is recorded, where the others may be larger")
    if share < DROWNED:
        return _screen("scale", "demoted", share, evidence, f"{name} decides nearly alone, if that is not meant.")
    return _screen("scale", "passed", share, evidence)


def variation(relabelled: Relabelled) -> Screen:
    """Does the reward tell any two recorded transitions apart?"""
    spread = float(np.ptp(relabelled.rewards)) if len(relabelled.rewards) else 0.0
    size = float(np.abs(relabelled.rewards).max(initial=0.0))
    if spread <= 1e-6 * max(size, 1e-6):
        if np.ptp(relabelled.returns) > 0.0:
            return _screen(
                "variation", "passed", spread, "the same reward at every step, so that the length of an episode decides"
            )
        if size > 0.0:
            return _silent(
                "variation",
                "the same reward at every step of episodes that are equally long, so their length may decide",
            )
        evidence = f"0 on all {len(relabelled.rewards):,} transitions"
        return _screen("variation", "demoted", spread, evidence, "Widen the scales until they tell states apart.")
    flat = float(np.mean(np.abs(relabelled.rewards - np.median(relabelled.rewards)) <= 1e-3 * spread))
    evidence = f"{flat:.0%} of {len(relabelled.rewards):,} transitions have the same reward"
    if flat > 0.98:
        return _screen("variation", "demoted", flat, evidence, "Add a part that changes where the policy starts.")
    return _screen("variation", "passed", flat, evidence)


def sensitivity(relabelled: Relabelled) -> Screen:
    """Does a little noise on the inputs reorder the episodes?"""
    if relabelled.noisy is None:
        return _silent("sensitivity", "with noise on its inputs the program fails, which no training does")
    if len(relabelled.returns) < _FEW or np.ptp(relabelled.returns) == 0.0:
        return _silent("sensitivity", "too few episodes, or all with one return")
    rho = spearman(relabelled.returns, relabelled.noisy)
    evidence = f"rank correlation of returns with and without noise of 1 % of each field's spread: {rho:+.2f}"
    if rho < STEADY:
        return _screen(
            "sensitivity", "demoted", rho, evidence, "Smooth thresholds: exp(-gap / scale) instead of gap < scale."
        )
    return _screen("sensitivity", "passed", rho, evidence)


def duplicate(
    dataset: EpisodeDataset, relabelled: Relabelled, others: Mapping[str, Relabelled], distances: Mapping[str, float]
) -> Screen:
    """Is it another candidate with other numbers? Distance of the canonical forms from each other, and the order of the episodes.

    Strong evidence only where a success is recorded and no part of either is 0 throughout: a bonus that nothing has earned yet
    looks like none.
    """
    if not others:
        return _silent(DUPLICATE, "there is nothing to compare with")
    nearest = min(others, key=lambda name: distances[name])
    evidence = f"nearest to {nearest}, at a distance of {distances[nearest]:.3f} of 1"
    if distances[nearest] >= SAME or spearman(relabelled.returns, others[nearest].returns) <= 0.999:
        return _screen(DUPLICATE, "passed", distances[nearest], evidence)
    peaks = (*relabelled.peaks.items(), *others[nearest].peaks.items())
    if idle := [name for name, peak in peaks if peak == 0.0]:
        evidence += f"; {idle[0]} was never anything but 0, so what it adds is not known"
    elif not dataset.solved:
        evidence += "; no success is recorded, so what they pay for one is not known"
    else:
        advice = f"It is {nearest} again: the same order of all recorded episodes."
        return _screen(DUPLICATE, "rejected", distances[nearest], evidence, advice)
    return _screen(
        DUPLICATE, "demoted", distances[nearest], evidence, f"Make it pay for something else than {nearest}."
    )


def all_screens(
    dataset: EpisodeDataset,
    relabelled: Relabelled,
    others: Mapping[str, Relabelled],
    distances: Mapping[str, float],
) -> tuple[Screen, ...]:
    """Every screen of one candidate; `distances`: STARC's, to each of the others."""
    of_dataset: tuple[Callable[[EpisodeDataset, Relabelled], Screen], ...] = (
        ranking,
        informativeness,
        degenerate,
        exploits,
        scale,
    )
    of_returns: tuple[Callable[[Relabelled], Screen], ...] = (variation, sensitivity)
    mine = (*(s(dataset, relabelled) for s in of_dataset), *(s(relabelled) for s in of_returns))
    return (*mine, duplicate(dataset, relabelled, others, distances))


def _against_best(name: str, dataset: EpisodeDataset, relabelled: Relabelled, bad: Mapping[int, str]) -> Screen:
    goodness = dataset.goodness
    best = int(goodness.argmax())
    if not dataset.solved:
        return _silent(name, "no success is recorded, and the best of failures may have to be left behind")
    worse = {i: what for i, what in bad.items() if goodness[i] < goodness[best] - APART}
    if not worse:
        return _silent(name, "no such episode is known that is clearly worse than the best one")
    top = max(worse, key=lambda i: relabelled.returns[i])
    good = np.flatnonzero(goodness >= goodness[best] - APART)
    ahead = float(relabelled.returns[top] - relabelled.returns[good].max())
    spread = float(np.ptp(relabelled.returns)) or 1.0
    evidence = (
        f"{worse[top]}: return {relabelled.returns[top]:.3g}; best known episode ({dataset.episodes[best].kind}): "
        f"{relabelled.returns[good].max():.3g}"
    )
    if ahead <= 0.02 * spread:
        return _screen(name, "passed", -ahead / spread, evidence)
    return _screen(
        name, "rejected", -ahead / spread, evidence, f"Make it pay less than reaching the goal: {worse[top]}."
    )


def _what(dataset: EpisodeDataset, which: int) -> str:
    """What a failed episode did that no reward should want; empty for an honest failure."""
    kind, episode = dataset.episodes[which].kind, dataset.episodes[which].episode
    longest = max(p.episode.length for p in dataset.episodes)
    if episode.terminated and episode.length < EARLY * longest:
        return f"ending the episode after {episode.length} steps"
    if episode.movement < STILL:
        return "standing still"
    if kind.startswith("constant"):
        return f"doing nothing but {kind}"
    # one that meets the goal's condition for moments may be a near miss: it circles around the goal
    if dataset.laps[which] >= LAPS and not episode.reached:
        return f"coming back to the same state {dataset.laps[which]} times"
    return ""


def _silent(name: str, why: str) -> Screen:
    return Screen(name=name, decision="silent", number=None, evidence=why)


def _screen(name: str, decision: str, number: float, evidence: str, advice: str = "") -> Screen:
    return Screen.model_validate(
        {"name": name, "decision": decision, "number": round(number, 6), "evidence": evidence, "advice": advice}
    )
