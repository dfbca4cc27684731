"""What the strategy of a run asks for after some rounds, for the grammar and for a model."""

from collections.abc import Sequence

from autoreward.config import RunConfig
from autoreward.design.grammar.evolve import evolved_candidates, slots
from autoreward.records import Candidate, Description, Round
from autoreward.roles.history import History
from autoreward.search.strategy import Variation
from autoreward.search.truncation import TruncationSelection
from autoreward.tasks.card import Task


def bred(task: Task, description: Description, rounds: Sequence[Round], count: int, seed: int) -> tuple[Candidate, ...]:
    """The grammar's next round."""
    return evolved_candidates(task, description, rounds, asked(task, rounds, count), seed)


def asked(task: Task, rounds: Sequence[Round], count: int) -> tuple[Variation, ...]:
    """What the strategy asks the grammar for."""
    return TruncationSelection(task, RunConfig(candidates=count), slots).ask(rounds)


def history(task: Task, *rounds: Round) -> History:
    """What a model is told of them."""
    variations = TruncationSelection(task, RunConfig(model="manual"), slots).ask(rounds)
    return History(rounds, variations[0].parents)
