"""Before a training: the environment is explored once, snapshots are found, and programs that may train are hunted for exploits."""

from collections.abc import Sequence
from typing import NamedTuple

from autoreward import events
from autoreward.errors import TaskError
from autoreward.records import Candidate, Hunt, Round, Snapshots, Verdict
from autoreward.search.halving import Budget
from autoreward.search.study import Study
from autoreward.store.book import Page
from autoreward.store.keys import DESCRIPTION, EXPLORATION, HUNTS, SNAPSHOTS, TAKEN
from autoreward.tasks.card import Task

HUNTS_SHARE = 0.0625
"""Most of a round's share of the budget that its hunts may take: they must not starve the race."""
LEAST_EPISODES = 8
"""Random episodes' worth of steps below which a hunt looks at the recorded episodes alone."""


def explored_once(study: Study) -> None:
    """Explore the environment, once in a run, unless nobody wants that; its steps are none of the search's budget. Then look for
    snapshots, as `snapshots_once` does.
    """
    if study.config.explore_steps:
        known = study.book.has(EXPLORATION)
        exploration = study.book.once(EXPLORATION, study.steps.explore)
        if not known:
            study.listener(events.Explored(exploration))
    snapshots_once(study)


def snapshots_once(study: Study) -> None:
    """Look for what episodes of trainings may begin at, once in a run, where its card asks for that. Like exploring it is none of
    the search's budget; the steps to get to a snapshot are.

    Raises TaskError if there are none.
    """
    if not study.task.train.snapshots:
        return
    known = study.book.has(SNAPSHOTS)
    found = study.book.once(SNAPSHOTS, study.steps.snapshots)
    if found.why_not:
        raise no_snapshots(study.task, found)
    if not known:
        study.listener(events.SnapshotsFound(found))


def no_snapshots(task: Task, found: Snapshots) -> TaskError:
    """What to say where the card asks for snapshots and there are none."""
    return TaskError(
        f"task {task.name}, [train] snapshots: there is nothing to begin episodes at: {found.why_not}. Take snapshots out of the "
        "card, and trainings begin all episodes as the environment does."
    )


class AfterHunts(NamedTuple):
    """Who may train, once all of them were hunted in."""

    field: list[tuple[Candidate, Verdict]]
    budget: Budget
    hunts: tuple[Hunt, ...]


def hunted(
    study: Study, page: Page, field: list[tuple[Candidate, Verdict]], rounds: Sequence[Round], budget: Budget
) -> AfterHunts:
    """A hunt for each program that may train; none where nobody wants that, or the round is taken over."""
    wanted = study.config.hunt_steps > 0 and not page.has(TAKEN) and field
    hunts = _hunts(study, page, field, rounds, _steps(study, len(field), budget)) if wanted else ()
    return AfterHunts(exploited_last(field, hunts), budget.less(hunted_steps(hunts)), hunts)


def _hunts(
    study: Study, page: Page, field: Sequence[tuple[Candidate, Verdict]], rounds: Sequence[Round], steps: int
) -> tuple[Hunt, ...]:
    verdicts = {candidate.id: verdict for candidate, verdict in field}
    known = page.saved(HUNTS)
    hunts = page.each(
        HUNTS,
        [candidate for candidate, _ in field],
        lambda c: study.steps.hunt(c, verdicts[c.id], rounds, steps),
        study.steps.executor,
    )
    if len(known) < len(hunts):
        study.listener(events.HuntsDone(hunts))
    return hunts


def exploited_last(
    field: Sequence[tuple[Candidate, Verdict]], hunts: Sequence[Hunt]
) -> list[tuple[Candidate, Verdict]]:
    """The same in another order: those in which an exploit was found come last, except one that must train."""
    found = {hunt.candidate_id for hunt in hunts if hunt.found}
    return sorted(field, key=lambda pair: pair[0].id in found and not pair[0].must_train)


def hunted_steps(hunts: Sequence[Hunt]) -> int:
    """Environment steps that they took."""
    return sum(hunt.steps for hunt in hunts)


def _steps(study: Study, count: int, budget: Budget) -> int:
    """Environment steps of one hunt; one training to the end has to be left."""
    most = min(budget.share * HUNTS_SHARE, budget.left - study.full) // count
    steps = min(study.config.hunt_steps, int(most))
    return steps if steps >= LEAST_EPISODES * study.book.need(DESCRIPTION).random_length else 0
