"""The embedded designer: a seeded search over readable reward programs. It needs no model, and is the control that a
model must beat.

Round 0 spreads over differing ideas; later rounds mutate the best programs as their symptoms advise, cross two of them,
and add one fresh idea. The same code serves every task: it knows fields, units, constants and the success rule's
distances, nothing else.
"""

import random
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Literal

from autoreward.design.quantities import Quantity, fields, goals, rates, readable
from autoreward.design.terms import Genome, Shape, Term, source, thought
from autoreward.records import Candidate, Description, Diagnosis, Round, Score
from autoreward.tasks import Task

SHAPES: tuple[Shape, ...] = ("linear", "squared", "exp", "tanh", "inverse")
WEIGHTS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
MAX_TERMS = 7
PARENTS = 3
TRIES = 50


class Kit:
    """What one task gives to build with."""

    def __init__(self, task: Task, description: Description) -> None:
        self.task = task
        self.goals = goals(task, description)
        self.rates = rates(task, description)
        self.things = {q.key: q for q in (*self.goals, *fields(task, description))}
        wanted = {q.name for q in self.goals}
        self.others = [q for q in fields(task, description) if q.name not in wanted and q not in self.rates]
        self.survive = task.success.full_length or "not terminated" in task.success.when
        self.efforts = [_effort_key(s.name, s.discrete, s.size) for s in description.action if s.discrete != 2]

    def near(self, rng: random.Random, shape: Shape | None = None) -> list[Term]:
        """One closeness term for each distance of the goal."""
        scales = (0.5, 1.0, 2.0)
        terms = []
        for q in self.goals:
            drawn: Shape = shape if shape is not None else rng.choice(SHAPES)
            terms.append(Term(kind="near", on=q.key, shape=drawn, scale=readable(q.scale * rng.choice(scales))))
        return terms

    def upkeep(self, rng: random.Random) -> list[Term]:
        """Staying in the episode where the goal needs it, haste where it does not."""
        if self.survive:
            return [Term(kind="alive", weight=rng.choice((0.5, 1.0, 2.0)))]
        return [Term(kind="time", weight=rng.choice((0.1, 0.5, 1.0)))]

    def damping(self, rng: random.Random) -> list[Term]:
        """Calm for one or all speeds."""
        chosen = self.rates if rng.random() < 0.5 else rng.sample(self.rates, min(1, len(self.rates)))
        return [
            Term(kind="damping", on=f"field:{q.name}", scale=_wide(q), weight=rng.choice((0.02, 0.05, 0.1)))
            for q in chosen
        ]

    def centre(self, rng: random.Random) -> list[Term]:
        """Posture: fields that the goal does not name, near zero."""
        return [
            Term(
                kind="centre",
                on=f"field:{q.name}",
                shape=rng.choice(("linear", "squared", "exp")),
                scale=_wide(q),
                weight=0.2,
            )
            for q in self.others
        ]

    def bonus(self, rng: random.Random) -> list[Term]:
        """An event bonus for the goal."""
        if not self.goals:
            return [Term(kind="fall", weight=rng.choice((5.0, 10.0)))]
        weight = rng.choice((1.0, 2.0, 5.0))
        return [Term(kind="all_bonus", weight=weight)]

    def effort(self, rng: random.Random) -> list[Term]:
        """A small cost of acting."""
        return [Term(kind="effort", on=key, weight=rng.choice((0.01, 0.02, 0.05))) for key in self.efforts]

    def progress(self, rng: random.Random) -> list[Term]:
        """Coming nearer, step by step."""
        return [Term(kind="progress", on=q.key, scale=q.scale, weight=rng.choice((2.0, 5.0, 10.0))) for q in self.goals]

    def motion(self, rng: random.Random) -> list[Term]:
        """Speed or gain of speed, for goals that must be swung at."""
        kinds: tuple[Literal["speed", "gain"], ...] = ("speed", "gain")
        return [
            Term(kind=rng.choice(kinds), on=f"field:{q.name}", scale=_wide(q), weight=rng.choice((0.5, 1.0, 2.0)))
            for q in self.rates
        ]


def design(
    task: Task, description: Description, rounds: Sequence[Round], count: int, seed: int
) -> tuple[Candidate, ...]:
    """The next round's candidates, with ids `r<round>c<i>`. The same arguments give the same programs."""
    kit = Kit(task, description)
    rng = random.Random(seed)
    number = len(rounds)
    seen = {c.genome for r in rounds for c in r.candidates}
    parents = _parents(rounds, task)
    made: list[Candidate] = []
    for i in range(count):
        for attempt in range(TRIES):
            how, genome, lineage = _one(kit, rng, parents, i, number + attempt)
            text = genome.model_dump_json()
            if text not in seen:
                break
        seen.add(text)
        made.append(
            Candidate(
                id=f"r{number:03d}c{i}",
                source=source(task, genome, kit.things),
                thought=thought(genome, kit.things),
                origin="grammar",
                how=how,
                parents=lineage,
                genome=text,
            )
        )
    return tuple(made)


How = Literal["fresh", "mutation", "crossover"]
Parents = Sequence[tuple[Candidate, Diagnosis | None]]


def _one(kit: Kit, rng: random.Random, parents: Parents, i: int, turn: int) -> tuple[How, Genome, tuple[str, ...]]:
    """One new program: fresh, a mutation, or a crossover."""
    if not parents or i == 0:
        return "fresh", _fresh(kit, rng, i + turn), ()
    if i % 4 == 3 and len(parents) > 1:
        (one, _), (other, _) = rng.sample(list(parents), 2)
        return "crossover", _cross(rng, one, other), (one.id, other.id)
    parent, diagnosis = parents[(i - 1) % len(parents)]
    return "mutation", _mutate(kit, rng, _genome(parent), diagnosis), (parent.id,)


def _fresh(kit: Kit, rng: random.Random, idea: int) -> Genome:
    """One of eight differing ideas, with details drawn."""
    joint = [Term(kind="joint", weight=rng.choice((1.0, 2.0)), scale=rng.choice((0.5, 1.0)))] if kit.goals else []
    ideas: tuple[Callable[[], list[Term]], ...] = (
        lambda: kit.near(rng, "exp") + kit.upkeep(rng) + kit.bonus(rng),
        lambda: kit.progress(rng) + kit.bonus(rng) + kit.upkeep(rng),
        lambda: kit.motion(rng) + kit.upkeep(rng) + kit.bonus(rng),
        lambda: joint + kit.upkeep(rng) + kit.damping(rng),
        lambda: kit.near(rng, "linear") + kit.upkeep(rng) + kit.effort(rng),
        lambda: kit.near(rng, "squared") + kit.centre(rng) + kit.damping(rng) + kit.upkeep(rng),
        lambda: kit.near(rng, "tanh") + kit.bonus(rng) + kit.centre(rng) + kit.upkeep(rng),
        lambda: kit.near(rng, "inverse") + kit.progress(rng) + kit.damping(rng) + kit.upkeep(rng),
    )
    terms = ideas[idea % len(ideas)]()
    if not terms:
        terms = kit.upkeep(rng)
    return _tidy(terms)


def _mutate(kit: Kit, rng: random.Random, genome: Genome, diagnosis: Diagnosis | None) -> Genome:
    """Follow the gravest symptom's advice, then change one detail."""
    terms = list(genome.terms)
    for symptom in (diagnosis.symptoms if diagnosis else ())[:2]:
        terms = _treat(kit, rng, terms, symptom.name, symptom.part)
    return _tidy(_jiggle(kit, rng, terms))


def _treat(kit: Kit, rng: random.Random, terms: list[Term], symptom: str, part: str) -> list[Term]:
    match symptom:
        case "never_reaches":
            wider = [t.model_copy(update={"scale": readable(t.scale * 2)}) if t.kind == "near" else t for t in terms]
            return wider + rng.choice((kit.progress, kit.motion, kit.near))(rng)
        case "reaches_but_does_not_stay":
            return terms + rng.choice((kit.damping, kit.bonus, kit.centre))(rng)
        case "one_part_dominates":
            return [_scaled(t, 0.3) if _is(t, part, kit) else t for t in terms]
        case "flat_part":
            kept = [t for t in terms if not _is(t, part, kit)]
            return kept or terms
        case "dies_early":
            return terms + [Term(kind="alive", weight=rng.choice((1.0, 2.0, 5.0))), Term(kind="fall", weight=10.0)]
        case "stands_still":
            calm = [t for t in terms if t.kind not in ("effort", "damping")]
            return (calm or terms) + rng.choice((kit.motion, kit.progress))(rng)
        case "loses_its_solution":
            return terms + kit.damping(rng)
    return terms


def _jiggle(kit: Kit, rng: random.Random, terms: list[Term]) -> list[Term]:
    """Change one weight, scale or shape, or add or drop a part."""
    at = rng.randrange(len(terms))
    term = terms[at]
    choice = rng.random()
    if choice < 0.35:
        terms[at] = _scaled(term, rng.choice((0.5, 2.0)))
    elif choice < 0.55 and term.kind in ("near", "centre"):
        terms[at] = term.model_copy(update={"shape": rng.choice(SHAPES)})
    elif choice < 0.75 and term.kind in ("near", "centre", "joint", "damping"):
        terms[at] = term.model_copy(update={"scale": readable(term.scale * rng.choice((0.4, 2.5)))})
    elif choice < 0.9:
        makers = (kit.damping, kit.bonus, kit.effort, kit.progress, kit.centre, kit.near)
        terms = terms + rng.choice(makers)(rng)
    elif len(terms) > 1:
        terms.pop(at)
    return terms


def _cross(rng: random.Random, one: Candidate, other: Candidate) -> Genome:
    """Half of each parent's parts."""
    pool = [t for t in (*_genome(one).terms, *_genome(other).terms) if rng.random() < 0.6]
    return _tidy(pool or list(_genome(one).terms))


def _tidy(terms: list[Term]) -> Genome:
    """One term per slot (the last one wins), at most MAX_TERMS, in a fixed order."""
    by_slot = {term.slot: term for term in terms}
    return Genome(terms=tuple(list(by_slot.values())[-MAX_TERMS:]))


def _scaled(term: Term, factor: float) -> Term:
    return term.model_copy(update={"weight": readable(term.weight * factor)})


def _is(term: Term, part: str, kit: Kit) -> bool:
    name = kit.things[term.on].name if term.on in kit.things else ""
    return part == (f"{term.kind}_{name}"[:40] if name else term.kind)


def _genome(candidate: Candidate) -> Genome:
    return Genome.model_validate_json(candidate.genome)


def _parents(rounds: Sequence[Round], task: Task) -> list[tuple[Candidate, Diagnosis | None]]:
    """The best candidates of the last four rounds, best first, with their diagnoses."""
    recent = rounds[-4:]
    scores: dict[str, list[Score]] = {}
    for score in (s for r in recent for s in r.scores if s.outcome.ok):
        scores.setdefault(score.candidate_id, []).append(score)
    diagnoses = {d.candidate_id: d for r in recent for d in r.diagnoses}
    known = [c for r in recent for c in r.candidates if c.id in scores and c.genome]

    def order(c: Candidate) -> tuple[float, float, str]:
        of = scores[c.id]
        return (-fmean(s.mean_success for s in of), -fmean(s.mean_progress for s in of), c.id)

    known.sort(key=order)
    return [(c, diagnoses.get(c.id)) for c in known[:PARENTS]]


def _effort_key(name: str, choices: int, size: int) -> str:
    """What an effort term needs to know of an action: its name, the neutral choice of a discrete one, its size."""
    return f"action:{name}:{_neutral(choices)}:{size}"


def _neutral(choices: int) -> str:
    """The choice that most likely does nothing: the middle of an odd number, the first of an even one."""
    if not choices:
        return "-"
    return str((choices - 1) // 2) if choices % 2 else "0"


def _wide(quantity: Quantity) -> float:
    """A generous scale for a field: several times its spread under random actions."""
    return readable(quantity.scale * 3)
