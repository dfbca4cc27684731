"""The Pareto front of trained programs: known answers, and what `compare --front` says."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from autoreward.cli import app
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.evaluation.pareto import dominates, hypervolume, non_dominated
from autoreward.loop import improve
from autoreward.records import Score, Trial
from autoreward.report.front import measures_of, values_of
from autoreward.search.study import Study
from autoreward.store.book import Book, Page, RunHeader, WithFiles
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task
from tests.fake_steps import FakeSteps

SQUARE = [(1.0, 4.0), (2.0, 3.0), (4.0, 1.0), (2.0, 2.0), (0.0, 0.0), (1.0, 4.0)]


def test_known_fronts() -> None:
    assert non_dominated(SQUARE) == (0, 1, 2, 5), "equal ones are all there"
    assert non_dominated([(1.0,), (3.0,), (2.0,)]) == (1,)
    assert non_dominated([]) == ()
    assert not dominates((1.0, 1.0), (1.0, 1.0))


@pytest.mark.parametrize(
    ("points", "reference", "volume"),
    [
        ([(1.0, 4.0), (2.0, 3.0), (4.0, 1.0)], (0.0, 0.0), 4.0 + 3.0 + 2.0),
        ([(2.0, 2.0, 2.0)], (1.0, 0.0, 0.0), 4.0),
        ([(1.0, 1.0, 2.0), (2.0, 1.0, 1.0)], (0.0, 0.0, 0.0), 3.0),
        ([(1.0, 1.0)], (1.0, 0.0), 0.0),
        ([], (0.0,), 0.0),
        ([(3.0,), (5.0,)], (1.0,), 4.0),
    ],
)
def test_known_volumes(points: Sequence[Sequence[float]], reference: Sequence[float], volume: float) -> None:
    assert hypervolume(points, reference) == pytest.approx(volume)


GRID = st.lists(st.tuples(*[st.integers(1, 4)] * 3), min_size=1, max_size=7)


@settings(max_examples=40)
@given(GRID)
def test_a_volume_is_the_number_of_cells_that_are_dominated(points: list[tuple[int, int, int]]) -> None:
    cells = [(a, b, c) for a in range(4) for b in range(4) for c in range(4)]
    inside = sum(any(all(p > x for p, x in zip(point, cell, strict=True)) for point in points) for cell in cells)
    assert hypervolume(points, (0, 0, 0)) == inside


@settings(max_examples=40)
@given(GRID)
def test_the_front_alone_makes_the_volume_and_beats_all_others(points: list[tuple[int, int, int]]) -> None:
    front = [points[i] for i in non_dominated(points)]
    assert hypervolume(front, (0, 0, 0)) == hypervolume(points, (0, 0, 0))
    assert all(any(dominates(one, point) for one in front) for point in points if point not in front)


class Measured(FakeSteps):
    """Slower policies succeed more often, now and then."""

    def score(self, page: Page, trial: Trial, purpose: str) -> WithFiles[Score]:
        made = super().score(page, trial, purpose)
        metric = 100.0 + 50.0 * made.record.success + 7.0 * (len(trial.candidate_id) % 3)
        return WithFiles(made.record.model_copy(update={"metric": metric}), made.files)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, task = tmp_path_factory.mktemp("runs"), find_task("mountain-car", (envs_folder(),))
    with Book.create(folder / "done", RunHeader.of(task, RunConfig(rounds=2, candidates=4, target=1.0))) as book:
        improve(Study(task, book.header.config, Measured(), book, lambda event: None))
    return folder


def said(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output if done.exit_code == 0 else str(done.exception or "") + done.output


def test_everything_that_a_run_trained_is_placed(runs: Path, tmp_path: Path) -> None:
    code, words = said("compare", "done", "--front", "--runs", str(runs), "--json")
    placed = [json.loads(line) for line in words.splitlines()]
    assert code == 0
    assert {line["kind"] for line in placed} == {"Placed"}
    assert {"native", "sparse"} <= {line["who"] for line in placed}
    assert all(set(line["values"]) == {"success", "length"} for line in placed)
    points = [(line["values"]["success"], -line["values"]["length"]) for line in placed]
    assert [line["on_front"] for line in placed] == [i in non_dominated(points) for i in range(len(points))]
    code, table = said("compare", "done", "--front", "--runs", str(runs), "--svg", str(tmp_path / "front.svg"))
    assert code == 0
    assert "success (higher)" in table
    assert "length" in table
    drawn = (tmp_path / "front.svg").read_text()
    assert drawn.count("<circle") == len(placed)
    assert drawn.startswith("<svg xmlns")


def test_what_can_not_be_compared_is_one_sentence(runs: Path, tmp_path: Path) -> None:
    assert said("compare", "done", "--runs", str(runs), "--svg", str(tmp_path / "x.svg"))[0] != 0
    code, words = said("compare", "done", "--front", "--runs", str(runs), "--svg", str(tmp_path / "none" / "x.svg"))
    assert code != 0
    assert "can't be written" in words


def test_a_program_is_placed_by_everything_that_its_task_measures() -> None:
    card = find_task("mountain-car", (envs_folder(),)).model_dump()
    more = {"metrics": {"top": {"value": "abs(velocity)", "better": "lower", "unit": "m/s"}}}
    limits = {"limits": {"calm": {"value": "abs(velocity)", "at_most": 0.05, "over": "max"}}}
    task = Task.model_validate(card | more | limits)
    assert [(m.name, m.higher) for m in measures_of(task)] == [
        ("success", True), ("length", False), ("top", False), ("calm", False),
    ]  # fmt: skip
    reading = task.limits["calm"].reading("calm", 0.06, 0.05, 0.07)
    score = Score(trial_id="r000c0-s0", candidate_id="r000c0", outcome=Outcome.COMPLETED, success=0.5, metric=120.0,
                  metrics={"top": 0.04}, limits=(reading,))  # fmt: skip
    assert values_of(task, [score]) == (0.5, 120.0, 0.04, 0.06)
    assert values_of(task, [score.model_copy(update={"metrics": {}})]) is None, "one that never succeeded has no metric"
