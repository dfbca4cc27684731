"""The grammar designer: valid, varied, reproducible programs for any task, and children that follow the diagnosis."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from asked import bred
from kept import kept
from moving import described

from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.design.grammar.kit import Kit
from autoreward.design.grammar.quantities import readable
from autoreward.design.grammar.terms import Genome
from autoreward.records import (
    Candidate,
    Diagnosis,
    Round,
    Score,
    Screened,
    Strength,
    Strengths,
    Symptom,
)
from autoreward.rewards.gate.gate import examine
from autoreward.roles.brief import brief
from autoreward.roles.designer import design_prompt
from autoreward.roles.history import History
from autoreward.sandbox.jail import Jail
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, task_names, validated_task

HARD = Path(__file__).parents[1] / "benchmarks" / "data" / "hard"
FOLDERS = (envs_folder(), HARD)
NAMES = sorted(task_names(FOLDERS))
GOLDEN = Path(__file__).parent / "golden"


def samples(task: Task) -> Transitions:
    rng = np.random.default_rng(0)
    shape = (20, 3)

    def fields() -> dict[str, np.ndarray]:
        return {s.name: rng.normal(size=(*shape, s.size) if s.size else shape) for s in described(task).state}

    return Transitions(
        state=fields(),
        action={n: rng.integers(0, 3, shape) for n in task.action},
        next_state=fields(),
        step=np.tile(np.arange(1, 21)[:, None], (1, 3)),
        terminated=np.zeros(shape, dtype=np.bool_),
    )


@pytest.mark.parametrize("name", NAMES)
def test_programs_pass_the_gate_and_run_in_the_jail(name: str, jail: Jail) -> None:
    task = find_task(name, FOLDERS)
    for candidate in bred(task, described(task), (), 8, seed=1):
        assert not examine(candidate.source).problems, candidate.source
        assert max(map(len, candidate.source.splitlines())) <= 132
        with jail.open(candidate.source) as room:
            parts = room.client.evaluate(samples(task), stepped=False)
        assert 1 <= len(parts) <= 7


@pytest.mark.parametrize("name", NAMES)
def test_one_round_holds_differing_programs(name: str) -> None:
    task = find_task(name, FOLDERS)
    candidates = bred(task, described(task), (), 8, seed=0)
    assert len({c.source for c in candidates}) == len({c.id for c in candidates}) == 8


def test_the_same_seed_gives_the_same_programs_and_another_others() -> None:
    task = find_task("cartpole-hold", (envs_folder(),))
    one, two, other = (bred(task, described(task), (), 8, seed=s) for s in (3, 3, 4))
    assert one == two
    assert one != other


def test_many_seeds_never_fail() -> None:
    task = find_task("lunar-lander-hover", (envs_folder(),))
    for seed in range(40):
        assert len(bred(task, described(task), (), 8, seed)) == 8


def scored(candidate: Candidate, success: float, leg: int = 0) -> Score:
    return Score(
        trial_id=f"{candidate.id}-s0-leg{leg}",
        candidate_id=candidate.id,
        outcome=Outcome.COMPLETED,
        steps=100 * (leg + 1),
        mean_success=success,
        mean_progress=success,
    )


def first_round(task: Task, symptom: Symptom | None = None) -> Round:
    candidates = bred(task, described(task), (), 8, seed=0)
    return Round(
        number=0,
        candidates=candidates,
        verdicts=(),
        screened=Screened(order=()),
        trials=(),
        scores=tuple(scored(c, i / 10) for i, c in enumerate(candidates)),
        diagnoses=tuple(Diagnosis(candidate_id=c.id, symptoms=(symptom,) if symptom else ()) for c in candidates),
    )


def test_children_come_from_the_best_parents() -> None:
    task = find_task("cartpole-hold", (envs_folder(),))
    children = bred(task, described(task), (first_round(task),), 8, seed=1)
    assert {c.how for c in children} == {"fresh", "mutation", "crossover"}
    assert parents(children) <= {"r000c5", "r000c6", "r000c7"}
    assert [c.id for c in children] == [f"r001c{i}" for i in range(8)]
    assert not {c.genome for c in children} & {c.genome for c in first_round(task).candidates}


def parents(children: Sequence[Candidate]) -> set[str]:
    return {p for c in children for p in c.parents}


def test_a_parent_is_as_good_as_its_training_ended() -> None:
    """A late learner is ahead of one that fell, whatever the means over their legs."""
    task = find_task("cartpole-hold", (envs_folder(),))
    first = first_round(task)
    late, fell = first.candidates[0], first.candidates[1]
    legs = [(late, (0.0, 0.0, 1.0)), (fell, (0.9, 0.8, 0.5)), (first.candidates[2], (0.6, 0.6, 0.6)),
            (first.candidates[3], (0.7, 0.7, 0.7))]  # fmt: skip
    scores = tuple(scored(c, success, leg) for c, ends in legs for leg, success in enumerate(ends))
    children = bred(task, described(task), (first.model_copy(update={"scores": scores}),), 8, seed=1)
    assert children[1].parents == (late.id,), "the best one has the first child"
    assert parents(children) <= {late.id, "r000c2", "r000c3"}


def test_what_people_prefer_comes_before_what_was_measured() -> None:
    task = find_task("cartpole-hold", (envs_folder(),))
    liked = Strengths(items=(Strength(candidate_id="r000c0", value=1.0, error=0.5, won=3, lost=0, tied=0),))
    first = first_round(task).model_copy(update={"liked": liked})
    assert bred(task, described(task), (first,), 8, seed=1)[1].parents == ("r000c0",)


def test_two_programs_of_the_same_parts_are_one_parent() -> None:
    task = find_task("cartpole-hold", (envs_folder(),))
    first = first_round(task)
    best = first.candidates[7]
    genome = Genome.model_validate_json(best.genome)
    louder = Genome(terms=tuple(t.model_copy(update={"weight": 2 * t.weight}) for t in genome.terms))
    twin = best.model_copy(update={"id": "r000c8", "genome": louder.model_dump_json()})
    crowded = first.model_copy(
        update={"candidates": (*first.candidates, twin), "scores": (*first.scores, scored(twin, 0.9))}
    )
    assert parents(bred(task, described(task), (crowded,), 16, seed=1)) == {"r000c8", "r000c6", "r000c5"}
    alone = crowded.model_copy(update={"scores": (scored(best, 0.7), scored(twin, 0.9))})
    assert parents(bred(task, described(task), (alone,), 16, seed=1)) == {"r000c7", "r000c8"}, "no better ones"


def test_a_mutation_follows_the_symptom() -> None:
    task = find_task("cartpole-hold", (envs_folder(),))
    symptom = Symptom(name="dies_early", evidence="e", advice="a", severity=1.0)
    children = bred(task, described(task), (first_round(task, symptom),), 8, seed=1)
    mutants = [c for c in children if c.how == "mutation"]
    assert sum('"fall"' in c.source for c in mutants) >= len(mutants) - 1


def test_one_program_as_a_person_sees_it() -> None:
    task = find_task("cartpole-hold", (envs_folder(),))
    source = bred(task, described(task), (), 8, seed=0)[1].source
    assert source == kept(GOLDEN / "cartpole-hold.py.txt", source)


def test_the_designer_prompt_as_a_model_sees_it() -> None:
    task = find_task("reacher", (envs_folder(),))
    prompt = design_prompt(brief(task, task.train.steps, 20), History(), 0)
    assert prompt == kept(GOLDEN / "designer-reacher.md", prompt)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.3, 0.2), (0.04, 0.05), (7.6, 10.0), (1.4, 1.0), (0, 1.0), (130, 100.0)]
)
def test_readable_numbers(value: float, expected: float) -> None:
    assert readable(value) == pytest.approx(expected)


def kinds(candidate: Candidate) -> set[str]:
    return {t.kind for t in Genome.model_validate_json(candidate.genome).terms}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cheetah-stop", {"course", "ground", "staged"}),
        ("lander-left", {"course", "ground", "staged", "end"}),
        ("hopper-back", {"course", "ground"}),
        ("pusher-own", {"ground", "staged", "end"}),
        ("mountain-car", {"course", "ground", "end"}),
    ],
)
def test_the_first_ideas_hold_all_that_a_task_gives_enough_for(name: str, expected: set[str]) -> None:
    task = find_task(name, FOLDERS)
    larger = {"course", "ground", "staged", "end"}
    for seed in range(5):
        first = bred(task, described(task), (), 8, seed)
        assert set.union(*map(kinds, first)) & larger == expected
        assert any("behind_object" in c.source for c in first) == (name == "pusher-own")


@pytest.mark.parametrize("name", ["doorkey-6x6", "doorkey-8x8"])
def test_ending_is_not_punished_where_it_is_the_goal(name: str) -> None:
    """With stages that end in it, or by itself, where there is a bonus for it."""
    staged = find_task(name, FOLDERS)
    rule = {"when": "terminated", "distance": "norm(goal_offset)"}
    values = staged.model_dump(exclude_unset=True, exclude={"success"})
    alone = validated_task({**values, "success": rule}, name)
    for task, bonus in ((staged, set()), (alone, {"win"})):
        drawn = [kinds(c) for seed in range(10) for c in bred(task, described(task), (), 16, seed)]
        assert not set.union(*drawn) & {"fall", "alive"}
        assert {term.kind for term in Kit(task, described(task)).bonus(random.Random(0))} == bonus


def test_mutations_add_the_larger_ideas_and_change_their_scales_and_weights() -> None:
    task = find_task("cheetah-stop", FOLDERS)
    first = first_round(task)
    old = {t for c in first.candidates for t in Genome.model_validate_json(c.genome).terms}
    new: set[str] = set()
    added: set[str] = set()
    for seed in range(30):
        for child in bred(task, described(task), (first,), 8, seed):
            if child.how == "mutation":
                terms = Genome.model_validate_json(child.genome).terms
                parent = next(c for c in first.candidates if c.id == child.parents[0])
                added |= kinds(child) - kinds(parent)
                new |= {f"{t.kind} {'scale' if t.scale != o.scale else 'weight'}" for t in terms for o in old
                        if t.slot == o.slot and t not in old}  # fmt: skip
    assert {"course", "ground", "staged"} <= added
    assert {"course scale", "course weight", "staged scale", "ground weight"} <= new


def test_children_of_two_inherit_the_larger_ideas() -> None:
    task = find_task("lander-left", FOLDERS)
    first = first_round(task)
    children = [c for seed in range(3) for c in bred(task, described(task), (first,), 8, seed) if c.how == "crossover"]
    assert {"course", "staged", "ground", "end"} <= set.union(*map(kinds, children))
    for child in children:
        assert not examine(child.source).problems


def test_what_was_never_reached_is_not_dropped_for_being_flat() -> None:
    """A bonus that nothing has earned yet is what the task is about; a flat part of another kind goes."""
    task = find_task("cartpole-hold", FOLDERS)
    flat = {kind: Symptom(name="flat_part", part=kind, evidence="e", advice="a", severity=1.0) for kind in
            ("all_bonus", "ground_position")}  # fmt: skip

    def kept_share(part: str) -> float:
        first = first_round(task, flat[part])
        parents = {c.id: c for c in first.candidates if f'"{part}"' in c.source}
        children = [c for seed in range(20) for c in bred(task, described(task), (first,), 8, seed)
                    if c.how == "mutation" and c.parents[0] in parents]  # fmt: skip
        return sum(f'"{part}"' in c.source for c in children) / len(children)

    assert kept_share("all_bonus") > 0.9 > 0.2 > kept_share("ground_position")
