"""Which question about a goal is asked: known answers for what questions tell, and which readings are one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from autoreward.core.resources import envs_folder
from autoreward.evaluation.clarify import SKIP, Split, after, entropy, gain, merged, most_telling, separates
from autoreward.records import Candidate
from autoreward.roles.brief import brief
from autoreward.roles.critic import critic_prompt
from autoreward.roles.designer import design_prompt
from autoreward.roles.history import History
from autoreward.tasks.files import parse_task
from autoreward.tasks.tables import Clarified

ALIKE = np.full(4, 0.25)


def split(*answers: set[int]) -> Split:
    return Split(tuple(frozenset(meant) for meant in answers))


HALVES, QUARTER, NOTHING = split({0, 1}, {2, 3}), split({0}, {1, 2, 3}), split({0, 1, 2, 3}, set())


def test_the_question_that_halves_is_asked_and_two_of_them_suffice() -> None:
    assert [gain(ALIKE, s) for s in (QUARTER, HALVES, NOTHING)] == pytest.approx([0.8113, 1.0, 0.0], abs=1e-4)
    assert most_telling(ALIKE, (QUARTER, HALVES, NOTHING)) == 1
    once = after(ALIKE, HALVES, 0)
    assert once == pytest.approx([0.5, 0.5, 0.0, 0.0])
    assert most_telling(once, (HALVES, QUARTER, NOTHING)) == 1
    twice = after(once, QUARTER, 1)
    assert twice == pytest.approx([0.0, 1.0, 0.0, 0.0])
    assert most_telling(twice, (HALVES, QUARTER, NOTHING)) is None, "nothing is left to ask"


def test_a_question_that_tells_little_is_not_asked() -> None:
    sure = np.array([0.96, 0.04])
    assert gain(sure, split({0}, {1})) == pytest.approx(0.2423, abs=1e-4)
    assert most_telling(sure, (split({0}, {1}),)) is None
    assert most_telling(sure, (split({0}, {1}),), least=0.2) == 0
    assert most_telling(ALIKE, ()) is None
    assert most_telling(ALIKE, (HALVES, split({0, 2}, {1, 3}))) == 0, "of those alike the first"


def test_an_answer_that_nobody_has_tells_nothing() -> None:
    assert after(ALIKE, HALVES, SKIP) is ALIKE
    gone = np.array([0.5, 0.5, 0.0, 0.0])
    assert after(gone, HALVES, 1) is gone, "it can't be: what was known stays"


def test_a_reading_that_no_answer_stands_for_may_get_any() -> None:
    open_one = split({0}, {1})
    third = np.full(3, 1 / 3)
    assert after(third, open_one, 0) == pytest.approx([2 / 3, 0.0, 1 / 3])
    assert gain(third, open_one) == pytest.approx(1.0 - 1 / 3)


def judged(*rows: str) -> NDArray[np.bool_]:
    return np.array([[letter == "x" for letter in row] for row in rows])


@pytest.mark.parametrize(
    ("rows", "rules", "splits", "groups"),
    [
        (("x..", "x..", ".x."), "abc", (), ((0, 1), (2,))),
        (("...", "...", "xxx", "xxx"), "abcd", (), ((0,), (1,), (2,), (3,))),
        (("...", "...", "x.."), "aab", (), ((0, 1), (2,))),
        (("x..", "x..", "x.."), "abc", (split({0}, {1}),), ((0, 2), (1,))),
        (("x..", ".x."), "ab", (split({0}, {1}),), ((0,), (1,))),
    ],
    ids=["alike", "told by no episode", "the same rule", "told apart by words", "told apart by both"],
)
def test_readings_that_nothing_tells_apart_are_one(
    rows: tuple[str, ...], rules: str, splits: tuple[Split, ...], groups: tuple[tuple[int, ...], ...]
) -> None:
    assert merged(judged(*rows), tuple(rules), splits) == groups


def test_a_reading_that_a_question_leaves_open_is_not_separated_by_it() -> None:
    assert separates(HALVES, 0, 2)
    assert not separates(HALVES, 0, 1)
    assert not separates(split({0}, {1}), 0, 2)


@given(
    weights=st.lists(st.floats(0.01, 10.0), min_size=2, max_size=8),
    homes=st.lists(st.integers(-1, 2), min_size=8, max_size=8),
)
def test_a_question_never_tells_more_than_there_is_to_know(weights: list[float], homes: list[int]) -> None:
    prior = np.array(weights) / sum(weights)
    answers = split(*({r for r in range(len(weights)) if homes[r] == answer} for answer in range(3)))
    told = gain(prior, answers)
    assert 0.0 <= told <= entropy(prior) + 1e-9
    assert told <= np.log2(3) + 1e-9
    for answer in range(3):
        assert after(prior, answers, answer).sum() == pytest.approx(1.0)


def test_what_was_said_of_the_goal_is_in_the_card_and_in_every_prompt() -> None:
    text = (envs_folder() / "mountain-car" / "task.toml").read_text()
    said = (
        '[[clarified]]\nquestion = "Must it stop on top? \\"Yes\\"?"\nanswer = "no, passing by is enough"\n\n[metric]'
    )
    card = parse_task(text.replace("[metric]", said, 1), envs_folder() / "mountain-car" / "task.toml")
    assert card.clarified == (Clarified(question='Must it stop on top? "Yes"?', answer="no, passing by is enough"),)
    about = brief(card, 1_000, 20)
    candidate = Candidate(id="r000c0", source="", thought="", origin="model", how="fresh")
    line = r'- "Must it stop on top? \"Yes\"?": "no, passing by is enough"'
    for prompt in (design_prompt(about, History(), 4), critic_prompt(about, [candidate], {})):
        assert prompt.index(line) < prompt.index("# How success is judged")
    assert "Asked what this means" not in design_prompt(
        brief(parse_task(text, Path("x/task.toml")), 1_000, 20), History(), 4
    )
