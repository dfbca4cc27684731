"""What people wish of the grammar's programs in words: every word, what it changes in the next round, and what is refused."""

import random
from pathlib import Path

import pytest
from asked import asked, bred
from fake_steps import FakeSteps
from moving import described
from test_grammar import first_round
from test_loop import go

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.design.grammar.evolve import evolved_candidates
from autoreward.design.grammar.kit import Kit
from autoreward.design.grammar.terms import Genome, Term
from autoreward.design.grammar.wishes import demand_grantable, granted, wishes_in
from autoreward.errors import UsageError
from autoreward.records import Candidate, Description, Feedback, Round
from autoreward.rewards.gate.gate import examine
from autoreward.session.feedback import hear_out
from autoreward.store.book import Book, WithFiles
from autoreward.store.keys import FEEDBACK
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task

CALM, MOTION = {"effort", "damping", "smooth"}, {"speed", "gain", "energy", "along"}
MORE = {
    "calmer": CALM,
    "faster": {"time", "progress", *MOTION},
    "longer": {"alive"},
    "safer": {"limit", "fall", "end"},
    "higher": set[str](),
}
LESS = {"calmer": MOTION, "faster": CALM, "longer": {"time"}, "safer": set[str](), "higher": set[str]()}
TASKS = ("lunar-lander-hover", "hopper-jump", "acrobot", "half-cheetah")
"""Tasks with a height, a speed and an action of some size."""


def card(name: str) -> Task:
    return find_task(name, (envs_folder(),))


def next_round(task: Task, said: tuple[Feedback, ...], rounds: tuple[Round, ...]) -> tuple[Candidate, ...]:
    return evolved_candidates(task, described(task), rounds, asked(task, rounds, 8), 1, said)


def terms(candidate: Candidate) -> dict[tuple[str, str], Term]:
    return {t.slot: t for t in Genome.model_validate_json(candidate.genome).terms}


def about(name: str, term: Term) -> bool:
    return term.kind in MORE[name] or (name == "higher" and term.on.endswith(":top") and "height" in term.on)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("wish", MORE)
def test_every_program_of_the_next_round_has_what_was_wished(name: str, wish: str) -> None:
    task = card(name)
    first = first_round(task)
    children = next_round(task, (Feedback(after=1, text=wish),), (first,))
    assert len(children) == 8
    for child in children:
        assert any(about(wish, t) for t in terms(child).values()), child.source
        assert not examine(child.source).problems


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("wish", MORE)
def test_parts_of_a_wish_grow_and_those_against_it_shrink(name: str, wish: str) -> None:
    """Of each program of a first round, without the mutation that is made beside."""
    task = card(name)
    kit, rng = Kit(task, described(task)), random.Random(0)
    for candidate in bred(task, described(task), (), 16, seed=3):
        before = Genome.model_validate_json(candidate.genome)
        after = {t.slot: t for t in granted(kit, rng, before, (wish,)).terms}
        for term in before.terms:
            now = after.get(term.slot)
            if now is None:
                assert term.kind == "damping", "paying for speed takes its damping away, and nothing else goes"
            elif about(wish, term):
                assert now.weight > term.weight or now.weight == 10.0
            elif term.kind in LESS[wish]:
                assert now.weight < term.weight or now.weight == 0.01
            else:
                assert now == term


def test_a_wish_is_heeded_once_in_a_line_of_descent() -> None:
    """Children of programs that heard it inherit it; those of older ones, and new ideas, are given it."""
    task = card("lunar-lander-hover")
    first, calm = first_round(task), Feedback(after=1, text="calm it down")
    heard = next_round(task, (calm,), (first,))
    by_id = {c.id: c for c in heard}
    second = first.model_copy(update={"number": 1, "candidates": heard, "scores": tuple(
        s.model_copy(update={"candidate_id": f"r001c{i}", "trial_id": f"r001c{i}-s0-leg0", "mean_success": 0.9 + i / 100})
        for i, s in enumerate(first.scores)), "diagnoses": ()})  # fmt: skip
    once = next_round(task, (calm,), (first, second))
    mutants = [c for c in once if c.how == "mutation"]
    assert {c.parents[0] for c in mutants} <= set(by_id)
    for child in mutants:
        parent = terms(by_id[child.parents[0]])
        same = [slot for slot, t in terms(child).items() if slot in parent and t.weight == parent[slot].weight]
        assert len(same) >= len(parent) - 2, "one detail is changed, no wish granted again"
    again = next_round(task, (calm, Feedback(after=2, text="calmer")), (first, second))
    for child in (c for c in again if c.how == "mutation"):
        parent = terms(by_id[child.parents[0]])
        effort = ("effort", next(on for kind, on in terms(child) if kind == "effort"))
        assert terms(child)[effort].weight > parent[effort].weight


def test_an_earlier_program_again_has_heard_no_more_than_it_had() -> None:
    task = card("lunar-lander-hover")
    first, calm = first_round(task), Feedback(after=1, text="calmer")
    old = first.candidates[0]
    again = old.model_copy(update={"id": "r001c0", "how": "again", "parents": (old.id,)})
    score = first.scores[0].model_copy(
        update={"candidate_id": again.id, "trial_id": "r001c0-s0-leg0", "mean_success": 1.0}
    )
    second = first.model_copy(update={"number": 1, "candidates": (again,), "scores": (score,), "diagnoses": ()})
    child = next_round(task, (calm,), (first.model_copy(update={"scores": ()}), second))[1]
    assert child.parents == (again.id,)
    assert any(t.kind == "effort" for t in terms(child).values())


def test_the_same_records_give_the_same_programs_and_silence_changes_nothing() -> None:
    task = card("hopper-jump")
    first, said = first_round(task), (Feedback(after=1, text="faster and safer"),)
    assert next_round(task, said, (first,)) == next_round(task, said, (first,))
    assert next_round(task, (), (first,)) == bred(task, described(task), (first,), 8, seed=1)
    assert next_round(task, said, (first,)) != next_round(task, (), (first,))


def test_wishes_cost_no_program_its_goal() -> None:
    """More parts than usual, rather than fewer of those that were there."""
    task = card("hopper-jump")
    kit, rng = Kit(task, described(task)), random.Random(0)
    for candidate in bred(task, described(task), (), 16, seed=0):
        before = Genome.model_validate_json(candidate.genome)
        after = {t.slot for t in granted(kit, rng, before, tuple(MORE)).terms}
        assert {t.slot for t in before.terms if t.kind != "damping"} <= after


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Calmer!", ("calmer",)),
        ("calm it down", ("calmer",)),
        ("slow down a bit, please", ("calmer",)),
        ("The robot should run faster and jump higher.", ("faster", "higher")),
        ("hurry up", ("faster",)),
        ("last longer but more carefully; longer!", ("longer", "safer")),
    ],
)
def test_words_and_the_wishes_that_they_are(text: str, expected: tuple[str, ...]) -> None:
    assert wishes_in(text) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("not so fast", "'not', 'so'"),
        ("it is too slow", "'is', 'too'"),
        ("it shakes at the end; calm it down", "'shakes', 'at', 'end'"),
        ("20 % faster", "'20'"),
        ("don't hurry", "'don', 't'"),
        ("schneller", "'schneller'"),
        ("move it, please", ""),
    ],
)
def test_anything_else_is_said_to_need_a_model(text: str, named: str) -> None:
    with pytest.raises(UsageError, match="understands calmer, faster, longer, higher and safer alone") as error:
        wishes_in(text)
    assert str(error.value).count(". ") == 0, "one sentence"
    assert f"and not {named};" in str(error.value) if named else "and not" not in str(error.value)
    assert "anything else needs a model" in str(error.value)


def test_what_a_task_gives_nothing_for_is_refused() -> None:
    task = card("reacher")
    with pytest.raises(
        UsageError, match=r"policies of reacher higher with: no field with a range in the card has height"
    ):
        demand_grantable("faster, higher", task, described(task))
    endless = described(task).model_copy(update={"terminates": False})
    for wish in ("longer", "safer"):
        with pytest.raises(UsageError, match=f"policies of reacher {wish} with"):
            demand_grantable(wish, task, endless)


class DescribedSteps(FakeSteps):
    """In an environment that has the card's fields."""

    def describe(self) -> WithFiles[Description]:
        return WithFiles(described(card("mountain-car")), super().describe().files)


def test_a_run_of_the_grammar_hears_wishes_and_keeps_nothing_of_what_it_refuses(tmp_path: Path) -> None:
    config = RunConfig(rounds=1, candidates=1, confirm_seeds=0, finalist_seeds=0)
    go(tmp_path / "run", DescribedSteps(width=1), config)
    with Book.open(tmp_path / "run") as book:
        with pytest.raises(UsageError, match="needs a model"):
            hear_out(book, "with more style")
        assert book.lone(FEEDBACK) is None
        hear_out(book, " faster ")
        said = book.lone(FEEDBACK)
    assert said is not None
    assert [f.text for f in said.items] == ["faster"]
