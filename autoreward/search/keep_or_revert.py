"""Keep or revert: one program at a time, changed from the best one so far; one that is no better is left again.

What a coding agent does that edits one reward file in a loop (docs/agents.md), here with the run's own designer and under the same
checks, screens, steps and confirmation as any search: a control for those that design several programs a round.
"""

from collections.abc import Sequence

from autoreward.config import RunConfig
from autoreward.evaluation.ranking import UNASKED, ranked
from autoreward.records import Round
from autoreward.search.strategy import FIRST_IDEA, Variation
from autoreward.tasks.card import Task


class KeepOrRevert:
    """Implements `search.strategy.Strategy`."""

    def __init__(self, task: Task, config: RunConfig) -> None:
        self._task = task
        self._by_grammar = config.model == "grammar"
        self._count = config.candidates

    def ask(self, rounds: Sequence[Round]) -> tuple[Variation, ...]:
        """A change of the program that is kept; a first idea while none could be scored. A model also sees the last one tried."""
        kept = self._kept(rounds)
        if self._by_grammar:
            one = Variation("mutation", (kept,)) if kept else FIRST_IDEA
        else:
            last = [c.id for c in rounds[-1].candidates] if rounds else []
            one = Variation("rewrite", tuple(dict.fromkeys([*([kept] if kept else []), *last])))
        return (one,) * self._count

    def _kept(self, rounds: Sequence[Round]) -> str:
        """The best program so far that can be changed; empty without one."""
        mutable = {c.id for r in rounds for c in r.candidates if c.genome or not self._by_grammar}
        liked = rounds[-1].liked if rounds else UNASKED
        order = ranked([s for r in rounds for s in r.scores], self._task, liked)
        return next((identity for identity in order if identity in mutable), "")
