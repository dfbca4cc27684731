"""Does the confirmation say something else than the search? Then two programs are handed over, the better one first."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from autoreward.evaluation.limits import over_trainings, violation
from autoreward.evaluation.pairs import better_by_chance
from autoreward.evaluation.ranking import SOLVED
from autoreward.records import Contest, Pooled, Score

Fresh = Mapping[int, Score | None]
"""Scores on fresh seeds, by the seed's number; None for a training that failed."""


def contested(fresh: Mapping[str, Fresh], winner: str, searched: Sequence[Score], full: int) -> Contest | None:
    """Who did better on the fresh seeds than the search's winner; of several the best over all its whole trainings.

    Every whole training counts the same, of the search and of the confirmation: in simulated searches that choice has half the
    regret of keeping the winner whatever the fresh seeds say, and less than going by the fresh seeds alone
    (`benchmarks/confirmation.py`). From a success of SOLVED on programs count as alike: there the metric has decided.
    Limits come first: who breaks them less over the same trainings contests whatever its success, who breaks them more never does.

    Args:
        fresh: the confirmed programs, by id.
        winner: who won the search.
        searched: the search's scores of those that may be handed over.
        full: environment steps of a whole training.
    """
    eligible = {name for name in {s.candidate_id for s in searched} - {winner} if fresh.get(name)}
    if not (eligible and fresh.get(winner)):
        return None
    held = {
        name: _pooled(fresh[name], [s for s in searched if s.candidate_id == name], full)
        for name in eligible | {winner}
    }
    ahead: dict[str, tuple[list[float], list[float]]] = {}
    for name in sorted(eligible):
        both = sorted(fresh[name].keys() & fresh[winner].keys())
        ours, theirs = ([_success(fresh[who][i]) for i in both] for who in (name, winner))
        worse = held[name].violation - held[winner].violation
        if both and (worse < 0.0 or (worse == 0.0 and min(fmean(ours), SOLVED) > min(fmean(theirs), SOLVED))):
            ahead[name] = ours, theirs
    if not ahead:
        return None
    rival = max(ahead, key=lambda name: (-held[name].violation, held[name].success))
    ours, theirs = ahead[rival]
    return Contest(
        winner=winner,
        rival=rival,
        lead=fmean(ours) - fmean(theirs),
        seeds=len(ours),
        chance=better_by_chance(ours, theirs),
        pooled=(held[winner], held[rival]),
    )


def _pooled(fresh: Fresh, searched: Sequence[Score], full: int) -> Pooled:
    """A program's whole trainings. One that the race has dropped has none in the search."""
    whole = [*fresh.values(), *(s for s in searched if s.steps >= full)]
    broken = violation(over_trainings([score for score in whole if score]))
    return Pooled(success=fmean(map(_success, whole)), trainings=len(whole), violation=broken)


def _success(score: Score | None) -> float:
    return score.success if score else 0.0
