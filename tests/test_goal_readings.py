"""Ask before spending: readings of a goal, episodes that tell them apart, what is asked, and what a run and a card keep of it."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scripted import Scripted, client
from test_success_audit import kinds, task, untrained

import autoreward as ar
from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.design.goal_variations import varied_goal
from autoreward.errors import AnswerNeeded, RunDamaged, TaskError, UsageError
from autoreward.evaluation.clarify import SKIP
from autoreward.evaluation.deliberate import POOR, Deliberator, clarification
from autoreward.evaluation.goal_episodes import GoalEpisode, calls_success, drawn
from autoreward.records import REFERENCE_EPISODES, Description
from autoreward.roles.brief import brief
from autoreward.roles.goal_reader import read_goal
from autoreward.session.clarifying import (
    GIVEN_ANSWERS,
    answer_waiting,
    clarify,
    deliberated,
    demand_askable,
    option_said,
    spoken,
    with_answer,
)
from autoreward.store.book import Book, WithFiles
from autoreward.store.header import RunHeader, read_header
from autoreward.store.keys import ASKED_OF, CLARIFIED
from autoreward.tasks.card import Task
from autoreward.tasks.draft.guess import Draft
from autoreward.tasks.draft.write import card_text
from autoreward.tasks.files import find_task, parse_task
from autoreward.tasks.readings import (
    AS_IT_IS,
    NONE_OF_THEM,
    CornerTrace,
    GoalAnswers,
    GoalQuestion,
    Reading,
    Readings,
    TracePoint,
    understood,
)
from autoreward.tasks.success_table import Success

TASK = task("abs(x - 3) < 0.5", "last step")
RECORDED = untrained()
DESCRIBED = Description(state=(), action=(), max_steps=60, terminates=False, random_length=60,
                        reference_episodes=tuple(kinds()))  # fmt: skip
FAR = {"far": {"value": "x", "at_most": 4.0, "over": "max"}}
STOPS = CornerTrace(
    words="It goes to the mark and stays.",
    steps=60,
    terminated=False,
    points=(TracePoint(step=0, name="x", value=0.0), TracePoint(step=20, name="x", value=3.0)),
)
PASSES = CornerTrace(
    words="It runs through the mark.", steps=60, terminated=False, points=(TracePoint(step=0, name="x", value=0.0),
                                                                           TracePoint(step=60, name="x", value=9.0)),
)  # fmt: skip


def reading(identity: str, weight: float = 1.0, limits: dict[str, Any] | None = None, **success: Any) -> Reading:
    return Reading.model_validate(
        {"id": identity, "words": identity, "weight": weight, "success": success, "limits": limits or {}}
    )


def episode(trace: CornerTrace) -> GoalEpisode:
    return GoalEpisode(trace.words, trace.words, drawn(TASK, trace, RECORDED), 0)


def is_success(trace: CornerTrace, one: Reading) -> bool:
    return calls_success(understood(TASK, one), one.limits, episode(trace), 60)


def test_a_corner_trace_is_drawn_in_straight_lines_and_the_rest_stays() -> None:
    made = drawn(TASK, STOPS, RECORDED)
    assert made.shape == (60, 1)
    assert made.state["x"][[0, 10, 19, 59], 0] == pytest.approx([0.0, 1.5, 2.85, 3.0])
    assert made.next_state["x"][[0, 19, 59], 0] == pytest.approx([0.15, 3.0, 3.0])
    assert np.ptp(made.next_state["tilt"]) == 0.0
    assert made.next_state["legs"].shape == (60, 1, 2)
    assert not made.terminated.any()
    assert drawn(TASK, STOPS.model_copy(update={"terminated": True}), RECORDED).terminated.sum() == 1


@pytest.mark.parametrize(
    ("name", "step", "said"),
    [("y", 1, "'y' is no number"), ("legs", 1, "legs has 2 numbers; write legs[0]"), ("legs[2]", 1, "legs has 2 numbers"),
     ("x[0]", 1, "x has one number"), ("x", 99, "step 99, and the trace has 60 steps")],
)  # fmt: skip
def test_a_trace_of_what_is_not_there_is_refused(name: str, step: int, said: str) -> None:
    with pytest.raises(TaskError, match=said.replace("[", r"\[")):
        drawn(TASK, STOPS.model_copy(update={"points": (TracePoint(step=step, name=name, value=1.0),)}), RECORDED)


@pytest.mark.parametrize(
    ("one", "stops", "passes"),
    [
        (reading("end", when="abs(x - 3) < 0.5"), True, False),
        (reading("once", when="abs(x - 3) < 0.5", within="any step"), True, True),
        (reading("held", stages=[{"name": "held", "when": "abs(x - 3) < 0.5", "hold": 20}]), True, False),
        (reading("limited", 1.0, FAR, when="x > 2", within="any step"), True, False),
        (reading("always", when="x > 2", always="x < 4"), True, False),
        (reading("whole", when="x > 2", full_length=True), True, True),
    ],
    ids=lambda value: value.id if isinstance(value, Reading) else None,
)  # fmt: skip
def test_what_a_reading_calls_a_success(one: Reading, stops: bool, passes: bool) -> None:
    assert (is_success(STOPS, one), is_success(PASSES, one)) == (stops, passes)


def test_full_length_fails_what_ends_early() -> None:
    whole, short = reading("whole", when="x > 2", full_length=True), STOPS.model_copy(update={"steps": 50})
    assert not is_success(short, whole)
    assert not is_success(STOPS.model_copy(update={"terminated": True}), whole)


def answer(**change: Any) -> dict[str, Any]:
    plain = {
        "card_weight": 2.0,
        "readings": [
            {"id": "once", "words": "passing by is enough", "weight": 1.0, "when": "abs(x - 3) < 0.5", "within": "any step"},
            {"id": "held", "words": "it stays for a while", "weight": 1.0,
             "stages": [{"name": "there", "when": "abs(x - 3) < 0.5", "hold": 20}],
             "limits": [{"name": "upright", "value": "abs(tilt)", "at_most": 1.0}]},
        ],
        "traces": [{"words": "It runs through the mark.", "steps": 60, "points": [{"step": 0, "field": "x", "value": 0.0},
                                                                                  {"step": 60, "name": "x", "value": 9.0}]}],
        "questions": [{"text": "Must it stay?", "options": [{"answer": "no", "readings": ["once"]},
                                                            {"answer": "yes", "readings": ["held", "card"]}]}],
    }  # fmt: skip
    return plain | change


def asked(folder: Path, **change: Any) -> tuple[Readings, Scripted]:
    model = Scripted({"reader": answer(**change)})
    return read_goal(client(model, folder), brief(TASK, 1_000, 20, DESCRIBED, recorded=RECORDED), RECORDED), model


def test_a_model_reads_a_goal(tmp_path: Path) -> None:
    found, model = asked(tmp_path)
    assert found.findings == ()
    assert [(r.id, r.weight) for r in found.items] == [(AS_IT_IS, 2.0), ("once", 1.0), ("held", 1.0)]
    assert found.items[2].success.stages[0].hold == 20
    assert found.items[2].limits["upright"].at_most == 1.0
    assert [t.points[0].name for t in found.traces] == ["x"]
    assert [o.readings for o in found.questions[0].options] == [("once",), ("held", AS_IT_IS)]
    assert "12 of random; in 0 of these 12 episodes it is met" in model.asked["reader"]
    assert (tmp_path / "replies" / "reader.json").exists()


RIGHT = answer()["readings"][0]
WRONG = [
    ("readings", [RIGHT | {"id": "card"}], "an id is a short plain word that no other reading has"),
    ("readings", [RIGHT, RIGHT], "no other reading has"),
    ("readings", [RIGHT | {"when": "y > 1"}], "'y', which is not a field"),
    ("readings", [RIGHT | {"when": "legs > 1"}], "gives 2 values a step"),
    ("readings", [RIGHT | {"weight": 0.0}], "greater than 0"),
    ("readings", [RIGHT | {"when": ""}], "write either when"),
    ("readings", [RIGHT | {"limits": [{"name": "a", "value": "x"}]}], "write one of at_most and at_least"),
    ("traces", [{"words": "w", "steps": 61, "points": []}], "at most 60"),
    ("traces", [{"words": "w", "steps": 9, "points": [{"step": 1, "name": "y", "value": 1.0}]}], "'y' is no number"),
    ("questions", [{"text": "q", "options": [{"answer": "a", "readings": ["once"]}, {"answer": "b", "readings": ["x"]}]}],
     "parts no readings"),
    ("questions", [{"text": "q", "options": [{"answer": "a", "readings": ["once"]}, {"answer": "b", "readings": ["once"]}]}],
     "stands for one answer alone"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "value", "said"), WRONG, ids=[said for _, _, said in WRONG])
def test_what_can_not_be_used_is_a_finding(tmp_path: Path, what: str, value: Any, said: str) -> None:
    found, _ = asked(tmp_path, **{what: value})
    assert said in " ".join(found.findings)
    assert found.items[0].id == AS_IT_IS


def test_without_an_answer_the_card_s_reading_is_the_only_one(tmp_path: Path) -> None:
    model = Scripted({}, lambda prompt: "I can't.")
    found = read_goal(client(model, tmp_path), brief(TASK, 1_000, 20, DESCRIBED, recorded=RECORDED), RECORDED)
    assert [r.id for r in found.items] == [AS_IT_IS]
    assert len(found.findings) == 3
    stand = deliberated(TASK, found, DESCRIBED, RECORDED).stand(GoalAnswers(), 3)
    assert (stand.question, stand.chosen.id, stand.probability) == (None, AS_IT_IS, 1.0)


def deliberator(*readings: Reading, traces: tuple[CornerTrace, ...] = (STOPS, PASSES)) -> Deliberator:
    return deliberated(TASK, Readings(items=readings, traces=traces), DESCRIBED, RECORDED)


END, ONCE = reading(AS_IT_IS, when="abs(x - 3) < 0.5"), reading("once", when="abs(x - 3) < 0.5", within="any step")


def test_an_episode_that_parts_the_readings_is_asked_about() -> None:
    mind = deliberator(END, ONCE)
    stand = mind.stand(GoalAnswers(), 3)
    assert stand.question is not None
    assert stand.question.text == "Would this be a success? It runs through the mark."
    assert stand.note == ""
    for option, meant in ((0, "once"), (1, AS_IT_IS)):
        after = mind.stand(with_answer(GoalAnswers(), stand.question, option), 3)
        assert (after.question, after.chosen.id, after.probability) == (None, meant, 1.0)


def test_where_no_episode_tells_readings_apart_their_words_are_asked_and_that_is_said() -> None:
    mind = deliberator(END, ONCE, traces=())
    stand = mind.stand(GoalAnswers(), 3)
    assert stand.question is not None
    assert (stand.question.id, stand.note) == ("list", POOR)
    assert "once [abs(x - 3) < 0.5]" in stand.question.options[1].text
    after = mind.stand(with_answer(GoalAnswers(), stand.question, 1), 3)
    assert (after.question, after.chosen.id) == (None, "once")


def test_none_of_them_keeps_the_card_s_rule_and_a_skip_tells_nothing() -> None:
    mind = deliberator(END.model_copy(update={"weight": 0.5}), ONCE)
    question = mind.stand(GoalAnswers(), 3).question
    assert question is not None
    refused = mind.stand(with_answer(GoalAnswers(), question, NONE_OF_THEM), 3)
    assert (refused.question, refused.chosen.id) == (None, AS_IT_IS)
    skipped = mind.stand(with_answer(GoalAnswers(), question, SKIP), 1)
    assert (skipped.question, skipped.chosen.id, [r.id for r in skipped.left]) == (None, "once", [AS_IT_IS])
    assert skipped.probability == pytest.approx(2 / 3)
    said = clarification(TASK, refused, with_answer(GoalAnswers(), question, NONE_OF_THEM))
    assert [s.answer for s in said.clarified] == ["none of these"]
    assert said.of(TASK).success == TASK.success


def test_no_more_is_asked_than_may_be() -> None:
    assert deliberator(END, ONCE).stand(GoalAnswers(), 0).question is None


SAID = {"1": 0, " 2 ": 1, "YES": 0, "no": 1, "none": NONE_OF_THEM, "skip": SKIP, "3": None, "0": None, "": None}


@pytest.mark.parametrize(("text", "option"), SAID.items())
def test_an_answer_is_a_number_or_words(text: str, option: int | None) -> None:
    question = deliberator(END, ONCE).stand(GoalAnswers(), 3).question
    assert question is not None
    assert option_said(text, question) == option


def test_without_a_model_the_rule_itself_is_varied() -> None:
    card = find_task("cartpole-hold", (envs_folder(),))
    described = DESCRIBED.model_copy(update={"max_steps": 500, "terminates": True})
    found = varied_goal(card, described)
    assert len(found.items) == 5 * 3 * 2
    assert sum(r.weight for r in found.items) == pytest.approx(1.0)
    assert found.items[0].id == AS_IT_IS
    assert found.items[0].success == card.success
    whens = {r.success.plan[-1].when for r in found.items}
    assert "abs(position - hold_at) < 0.1 and abs(angle) < 0.05" in whens
    assert [len(q.options) for q in found.questions] == [5, 3, 2]
    for one in found.items:
        understood(card, one)
    lasting = card.model_copy(update={"success": Success(when="not terminated", full_length=True)})
    assert varied_goal(lasting, described).questions == (), "when it must not have ended is no question"
    staged = find_task("doorkey-6x6", (envs_folder(),))
    words = [q.text for q in varied_goal(staged, described).questions]
    assert any(text.startswith("In which order") for text in words)


def book_of(folder: Path, config: RunConfig, answers: str = "") -> Book:
    """A new run whose environment has been described."""
    book = Book.create(folder, RunHeader.of(TASK, config))
    files = {REFERENCE_EPISODES: RECORDED.to_bytes()}
    book.once(ASKED_OF, lambda: WithFiles(DESCRIBED, files))
    if answers:
        book.write(GIVEN_ANSWERS, answers.encode())
    return book


CONFIG = RunConfig(ask=3)


def test_a_run_keeps_what_its_goal_means_and_asks_once(memory_folder: Path) -> None:
    said: list[str] = []

    def tell(event: events.Event) -> None:
        if isinstance(event, events.ModelSaid):
            said.append(event.line)

    with book_of(memory_folder / "run", CONFIG, "# of my own\n2\n1 # as it is\n") as book:
        clarify(book, tell)
        meant = book.header.task
    assert meant.success == Success(when="abs(x - 3) < 0.5", within="any step")
    assert [s.answer for s in meant.clarified] == ["after any step, once is enough", "as the card says"]
    assert said[0].startswith("the goal is read as: after any step, once is enough [abs(x - 3) < 0.5] (100%")
    assert read_header(memory_folder / "run").task == meant
    with Book.open(memory_folder / "run") as book:
        assert book.header.task == meant
        clarify(book, lambda event: pytest.fail("it was asked already"))
    (memory_folder / "run" / CLARIFIED.file).write_text("{}")
    with pytest.raises(RunDamaged, match=r"clarified.json is damaged .* delete it, and resume makes it again"):
        read_header(memory_folder / "run")


class Killed(Exception):
    """Stands for kill -9 at a write."""


def test_a_run_that_is_killed_at_any_write_means_the_same(memory_folder: Path) -> None:
    tasks: list[Task] = []
    for die_at in itertools.count(1):
        folder, left = memory_folder / f"run{die_at}", itertools.count(1)

        def before_write(path: Path, left: Any = left, die_at: int = die_at) -> None:
            if next(left) == die_at:
                raise Killed

        with book_of(folder, CONFIG, "2\n1\n") as book:
            book.before_write = before_write
            try:
                clarify(book, lambda event: None)
                break
            except Killed:
                pass
        with Book.open(folder) as book:
            clarify(book, lambda event: None)
            tasks.append(book.header.task)
    assert len(tasks) == 4, "readings, two answers, what is meant"
    assert all(one == tasks[0] for one in tasks)


def test_a_run_waits_for_its_person(memory_folder: Path) -> None:
    folder = memory_folder / "run"
    with (
        book_of(folder, CONFIG) as book,
        pytest.raises(AnswerNeeded, match=r"When must `abs\(x - 3\) < 0.5` hold\?.*answer"),
    ):
        clarify(book, lambda event: None)
    replies = iter([1, None])
    assert not answer_waiting(folder, lambda stand: next(replies))
    assert answer_waiting(folder, lambda stand: 0)
    with Book.open(folder) as book:
        clarify(book, lambda event: None)
        assert book.header.task.success.within == "any step"
    with pytest.raises(UsageError, match="asks nothing about its goal"):
        answer_waiting(folder, lambda stand: 0)


def test_an_answer_that_is_none_is_refused(memory_folder: Path) -> None:
    with (
        book_of(memory_folder / "run", CONFIG, "perhaps\n") as book,
        pytest.raises(UsageError, match=r"Answers, line 1: 'perhaps' is no answer to .*; write 1 \(after the last"),
    ):
        clarify(book, lambda event: None)


def test_a_program_that_answers_is_asked_again_where_its_words_are_none() -> None:
    mind = deliberator(END, ONCE)
    stand, said = mind.stand(GoalAnswers(), 3), iter(["perhaps", "2"])
    assert stand.question is not None
    assert spoken(lambda question: next(said))(stand) == 1
    assert next(said, None) is None
    with pytest.raises(UsageError, match=r"'perhaps' is no answer to .*; give 1 "):
        spoken(lambda question: "perhaps")(stand)


@pytest.mark.slow
def test_a_new_card_means_what_was_answered(tmp_path: Path) -> None:
    """Without a model the variations of the drafted rule are asked about."""
    asked: list[GoalQuestion] = []

    def answer(question: GoalQuestion) -> str:
        asked.append(question)
        return question.options[-1].text

    made = ar.init("Pendulum-v1", "Keep it upright.", ask=answer, model="grammar", to=tmp_path)
    assert 1 <= len(asked) <= 3
    assert [c.question for c in made.clarified] == [question.text for question in asked]
    assert [c.answer for c in made.clarified] == [question.options[-1].text for question in asked]


def test_what_can_not_be_asked_is_said_before_anything_is_spent() -> None:
    demand_askable(TASK, CONFIG)
    with pytest.raises(UsageError, match=r"ask=3: task made has no \[success\]"):
        demand_askable(TASK.model_copy(update={"success": Success(when="0 > 1")}), CONFIG)
    with pytest.raises(UsageError, match="leave out hide_rule"):
        demand_askable(TASK, RunConfig(ask=1, hide_rule=True))


def test_a_card_with_all_that_a_reading_may_have_is_written_and_read_again(tmp_path: Path) -> None:
    limits = {"upright": {"value": "abs(tilt)", "at_most": 1.0, "over": "mean"}}
    stages = [{"name": "there", "when": "x > 2", "hold": 20}, {"name": "back", "when": "x < 1", "by": 50}]
    held = reading("held", 1.0, limits, stages=stages, always="x < 4")
    mind = deliberator(END, held)
    question = mind.stand(GoalAnswers(), 3).question
    assert question is not None
    answers = with_answer(GoalAnswers(), question, 0)
    stand = mind.stand(answers, 3)._replace(chosen=held)
    meant = clarification(TASK, stand, answers).of(TASK)
    text = card_text(Draft(meant.model_copy(update={"max_steps": 60}), {"success": "read so by your answers"}))
    assert "# GUESS: read so by your answers\n[success]" in text
    again = parse_task(text, tmp_path / "made" / "task.toml")
    assert (again.success, again.limits, again.clarified) == (meant.success, meant.limits, meant.clarified)
    assert again.clarified[0].question == question.text
