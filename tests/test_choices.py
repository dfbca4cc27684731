"""Which of up to four is the best: the fit on known answers, what is asked, and how it is said, kept and read."""

import json
import math
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from test_cli import invoked
from test_preferences import HUMAN, drive, go, policy, preference, ruled_run

from autoreward.api import load
from autoreward.errors import UsageError
from autoreward.evaluation.bradley_terry import SPREAD, Comparison, _design, _posterior, fit, own_views, strengths
from autoreward.evaluation.questions import LOOKS, Policy, every_question, question_called, questions
from autoreward.judges.poll import Poll
from autoreward.records import SIDES, Chosen, Further, Preference, Question
from autoreward.report.lineups import Lineup, lineup_table
from autoreward.report.reading import read_run
from autoreward.report.terminal import Terminal
from autoreward.session.answered_weights import said_pairs
from autoreward.session.traits import everything_said
from autoreward.store.book import Book

MIXED = [
    Comparison((0, 1), "a"),
    Comparison((2, 0, 3, 1), "c", 1),
    Comparison((1, 3, 2), "tie"),
    Comparison((3, 2), "tie", 1),
    Comparison((0, 1, 2, 3), "d"),
]
ASKED = st.lists(
    st.tuples(st.permutations(range(4)), st.integers(2, 4), st.integers(0, 4)).map(
        lambda c: (tuple(c[0][: c[1]]), min(c[2], c[1]))
    ),
    max_size=8,
)


def chosen(place: int, count: int) -> Chosen:
    return "tie" if place == count else SIDES[place]


def choice(names: Sequence[str], answer: Chosen, episode: int = 0, by: str = "") -> Preference:
    a, b, *others = names
    further = tuple(Further(candidate_id=name, trial_id=f"{name}-s0") for name in others)
    question = Question(a=a, b=b, a_trial=f"{a}-s0", b_trial=f"{b}-s0", episode=episode, further=further)
    return Preference(question=question, answer=answer, by=by)


def test_three_candidates_with_many_answers_have_the_closed_form() -> None:
    """Luce's odds are those of the strengths; a tie's are nu times their geometric mean."""
    said: dict[Chosen, int] = {"a": 500, "b": 250, "c": 125, "tie": 125}
    found = fit(3, [Comparison((0, 1, 2), answer) for answer, times in said.items() for _ in range(times)])
    assert found.chances((0, 1, 2)) == pytest.approx([0.5, 0.25, 0.125, 0.125], abs=0.01)
    assert found.values[0] - found.values[1] == pytest.approx(math.log(2), abs=0.02)
    assert found.values[1] - found.values[2] == pytest.approx(math.log(2), abs=0.02)
    assert found.values[3] == pytest.approx(math.log(125 / 250), abs=0.03)
    win, lose, tie = found.chances((0, 1))
    assert win / lose == pytest.approx(2, abs=0.05), "how two compare does not depend on who else is shown"
    assert tie / math.sqrt(win * lose) == pytest.approx(0.5, abs=0.02)


def test_one_choice_moves_the_strengths_by_the_prior() -> None:
    """At the maximum, strength / SPREAD^2 is what the answer says beyond what was expected."""
    found = fit(4, [Comparison((2, 0, 3, 1), "c")])
    chances = found.chances((3, 0, 1, 2))
    assert found.values[3] == pytest.approx(SPREAD**2 * (1 - chances[0] - chances[4] / 4))
    assert found.values[:3] == pytest.approx([-(SPREAD**2) * (chances[1] + chances[4] / 4)] * 3)
    pairs = [Comparison((3, other), "a") for other in range(3)]
    one, three = fit(4, pairs[:1]).values[3], fit(4, pairs).values[3]
    assert 1.1 * one < found.values[3] < 0.9 * three, "more than an answer about a pair, and no three of them"


def test_the_gradient_and_the_hessian_are_those_of_the_density() -> None:
    said = _design(4, MIXED, people=2)
    values = np.random.default_rng(0).normal(size=said.odds.shape[-1])
    _, slope, precision = _posterior(values, 4, said)
    step = 1e-5
    for place, along in enumerate(np.eye(len(values)) * step):
        above, below = (_posterior(values + way * along, 4, said) for way in (1, -1))
        assert (above[0] - below[0]) / (2 * step) == pytest.approx(slope[place], abs=1e-7)
        assert (below[1] - above[1]) / (2 * step) == pytest.approx(precision[place], abs=1e-7)


@settings(max_examples=15)
@given(ASKED)
def test_pairs_and_choices_have_one_maximum_that_does_not_depend_on_order_or_places(
    asked: list[tuple[tuple[int, ...], int]],
) -> None:
    found = fit(4, [Comparison(shown, chosen(place, len(shown))) for shown, place in asked])
    turned = []
    for shown, place in reversed(asked):
        back = tuple(reversed(shown))
        turned.append(Comparison(back, "tie" if place == len(shown) else chosen(len(shown) - 1 - place, len(shown))))
    other = fit(4, turned)
    assert found.values == pytest.approx(other.values, abs=1e-6)
    assert found.values[:4].sum() == pytest.approx(0.0, abs=1e-6)
    assert (np.linalg.eigvalsh(found.precision) > 0).all()


def test_a_choice_counts_once_as_preferred_and_once_for_each_of_the_others() -> None:
    names = ("r000c0", "r000c1", "r000c2", "r000c3")
    said = [choice(names, "c"), choice(names, "tie", 1), preference("r000c0", "r000c2", "b", 2)]
    assert [(p.winner, p.losers) for p in said] == [
        ("r000c2", ("r000c0", "r000c1", "r000c3")),
        ("", ()),
        ("r000c2", ("r000c0",)),
    ]
    ranked = strengths(said).items
    assert (ranked[0].candidate_id, ranked[0].won, ranked[0].lost, ranked[0].tied) == ("r000c2", 2, 0, 1)
    assert {s.candidate_id: (s.won, s.lost, s.tied) for s in ranked[1:]} == {
        "r000c0": (0, 2, 1), "r000c1": (0, 1, 1), "r000c3": (0, 1, 1),
    }  # fmt: skip
    assert ranked[-1].candidate_id == "r000c0", "it lost twice"


def test_two_who_choose_the_opposite_are_told_apart() -> None:
    names = [f"r000c{i}" for i in range(4)]
    said = [choice(names, side, i, by) for by, side in (("anna", "a"), ("ben", "d")) for i in range(6)]
    first = own_views(said)[0]
    assert (first.by, first.candidate_id) in {
        ("anna", "r000c0"),
        ("anna", "r000c3"),
        ("ben", "r000c0"),
        ("ben", "r000c3"),
    }
    assert abs(first.above) > first.error
    items = {s.candidate_id: s.value for s in strengths(said).items}
    assert items["r000c0"] == pytest.approx(items["r000c3"])
    assert items["r000c0"] > items["r000c1"]


def test_an_answer_names_one_that_was_shown() -> None:
    with pytest.raises(ValidationError, match="c was not shown"):
        preference("r000c0", "r000c1", "c")
    with pytest.raises(ValidationError, match="further"):
        choice([f"r000c{i}" for i in range(5)], "a")
    four = choice([f"r000c{i}" for i in range(4)], "d", 7, "anna")
    assert four.id == "r000c0-s0~r000c1-s0~r000c2-s0~r000c3-s0~7~anna"
    assert four.aspect("d") == "r000c0-s0_r000c1-s0_r000c2-s0_r000c3-s0_7_anna_d"
    kept = four.model_dump_json()
    assert Preference.model_validate_json(kept) == four
    before = json.loads(preference("r000c0", "r000c1", "a").model_dump_json())
    del before["question"]["further"]
    assert Preference.model_validate(before).question.sides == ("a", "b"), (
        "as pairs were kept before there were choices"
    )


def test_every_policy_is_shown_enough_and_no_two_meet_twice_in_one_episode() -> None:
    of = [policy(f"r000c{i}") for i in range(8)]
    asked = questions(of, (), episodes=20, size=4)
    assert len(asked) == 8 * LOOKS / 4
    assert {name for q in asked[:2] for name in q.candidates} == {p.candidate_id for p in of}, "all at first"
    assert Counter(name for q in asked for name in q.candidates).total() == 8 * LOOKS
    said = [preference("r000c0", "r000c1", "a", episode) for episode in range(3)]
    left = questions(of[:4], said, episodes=5, count=9, size=4)
    assert [q.episode for q in left] == [3, 4], "two of them were shown in the others"
    assert questions(of[:3], (), episodes=5, count=9, size=4) == questions([], (), episodes=5, size=4) == ()


def test_what_was_shown_counts_whether_as_a_pair_or_a_choice() -> None:
    of = [policy(f"r000c{i}") for i in range(4)]
    said = [choice([p.candidate_id for p in of], "b", episode) for episode in range(2)]
    assert len(questions(of, said, episodes=20, size=4)) == 1
    assert len(questions(of, said, episodes=20)) == 2, "four more looks, two at a time"
    asked = questions(of, said, episodes=20, count=6)
    assert all(q.episode >= 2 for q in asked)


def test_after_answers_rather_those_are_shown_that_may_be_the_best() -> None:
    of, said = [policy(f"r000c{i}") for i in range(8)], list[Preference]()
    while asked := questions(of, said, episodes=20, size=4):
        best = min(range(4), key=asked[0].candidates.__getitem__)
        said.append(Preference(question=asked[0], answer=SIDES[best]))
    looks = Counter(name for p in said for name in p.question.candidates)
    assert set(looks) == {p.candidate_id for p in of}
    assert looks["r000c0"] > LOOKS > min(looks.values())
    assert strengths(said).items[0].candidate_id == "r000c0"


def test_places_are_mixed_and_questions_are_found_by_their_ids() -> None:
    of = [Policy(f"r000c{i}", (f"r000c{i}-s0", f"r000c{i}-s1")) for i in range(6)]
    asked = list(every_question(of[1:5], 60))
    places = Counter(place for q in asked for place, name in enumerate(q.candidates) if name == "r000c1")
    assert min(places[place] for place in range(4)) >= 8
    assert {q.trials[0][-2:] for q in asked} == {"s0", "s1"}
    assert all(question_called(of, q.id, 60) == q for q in asked[:6])
    a, b, *others, episode = asked[0].id.split("~")
    for name in (
        "",
        "~",
        "0",
        asked[0].a_trial,
        f"{a}~{b}~{episode}~{others}",
        f"{b}~{a}~{'~'.join(others)}~{episode}",
    ):
        assert question_called(of, name, 60) is None, name
    assert question_called(of, asked[0].id, 0) is None


def test_of_many_policies_those_are_shown_that_were_not_yet() -> None:
    of, said = [policy(f"r000c{i}") for i in range(24)], list[Preference]()
    for _ in range(2):
        (asked,) = questions(of, said, episodes=20, count=1, size=4)
        said.append(Preference(question=asked, answer="a"))
    assert len({name for p in said for name in p.question.candidates}) == 8


def lineup(count: int) -> Lineup:
    episodes = tuple(drive(0.3 * number) for number in range(1, count + 1))
    names = [f"r000c{i}" for i in range(count)]
    return Lineup(choice(names, "tie").question, episodes, (None,) * count)


@pytest.mark.parametrize(("columns", "lines"), [(200, 6), (80, 22)])
def test_four_are_whole_in_a_terminal_beside_each_other_or_below(columns: int, lines: int) -> None:
    said = StringIO()
    Terminal(said, width=columns, force=True).print(lineup_table(lineup(4), "1 of 3"))
    rows = [line.rstrip() for line in said.getvalue().splitlines()]
    text = "\n".join(rows)
    assert "r000c" not in text
    assert "…" not in text
    assert len(re.findall(r"4 steps,\s+to the time limit", text)) == 4
    assert all(f"{number * 0.3:.3g}" in text for number in range(1, 5))
    assert len(rows) == lines


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("choices") / "done"
    go(folder, HUMAN.model_copy(update={"judge": "rule", "rounds": 3}))
    return folder


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ruled_run(tmp_path_factory.mktemp("few") / "run")


@pytest.fixture
def done(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "done"))


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (1, "--of 1: write a whole number from 2 to 4."),
        (5, "--of 5: write a whole number from 2 to 4."),
        (0, "--of 0: "),
    ],
)
def test_so_many_can_not_be_shown_at_once(done: Path, of: int, says: str) -> None:
    refused = invoked("prefer", str(done), "--of", str(of))
    assert isinstance(refused.exception, UsageError)
    assert says in refused.exception.worded(lambda fact: f"--{fact.name} {fact.value}")  # type: ignore[union-attr]
    with pytest.raises(UsageError, match=f"of={of}"):
        load(done).prefer(of=of)


def test_more_than_there_are_is_refused(few: Path) -> None:
    with pytest.raises(UsageError, match=r"of=4: .* has 3 trained candidates; show at most so many at once"):
        Poll(few, of=4)
    with Poll(few, of=3) as poll:
        assert len(poll.waiting()[0].candidates) == 3


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["5"], "'5'; write 1, 2, 3, 4 or tie, or a choice's id and one of them"),
        (["x 1"], "'x' is no choice of this run"),
        (["1"] * 40, "there is no choice left to answer"),
        (["PAIR 3"], "'3' is none of those that PAIR shows; write a, b or tie"),
    ],
)
def test_wrong_choices_are_one_sentence(done: Path, lines: list[str], says: str) -> None:
    with Poll(done) as poll:
        pair = poll.waiting(1)[0].id
    with Poll(done, of=4) as poll, pytest.raises(UsageError) as refused:
        poll.read([line.replace("PAIR", pair) for line in lines], poll.waiting())
    assert says.replace("PAIR", pair) in str(refused.value)
    assert not (done / "preferences").exists()


def test_choices_are_taken_by_numbers_letters_and_ids_and_can_be_taken_back(done: Path) -> None:
    with Poll(done, of=4) as poll:
        asked = poll.waiting()
        assert [len(q.candidates) for q in asked] == [4] * 4, "five policies, three looks each"
        found = poll.read([f"{asked[1].id} 3", "D", "0", "4 because it is calm"], asked)
        assert [(p.question, p.answer) for p in found] == [
            (asked[1], "c"), (asked[0], "d"), (asked[2], "tie"), (asked[3], "d"),
        ]  # fmt: skip
        for said in found:
            poll.keep(said.question, said.answer, said.reason)
        assert "choices: autoreward prefer" in poll.next_step()
        assert "--of 4 --pairs 6" in poll.next_step()
        poll.take_back(asked[3])
        assert "1 choice left: autoreward prefer" in poll.next_step()
        assert "--of 4" in poll.next_step()
        assert poll.waiting()[0].episode == asked[3].episode, "that episode is free again"
        with pytest.raises(UsageError, match="is answered"):
            poll.read([f"{asked[0].id} 1"], poll.waiting())
    assert [p.name for p in (done / "taken_back").iterdir()] == [f"0000-{asked[3].id}.json"]


def test_the_report_and_the_table_count_choices(done: Path) -> None:
    answers = done.parent / "answers.txt"
    answers.write_text("1\ntie\n")
    said = invoked("prefer", str(done), "--of", "4", "--answers", str(answers))
    assert "(2 answers)" in " ".join(said.stdout.split())
    assert "2 choices left: autoreward prefer" in said.stdout
    reading = read_run(done)
    assert sum(s.won for s in reading.strengths.items) == 1
    assert sum(s.lost for s in reading.strengths.items) == 3
    assert sum(s.tied for s in reading.strengths.items) == 4
    page = (done / "report.html").read_text()
    assert "which of two to four policies is the best" in page
    assert "Luce 1959" in page


def test_a_reason_praises_the_one_that_was_chosen_and_blames_the_others(done: Path) -> None:
    with Poll(done, of=4) as poll:
        for said in poll.read(["2 because the position is better"], poll.waiting()):
            poll.keep(said.question, said.answer, said.reason)
    with Book.open(done) as book:
        sides = everything_said(book)
    assert [one.aspect.praised for one in sides] == [False, True, False, False]
    assert len({one.aspect.id for one in sides}) == 4
    assert {one.aspect.field for one in sides} == {"position"}


def test_weights_take_the_chosen_episode_against_each_other_one(done: Path) -> None:
    with Poll(done, of=4) as poll:
        for question in poll.waiting(4):
            poll.keep(question, "d")
    with Book.open(done) as book:
        assert said_pairs(book, read_run(done)) is None, "12 pairs, and 4 answers: too few"
    with Poll(done) as poll:
        for question in poll.waiting(2):
            poll.keep(question, "a")
    with Book.open(done) as book:
        said = said_pairs(book, read_run(done))
    assert said
    assert sorted(len(saying) for saying in said.sayings) == [1, 1, 3, 3, 3, 3]
    for saying in said.sayings:
        assert {pair.counts for pair in saying} == {0.5 if len(saying) == 3 else 1.0}
        assert len({pair.better.column for pair in saying}) == 1
        assert not {pair.better.column for pair in saying} & {pair.worse.column for pair in saying}
