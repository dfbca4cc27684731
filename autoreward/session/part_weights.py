"""Weights of a program's parts by hand: how its run's recorded episodes rank as they change."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from autoreward.checks.dataset import APART, Array, EpisodeDataset, join
from autoreward.checks.planted import ordered_share
from autoreward.checks.relabel import relabel
from autoreward.core.wording import did_you_mean
from autoreward.design.weight_tuning import weighted
from autoreward.errors import UsageError
from autoreward.evaluation.legs import newest
from autoreward.records import REFERENCE_EPISODES, Candidate, ReferenceEpisode
from autoreward.report.html import look
from autoreward.report.reading import RunView
from autoreward.report.templates import page
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.search.halving import search_job
from autoreward.search.recorded import Recording, recording
from autoreward.store.book import Page, powers_of
from autoreward.store.keys import DESCRIPTION
from autoreward.store.trust import demand


@dataclass(frozen=True)
class PartWeights:
    """What each part of a program pays in recorded episodes. In a notebook: a slider for each part, and the ranking as it changes.

    Sums over whole episodes, as `sum` adds parts up, without discounting.
    """

    candidate: Candidate
    paid: Mapping[str, Array]
    """By part: what it pays in each episode, shape (E,)."""
    episodes: tuple[str, ...]
    """What each is called: by whose it is, and its number among these."""
    goodness: Array
    """(E,): as of `EpisodeDataset`."""

    def __repr__(self) -> str:
        return f"<weights of {self.candidate.id}: {', '.join(self.paid)}; {len(self.episodes)} episodes, sliders in a notebook>"

    def order(self, **factors: float) -> tuple[str, ...]:
        """The episodes by what they are paid with these factors, the best paid first. Raises UsageError."""
        return tuple(self.episodes[i] for i in np.argsort(-self._returns(factors), kind="stable"))

    def ranked_right(self, **factors: float) -> float:
        """Share of the pairs of a better and a worse episode in which the better is paid more; ties are halves.

        A half where there is no such pair. Better: by a tenth of the way from doing nothing to a success. Raises UsageError.
        """
        return ordered_share(self.goodness, self._returns(factors))

    def source(self, **factors: float) -> str:
        """The program with its parts times these factors, to be kept as a file and started from. Raises UsageError."""
        self._returns(factors)
        return weighted(self.candidate.source, factors)

    def _returns(self, factors: Mapping[str, float]) -> Array:
        for name, factor in factors.items():
            if name not in self.paid:
                raise UsageError(
                    f"{self.candidate.id} has no part {name!r}: it has {', '.join(self.paid)}.{did_you_mean(name, list(self.paid))}"
                )
            if not (np.isfinite(factor) and factor >= 0.0):
                raise UsageError(f"The factor of {name} is {factor}: it must be 0 or more.")
        returns: Array = np.sum([factors.get(name, 1.0) * part for name, part in self.paid.items()], axis=0)
        return returns

    def page(self) -> str:
        """The sliders and the ranking as a page that needs nothing else."""
        paid = list(self.paid.values())
        told = {
            "parts": list(self.paid),
            "apart": APART,
            "episodes": [
                {"name": name, "good": float(self.goodness[i]), "paid": [float(part[i]) for part in paid]}
                for i, name in enumerate(self.episodes)
            ],
        }
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
    view, task, config = reading.candidate(candidate.id), reading.header.task, reading.header.config
    if view is None or view.verdict is None or not view.verdict.accepted:
        raise UsageError(f"{candidate.id} was refused: it pays for nothing.")
    if candidate.composition != "sum":
        raise UsageError(
            f"The parts of {candidate.id} are not added up ({candidate.composition}): factors say nothing there."
        )
    demand(powers_of(Page(reading.files)), str(reading.folder))
    dataset = _recorded(reading)
    with Jail(config.trust_the_model or config.by_grammar) as jail:
        try:
            answer = relabel(jail, search_job(config, task, candidate, view.verdict), task.train.gamma, dataset)
        except RewardFailed as failed:
            raise UsageError(f"{candidate.id} fails on the recorded episodes: {failed}") from None
    return PartWeights(candidate, answer.parts, tuple(_called(dataset.episodes)), dataset.goodness)


def _recorded(reading: RunView) -> EpisodeDataset:
    whole = Page(reading.files)
    described = whole.lone(DESCRIPTION)
    pieces = []
    if described and described.reference_episodes:
        pieces.append(Recording(whole.transitions(DESCRIPTION, REFERENCE_EPISODES), described.reference_episodes))
    pages = {saved.score.trial_id: saved.page for saved in reading.search_scores}
    for score in newest([saved.score for saved in reading.search_scores]).values():
        if score.episodes:
            pieces.append(recording(reading.page(pages[score.trial_id]), score, score.trial_id))
    if not pieces:
        raise UsageError(f"{reading.folder} has no recorded episodes yet.")
    return join(pieces, reading.header.task.metric.better)


def _called(episodes: Sequence[ReferenceEpisode]) -> Iterator[str]:
    """Names that tell the episodes of one policy apart."""
    seen: Counter[str] = Counter()
    for one in episodes:
        yield f"{one.kind}, episode {seen[one.kind]}"
        seen[one.kind] += 1
