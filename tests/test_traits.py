"""Numbers from people's words: what is kept of what people say of steps, and what it comes down to."""

import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted import Scripted, client
from test_cli import invoked
from test_judging import go
from test_preferences import TASK, FilmedSteps

from autoreward.core.transitions import Transitions
from autoreward.errors import UsageError
from autoreward.evaluation.traits import (
    ProposedTrait,
    SaidOf,
    made_traits,
    named_traits,
    separation,
    trait_symptoms,
)
from autoreward.judges.poll import Poll, with_reason
from autoreward.llm.types import Prompt
from autoreward.records import Aspect, Diagnosis, Trait
from autoreward.report.html import build_report
from autoreward.report.reading import RunView, read_run
from autoreward.report.traits import card_lines, measured_traits, traits_lines
from autoreward.roles.brief import brief
from autoreward.roles.trait_writer import proposed_traits
from autoreward.session.traits import (
    everything_said,
    hear_aspect,
    make_traits,
    meant,
    named_field,
    say_of_steps,
    told_by_people,
    trait_asker,
    traits_of_reasons,
    with_traits,
)
from autoreward.store.book import Book
from autoreward.store.keys import ASPECTS, TRAITS
from autoreward.tasks.card import Task

ABOUT = brief(TASK, 8_000, 5, rule_shown=False)
LENGTH = 40
THERE = slice(9, 20)
"""Steps 10 to 20, where something is planted."""


def episode(number: int, **planted: float) -> Transitions:
    """Calm, with small noise; fields are so large in THERE."""
    chance = np.random.default_rng(number)
    fields = {}
    for name in ("position", "velocity", "push"):
        values = 0.01 * chance.normal(size=(LENGTH, 1))
        values[THERE] += planted.get(name, 0.0)
        fields[name] = values
    state = {name: fields[name] for name in ("position", "velocity")}
    step = np.arange(1, LENGTH + 1)[:, None]
    return Transitions(state, {"push": fields["push"]}, state, step, step == LENGTH)


def said(
    number: int, text: str, praised: bool = False, steps: tuple[int, int] = (10, 20), field: str = "", **planted: float
) -> SaidOf:
    aspect = Aspect(
        id=f"{number:04d}", text=text, page="rounds/000", trial_id=f"r000c{number}-s0", episode=0, begin=steps[0],
        end=steps[1], praised=praised, field=field,
    )  # fmt: skip
    return SaidOf(aspect, episode(number, **planted))


TEN = [
    said(0, "it shakes", velocity=0.9),
    said(1, "it leans to the left", position=-0.8),
    said(2, "it wastes power", push=2.0),
    said(3, "trembling again", velocity=-0.7),
    said(4, "hangs on the left side", position=-0.6),
    said(5, "full throttle for nothing", push=1.5),
    said(6, "nice and smooth", praised=True),
    said(7, "still left of the middle", position=-0.7),
    said(8, "jitters", velocity=0.5),
    said(9, "saves power here", praised=True),
]
SHAKE = {"name": "shake", "about": "trembling", "value": "abs(velocity)", "better": "lower", "aspects": [1, 4, 7, 9]}
LEAN = {"name": "lean", "about": "left of the middle", "formula": "position", "better": "higher", "aspects": [2, 5, 8]}
POWER = {"name": "power", "value": "abs(push)", "over": "max", "better": "lower", "aspects": [3, 6, 10]}
WRONG = {"name": "wobble", "value": "position", "better": "higher", "aspects": [1, 4, 7, 9]}
BROKEN = {"name": "tilt", "value": "abs(pitch)", "better": "lower", "aspects": [1]}


def test_three_planted_aspects_are_recovered_from_ten_sentences(tmp_path: Path) -> None:
    model = Scripted({"k": {"traits": [WRONG, SHAKE, BROKEN, LEAN, POWER]}})
    proposed, findings = proposed_traits(client(model, tmp_path), "k", "analyzer", ABOUT, TEN)
    made = made_traits(TASK, TEN, proposed)
    assert {trait.name: trait.value for trait in made.items} == {
        "shake": "abs(velocity)",
        "lean": "position",
        "power": "abs(push)",
    }
    assert all(trait.separates == 1.0 for trait in made.items)
    assert made.told_apart == tuple(range(10))
    assert (made.coverage, made.redundancy) == (1.0, 0.4)
    assert findings == ()
    assert sorted(finding.partition(":")[0] for finding in made.findings) == ["tilt", "wobble"]
    text = model.asked["k"]
    assert '1. - "it shakes" (steps 10 to 20)' in text
    assert '7. + "nice and smooth"' in text
    assert "`velocity`: 0.8" in text or "`velocity`: 0.9" in text


def test_pairs_are_the_right_way_round_by_the_area_under_the_curve() -> None:
    assert separation([1, 2], [3, 4], "lower") == 1.0
    assert separation([1, 2], [3, 4], "higher") == 0.0
    assert separation([1, 3], [2, 4], "lower") == 0.75
    assert separation([1], [1], "lower") == 0.5


def proposal(value: str, aspects: Sequence[int] = (0,), name: str = "t", better: Any = "lower") -> ProposedTrait:
    return ProposedTrait(name, "", value, "mean", better, tuple(aspects))


def test_one_saying_about_some_steps_is_held_against_the_rest_of_its_episode() -> None:
    made = made_traits(TASK, TEN[:1], [proposal("abs(velocity)")])
    (trait,) = made.items
    assert trait.blamed == pytest.approx(0.9, abs=0.02)
    assert trait.praised == pytest.approx(0.01, abs=0.01)
    assert trait.wrong(0.5)
    assert not trait.wrong(0.4)


def test_the_rest_is_held_against_it_in_stretches_as_long() -> None:
    """The maximum of 29 calm steps is larger than that of 2; of two calm ones it is not."""
    calm = [said(0, "calm here", steps=(1, 2)), said(1, "and here", steps=(5, 6))]
    made = made_traits(TASK, calm, [proposal("abs(velocity)", (0, 1), better="higher")._replace(over="max")])
    assert made.items == ()


@pytest.mark.parametrize(
    ("proposed", "why"),
    [
        (proposal("position"), "'position' is better in what is good than in what is blamed in"),
        (proposal("abs(pitch)"), "pitch"),
        (proposal("1 / (position - position)"), "is no finite number at every step"),
        (proposal("stack(position, velocity)"), "t: left out: "),
        (proposal("abs(velocity)", name="no name"), "no name: left out: "),
        (proposal("abs(velocity)", aspects=(7,)), "it is about nothing that was said"),
        (proposal("open('x')"), "t: left out: "),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_is_no_number_of_the_card_or_tells_nothing_apart_is_left_out(proposed: ProposedTrait, why: str) -> None:
    made = made_traits(TASK, TEN[:1], [proposed])
    assert made.items == ()
    assert why in made.findings[0]
    assert (made.coverage, made.redundancy) == (0.0, 1.0)


def test_a_whole_episode_alone_can_be_held_against_nothing() -> None:
    whole = [said(0, "it shakes", steps=(1, LENGTH), velocity=0.9)]
    made = made_traits(TASK, whole, [proposal("abs(velocity)")])
    assert "there is nothing to hold it against" in made.findings[0]
    both = [*whole, said(1, "calm", praised=True, steps=(1, LENGTH))]
    assert [t.name for t in made_traits(TASK, both, [proposal("abs(velocity)", (0, 1))]).items] == ["t"]


def test_what_adds_nothing_is_redundant() -> None:
    proposed = [proposal("abs(velocity)", (0, 3, 8)), proposal("velocity ** 2", (0, 3), name="u")]
    made = made_traits(TASK, TEN, proposed)
    assert [trait.name for trait in made.items] == ["t"]
    assert made.findings == ("u: left out: others tell the same apart",)
    assert (made.coverage, made.redundancy) == (0.3, 0.5)


def test_a_difference_by_chance_is_none() -> None:
    words = [said(0, "bad", position=0.8), said(1, "good", praised=True, position=0.8)]
    made = made_traits(TASK, words, [proposal("position", (0, 1)), proposal("position", (0, 1), "u", "higher")])
    assert made.items == ()
    assert any("of its standard deviation" in finding for finding in made.findings)


@pytest.mark.parametrize(
    ("planted", "value", "better"),
    [(-0.8, "abs(position)", "lower"), (0.8, "abs(position)", "lower")],
)
def test_a_person_alone_names_the_field(planted: float, value: str, better: str) -> None:
    words = [said(0, "look at this", field="position", position=planted)]
    (trait,) = made_traits(TASK, words, named_traits(TASK, words)).items
    assert (trait.name, trait.value, trait.better, trait.about) == ("position_size", value, better, "look at this")


def test_where_sizes_tell_nothing_apart_the_side_does() -> None:
    words = [
        said(0, "left", field="position", position=-0.8),
        said(1, "right", praised=True, field="position", position=0.8),
    ]
    (trait,) = made_traits(TASK, words, named_traits(TASK, words)).items
    assert (trait.value, trait.better, trait.separates) == ("position", "higher", 1.0)


def test_a_policy_that_is_more_like_what_was_blamed_has_a_symptom() -> None:
    trait = Trait(
        name="shake", about="it shakes", value="abs(velocity)", better="lower", praised=0.1, blamed=0.5, separates=1.0,
        aspects=(0,),
    )  # fmt: skip
    (symptom,) = trait_symptoms(TASK, [trait], [episode(0, velocity=3.0)])
    assert symptom.name == "what_people_blamed"
    assert "the mean of abs(velocity), is 0.8" in symptom.evidence
    assert "times what it is where it was good" in symptom.evidence
    assert symptom.advice == "A person said: it shakes"
    assert trait_symptoms(TASK, [trait], [episode(0)]) == ()
    assert trait_symptoms(TASK, [trait.model_copy(update={"value": "1 / step - 1 / step + 0 / 0"})], []) == ()


def test_a_trait_can_become_a_limit_of_the_card() -> None:
    (trait,) = made_traits(TASK, TEN[:1], [proposal("abs(velocity)")]).items
    for change in ({}, {"over": "max"}, {"better": "higher"}, {"over": "max", "better": "higher"}):
        written = trait.model_copy(update=change)
        table = tomllib.loads("\n".join(card_lines(written)))
        Task.model_validate({**TASK.model_dump(), **table})
        side = "at_least" if written.better == "higher" else "at_most"
        assert table["limits"]["t"][side] == pytest.approx(trait.bound, abs=1e-3)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    go(folder, FilmedSteps(), judge="rule")
    return folder


@pytest.fixture
def done(finished: Path, memory_folder: Path) -> Path:
    """A finished run, whose cars drive."""
    return shutil.copytree(finished, memory_folder / "run")


@pytest.mark.parametrize(
    ("at", "why"),
    [
        ("", "write EPISODE"),
        ("x", "write EPISODE"),
        ("1:3", "write EPISODE"),
        ("0:3-2", "has the steps 1 to 3"),
        ("0:0-2", "has the steps 1 to 3"),
        ("0:1-4", "has the steps 1 to 3"),
        ("99:1-2", "episodes, counted from 0"),
        ("r009c9~0", "no policy of 'r009c9' was scored; there are r000c"),
    ],
)
def test_steps_that_are_not_there_are_refused(done: Path, at: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        meant(read_run(done), at)


def test_the_winner_is_meant_where_nobody_is_named(done: Path) -> None:
    reading = read_run(done)
    found = meant(reading, "1:2-3")
    assert found.trial_id.startswith(reading.finished.best)
    assert (found.episode, found.begin, found.end) == (1, 2, 3)
    assert meant(reading, f"{found.trial_id}~1").end == len(found.transitions.step) == 3
    assert meant(reading, f"{reading.finished.best}~1").trial_id == found.trial_id


def test_a_field_is_named_as_a_word() -> None:
    assert named_field(TASK, "the position is off") == "position"
    assert named_field(TASK, "positional") == ""
    assert named_field(TASK, "position and velocity") == ""


def test_what_is_said_of_steps_is_kept_measured_and_shown(done: Path) -> None:
    heard = say_of_steps(done, "the position runs <b>away</b>", "0:3-3", False, "", print)
    assert heard.aspect.where.endswith("~0:3-3")
    (trait,) = heard.traits.items
    assert (trait.name, trait.better, heard.traits.coverage) == ("position_size", "lower", 1.0)
    with Book.open(done) as book:
        assert book.need(TRAITS) == heard.traits
        assert [one.episode.step.shape for one in everything_said(book)] == [(3, 1)]
        assert "position_size" not in told_by_people(book)[0]
        assert "the mean of abs(position), lower is better" in told_by_people(book)[0]
        page = build_report(book, "")
        worst = max(measured_traits(read_run(done)).items(), key=lambda item: item[1][0] or 0.0)[0]
        trial = next(s.score.trial_id for s in read_run(done).search_scores if s.score.candidate_id == worst)
        told = with_traits(book, Diagnosis(candidate_id=worst, typical=trial))
        assert bool(told.symptoms) == trait.wrong(measured_traits(read_run(done))[worst][0] or 0.0)
        assert with_traits(book, Diagnosis(candidate_id=worst)).symptoms == ()
    assert "What people&#39;s words measure" in page or "What people's words measure" in page
    assert "the position runs &lt;b&gt;away&lt;/b&gt;" in page
    shown = invoked("show", str(done), COLUMNS="200")
    assert "position_size" in shown.stdout
    assert "coverage 1.00 (1 of 1 sayings are told apart), redundancy 0.00" in shown.stdout


@pytest.mark.parametrize(
    ("text", "field", "why"),
    [("", "", "Say what you saw there"), ("x", "pitch", "the task has position, velocity, push")],
)
def test_nothing_is_kept_of_what_can_not_be_meant(done: Path, text: str, field: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        say_of_steps(done, text, "0", False, field, print)
    with Book.open(done) as book:
        assert book.saved(ASPECTS) == ()


def keep(book: Book, reading: RunView, count: int) -> None:
    for number in range(count):
        hear_aspect(book, reading, f"saying {number}", "0:3-3", False, "")


def test_a_model_is_asked_from_three_sayings_on_and_within_limits(done: Path, tmp_path: Path) -> None:
    def answer(prompt: Prompt) -> dict[str, Any]:
        return {"traits": [{**SHAKE, "value": "abs(position)", "aspects": [1, 2, 3]}]}

    model, reading = Scripted({}, answer), read_run(done)
    with Book.open(done) as book:
        keep(book, reading, 2)
        assert make_traits(book, client(model, tmp_path), "analyzer").proposed == 0
        assert not model.asked
        keep(book, reading, 1)
        limited = make_traits(book, client(model, tmp_path / "none", max_calls=0), "analyzer")
        assert limited.findings[0].startswith("no model was asked: the limit of")
        assert [trait.name for trait in make_traits(book, client(model, tmp_path), "analyzer").items] == ["shake"]
    assert trait_asker(("designer", "critic", "analyzer")) == "analyzer"
    assert trait_asker(("judge",)) == "judge"
    assert trait_asker(()) is None


@pytest.mark.parametrize(
    ("line", "answer", "reason"),
    [
        ("a", "a", ""),
        ("x~y~1 b because it drags its leg # not", "x~y~1 b", "it drags its leg # not"),
        ("a # because of it", "a", ""),
        ("because", "because", ""),
    ],
)
def test_an_answer_may_have_a_reason(line: str, answer: str, reason: str) -> None:
    assert with_reason(line) == (answer, reason)


def test_reasons_of_preferences_are_about_both_sides(done: Path) -> None:
    assert traits_of_reasons(done, print) is None
    with Poll(done) as poll:
        asked = poll.waiting(2)
        for preference in poll.read(["a because the position is better", "tie because nothing"], asked):
            poll.keep(preference.question, preference.answer, preference.reason)
    with Book.open(done) as book:
        sides = everything_said(book)
    assert [(one.aspect.praised, one.aspect.field, one.aspect.end) for one in sides] == [
        (True, "position", 3), (False, "position", 3),
    ]  # fmt: skip
    made = traits_of_reasons(done, print)
    assert made is not None
    assert (made.aspects, made.proposed) == (2, 1)
    assert traits_of_reasons(done, print) is None, "nothing is new"
    assert any("coverage" in line for line in traits_lines(made))


def test_the_command_keeps_and_measures_without_training(done: Path) -> None:
    made = invoked("feedback", str(done), "the position runs away", "--at", "0:3-3")
    assert made.exit_code == 0, made.exception
    assert made.stdout.startswith("kept: to change at r0")
    assert "[limits.position_size]" in made.stdout
    again = invoked("feedback", str(done), "look", "--at", "0:1-2", "--praise")
    assert "kept: good at r0" in again.stdout
    unsaid = invoked("feedback", str(done), "calmer", "--praise")
    assert isinstance(unsaid.exception, UsageError)
    assert "say which with --at" in str(unsaid.exception)
