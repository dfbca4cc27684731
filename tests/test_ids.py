"""Ids: what is printed is parsed to the same, and no other module takes an id apart or puts one together."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_steps import FakeSteps
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.loop import improve
from autoreward.records import CandidateId, CandidateName, ReplyKey, Trial, TrialId, TrialName, order_of_design
from autoreward.search.study import Study
from autoreward.store.book import Book
from autoreward.store.header import RunHeader
from autoreward.tasks.files import find_task

PACKAGE = Path(__file__).parent.parent / "autoreward"
TASK = find_task("mountain-car", (envs_folder(),))
NUMBERS = st.integers(0, 10**6)
PLACES = st.none() | NUMBERS
TRIALS = st.builds(TrialId, st.from_regex(r"[A-Za-z0-9_]{1,100}", fullmatch=True), NUMBERS, st.none() | NUMBERS)


@given(TRIALS)
def test_the_id_of_a_training_is_parsed_as_it_was_printed(trial: TrialId) -> None:
    assert TrialId.parse(str(trial)) == trial
    assert TypeAdapter(TrialName).validate_python(str(trial)) == str(trial)


@given(NUMBERS, PLACES, NUMBERS, PLACES)
def test_candidates_have_ids_of_their_own_that_trainings_can_bear(
    a: int, one: int | None, b: int, other: int | None
) -> None:
    ids = CandidateId(a, one), CandidateId(b, other)
    assert (str(ids[0]) == str(ids[1])) == (ids[0] == ids[1])
    name = TypeAdapter(CandidateName).validate_python(str(ids[0]))
    assert TrialId.parse(str(TrialId(name, 0))).candidate == name


@given(NUMBERS, st.from_regex(r"[a-z]+(-[0-9]+)?", fullmatch=True))
def test_a_key_of_a_reply_is_parsed_as_it_was_printed(number: int, question: str) -> None:
    key = ReplyKey(number, question)
    assert ReplyKey.parse(str(key)) == key


def test_as_they_are_printed() -> None:
    assert str(CandidateId(3, 1)) == "r003c1"
    assert str(CandidateId(12, None)) == "r012w"
    assert str(TrialId("r003c1", 0)) == "r003c1-s0"
    assert str(TrialId("r003c1", 0, 2)) == "r003c1-s0-leg2"
    assert TrialId.parse("native-s3") == ("native", 3, None)
    assert TrialId.parse("r003c1-s0-leg2").training == ("r003c1", 0, None)
    assert TrialId("r003c1", 0, 2).on_leg(1) == ("r003c1", 0, 1)
    assert str(ReplyKey(3, "critic-1")) == "r003-critic-1"


@pytest.mark.parametrize(
    "text", ["", "a", "a-s", "a-s01", "a-s0-leg", "a-s0-leg01", "a-s0-leg1-leg2", "a-b-s0", "a-s0\n"]
)
def test_what_is_no_training_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="no id of a training"):
        TrialId.parse(text)
    with pytest.raises(ValidationError):
        TypeAdapter(TrialName).validate_python(text)


@pytest.mark.parametrize("text", ["init-0", "r1-designer", "r0001-designer", "r001", "r001-"])
def test_what_is_no_key_of_a_round_is_none(text: str) -> None:
    assert ReplyKey.parse(text) is None


def test_candidates_are_in_the_order_of_design() -> None:
    ids = ["r001c0", "r000c10", "r000c2", "mine"]
    assert sorted(ids, key=order_of_design) == ["mine", "r000c2", "r000c10", "r001c0"]


def test_every_id_of_a_run_is_parsed(tmp_path: Path) -> None:
    config = RunConfig(rounds=2, candidates=4, confirm_seeds=2)
    with Book.create(tmp_path / "run", RunHeader.of(TASK, config)) as book:
        improve(Study(TASK, config, FakeSteps(), book, lambda event: None))
        folders = [path for path in book.folder.rglob("*.json") if path.parent.name in ("trials", "scores")]
    assert {path.parent.parent.name for path in folders} >= {"000", "001", "confirm"}
    for path in folders:
        assert str(TrialId.parse(path.stem)) == path.stem
        if path.parent.name == "trials":
            trial = Trial.model_validate_json(path.read_bytes())
            assert TrialId.parse(trial.id).candidate == trial.candidate_id or not trial.candidate_id


CUTTING = {
    "find",
    "index",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rpartition",
    "rsplit",
    "split",
    "startswith",
}
PARTS = ("-s", "-leg")


def is_id(value: ast.expr) -> bool:
    return re.search(r"(^|[._])id$", ast.unparse(value)) is not None


def taken_apart(tree: ast.Module) -> Iterator[ast.expr]:
    """What is cut out of a name that ends in `id`, and texts that are put together as ids are."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CUTTING:
            if is_id(node.func.value):
                yield node
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            if is_id(node.value):
                yield node
        elif isinstance(node, ast.JoinedStr):
            texts = [piece.value for piece in node.values if isinstance(piece, ast.Constant)]
            if texts[:1] == ["r"] or any(text.endswith(PARTS) for text in texts[:-1] or texts):
                yield node


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_ids_are_taken_apart_and_put_together_in_one_place(path: Path) -> None:
    if path != PACKAGE / "records" / "ids.py":
        assert [ast.unparse(node) for node in taken_apart(ast.parse(path.read_text(encoding="utf-8")))] == []


@pytest.mark.parametrize(
    "text",
    [
        "trial.id.partition('-leg')[0]",
        "candidate_id[:4]",
        "trial_id.rpartition('-s')",
        "s.trial_id.startswith('native-')",
        "f'r{number:03d}c{i}'",
        "f'{who}-s{i}'",
        "f'{job.id}-leg{number}'",
        "f'r{number}-designer'",
    ],
)
def test_the_search_finds_them(text: str) -> None:
    assert len(list(taken_apart(ast.parse(text)))) == 1
