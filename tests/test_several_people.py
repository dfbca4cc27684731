"""Several people who answer: shared strengths, each one's own around them, and who disagrees about what."""

import shutil
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_preferences import preference, ruled_run

from autoreward.errors import UsageError
from autoreward.evaluation.bradley_terry import Comparison, answerers, fit, own_views, strengths
from autoreward.judges.poll import Poll
from autoreward.records import Answer, Preference
from autoreward.report.agreement import people_differ
from autoreward.report.reading import read_run

PAIRS = list(combinations(("r000c0", "r000c1", "r000c2", "r000c3"), 2))
ANYTHING = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 3), st.sampled_from(("a", "b", "tie")), st.integers(0, 2)).filter(
        lambda c: c[0] != c[1]
    ),
    max_size=9,
)


def said(by: str, answer: Answer, times: int) -> Iterator[Preference]:
    """That of every pair in turn the first, or the second, is better."""
    for episode in range(times):
        yield preference(*PAIRS[episode % len(PAIRS)], answer, episode).model_copy(update={"by": by})


def test_one_person_with_a_name_is_one_person() -> None:
    named = strengths(list(said("anna", "a", 6)))
    assert named == strengths(list(said("", "a", 6)))
    assert own_views(list(said("anna", "a", 6))) == ()
    assert people_differ(list(said("anna", "a", 6))) == ""


def test_two_who_see_the_opposite_leave_no_ranking_and_are_told_apart() -> None:
    answers = [*said("anna", "a", 12), *said("ben", "b", 12)]
    assert [s.value for s in strengths(answers).items] == pytest.approx([0.0] * 4, abs=1e-6)
    told = people_differ(answers)
    assert told.startswith("Answers: anna 12, ben 12. They disagree: anna puts r000c")
    assert "2.44 ± 0.85" in told
    assert "ben puts" not in told, "what anna sees higher ben sees lower: it is said once"
    assert told.endswith("than the others.")
    assert "They disagree" not in people_differ([*said("anna", "a", 6), *said("ben", "b", 6)]), "too few to tell"


def test_two_who_see_the_same_agree_and_count_for_more_than_one() -> None:
    both = [*said("anna", "a", 6), *said("ben", "a", 6)]
    assert people_differ(both) == "Answers: anna 6, ben 6. Nobody's ranking differs from the others' beyond its error."
    assert strengths(both).items[0].value > 0.8 * strengths(list(said("anna", "a", 6))).items[0].value
    assert all(abs(view.above) < 1e-6 for view in own_views(both))


def test_who_answers_little_is_pooled_with_the_others() -> None:
    """A single contrary answer moves that person's own view little, and the shared ranking less."""
    alone = strengths(list(said("anna", "a", 12)))
    answers = [*said("anna", "a", 12), *said("ben", "b", 1)]
    together = strengths(answers)
    assert [s.candidate_id for s in together.items] == [s.candidate_id for s in alone.items]
    assert "They disagree" not in people_differ(answers)


def test_of_three_the_one_who_differs_is_named() -> None:
    answers = [*said("anna", "a", 12), *said("ben", "a", 12), *said("cleo", "b", 12)]
    told = people_differ(answers).split("They disagree: ")[1]
    assert told.startswith("cleo puts")
    assert strengths(answers).items[0].candidate_id == "r000c0", "two of three"


@settings(max_examples=15)
@given(ANYTHING)
def test_names_and_order_of_answers_change_nothing(answers: list[tuple[int, int, Answer, int]]) -> None:
    there = sorted({by for *_, by in answers})
    comparisons = [Comparison((a, b), answer, there.index(by)) for a, b, answer, by in answers]
    turned = {by: len(there) - 1 - place for place, by in enumerate(there)}
    mirrored = [Comparison((a, b), answer, turned[by]) for a, b, answer, by in reversed(answers)]
    one, other = fit(4, comparisons), fit(4, mirrored)
    assert one.values == pytest.approx(other.values, abs=1e-6)
    assert one.own == pytest.approx(other.own[::-1], abs=1e-6)
    assert (one.own_errors > 0).all()
    assert one.own.sum(axis=1) == pytest.approx(0.0, abs=1e-6)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ruled_run(tmp_path_factory.mktemp("several") / "run")


def test_each_is_asked_about_the_same_pairs_and_kept_apart(done: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(done, folder)
    asked = {}
    for by, answer in (("anna", "a"), ("ben", "b")):
        with Poll(folder, by) as poll:
            asked[by] = poll.waiting(2)
            for preferred in poll.read([answer] * 2, asked[by]):
                poll.keep(preferred.question, preferred.answer)
    assert asked["anna"] == asked["ben"]
    reading = read_run(folder)
    assert {"anna", "ben"} <= set(answerers(reading.answered))
    assert len([p for p in reading.answered if p.by == "ben"]) == 2
    with Poll(folder, "ben") as poll, pytest.raises(UsageError, match=r"~ben\.json"):
        poll.read([f"{asked['ben'][0].id} a"], ())


@pytest.mark.parametrize("name", ["../anna", "anna berg", "a" * 41, "\u00e4nna"])
def test_a_name_that_is_no_file_name_is_refused(done: Path, name: str) -> None:
    with pytest.raises(UsageError, match="write a name"):
        Poll(done, name)
