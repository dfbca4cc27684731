"""The embedded designer: a seeded search over readable reward programs. It needs no model, and is the control that a
model must beat.

Round 0 spreads over differing ideas; later rounds mutate the best programs as their symptoms advise, cross two of them,
and add one fresh idea. The same code serves every task: it knows fields, units, constants and the success rule's
distances, nothing else.
"""

import random
from collections.abc import Callable, Sequence
from typing import Literal

from autoreward.design.grammar.kit import SHAPES, Kit
from autoreward.design.grammar.quantities import readable
from autoreward.design.grammar.terms import Genome, Term, part_names, source, thought
from autoreward.evaluation.history import DESIGN_ROUNDS, recent_rounds
from autoreward.evaluation.ranking import ranked
from autoreward.records import Candidate, CandidateId, Description, Diagnosis, Round, Strengths
from autoreward.tasks.card import Task

_LIGHTEST, _HEAVIEST = 0.01, 10.0
"""Bounds of a weight that mutations may reach."""
_MAX_TERMS = 7
_PARENTS = 3
_TRIES = 50
_WANDER = 500
"""Single changes made to a repeated program before giving up on a new one."""
_FIRST_IDEAS = 8
"""How many ideas of `_fresh` the first round spreads over by default."""
_FAST = ("speed", "energy")
"""Kinds that pay for speed: damping the same field would take it back."""
_LASTING = ("alive", "time", "fall")
"""Kinds that may be constant and still matter, through how long an episode lasts."""


def evolved_candidates(
    task: Task, description: Description, rounds: Sequence[Round], count: int, seed: int
) -> tuple[Candidate, ...]:
    """The next round's candidates, with ids `r<round>c<i>`. The same arguments give the same programs.

    No program of the run is made twice; where a task gives too little to build `count` new ones, there are fewer.
    """
    kit = Kit(task, description)
    rng = random.Random(seed)
    number = len(rounds)
    seen = {c.genome for r in rounds for c in r.candidates}
    parents = _parents(rounds, task)
    candidates: list[Candidate] = []
    for i in range(count):
        for attempt in range(_TRIES):
            how, genome, lineage = _one(kit, rng, parents, i, number + attempt)
            text = genome.model_dump_json()
            if text not in seen:
                break
        for _ in range(_WANDER):
            if text not in seen:
                break
            genome = _tidy(_jiggle(kit, rng, list(genome.terms)))
            text = genome.model_dump_json()
        if text in seen:
            break
        seen.add(text)
        candidates.append(
            Candidate(
                id=str(CandidateId(number, i)),
                source=source(task, genome, kit.things),
                thought=thought(genome, kit.things),
                origin="grammar",
                how=how,
                parents=lineage,
                genome=text,
            )
        )
    return tuple(candidates)


How = Literal["fresh", "mutation", "crossover"]
Parents = Sequence[tuple[Candidate, Diagnosis | None]]


def _one(kit: Kit, rng: random.Random, parents: Parents, i: int, turn: int) -> tuple[How, Genome, tuple[str, ...]]:
    """One new program: fresh, a mutation, or a crossover."""
    if not parents:
        return "fresh", _fresh(kit, rng, i + turn), ()
    if i == 0:
        # one idea that the first round did not have
        return "fresh", _fresh(kit, rng, _FIRST_IDEAS - 1 + turn), ()
    if i % 4 == 3 and len(parents) > 1:
        (one, _), (other, _) = rng.sample(list(parents), 2)
        return "crossover", _cross(rng, one, other), (one.id, other.id)
    parent, diagnosis = parents[(i - 1) % len(parents)]
    return "mutation", _mutate(kit, rng, _genome(parent), diagnosis), (parent.id,)


def _fresh(kit: Kit, rng: random.Random, idea: int) -> Genome:
    """One of several differing ideas, with details drawn; the first _FIRST_IDEAS are the most likely to work."""
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
        lambda: kit.near(rng, "linear") + kit.steady(rng) + kit.bonus(rng) + kit.upkeep(rng),
        lambda: kit.progress(rng) + kit.swing(rng) + kit.upkeep(rng),
        lambda: joint + kit.steady(rng) + kit.smooth(rng) + kit.upkeep(rng),
        lambda: kit.explore(rng) + kit.near(rng) + kit.upkeep(rng),
    )
    terms = ideas[idea % len(ideas)]()
    if not terms:
        terms = kit.upkeep(rng)
    return _tidy(terms)


def _mutate(kit: Kit, rng: random.Random, genome: Genome, diagnosis: Diagnosis | None) -> Genome:
    """Follow the gravest symptom's advice, then change one detail."""
    terms = list(genome.terms)
    slots = {name: slot for slot, name in part_names(genome, kit.things).items()}
    for symptom in (diagnosis.symptoms if diagnosis else ())[:2]:
        terms = _treat(kit, rng, terms, symptom.name, slots.get(symptom.part))
    return _tidy(_jiggle(kit, rng, terms))


def _treat(kit: Kit, rng: random.Random, terms: list[Term], symptom: str, slot: tuple[str, str] | None) -> list[Term]:
    """The terms, changed as a symptom advises; `slot` is the part that it concerns, if one."""
    match symptom:
        case "never_reaches":
            wider = [t.model_copy(update={"scale": readable(t.scale * 2)}) if t.kind == "near" else t for t in terms]
            return wider + rng.choice((kit.progress, kit.motion, kit.near, kit.swing))(rng)
        case "reaches_but_does_not_stay":
            return terms + rng.choice((kit.steady, kit.damping, kit.bonus, kit.centre))(rng)
        case "one_part_dominates":
            return [_scaled(t, 0.3) if t.slot == slot else t for t in terms]
        case "flat_part":
            kept = [t for t in terms if t.slot != slot or t.kind in _LASTING]
            return kept or terms
        case "dies_early":
            return terms + [Term(kind="alive", weight=rng.choice((1.0, 2.0, 5.0))), Term(kind="fall", weight=10.0)]
        case "stands_still":
            calm = [t for t in terms if t.kind not in ("effort", "damping")]
            return (calm or terms) + rng.choice((kit.motion, kit.progress, kit.swing))(rng)
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
        makers = (kit.damping, kit.bonus, kit.effort, kit.progress, kit.centre, kit.near, kit.steady, kit.smooth)
        terms = terms + rng.choice(makers)(rng)
    elif len(terms) > 1:
        terms.pop(at)
    return terms


def _cross(rng: random.Random, one: Candidate, other: Candidate) -> Genome:
    """Half of each parent's parts."""
    pool = [t for t in (*_genome(one).terms, *_genome(other).terms) if rng.random() < 0.6]
    return _tidy(pool or list(_genome(one).terms))


def _tidy(terms: list[Term]) -> Genome:
    """One term per slot (the last one wins), at most _MAX_TERMS, none against a later one, in a fixed order."""
    by_slot = {term.slot: term for term in terms}
    for term in terms:
        if term.kind in _FAST and term.slot in by_slot:
            by_slot.pop(("damping", term.on), None)
    return Genome(terms=tuple(list(by_slot.values())[-_MAX_TERMS:]))


def _scaled(term: Term, factor: float) -> Term:
    weight = min(max(readable(term.weight * factor), _LIGHTEST), _HEAVIEST)
    return term.model_copy(update={"weight": weight})


def _genome(candidate: Candidate) -> Genome:
    return Genome.model_validate_json(candidate.genome)


def _parents(rounds: Sequence[Round], task: Task) -> list[tuple[Candidate, Diagnosis | None]]:
    """The best candidates of the last rounds that differ in their parts, best first, with their diagnoses.

    Where fewer than _PARENTS differ so, the best of the others follow.
    """
    recent = recent_rounds(rounds, DESIGN_ROUNDS)
    liked = rounds[-1].liked if rounds else Strengths()
    diagnoses = {d.candidate_id: d for r in recent for d in r.diagnoses}
    candidates = {c.id: c for r in recent for c in r.candidates if c.genome}
    order = ranked([s for r in recent for s in r.scores], task, liked)
    firsts: dict[frozenset[tuple[str, str]], Candidate] = {}
    others: list[Candidate] = []
    for candidate in (candidates[identity] for identity in order if identity in candidates):
        slots = frozenset(term.slot for term in _genome(candidate).terms)
        if firsts.setdefault(slots, candidate) is not candidate:
            others.append(candidate)
    return [(c, diagnoses.get(c.id)) for c in [*firsts.values(), *others][:_PARENTS]]
