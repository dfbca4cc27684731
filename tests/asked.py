"""What the strategy of a run asks for after some rounds, for the grammar and for a model."""

from collections.abc import Sequence

from autoreward.config import RunConfig
from autoreward.design.grammar.evolve import evolved_candidates, slots
from autoreward.records import Candidate, Description, Round
from autoreward.roles.history import History
from autoreward.search.truncation import TruncationSelection
from autoreward.tasks.card import Task


def bred(task: Task, description: Description, rounds: Sequence[Round], count: int, seed: int) -> tuple[Candidate, ...]:
    """The grammar's next round."""
    variations = TruncationSelection(task, RunConfig(candidates=count), slots).ask(rounds)
    return evolved_candidates(task, description, rounds, variations, seed)


def history(task: Task, *rounds: Round) -> History:
    """What a model is told of them."""
    variations = TruncationSelection(task, RunConfig(model="manual"), slots).ask(rounds)
    return History(rounds, variations[0].parents)
