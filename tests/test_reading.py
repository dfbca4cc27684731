"""A run folder as the reports read it: nothing that was trained is left out."""

from pathlib import Path

import pytest
from fake_crew import FakeCrew

from autoreward.config import RunConfig
from autoreward.loop import improve
from autoreward.outcomes import Outcome
from autoreward.records import Run, Standings, Trial
from autoreward.report.html import render
from autoreward.report.numbers import legs
from autoreward.report.reading import read_run
from autoreward.resources import envs_folder
from autoreward.store.book import Book, RunHeader
from autoreward.tasks import find_task

TASK = find_task("mountain-car", (envs_folder(),))
CONFIG = RunConfig(rounds=1, candidates=3, confirm_seeds=1, finalist_seeds=0)


@pytest.fixture
def made(tmp_path: Path) -> Run:
    with Book.create(tmp_path / "run", RunHeader.of(TASK, CONFIG)) as book:
        return improve(TASK, CONFIG, FakeCrew(), book, lambda event: None)


def add_baselines(folder: Path) -> None:
    """As a search that doubts leaves them: one trained, one failed."""
    with Book.open(folder) as book:
        for name, outcome in (("native", Outcome.COMPLETED), ("sparse", Outcome.RAISED)):
            trial = Trial(id=f"{name}-s0", candidate_id="", outcome=outcome, seed=0, steps=700)
            book.write(f"baselines/trials/{trial.id}.json", trial.model_dump_json().encode())


def test_trainings_and_steps_are_the_runs_own(made: Run, tmp_path: Path) -> None:
    reading = read_run(tmp_path / "run")
    assert (reading.trainings, reading.env_steps) == (made.trainings, made.env_steps)


def test_the_searchs_baselines_count(made: Run, tmp_path: Path) -> None:
    add_baselines(tmp_path / "run")
    reading = read_run(tmp_path / "run")
    assert (reading.trainings, reading.env_steps) == (made.trainings + 2, made.env_steps + 1400)
    assert f"<b>{made.env_steps + 1400:,}</b> environment steps" in render(reading)


def test_the_searchs_baselines_have_curves_of_their_own(made: Run, tmp_path: Path) -> None:
    add_baselines(tmp_path / "run")
    names = {leg.training for _, leg in legs(tmp_path / "run", set())}
    assert names >= {"baselines/sparse-s0", "confirm/native-s0", f"{made.best}-s0"}
    assert "baselines/native-s0" not in names, "it is still to be scored"


def test_rungs_come_in_their_order(made: Run, tmp_path: Path) -> None:
    with Book.open(tmp_path / "run") as book:
        for number in (11, 10, 9):
            text = Standings(number=number, steps=number, rows=()).model_dump_json()
            book.write(f"rounds/000/rung-{number}.json", text.encode())
    found = [standings.number for standings in read_run(tmp_path / "run").rungs[0]]
    assert found == sorted(found)
    assert found[-3:] == [9, 10, 11]
