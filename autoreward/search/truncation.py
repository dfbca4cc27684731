"""Truncation selection: what comes next starts from the best few of the last rounds."""

from collections.abc import Callable, Hashable, Sequence

from autoreward.config import RunConfig
from autoreward.evaluation.history import DESIGN_ROUNDS, recent_rounds
from autoreward.evaluation.ranking import UNASKED, best, ranked
from autoreward.records import Candidate, Round, Strengths
from autoreward.search.strategy import FIRST_IDEA, Variation
from autoreward.tasks.card import Task

_PARENTS = 3
"""Programs that are mutated and crossed."""
_OF_LATEST, _OF_EARLIER = 3, 2
"""Programs that a model is shown of the latest round, and of each earlier one."""
RECOMPOSED = 2
"""Programs that are tried under other compositions."""
_CROSSED = 4
"""One program in so many is a crossover."""


class TruncationSelection:
    """Implements `search.strategy.Strategy`."""

    def __init__(self, task: Task, config: RunConfig, niche: Callable[[Candidate], Hashable]) -> None:
        """`niche`: the same for programs that are nearly the same, of which the best alone is a parent; of the grammar's."""
        self._task = task
        self._config = config
        self._niche = niche

    def ask(self, rounds: Sequence[Round]) -> tuple[Variation, ...]:
        """As many programs as the run has candidates in a round, and what was asked for beside: the best one with its
        weights tuned or trained with other settings, the best two under other compositions."""
        if self._config.model == "grammar":
            variations = self._evolution(self._parents(rounds))
        else:
            variations = (Variation("rewrite", self._shown(rounds)),) * self._config.candidates
        winner = best(rounds, self._task) if self._config.tune_weights else ""
        tuned = (Variation("weights", (winner,)),) if winner else ()
        return (*variations, *tuned, *self._recompositions(rounds), *self._resettlings(rounds))

    def _recompositions(self, rounds: Sequence[Round]) -> tuple[Variation, ...]:
        """The best programs so far, where that was asked for."""
        if self._config.composition != "auto":
            return ()
        order = ranked([s for r in rounds for s in r.scores], self._task, _liked(rounds))
        return tuple(Variation("composition", (identity,)) for identity in order[:RECOMPOSED])

    def _resettlings(self, rounds: Sequence[Round]) -> tuple[Variation, ...]:
        """The best program so far, where that was asked for."""
        asked = self._config.tune_settings and self._config.model == "grammar"  # a model proposes its own
        winner = best(rounds, self._task) if asked else ""
        return (Variation("settings", (winner,)),) if winner else ()

    def _evolution(self, parents: tuple[str, ...]) -> tuple[Variation, ...]:
        """One idea that the first round did not have, then mutations of each parent in turn, and crossovers."""
        if not parents:
            return (FIRST_IDEA,) * self._config.candidates

        def variation(i: int) -> Variation:
            if i == 0:
                return Variation("fresh")
            if i % _CROSSED == _CROSSED - 1 and len(parents) > 1:
                return Variation("crossover", parents)
            return Variation("mutation", (parents[(i - 1) % len(parents)],))

        return tuple(map(variation, range(self._config.candidates)))

    def _parents(self, rounds: Sequence[Round]) -> tuple[str, ...]:
        """The best candidates of the last rounds that are of different niches, best first.

        Where there are fewer than _PARENTS niches, the best of the others follow.
        """
        recent = recent_rounds(rounds, DESIGN_ROUNDS)
        candidates = {c.id: c for r in recent for c in r.candidates if c.genome}
        order = ranked([s for r in recent for s in r.scores], self._task, _liked(rounds))
        firsts: dict[Hashable, str] = {}
        others: list[str] = []
        for identity in order:
            if identity in candidates and firsts.setdefault(self._niche(candidates[identity]), identity) != identity:
                others.append(identity)
        return tuple([*firsts.values(), *others][:_PARENTS])

    def _shown(self, rounds: Sequence[Round]) -> tuple[str, ...]:
        """The best candidates of each of the last rounds, oldest round first."""
        recent, liked = recent_rounds(rounds, DESIGN_ROUNDS), _liked(rounds)
        counts = [_OF_EARLIER] * (len(recent) - 1) + [_OF_LATEST]
        return tuple(
            name for past, count in zip(recent, counts, strict=False) for name in self._best_first(past, liked)[:count]
        )

    def _best_first(self, past: Round, liked: Strengths) -> list[str]:
        """The round's programs; those that nothing is known of come last, as they were designed."""
        places = {identity: place for place, identity in enumerate(ranked(past.scores, self._task, liked))}
        return sorted((c.id for c in past.candidates), key=lambda identity: places.get(identity, len(places)))


def _liked(rounds: Sequence[Round]) -> Strengths:
    return rounds[-1].liked if rounds else UNASKED
