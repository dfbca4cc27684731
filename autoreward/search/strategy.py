"""Which earlier candidates the next round starts from, and what is made of them: what a strategy is.

`truncation.py` has the usual one, `keep_or_revert.py` a control. Another, such as an archive of niches or a tree, is another file
with a class that is a `Strategy`; `session/real_steps.py` takes it, and `tests/test_strategy.py` holds it to its promises.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from autoreward.records import Round

VariationOperator = Literal["spread", "fresh", "mutation", "crossover", "weights", "composition", "settings", "rewrite"]
"""How a program is made. From nothing: `spread`, one of the first ideas, another one for each, and `fresh`, one beyond those. From
parents: `mutation` of one, `crossover` of two of those that are named, `weights` of one tuned on recorded episodes (once a round at
most), `composition` of one added up in other ways, `settings` of one trained with others, and `rewrite`, by a model that is shown
all that are named."""

UNWRITTEN: tuple[VariationOperator, ...] = ("weights", "composition", "settings")
"""Those for which no program is written: it is an earlier one, its weights, their sum or its training changed."""


class Variation(NamedTuple):
    """One program to make."""

    operator: VariationOperator
    parents: tuple[str, ...] = ()
    """Candidate ids of earlier rounds. All were trained, but for those of a `rewrite`: a model also mends what was refused."""


FIRST_IDEA = Variation("spread")
"""What is asked for where there is nothing to start from."""


class Strategy(Protocol):
    """Decides what a round is made of."""

    def ask(self, rounds: Sequence[Round]) -> tuple[Variation, ...]:
        """What to make next, one variation a program: a function of the rounds alone, so that a resumed run ends the same."""
        ...
