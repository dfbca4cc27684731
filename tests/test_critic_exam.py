"""The exam of a critic with scripted critics whose marks are known; and what a run makes of it."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from asked import history
from scripted import Scripted, client
from test_refine import BRIEF, TASK, accept, read
from test_refine import designer as scripted_designer
from test_screens import dataset_of, labels

from autoreward.checks.planted import fault_shown, ordered_share
from autoreward.config import RunConfig
from autoreward.design.refine import DesignRequest, refined_candidates
from autoreward.errors import UsageError
from autoreward.evaluation.critic_exam import by_kind, marks, standing_by
from autoreward.llm.types import Prompt
from autoreward.records import Candidates, CriticExam, CriticStanding, ReadProgram
from autoreward.report.reading import read_run
from autoreward.rewards.gate.gate import examine
from autoreward.session.critic_exam import critic_in_run, critic_standing, exam_file, examine_critic, read_sheet
from autoreward.session.exam_sheets import SHEETS, ExamRoom, Sheet, exam_papers, exam_sheets
from autoreward.store.book import Book, RunHeader
from autoreward.store.keys import CRITIC
from autoreward.store.persons import keep_for_person, writable_folder

PAPERS = exam_papers()
SAYS = {"severity": "serious", "reason": "it is wrong", "fix": "mend it"}


class Room(ExamRoom):
    """Knows good programs by their text, and asks nobody."""

    def __init__(self) -> None:
        object.__setattr__(self, "task", TASK)
        object.__setattr__(self, "about", BRIEF)

    def sound(self, good: str, other: str) -> bool:
        return other.strip() == good.strip()


Answer = Callable[[Sheet], Callable[[Prompt], dict[str, object]]]


def answers(remarks: Callable[[Sheet], list[dict[str, object]]], mends: bool) -> Answer:
    """A model whose remarks on a sheet are these, and which then writes the good program, or the same again."""

    def of(sheet: Sheet) -> Callable[[Prompt], dict[str, object]]:
        def answer(prompt: Prompt) -> dict[str, object]:
            if "critic" in prompt.key:
                return {"remarks": remarks(sheet)}
            shown = {s.candidate.id: s.program.source if mends else s.candidate.source for s in sheet.shown}
            return {"revisions": [{"id": name, "source": shown[name]} for name in read(prompt)]}

        return answer

    return of


def right(sheet: Sheet) -> list[dict[str, object]]:
    return [{"id": s.candidate.id, "line": s.fault.lines[0]} | SAYS for s in sheet.shown if s.fault]


def alarms(sheet: Sheet) -> list[dict[str, object]]:
    return [{"id": s.candidate.id, "line": 1} | SAYS for s in sheet.shown]


def notes(sheet: Sheet) -> list[dict[str, object]]:
    return [{"id": s.candidate.id, "line": 1} | SAYS | {"severity": "note"} for s in sheet.shown]


def dice(sheet: Sheet) -> list[dict[str, object]]:
    chance = random.Random(sheet.key)
    return [remark for remark in alarms(sheet) if chance.random() < 0.5]


def examined(answer: Answer, folder: Path) -> CriticExam:
    items: tuple[ReadProgram, ...] = ()
    for paper in PAPERS:
        for number, shown in enumerate(exam_sheets(paper)):
            sheet = Sheet(f"exam-{paper.task}-{number}", Room(), shown, {})
            found, wrong = read_sheet(client(Scripted({}, answer(sheet)), folder), sheet)
            assert not wrong
            items += found
    return CriticExam(by="replay:critic", items=items)


def test_a_perfect_critic_has_full_marks_and_its_remarks_act(tmp_path: Path) -> None:
    exam = examined(answers(right, mends=True), tmp_path)
    found = marks(exam)
    half = len(exam.items) // 2
    assert (found.recall.hits, found.recall.of) == (half, half)
    assert (found.false_alarms.hits, found.false_alarms.of) == (0, half)
    assert found.right_line.share == found.repaired.share == 1.0
    assert standing_by("m", exam).acts
    assert (
        "objects to 1.00 [0.89, 1.00] of 30 faulty programs and to 0.00 [0.00, 0.11] of 30 good ones"
        in standing_by("m", exam).said
    )
    assert sum(rate.of for rate in by_kind(exam).values()) == half


def test_one_that_finds_faults_and_can_not_mend_them(tmp_path: Path) -> None:
    found = marks(examined(answers(right, mends=False), tmp_path))
    assert (found.recall.share, found.repaired.share, found.passed) == (1.0, 0.0, True)


@pytest.mark.parametrize(
    ("remarks", "recall", "alarmed"), [(lambda sheet: [], 0.0, 0.0), (notes, 0.0, 0.0), (alarms, 1.0, 1.0), (dice, 0.5, 0.5)],
    ids=["blind", "notes alone", "alarmist", "random"],
)  # fmt: skip
def test_one_that_tells_nothing_apart_writes_notes_from_then_on(
    remarks: Callable[[Sheet], list[dict[str, object]]], recall: float, alarmed: float, tmp_path: Path
) -> None:
    exam = examined(answers(remarks, mends=True), tmp_path)
    found = marks(exam)
    assert found.recall.share == pytest.approx(recall, abs=0.25)
    assert found.false_alarms.share == pytest.approx(alarmed, abs=0.25)
    decided = standing_by("m", exam)
    assert not decided.acts
    assert "shown as notes" in decided.said


def test_the_marks_of_an_alarmist_and_of_a_coin_are_those_of_the_docs(tmp_path: Path) -> None:
    for name, remarks, marked in (("alarmist", alarms, (1.0, 1.0, 0.2, 1.0)), ("coin", dice, (0.63, 0.63, 0.16, 1.0))):
        found = marks(examined(answers(remarks, mends=True), tmp_path / name))
        shares = [round(rate.share, 2) for rate in (found.recall, found.false_alarms, found.right_line, found.repaired)]
        assert shares == list(marked), name


def test_a_critic_that_nobody_examined_acts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert critic_standing("openai:m").acts


def test_the_shipped_programs_are_sound_to_read_and_each_differs_from_its_original_where_it_is_said() -> None:
    assert [len(paper.programs) for paper in PAPERS] == [5, 5]
    for paper in PAPERS:
        for program in paper.programs:
            assert program.success is None or program.success >= 0.9, program.name
            assert not examine(program.source).problems
            assert len({fault.kind for fault in program.faults}) >= SHEETS // 2
            rows = program.source.splitlines()
            for fault in program.faults:
                assert not examine(fault.source).problems
                spoilt = fault.source.splitlines()
                changed = [i for i, row in enumerate(spoilt, 1) if i > len(rows) or row != rows[i - 1]]
                assert fault.lines[0] in changed or fault.kind == "missing part"
                assert max(fault.lines) <= len(spoilt)


def test_a_sheet_shows_each_program_once_and_half_of_all_are_good() -> None:
    for paper in PAPERS:
        sheets = exam_sheets(paper)
        assert sheets == exam_sheets(paper)
        assert all(len({s.program.name for s in sheet}) == len(sheet) == 5 for sheet in sheets)
        assert sum(s.fault is None for sheet in sheets for s in sheet) == 15
        planted = [(s.program.name, s.fault.kind) for sheet in sheets for s in sheet if s.fault]
        assert len(set(planted)) == len(planted), "a fault of a program is shown once"
        assert {place for sheet in sheets for place, s in enumerate(sheet) if s.fault} == set(range(5))


def test_a_fault_is_what_the_good_program_has_not() -> None:
    data = dataset_of(0.0, 0.2, 0.4, 0.6, 1.0, 1.0, 0.1, 0.3)
    good, turned = labels(data.goodness), labels(-data.goodness)
    assert ordered_share(data.goodness, good.returns) == 1.0
    assert ordered_share(data.goodness, turned.returns) == 0.0
    assert not fault_shown(data, good, good, 0.99)
    assert fault_shown(data, good, turned, 0.99).startswith("ranking: ")
    assert not fault_shown(data, turned, turned, 0.99), "the original has it, too"
    farmed = data.goodness.copy()
    farmed[3] = 9.0
    assert fault_shown(data, good, labels(farmed), 0.99) == "a failure has a return of 9, the best success 2"


def test_remarks_of_one_below_the_line_are_notes_and_rewrite_nothing(tmp_path: Path) -> None:
    def answer(prompt: Prompt) -> dict[str, object]:
        if "critic" in prompt.key:
            return {"remarks": [{"id": name, "line": 1} | SAYS for name in read(prompt)]}
        return scripted_designer(prompt)

    def designed(folder: str, acts: bool) -> tuple[Scripted, Candidates]:
        model = Scripted({}, answer)
        (tmp_path / folder).mkdir()
        wanted = DesignRequest(BRIEF, history(TASK), 4, accept, critic_acts=acts)
        return model, refined_candidates(client(model, tmp_path / folder), wanted)

    acting, reworked = designed("acts", acts=True)
    noted, kept = designed("notes", acts=False)
    assert "r000-rework-0" in acting.asked
    assert len(reworked.items) == 5
    assert [key for key in noted.asked if "rework" in key or "critic-1" in key] == []
    assert len(kept.items) == 4
    assert {remark.severity for c in kept.items for remark in c.remarks} == {"note"}


def test_a_run_keeps_what_its_critic_may_do_and_the_report_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    exam = CriticExam(by="manual", items=(
        ReadProgram(task="t", program="p", objected=True), ReadProgram(task="t", program="p", fault="sign", objected=True),
    ))  # fmt: skip
    folder = writable_folder("exams", "the exam")
    keep_for_person(folder, exam_file("manual"), exam.model_dump_json().encode(), "the exam")
    told: list[object] = []
    with Book.create(tmp_path / "run", RunHeader.of(TASK, RunConfig(model="manual"))) as book:
        assert not critic_in_run(book, told.append).acts
        (folder.path / exam_file("manual")).unlink()
        assert not critic_in_run(book, told.append).acts, "a run goes on as it began"
        assert book.need(CRITIC).by == "manual"
    assert len(told) == 1
    assert isinstance(read_run(tmp_path / "run").critic, CriticStanding)


def test_too_dear_or_no_model_is_said_before_anything_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with pytest.raises(UsageError, match="write anthropic:MODEL"):
        examine_critic("grammar-of-mine", 1.0, print)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_real_exam_of_saved_answers_plays_its_episodes_and_shows_its_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One program of one task: what is shown to critics is real, and so is what a rewritten program is judged by."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    paper = next(paper for paper in PAPERS if paper.task == "mountain-car")
    paper = paper.model_copy(update={"programs": paper.programs[1:2]})
    replies = tmp_path / "replies"
    replies.mkdir()
    for number, (shown,) in enumerate(exam_sheets(paper)):
        remark = {"id": shown.candidate.id, "line": shown.fault.lines[0]} | SAYS if shown.fault else {}
        save(replies, f"exam-mountain-car-{number}-critic", {"remarks": [remark] if remark else []})
        mended = {"id": shown.candidate.id, "source": shown.program.source}
        save(replies, f"exam-mountain-car-{number}-rework", {"revisions": [mended]})
    said: list[str] = []
    exam = examine_critic(f"replay:{replies}", 1.0, said.append, [paper])
    found = marks(exam)
    assert (found.recall.said, found.false_alarms.hits, found.repaired.hits) == ("1.00 [0.44, 1.00] of 3", 0, 3)
    assert re.match("6 questions, and as many rewrites at most", said[0])
    assert critic_standing(f"replay:{replies}").acts


def save(folder: Path, key: str, answer: dict[str, object]) -> None:
    bill = {"role": "critic", "model": "replay", "input_tokens": 1, "output_tokens": 1, "dollars": 0.0}
    reply = {"text": json.dumps(answer), "model": "replay"}
    (folder / f"{key}.json").write_text(json.dumps({"key": key, "prompt_sha256": "", "bill": bill, "reply": reply}))
