"""Where a model gives too few programs that may train, the grammar's fill the round up, so that none is empty. They are marked."""

from collections.abc import Callable, Sequence

from autoreward.records import Candidate, CandidateId, Candidates

FillMaker = Callable[[int], Sequence[Candidate]]
"""So many programs of the grammar's, or fewer where the task gives too little."""


def missing(accepted: int, wanted: int) -> int:
    """How many programs of the grammar's a round needs: half of those that were asked for may train, at least."""
    return max((wanted + 1) // 2 - accepted, 0)


def filled_up(designed: Candidates, number: int, count: int, make: FillMaker) -> Candidates:
    """The round `number` with `count` more programs behind those that were designed, as far as there are any."""
    if not count:
        return designed
    first = len(designed.items)
    made = [
        candidate.model_copy(update={"id": str(CandidateId(number, first + i)), "how": "filled", "parents": ()})
        for i, candidate in enumerate(make(count))
    ]
    said = f"filled up with {len(made)} of the grammar's programs: too few of the model's may train"
    return Candidates(items=(*designed.items, *made), findings=(*designed.findings, said))
