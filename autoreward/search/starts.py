"""The person's own rewards in a search: they are checked before anything is spent, train in the first round, and are confirmed."""

from collections.abc import Sequence
from statistics import fmean

from autoreward.evaluation.intervals import probability_of_improvement
from autoreward.evaluation.ranking import latest
from autoreward.records import Candidate, Candidates, Confirmed, Estimate, OwnReward, Round
from autoreward.search.confirm import demand_sound
from autoreward.search.study import Study
from autoreward.store.keys import VERDICTS


def demand_sound_starts(study: Study) -> None:
    """Review them, where what the first round finds of its programs is kept. Raises UsageError for one that may not train."""
    steps, own = study.steps, study.config.start
    verdicts = study.book.page(0).each(VERDICTS, own, steps.review, steps.executor) if own else ()
    for candidate, verdict in zip(own, verdicts, strict=True):
        demand_sound(candidate, study.task, verdict)


def with_starts(made: Candidates, own: Sequence[Candidate], rounds: Sequence[Round]) -> Candidates:
    """A round's candidates; with the person's own after them in the first."""
    return made if rounds else made.model_copy(update={"items": (*made.items, *own)})


def starts_of(rounds: Sequence[Round]) -> tuple[Candidate, ...]:
    """The person's own programs in a search."""
    return tuple(c for r in rounds[:1] for c in r.candidates if c.how == "given")


def own_rewards(
    rounds: Sequence[Round], confirmed: Sequence[Confirmed], best: str, ruled: bool
) -> tuple[OwnReward, ...]:
    """What became of each, beside the `best` that is handed over."""
    scores = latest([s for r in rounds for s in r.scores])
    fresh = {c.who: c for c in confirmed}
    found: list[OwnReward] = []
    for candidate in starts_of(rounds):
        own, measured = scores.get(candidate.id, []), fresh.get(candidate.id)
        improved = None
        if measured and candidate.id != best and best in fresh and len(measured.success) > 1:
            improved = probability_of_improvement(fresh[best].success, measured.success)
        found.append(
            OwnReward(
                candidate_id=candidate.id,
                steps=max((s.steps for s in own), default=0),
                success=fmean(s.success for s in own) if own and ruled else None,
                fresh=measured.estimate if measured else None,
                improved=Estimate(**improved._asdict()) if improved else None,
            )
        )
    return tuple(found)
