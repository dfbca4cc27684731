"""The embedded designer: a seeded search over readable reward programs. It needs no model, and is the control that a
model must beat.

It makes what the search's strategy asks for: differing ideas at first, later mutations of programs as their symptoms advise,
crossovers of two, and fresh ideas. The same code serves every task: it knows fields, units, constants and the success rule's
distances, nothing else.
"""

import random
from collections.abc import Callable, Mapping, Sequence, Sized
from typing import Literal, NamedTuple

from autoreward.design.grammar.kit import SHAPES, Kit, Maker
from autoreward.design.grammar.program import source
from autoreward.design.grammar.quantities import readable
from autoreward.design.grammar.terms import MAX_TERMS, Genome, Term, part_names, reweighted, thought, tidied
from autoreward.design.grammar.wishes import granted, unheard_wishes
from autoreward.records import Candidate, CandidateId, Description, Diagnosis, Feedback, Round
from autoreward.search.strategy import Variation
from autoreward.tasks.card import Task

_TRIES = 50
_WANDER = 500
"""Single changes made to a repeated program before giving up on a new one."""
_FIRST_IDEAS = 8
"""How many ideas of `_fresh` the first round spreads over by default."""
_ALWAYS = ("anything",)
"""What an idea needs that every task gives enough for."""
_LASTING = ("alive", "time", "fall")
"""Kinds that may be constant and still matter, through how long an episode lasts."""
_RARE = ("bonus", "all_bonus", "end", "win", "staged", "limit", "next")
"""Kinds that pay nothing until something is reached, or exceeded: that they never did says nothing against them."""


def evolved_candidates(
    task: Task,
    description: Description,
    rounds: Sequence[Round],
    variations: Sequence[Variation],
    seed: int,
    said: Sequence[Feedback] = (),
) -> tuple[Candidate, ...]:
    """The next round's candidates, one a variation, with ids `r<round>c<i>`. The same arguments give the same programs.

    No program of the run is made twice; where a task gives too little to build that many new ones, there are fewer.
    What people said (`said`) is heeded by every program, once in each line of descent; see wishes.py.
    """
    kit = Kit(task, description)
    rng = random.Random(seed)
    number = len(rounds)
    programs = {c.id: c for r in rounds for c in r.candidates}
    diagnoses = {d.candidate_id: d for r in rounds for d in r.diagnoses}
    written = {c.genome for c in programs.values()}
    candidates: list[Candidate] = []
    for i, variation in enumerate(variations):
        known = {name: Parent(programs[name], diagnoses.get(name)) for name in variation.parents}
        for attempt in range(_TRIES):
            how, genome, lineage = _one(kit, rng, variation, known, i, number + attempt)
            wishes = unheard_wishes(said, lineage, rounds)
            wished = granted(kit, rng, genome, wishes)
            text = wished.model_dump_json()
            if text not in written:
                break
        for _ in range(_WANDER):
            if text not in written:
                break
            genome = tidied(_jiggle(kit, rng, list(genome.terms)))
            wished = granted(kit, rng, genome, wishes)
            text = wished.model_dump_json()
        if text in written:
            break
        written.add(text)
        candidates.append(
            Candidate(
                id=str(CandidateId(number, i)),
                source=source(task, wished, kit.things),
                thought=thought(wished, kit.things),
                origin="grammar",
                how=how,
                parents=lineage,
                genome=text,
            )
        )
    return tuple(candidates)


def slots(candidate: Candidate) -> frozenset[tuple[str, str]]:
    """What a program of the grammar's is made of, whatever its weights, scales and shapes."""
    return frozenset(term.slot for term in _genome(candidate).terms)


How = Literal["fresh", "mutation", "crossover"]


class Parent(NamedTuple):
    """A program to start from."""

    candidate: Candidate
    diagnosis: Diagnosis | None


def _one(
    kit: Kit, rng: random.Random, variation: Variation, known: Mapping[str, Parent], i: int, turn: int
) -> tuple[How, Genome, tuple[str, ...]]:
    """One new program, and the parents that it has: fresh, a mutation, or a crossover. Raises ValueError for other operators."""
    match variation.operator:
        case "spread":
            return "fresh", _fresh(kit, rng, i + turn), ()
        case "fresh":
            # one idea that the first round did not have
            return "fresh", _fresh(kit, rng, _FIRST_IDEAS - 1 + turn), ()
        case "crossover":
            pair = rng.sample(variation.parents, 2)
            one, other = (known[name].candidate for name in pair)
            return "crossover", _cross(rng, one, other), tuple(pair)
        case "mutation":
            (name,) = variation.parents
            return "mutation", _mutate(kit, rng, _genome(known[name].candidate), known[name].diagnosis), (name,)
    raise ValueError(f"the grammar makes no {variation.operator}")


def _fresh(kit: Kit, rng: random.Random, idea: int) -> Genome:
    """One of several differing ideas, with details drawn; the first _FIRST_IDEAS are the most likely to work."""
    ideas = _ideas(kit, rng)
    terms = ideas[idea % len(ideas)]()
    if not terms:
        terms = kit.upkeep(rng)
    return tidied(terms + kit.within(rng))


def _ideas(kit: Kit, rng: random.Random) -> tuple[Callable[[], list[Term]], ...]:
    """The ideas that a task gives enough for, the most likely to work first."""
    joint = [Term(kind="joint", weight=rng.choice((1.0, 2.0)), scale=rng.choice((0.5, 1.0)))] if kit.goals else []

    def ends() -> list[Term]:
        """Beside parts that pay for the way: little to stand still for, and what the end is worth."""
        return kit.staying(rng) + kit.ending(rng) + kit.bonus(rng)

    # the goal last: where there are too many terms, the last ones are kept
    needs_and_ideas: tuple[tuple[Sized, Callable[[], list[Term]]], ...] = (
        (kit.ladders, lambda: kit.upkeep(rng) + kit.next(rng)),
        (kit.goals, lambda: kit.upkeep(rng) + kit.bonus(rng) + kit.near(rng, "exp")),
        (kit.courses, lambda: kit.posture(rng) + ends() + kit.beside(rng) + kit.course(rng)),
        (kit.rates, lambda: kit.motion(rng) + kit.upkeep(rng) + kit.bonus(rng)),
        (kit.goals, lambda: joint + kit.upkeep(rng) + kit.damping(rng)),
        (kit.standing_points, lambda: kit.effort(rng) + kit.bonus(rng) + kit.behind(rng)),
        (kit.stages, lambda: kit.posture(rng) + ends() + kit.staged(rng)),
        (kit.grounds, lambda: ends() + kit.ground(rng)),
        (kit.courses, lambda: ends() + (kit.staged(rng) or kit.near(rng, "exp")) + kit.course(rng, "ramp", 0.5)),
        (kit.goals, lambda: kit.effort(rng) + kit.upkeep(rng) + kit.near(rng, "linear")),
        (kit.goals, lambda: kit.upkeep(rng) + kit.bonus(rng) + kit.progress(rng)),
        (kit.goals, lambda: kit.centre(rng) + kit.damping(rng) + kit.upkeep(rng) + kit.near(rng, "squared")),
        (kit.goals, lambda: kit.centre(rng) + kit.upkeep(rng) + kit.bonus(rng) + kit.near(rng, "tanh")),
        (kit.goals, lambda: kit.damping(rng) + kit.upkeep(rng) + kit.progress(rng) + kit.near(rng, "inverse")),
        (kit.goals, lambda: kit.upkeep(rng) + kit.steady(rng) + kit.bonus(rng) + kit.near(rng, "linear")),
        (kit.rates, lambda: kit.progress(rng) + kit.swing(rng) + kit.upkeep(rng)),
        (kit.goals, lambda: kit.smooth(rng) + kit.upkeep(rng) + kit.steady(rng) + joint),
        (kit.ladders, lambda: ends() + kit.explore(rng) + kit.next(rng)),
        (_ALWAYS, lambda: kit.explore(rng) + kit.upkeep(rng) + kit.near(rng)),
    )
    return tuple(idea for needs, idea in needs_and_ideas if len(needs))


def _mutate(kit: Kit, rng: random.Random, genome: Genome, diagnosis: Diagnosis | None) -> Genome:
    """Follow the gravest symptom's advice, then change one detail."""
    terms = list(genome.terms)
    slots = {name: slot for slot, name in part_names(genome, kit.things).items()}
    for symptom in (diagnosis.symptoms if diagnosis else ())[:2]:
        terms = _treat(kit, rng, terms, symptom.name, slots.get(symptom.part))
    return tidied(_jiggle(kit, rng, terms), max(MAX_TERMS, len(genome.terms)))


def _treat(kit: Kit, rng: random.Random, terms: list[Term], symptom: str, slot: tuple[str, str] | None) -> list[Term]:
    """The terms, changed as a symptom advises; `slot` is the part that it concerns, if one."""
    match symptom:
        case "stops_at_a_stage":
            return terms + rng.choice(
                (kit.next, kit.explore, kit.ground) if kit.ladders else (kit.explore, kit.ground)
            )(rng)
        case "never_reaches":
            wider = [t.model_copy(update={"scale": readable(t.scale * 2)}) if t.kind == "near" else t for t in terms]
            ways: tuple[Maker, ...] = (
                kit.progress,
                kit.motion,
                kit.near,
                kit.swing,
                kit.course,
                kit.ground,
                kit.behind,
            )
            return wider + rng.choice(ways)(rng)
        case "reaches_but_does_not_stay":
            stays: tuple[Maker, ...] = (kit.steady, kit.damping, kit.bonus, kit.centre, kit.course, kit.staged)
            return terms + rng.choice(stays)(rng)
        case "one_part_dominates":
            return [reweighted(t, 0.3) if t.slot == slot else t for t in terms]
        case "flat_part":
            kept = [t for t in terms if t.slot != slot or t.kind in (*_LASTING, *_RARE)]
            return kept or terms
        case "dies_early":
            return terms + [Term(kind="alive", weight=rng.choice((1.0, 2.0, 5.0))), Term(kind="fall", weight=10.0)]
        case "stands_still":
            calm = [t for t in terms if t.kind not in ("effort", "damping")]
            moves: tuple[Maker, ...] = (kit.motion, kit.progress, kit.swing, kit.course, kit.ground)
            return (calm or terms) + rng.choice(moves)(rng)
        case "breaks_limits":
            costs = [reweighted(t, 3.0) for t in terms if t.kind == "limit"]
            return [t for t in terms if t.kind != "limit"] + (costs or kit.within(rng))
        case "loses_its_solution":
            return terms + kit.damping(rng)
    return terms


def _jiggle(kit: Kit, rng: random.Random, terms: list[Term]) -> list[Term]:
    """Change one weight, scale or shape, or add or drop a part."""
    at = rng.randrange(len(terms))
    term = terms[at]
    choice = rng.random()
    if choice < 0.35:
        terms[at] = reweighted(term, rng.choice((0.5, 2.0)))
    elif choice < 0.55 and term.kind in ("near", "centre", "course"):
        terms[at] = term.model_copy(update={"shape": rng.choice(SHAPES)})
    elif choice < 0.75 and term.kind in ("near", "centre", "joint", "damping", "course", "staged"):
        terms[at] = term.model_copy(update={"scale": readable(term.scale * rng.choice((0.4, 2.5)))})
    elif choice < 0.9:
        terms = terms + rng.choice(kit.makers)(rng)
    elif len(terms) > 1:
        terms.pop(at)
    return terms


def _cross(rng: random.Random, one: Candidate, other: Candidate) -> Genome:
    """Half of each parent's parts."""
    inherited = [t for t in (*_genome(one).terms, *_genome(other).terms) if rng.random() < 0.6]
    most = max(MAX_TERMS, len(_genome(one).terms))  # more than usual, if people wished for them
    return tidied(inherited or list(_genome(one).terms), most)


def _genome(candidate: Candidate) -> Genome:
    return Genome.model_validate_json(candidate.genome)
