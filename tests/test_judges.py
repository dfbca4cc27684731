"""What every judge promises, and that the loop knows none of them by name."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from fake_steps import FakeSteps
from test_preferences import FilmedSteps

from autoreward.config import ASKED_NOBODY, RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import JudgementNeeded
from autoreward.evaluation.ranking import latest
from autoreward.judges import JUDGES, Judge, judge_called, usual_judge
from autoreward.judges.poll import Poll
from autoreward.loop import improve, stop_reason
from autoreward.records import Feedbacks, Round, Run, Score, Screened, Strength, Strengths
from autoreward.report.html import build_report
from autoreward.search.study import Study
from autoreward.session.run import config_for
from autoreward.store.book import Book, Page, RunHeader
from autoreward.store.keys import JUDGED, SCORES
from autoreward.tasks.files import find_task
from autoreward.tasks.success_table import NO_RULE

PACKAGE = Path(__file__).parent.parent / "autoreward"
TASK = find_task("mountain-car", (envs_folder(),))
CONFIG = RunConfig(rounds=2, candidates=3, confirm_seeds=0, finalist_seeds=0, episodes=5, steps=8000, target=1.0)


class LatestIsBest:
    """A judge that asks nobody, as a model that looks at pictures would."""

    needs_rule = False
    sets_target = False
    waits = False
    note = "The latest is the best."

    def rank(self, study: Study, page: Page, scores: Sequence[Sequence[Score]]) -> Strengths:
        finished = sorted(latest([s for of_round in scores for s in of_round]), reverse=True)
        items = [
            Strength(candidate_id=name, value=float(-place), error=0.1, won=0, lost=0, tied=0)
            for place, name in enumerate(finished)
        ]
        return page.once(JUDGED, lambda: Strengths(items=tuple(items)))


NAMES = [*JUDGES, "fake", "replay:judge"]


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(JUDGES, "fake", LatestIsBest())


def study(book: Book, name: str, steps: FakeSteps) -> Study:
    return Study(TASK, CONFIG.model_copy(update={"judge": name}), steps, book, lambda event: None)


def go(folder: Path, name: str, steps: FakeSteps) -> Run:
    """A whole run; people who are waited for prefer B."""
    with Book.open(folder) if folder.exists() else Book.create(folder, RunHeader.of(TASK, CONFIG)) as book:
        try:
            return improve(study(book, name, steps))
        except JudgementNeeded:
            assert judge_called(name).waits
    with Poll(folder) as poll:
        for question in poll.waiting():
            poll.keep(question, "b")
    return go(folder, name, steps)


def test_the_table_has_the_judges_that_are_no_models() -> None:
    assert set(NAMES) - {"fake", "replay:judge"} == ASKED_NOBODY


@pytest.mark.parametrize("name", NAMES)
def test_what_a_judge_says_of_itself_fits_together(name: str) -> None:
    judge: Judge = judge_called(name)
    assert judge.needs_rule or not judge.sets_target, "without a rule nothing measures a success rate"
    assert judge.note == "" or re.fullmatch(r"[A-Z].*\.", judge.note)


@pytest.mark.parametrize("name", NAMES)
def test_a_ranking_is_of_those_that_finished_and_is_made_once(memory_folder: Path, name: str) -> None:
    run = go(memory_folder / "run", name, FilmedSteps())
    with Book.open(memory_folder / "run") as book:
        pages = book.pages()
        scores = [page.saved(SCORES) for page in pages]
        finished = {s.candidate_id for of_round in scores for s in of_round if s.outcome.ok}
        written: list[Path] = []
        book.before_write = written.append
        one, two = (judge_called(name).rank(study(book, name, FilmedSteps()), pages[-1], scores) for _ in range(2))
    assert one == two
    assert written == []
    names = [strength.candidate_id for strength in one.items]
    assert set(names) <= finished
    assert len(set(names)) == len(names)
    values = [strength.value for strength in one.items]
    assert values == sorted(values, reverse=True)
    assert run.best == (names[0] if names else run.best)


@pytest.mark.parametrize("name", NAMES)
def test_only_who_waits_for_people_stops_a_run(memory_folder: Path, name: str) -> None:
    with Book.create(memory_folder / "run", RunHeader.of(TASK, CONFIG)) as book:
        if judge_called(name).waits:
            with pytest.raises(JudgementNeeded):
                improve(study(book, name, FilmedSteps()))
            assert not book.page(0).has(JUDGED)
        else:
            assert improve(study(book, name, FilmedSteps())).rounds == 2


@pytest.mark.parametrize("name", NAMES)
def test_a_round_without_a_policy_is_ranked_without_waiting(memory_folder: Path, name: str) -> None:
    with Book.create(memory_folder / "run", RunHeader.of(TASK, CONFIG)) as book:
        run = improve(study(book, name, FilmedSteps(fail=lambda job: Outcome.CRASHED)))
    assert run.best == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_finished_run_is_judged_no_more(memory_folder: Path, name: str) -> None:
    run = go(memory_folder / "run", name, FilmedSteps())
    idle = FilmedSteps()
    assert go(memory_folder / "run", name, idle) == run
    assert not idle.done


def test_the_report_says_who_ranks_where_it_shows_what_people_said(memory_folder: Path) -> None:
    go(memory_folder / "run", "human", FilmedSteps())
    note = JUDGES["human"].note
    with Book.open(memory_folder / "run") as book:
        assert build_report(book, note).count(note) == 1
        assert note not in build_report(book, JUDGES["rule"].note)


@pytest.mark.parametrize("name", NAMES)
def test_the_target_ends_a_search_whose_judge_sets_one(name: str) -> None:
    perfect = Score(trial_id="a-s0", candidate_id="a", outcome=Outcome.COMPLETED, steps=8000, success=1.0,
                    mean_success=1.0)  # fmt: skip
    played = Round(number=0, candidates=(), verdicts=(), screened=Screened(order=()), trials=(), scores=(perfect,),
                   diagnoses=())  # fmt: skip
    config = CONFIG.model_copy(update={"judge": name})
    assert (stop_reason(config, TASK, (played,), Feedbacks()) is not None) == judge_called(name).sets_target
    longer = perfect.model_copy(update={"trial_id": "a-s0-leg5", "steps": 16_000})
    both = played.model_copy(update={"scores": (perfect, longer)})
    told = stop_reason(config, TASK, (both,), Feedbacks())
    assert told is None or told.endswith("on 1 training seed"), "a seed that went on is one seed"


def test_where_nobody_chooses_a_task_without_a_rule_is_judged_by_people() -> None:
    unruled = TASK.model_copy(update={"success": NO_RULE})
    assert [usual_judge(task) for task in (TASK, unruled)] == ["rule", "human"]
    assert config_for(unruled, {}).judge == "human"


COMPARED = re.compile(r"\.judge\b\s*(?:==|!=|not in\b|in\b|is\b)|(?:==|!=|\bmatch)\s[\w.]*\.judge\b")
"""A judge's name held against something."""


def compared(text: str) -> list[str]:
    return [line for line in text.splitlines() if COMPARED.search(line)]


@pytest.mark.parametrize(
    "text",
    [
        'if config.judge == "human":',
        '{% if reading.header.config.judge != "rule" %}',
        'if "rule" == config.judge:',
        'config.judge in ("rule", "human")',
        "match self._config.judge:",
    ],
)
def test_comparisons_of_a_judge_are_found(text: str) -> None:
    assert compared(text)


def test_no_module_knows_a_judge_by_name() -> None:
    files = [path for end in ("*.py", "*.j2") for path in PACKAGE.rglob(end)]
    found = {str(path.relative_to(PACKAGE)): lines for path in files if (lines := compared(path.read_text()))}
    assert found == {}
