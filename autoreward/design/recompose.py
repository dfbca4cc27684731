"""A program's parts added up in another way: candidates that nobody has to write."""

from collections.abc import Sequence

from autoreward.records import Candidate, CandidateId, CompositionName, Round
from autoreward.rewards.compose import demanded

OTHERS: tuple[CompositionName, ...] = ("standardised", "conjunction", "bounded")
"""What `auto` tries, in this order: what fits any parts, whatever roles they have."""
VARIANTS = 2
"""Variants of one program in a round, at most."""


def as_demanded(candidates: Sequence[Candidate], setting: str) -> tuple[Candidate, ...]:
    """The same programs, their parts added up as a run's setting says; as they are for `own` and `auto`."""
    for composition in demanded(setting):
        return tuple(candidate.model_copy(update={"composition": composition}) for candidate in candidates)
    return tuple(candidates)


def recomposed(rounds: Sequence[Round], parents: Sequence[str], first: int) -> tuple[Candidate, ...]:
    """Variants of earlier programs under compositions that they were not tried under, with ids from the place `first` on."""
    programs = {c.id: c for r in rounds for c in r.candidates}
    tried = {(c.source, c.composition) for c in programs.values()}
    made: list[Candidate] = []
    for parent in map(programs.__getitem__, parents):
        for how in [how for how in OTHERS if (parent.source, how) not in tried][:VARIANTS]:
            tried.add((parent.source, how))
            thought = f"{parent.id} with its parts added up as {how}, not {parent.composition}"
            variant = parent.variant(str(CandidateId(len(rounds), first + len(made))), "composition", thought)
            made.append(variant.model_copy(update={"composition": how}))
    return tuple(made)
