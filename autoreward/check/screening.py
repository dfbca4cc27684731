"""One round's candidates through all screens, and the order in which they are worth training."""

from collections.abc import Mapping, Sequence

from autoreward.check.relabel import EpisodePool, Labels
from autoreward.check.screens import all_screens, potentials
from autoreward.records import Screen, Screened, ScreenedCandidate

SAMPLE = 20_000
"""Transitions that duplicates are looked for on."""


def screen(pool: EpisodePool, labels: Mapping[str, Labels], earlier: Mapping[str, Labels], gamma: float) -> Screened:
    """Screen candidates (by id, in the order they were designed) against a pool and against earlier candidates.

    The least bad one is kept where all would be rejected: a screen may save trainings, it can't stop a search.
    """
    basis = potentials(pool.transitions, gamma)
    stride = max(1, len(basis) // SAMPLE)
    known = {name: _thinned(found, stride) for name, found in earlier.items()}
    items: list[ScreenedCandidate] = []
    for name, found in labels.items():
        own = _thinned(found, stride)
        items.append(ScreenedCandidate(candidate_id=name, screens=all_screens(pool, own, known, basis[::stride])))
        known[name] = own
    places = {item.candidate_id: _worth(item.screens, i) for i, item in enumerate(items)}
    order = [name for name in sorted(places, key=lambda n: places[n]) if not places[name][0]]
    if not order and places:
        order = [min(places, key=lambda n: places[n])]
    return Screened(items=tuple(items), order=tuple(order), transitions=pool.size)


def _worth(screens: Sequence[Screen], designed: int) -> tuple[bool, int, float, int]:
    """Smaller is more worth training: not rejected, fewer demotions, better ranking, designed earlier."""
    rank = next((s.number for s in screens if s.name == "ranking" and s.number is not None), 0.0)
    demoted = sum(s.decision == "demoted" for s in screens)
    return any(s.decision == "rejected" for s in screens), demoted, -round(rank, 1), designed


def _thinned(labels: Labels, stride: int) -> Labels:
    return labels._replace(rewards=labels.rewards[::stride])
