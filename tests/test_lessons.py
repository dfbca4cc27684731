"""Lessons over runs: what edits came to, with known answers; who is told; what is forgotten."""

from pathlib import Path

import pytest
from asked import history
from test_refine import BRIEF, CONFIG, TASK, ScriptedSteps, silent
from typer.testing import CliRunner

from autoreward import events
from autoreward.cli import app
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.errors import RunDamaged, UsageError
from autoreward.evaluation.edits import TriedProgram, edit_of, gathered, lesson_said, lessons_of, telling, upshot
from autoreward.llm.types import Prompt
from autoreward.loop import improve
from autoreward.records import Candidate, Edit, EditCase, Episode, Lesson, Lessons, Score, Trial, Verdict
from autoreward.report.phrases import describe_event
from autoreward.report.reading import read_run
from autoreward.roles.designer import design_prompt
from autoreward.roles.history import History
from autoreward.search.study import Study
from autoreward.session.earlier_runs import recall, remember_lessons
from autoreward.session.lessons import all_lessons, forget_lesson, keep_lessons, known_lessons, lesson_name
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.store.folder import Folder
from autoreward.store.keys import EARLIER_LESSONS

ENV = TASK.env
ADDS = Edit(adds=("alive",))


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def program(
    name: str, parts: str = "near", parent: str = "", composition: str = "sum", source: str = "near = 1.0\n"
) -> TriedProgram:
    candidate = Candidate.model_validate({
        "id": name, "source": source, "thought": "", "origin": "model", "how": "mutation" if parent else "fresh",
        "parents": (parent,) if parent else (), "composition": composition,
    })  # fmt: skip
    verdict = Verdict(candidate_id=name, accepted=True, outcome=Outcome.COMPLETED, parts=tuple(parts.split()))
    return TriedProgram(candidate, verdict, "falls_early" if not parent else "")


def score(name: str, success: float, steps: int = 100, seed: int = 1, progress: float = 0.5) -> Score:
    plain = {
        "length": 9,
        "terminated": False,
        "reached": False,
        "held": 0,
        "metric": 1,
        "movement": 1.0,
        "progress": progress,
    }
    episodes = tuple(Episode.model_validate(plain | {"success": i < 20 * success}) for i in range(20))
    return Score(
        trial_id=f"{name}-s0-leg{steps}", candidate_id=name, outcome=Outcome.COMPLETED, seed=seed, steps=steps, success=success,
        progress=progress, episodes=episodes,
    )  # fmt: skip


def lesson(
    *gains: float, error: float = 0.05, run: str = "r", edit: Edit = ADDS, symptom: str = "falls_early"
) -> Lesson:
    cases = tuple(EditCase(run=run, child=f"r001c{i}", task="t", gain=g, error=error) for i, g in enumerate(gains))
    return Lesson(symptom=symptom, edit=edit, of="success", cases=cases)


def keep(runs: Path, *items: Lesson, env: str = ENV) -> None:
    data = Lessons(env=env, items=items).model_dump_json().encode()
    Folder(runs).write(f".lessons/{env}.json", data)


@pytest.mark.parametrize(
    ("child", "edit", "said"),
    [
        (program("c", "alive near"), Edit(adds=("alive",)), "adds alive"),
        (program("c", "alive"), Edit(adds=("alive",), drops=("near",)), "adds alive; drops near"),
        (program("c", composition="bounded"), Edit(composition="bounded"), "adds its parts up as bounded"),
        (program("c", source="near = 2.0\n"), Edit(within="numbers"), "changes numbers alone"),
        (program("c", source="near = 1.0 / 2.0\n"), Edit(within="formulas"), "changes the formulas of its parts"),
        (program("c"), Edit(), ""),
    ],
)
def test_an_edit_is_what_differs(child: TriedProgram, edit: Edit, said: str) -> None:
    parent = program("p")
    found = edit_of(parent.candidate, parent.verdict, child.candidate, child.verdict)
    assert (found, found.said) == (edit, said)


def test_a_case_compares_trainings_of_one_length_and_seed() -> None:
    tried = [
        program("p"),
        program("c", "alive near", "p"),
        program("d", "near", "p", source="near = 3.0\n"),
        program("e", "x", "gone"),
    ]
    scores = [
        score("p", 0.2, 100),
        score("p", 0.9, 200),
        score("c", 0.7, 100),
        score("c", 0.1, 50),
        score("d", 0.9, 400),
        score("e", 1.0),
    ]
    found = lessons_of(ENV, "t", "run", tried, scores)
    (only,) = found.items
    (case,) = only.cases
    assert (only.symptom, only.edit, only.of) == ("falls_early", ADDS, "success")
    assert (case.run, case.child) == ("run", "c")
    assert case.gain == pytest.approx(0.5), "at 100 steps, the most that both have: d and e have no such training"
    assert 0.1 < case.error < 0.2, "two rates of 20 episodes"


def test_where_nothing_succeeds_progress_is_what_is_gained() -> None:
    tried = [program("p"), program("c", "alive near", "p")]
    (only,) = lessons_of(ENV, "t", "run", tried, [score("p", 0.0, progress=0.2), score("c", 0.0, progress=0.6)]).items
    assert only.of == "progress"
    assert only.cases[0].gain == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ((0.4,), "helps"),
        ((-0.4, -0.3), "harms"),
        ((0.05,), "open"),
        ((0.4, -0.4, 0.1), "refuted"),
        ((0.4, 0.3, -0.1, 0.5), "helps"),
    ],
)
def test_a_lesson_helps_harms_or_is_refuted(gains: tuple[float, ...], verdict: str) -> None:
    assert upshot(lesson(*gains)).verdict == verdict


def test_a_lesson_says_its_counts() -> None:
    assert lesson_said(lesson(0.4, 0.3, -0.2, 0.5)).startswith(
        "falls_early in the parent, the child adds alive: success +0.25 +- 0.16 over 4 changes, 3 clearly better, 1 clearly worse"
    )


def test_what_is_refuted_is_told_no_more() -> None:
    once = Lessons(env=ENV, items=(lesson(0.4, run="a"),))
    assert telling(once, 5) == list(once.items)
    again = Lessons(env=ENV, items=(lesson(-0.4, 0.0, 0.05, run="b"),))
    assert telling(gathered(ENV, [once, again]), 5) == []


def test_a_case_that_is_known_twice_counts_once() -> None:
    one = Lessons(env=ENV, items=(lesson(0.4, 0.3),))
    assert gathered(ENV, [one, one, one]) == one


def test_designers_are_told_the_best_supported_with_their_counts(tmp_path: Path) -> None:
    many = [lesson(*[0.3] * n, edit=Edit(adds=(f"part_{n}",))) for n in range(1, 8)]
    known = Lessons(env=ENV, items=(*many, lesson(0.01, edit=Edit(within="numbers"))))
    for told in (History(earlier=known), history(TASK)._replace(earlier=known)):
        text = design_prompt(BRIEF, told, 4)
        assert "# What changes came to in earlier runs of this environment" in text
        assert "adds part_7: success +0.30 +- 0.02 over 7 changes, 7 clearly better, 0 clearly worse" in text
        assert "part_3" in text
        assert "part_2" not in text
        assert "child changes" not in text, "nothing clear is known of it"
    assert "earlier runs" not in design_prompt(BRIEF, History(), 4)


def test_a_run_is_told_what_was_known_at_its_start(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    keep(runs, lesson(0.4))
    for name, told in (("with", True), ("without", False)):
        config = RunConfig(model="manual", lessons=told)
        with Book.create(runs / name, RunHeader.of(TASK, config)) as book:
            recall(book, lambda event: None)
            assert bool(book.lone(EARLIER_LESSONS)) == told
    keep(runs, lesson(0.4, 0.5))
    with Book.open(runs / "with") as book:
        recall(book, lambda event: None)
        assert len(book.need(EARLIER_LESSONS).items[0].cases) == 1


class Played(ScriptedSteps):
    """Its scores have episodes."""

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        made = super().score(page, trial, purpose)
        episodes = score("x", made.record.success).episodes
        return made._replace(record=made.record.model_copy(update={"episodes": episodes}))


def test_a_finished_search_leaves_its_cases_with_its_folder_and_its_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(prompt: Prompt) -> dict[str, object]:
        made = silent(prompt)
        ideas = made.get("ideas", ())
        assert isinstance(ideas, list | tuple)
        for idea in ideas if prompt.key == "r001-designer" else ():
            idea["parent"] = "r000c1"
        return made

    (tmp_path / "runs").mkdir()
    with Book.create(tmp_path / "runs" / "run", RunHeader.of(TASK, CONFIG)) as book:
        improve(Study(TASK, CONFIG, Played(tmp_path, answer), book, lambda event: None))
    reading = read_run(tmp_path / "runs" / "run")
    keep_lessons(reading)
    known = known_lessons(tmp_path / "runs", ENV)
    cases = {case.child: case for one in known.items for case in one.cases}
    assert cases
    assert cases.keys() <= {f"r001c{i}" for i in range(4)}
    assert {one.edit.said for one in known.items} == {"changes numbers alone"}
    keep_lessons(reading)
    assert known_lessons(tmp_path / "runs", ENV) == known, "a run that is gone on with has the same cases"
    assert known_lessons(tmp_path / "elsewhere", ENV) == known, "the person has them, too"
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    heard: list[events.Event] = []
    remember_lessons(reading, heard.append)
    (unkept,) = heard
    assert "is not kept for later runs: Lessons can't be kept in" in describe_event(unkept)
    assert known_lessons(tmp_path / "runs", ENV) == known


def test_a_person_reads_and_forgets_them(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    keep(runs, lesson(0.4), lesson(0.01, edit=Edit(within="numbers")))
    keep(runs, lesson(-0.4), env="Other-v0")
    said = CliRunner().invoke(app, ["lessons", "--runs", str(runs)]).output
    assert "helps   falls_early in the parent, the child adds alive" in said
    assert "Other-v0\n" in said
    assert "numbers alone" not in said
    assert "open" in CliRunner().invoke(app, ["lessons", "--runs", str(runs), "--all"]).output
    name = lesson_name(ENV, lesson(0.4))
    assert f"  {name}  " in said
    assert CliRunner().invoke(app, ["lessons", "--runs", str(runs), "--forget", name, "--env", ENV]).exit_code == 0
    assert [one.edit.said for one in known_lessons(runs, ENV).items] == ["changes numbers alone"]
    assert len(all_lessons(runs)) == 2
    with pytest.raises(UsageError, match="no lesson 'abc'"):
        forget_lesson(runs, "abc")


def test_a_file_that_holds_no_lessons_is_said(tmp_path: Path) -> None:
    Folder(tmp_path).write(f".lessons/{ENV}.json", b"{}")
    with pytest.raises(RunDamaged, match="holds no lessons; delete it to do without"):
        known_lessons(tmp_path, ENV)
    (tmp_path / "run").mkdir()
    with Book.create(tmp_path / "run", RunHeader.of(TASK, CONFIG)) as book, pytest.raises(RunDamaged):
        recall(book, lambda event: None)  # before anything is spent, also where nobody would be told
