"""How long a full training is, where the search finds it: as long as the best one of a round went on getting clearly better.

Nobody knows a task's length beforehand: too short looks like a bad reward, too long wastes the budget. The best training of each
round goes on to twice and four times its length anyway (search/longer.py); with `steps = "auto"` the next round begins from there.
"""

from collections.abc import Sequence

from autoreward import events
from autoreward.config import RunConfig
from autoreward.evaluation.ranking import best
from autoreward.records import CandidateId, Candidates, Round, TrainingLength
from autoreward.search.study import Study
from autoreward.store.book import Page
from autoreward.store.keys import LENGTH
from autoreward.tasks.card import Task

LEAST_TRAININGS = 3
"""Full trainings that the search must still hold for trainings to become longer: two finalists, and the race before them."""


def length_after(config: RunConfig, task: Task, rounds: Sequence[Round], left: int | None = None) -> int:
    """Environment steps of a full training after these rounds; `left` are all that the search may still take, None: no limit."""
    if not rounds or config.steps != "auto":
        return config.full(task)
    now, longer = rounds[-1].training_steps, rounds[-1].longer
    if not longer.helped:
        return now
    return max(steps for steps in longer.steps if steps == now or (steps <= longer.enough and _holds(left, steps)))


def _holds(left: int | None, steps: int) -> bool:
    return left is None or LEAST_TRAININGS * steps <= left


def with_its_length(study: Study, page: Page, rounds: Sequence[Round], left: int) -> Study:
    """The study for the round of that page."""
    if study.config.steps != "auto":
        return study
    found = page.once(LENGTH, lambda: TrainingLength(steps=length_after(study.config, study.task, rounds, left)))
    if rounds and found.steps > rounds[-1].training_steps:
        study.listener(events.Lengthened(rounds[-1].training_steps, found.steps))
    return study.at(found.steps)


def with_incumbent(made: Candidates, rounds: Sequence[Round], task: Task, length: int) -> Candidates:
    """A round's candidates, and the best program so far once more if trainings have become longer: it is compared at its best."""
    if not rounds or length <= rounds[-1].training_steps:
        return made
    incumbent = next((c for r in rounds for c in r.candidates if c.id == best(rounds, task)), None)
    if incumbent is None:
        return made
    identity = str(CandidateId(len(rounds), len(made.items)))
    again = incumbent.model_copy(update={"id": identity, "how": "again", "parents": (incumbent.id,)})
    return made.model_copy(update={"items": (*made.items, again)})
