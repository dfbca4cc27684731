"""What tools of designers and agents answer: known programs on recorded episodes made by hand."""

from collections.abc import Iterator

import numpy as np
import pytest
from batches import practice
from test_screens import GRADED, TASK, dataset_of

from autoreward.design.bench import Bench, content_of
from autoreward.errors import UsageError
from autoreward.records import Candidate
from autoreward.sandbox.jail import Jail

HONEST = "def compute_reward(state, action, next_state, memory):\n    return {'a': next_state.x, 'b': 0.0 * next_state.x - 1.0}\n"
WILD = "import os\ndef compute_reward(state, action, next_state, memory):\n    return {'a': next_state.x}\n"
BROKEN = "def compute_reward(state, action, next_state, memory):\n    return {'a': next_state.nowhere}\n"


def program(source: str, name: str = "mine") -> Candidate:
    return Candidate(id=name, source=source, thought="", origin="human", how="given")


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    kinds = ("random", "random", "constant 0", "constant 0", "trial", "trial", "trial", "scripted")
    data = dataset_of(*GRADED, kinds=kinds)
    with Jail(trust_the_model=True) as jail:
        yield Bench(TASK, jail, practice(data.transitions), data, rule_shown=False)  # the fields are not the task's


def test_a_program_is_checked_once_under_every_name(bench: Bench) -> None:
    first = bench.check(program(HONEST, "one"))
    assert (first.candidate_id, first.accepted, first.parts) == ("one", True, ("a", "b"))
    again = bench.check(program(HONEST, "two"))
    assert again == first.model_copy(update={"candidate_id": "two"})
    assert content_of(program(HONEST, "one")) == content_of(program(HONEST, "two"))
    assert content_of(program(HONEST)) != content_of(program(HONEST).model_copy(update={"composition": "product"}))
    assert not bench.check(program(WILD)).accepted


def test_parts_are_paid_by_kind(bench: Bench) -> None:
    paid = bench.parts(program(HONEST))
    assert paid.kinds == ("constant action 0", "random actions", "best failure", "best success")
    assert paid.parts[1].per_step == pytest.approx((-1.0,) * 4)
    assert paid.per_step == pytest.approx([x - 1.0 for x in paid.parts[0].per_step])
    assert paid.steps == (10.0,) * 4


@pytest.mark.parametrize("source", [WILD, BROKEN])
def test_what_may_not_run_is_refused_in_words(bench: Bench, source: str) -> None:
    for ask in (bench.parts, lambda one: bench.episode(0, one)):
        with pytest.raises(UsageError, match="mine may not run: "):
            ask(program(source))


def test_statistics_are_of_what_is_recorded(bench: Bench) -> None:
    rows = {row.name: row for row in bench.stats()}
    assert list(rows) == ["x", "v[0]", "v[1]", "action push"]
    assert rows["action push"].low == 0.0
    assert rows["action push"].high == 2.0
    values = dataset_of(*GRADED).transitions.next_state["x"]
    assert rows["x"].mean == pytest.approx(values.mean())
    assert rows["x"].p90 == pytest.approx(np.quantile(values, 0.9))
    assert rows["x"].of_best == pytest.approx(values[:, 7].mean()), "the only success"


def test_episodes_are_listed_and_shown(bench: Bench) -> None:
    listed = bench.episodes()
    assert [e.number for e in listed] == list(range(8))
    assert (listed[7].kind, listed[7].success, listed[0].progress) == ("scripted", True, 0.1)
    text = bench.episode(7, program(HONEST), rows=4)
    assert text.startswith("Episode 7 (scripted): 10 steps, ended by itself, a success")
    assert "part b" in text
    assert "part b" not in bench.episode(7)


@pytest.mark.parametrize(("number", "rows"), [(8, 12), (-1, 12), (0, 1), (0, 1000)])
def test_episodes_that_are_not_there_are_said(bench: Bench, number: int, rows: int) -> None:
    with pytest.raises(UsageError, match="write a number from"):
        bench.episode(number, rows=rows)


def test_programs_are_ranked_by_the_task_alone(bench: Bench) -> None:
    with pytest.raises(UsageError, match="0 programs"):
        bench.rank([])
    with pytest.raises(UsageError, match="different names"):
        bench.rank([program(HONEST), program(HONEST)])
    flat = HONEST.replace("next_state.x, 'b'", "0.0 * next_state.x, 'b'")
    ranked = bench.rank([program(WILD, "wild"), program(flat, "flat"), program(HONEST, "honest")])
    assert ranked.episodes == 8
    places = {row.candidate_id: row.place for row in ranked.items}
    assert places["wild"] is None
    assert places["honest"] is not None
    assert "os" in next(row.why_not for row in ranked.items if row.candidate_id == "wild")
    assert [row.place for row in ranked.items] == sorted(places.values(), key=lambda p: p or 9)
