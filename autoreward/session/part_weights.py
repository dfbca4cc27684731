"""Weights of a program's parts by hand: how its run's recorded episodes rank as they change."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import NDArray

from autoreward.checks.dataset import EpisodeDataset, join
from autoreward.core.transitions import Transitions
from autoreward.core.wording import did_you_mean
from autoreward.design.weight_tuning import BETTER_BY, weighted
from autoreward.errors import UsageError
from autoreward.evaluation.legs import newest
from autoreward.records import EPISODES, REFERENCE_EPISODES, Candidate, ReferenceEpisode
from autoreward.report.html import look
from autoreward.report.reading import RunView
from autoreward.report.templates import page
from autoreward.rewards.compose.episodes import lasting
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.store.book import Page, powers_of
from autoreward.store.keys import DESCRIPTION, SCORES
from autoreward.store.trust import demand

EPISODES_EACH = 4
"""Episodes of each scored policy, at most."""
_Array = NDArray[np.float64]


@dataclass(frozen=True)
class PartWeights:
    """What each part of a program pays in recorded episodes. In a notebook: a slider for each part, and the ranking as it changes.

    Sums over whole episodes, as `sum` adds parts up, without discounting.
    """

    candidate: Candidate
    paid: Mapping[str, _Array] = field(repr=False)
    """By part: what it pays in each episode, shape (E,)."""
    episodes: tuple[ReferenceEpisode, ...] = field(repr=False)
    goodness: _Array = field(repr=False)
    """(E,): 1 and more for a success, graded progress below that."""

    def order(self, **factors: float) -> tuple[str, ...]:
        """The episodes by what they are paid with these factors, the best paid first. Raises UsageError."""
        returns = self._returns(factors)
        return tuple(self.episodes[i].kind for i in np.argsort(-returns, kind="stable"))

    def ranked_right(self, **factors: float) -> float:
        """Share of the pairs of a better and a worse episode in which the better is paid more; ties are halves, nan without a pair.

        Better: by more than 0.05 of the way from doing nothing to a success. Raises UsageError.
        """
        better, worse = np.nonzero(self.goodness[:, None] > self.goodness[None, :] + BETTER_BY)
        returns = self._returns(factors)
        more = returns[better] - returns[worse]
        return float(np.mean((more > 0) + 0.5 * (more == 0))) if len(more) else float("nan")

    def source(self, **factors: float) -> str:
        """The program with its parts times these factors, to be kept as a file and started from. Raises UsageError."""
        self._returns(factors)
        return weighted(self.candidate.source, factors)

    def _returns(self, factors: Mapping[str, float]) -> _Array:
        for name, factor in factors.items():
            if name not in self.paid:
                raise UsageError(
                    f"{self.candidate.id} has no part {name!r}: it has {', '.join(self.paid)}.{did_you_mean(name, list(self.paid))}"
                )
            if not (np.isfinite(factor) and factor >= 0.0):
                raise UsageError(f"The factor of {name} is {factor}: it must be 0 or more.")
        returns: _Array = np.sum([factors.get(name, 1.0) * part for name, part in self.paid.items()], axis=0)
        return returns

    def page(self) -> str:
        """The sliders and the ranking as a page that needs nothing else."""
        paid = list(self.paid.values())
        told = {
            "parts": list(self.paid),
            "apart": BETTER_BY,
            "episodes": [
                {"kind": one.kind, "success": one.episode.success, "good": float(good), "paid": [float(part[i]) for part in paid]}
                for i, (one, good) in enumerate(zip(self.episodes, self.goodness, strict=True))
            ],
        }  # fmt: skip
        return page("weights", told=json.dumps(told), candidate=self.candidate.id, parts=list(self.paid), **look())

    def _repr_html_(self) -> str:
        within = escape(self.page(), quote=True)
        return f'<iframe srcdoc="{within}" width="100%" height="560" style="border:0" sandbox="allow-scripts"></iframe>'


def part_weights(reading: RunView, candidate: Candidate) -> PartWeights:
    """What a program pays in the episodes of the run's simple policies and of its newest scored ones.

    Raises:
        UsageError: its parts are not added up, it was refused, or it fails on these episodes.
        NotTrusted: the run has code of somebody else's that was not let in.
        RunDamaged: an episode can't be read.
    """
    view, trusts = reading.candidate(candidate.id), reading.header.config
    if view is None or view.verdict is None or not view.verdict.accepted:
        raise UsageError(f"{candidate.id} was refused: it pays for nothing.")
    if candidate.composition != "sum":
        raise UsageError(
            f"The parts of {candidate.id} are not added up ({candidate.composition}): factors say nothing there."
        )
    demand(powers_of(Page(reading.files)), str(reading.folder))
    dataset = _recorded(reading)
    with Jail(trusts.trust_the_model or trusts.by_grammar) as jail:
        try:
            with jail.open(candidate.source) as room:
                parts = room.client.evaluate(lasting(dataset.transitions), view.verdict.uses_memory)
        except RewardFailed as failed:
            raise UsageError(f"{candidate.id} fails on the recorded episodes: {failed}") from None
    there = dataset.transitions.step > 0
    paid = {name: np.where(there, part, 0.0).sum(axis=0) for name, part in parts.items()}
    return PartWeights(candidate, paid, dataset.episodes, dataset.goodness)


def _recorded(reading: RunView) -> EpisodeDataset:
    pieces = list(_simple(Page(reading.files)))
    latest = newest([saved.score for saved in reading.search_scores]).values()
    pages = {saved.score.trial_id: saved.page for saved in reading.search_scores}
    for score in latest:
        if score.outcome.ok and score.episodes:
            batch = reading.page(pages[score.trial_id]).transitions(SCORES.of(score.trial_id), EPISODES)
            few = score.episodes[:EPISODES_EACH]
            kinds = (f"{score.trial_id}, episode {i}" for i in range(len(few)))
            named = tuple(ReferenceEpisode(kind=kind, episode=one) for kind, one in zip(kinds, few, strict=True))
            pieces.append((batch.cut(columns=slice(0, len(few))), named))
    if not pieces:
        raise UsageError(f"{reading.folder} has no recorded episodes yet.")
    return join(pieces, reading.header.task.metric.better)


def _simple(whole: Page) -> Iterator[tuple[Transitions, tuple[ReferenceEpisode, ...]]]:
    described = whole.lone(DESCRIPTION)
    if described and described.reference_episodes:
        yield whole.transitions(DESCRIPTION, REFERENCE_EPISODES), described.reference_episodes
