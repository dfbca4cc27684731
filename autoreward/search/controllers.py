"""Policies written as code as a baseline: they play before anything is trained, and are held beside what was."""

from collections.abc import Sequence

from autoreward import events
from autoreward.records import Confirmed, PlayedController
from autoreward.search.study import Study
from autoreward.store.keys import CONTROLLERS


def controllers_once(study: Study) -> None:
    """Play them, once in a run; nothing where there is no script and none is to be proposed. No step of the search's budget.

    Raises:
        TaskError: the card's script breaks the contract, or gives no action.
        LimitReached: the designer may not be asked.
    """
    if not study.task.ruled or not (study.task.script or study.config.propose_controller):
        return
    known = study.book.has(CONTROLLERS)
    played = study.book.once(CONTROLLERS, study.steps.controllers)
    if not known:
        study.listener(events.ControllersPlayed(played))


def beside_trained(study: Study, confirmed: Sequence[Confirmed], best: str) -> tuple[PlayedController, ...]:
    """The controllers, each beside the trained policy that is handed over, where it was confirmed."""
    played = study.book.lone(CONTROLLERS)
    trained = next((c.estimate.value for c in confirmed if c.who == best), None)
    return tuple(one.model_copy(update={"trained": trained}) for one in played.items) if played else ()
