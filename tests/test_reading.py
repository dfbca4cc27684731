"""A run folder as the reports read it: nothing that was trained is left out."""

import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from fake_steps import FakeSteps
from typer.main import get_command

from autoreward.cli import app
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.loop import improve, measure
from autoreward.records import Candidate, Run, Standings, Trial
from autoreward.report.html import render
from autoreward.report.reading import RunView, read_run
from autoreward.report.rerun import NOT_REPEATED, again
from autoreward.report.scalars import saved_legs
from autoreward.report.tables import show_run
from autoreward.report.terminal import Terminal
from autoreward.search.study import Study
from autoreward.store.book import Book, RunHeader
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
CONFIG = RunConfig(rounds=1, candidates=3, confirm_seeds=1, finalist_seeds=0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Run]:
    folder = tmp_path_factory.mktemp("runs") / "run"
    with Book.create(folder, RunHeader.of(TASK, CONFIG)) as book:
        return folder, improve(Study(TASK, CONFIG, FakeSteps(), book, lambda event: None))


@pytest.fixture
def made(whole: tuple[Path, Run], tmp_path: Path) -> Run:
    """A finished run, whose folder `run` may be changed."""
    shutil.copytree(whole[0], tmp_path / "run")
    return whole[1]


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
    names = {leg.training for _, leg in saved_legs(tmp_path / "run", set())}
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


def option_names(command: str) -> set[str]:
    """What the command line knows."""
    known = get_command(app).commands[command]  # type: ignore[attr-defined]
    return {option for parameter in known.params for option in parameter.opts}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "run mountain-car --model grammar"),
        (
            {"seed": 7, "steps": 500, "target": 0.5, "tune_weights": True, "workers": 3},
            "run mountain-car --model grammar --seed 7 --steps 500 --target 0.5 --tune-weights",
        ),
        (
            {"model": "manual", "max_cost": 2.0, "confirm_seeds": 0},
            "run mountain-car --model replay:a --confirm-seeds 0",
        ),
        (
            {"given": "native", "confirm_seeds": 1, "steps": 500},
            "train mountain-car --reward native --seeds 1 --steps 500",
        ),
        (
            {"given": Candidate(id="own", source="", thought="", origin="human", how="given", composition="sign")},
            "train mountain-car --reward a/best/reward.py --composition sign --seeds 5",
        ),
    ],
)
def test_the_command_that_makes_it_again(changed: dict[str, Any], said: str) -> None:
    header = RunHeader.of(TASK, RunConfig(**changed))
    reading = RunView(Path("a"), header, (), (), (), None, (), (), (), (), (), (), ())
    assert again(reading) == f"autoreward {said}"
    assert {word for word in said.split() if word.startswith("--")} <= option_names(said.split()[0])


def test_a_card_elsewhere_is_named_by_its_folder() -> None:
    header = RunHeader.of(TASK, RunConfig(), "my tasks/arm")
    reading = RunView(Path("a"), header, (), (), (), None, (), (), (), (), (), (), ())
    assert again(reading) == "autoreward run 'my tasks/arm' --model grammar"


def test_every_setting_of_a_search_can_be_told_again() -> None:
    assert {f"--{name.replace('_', '-')}" for name in RunConfig.model_fields.keys() - NOT_REPEATED} <= option_names(
        "run"
    )


def test_a_given_reward_that_failed_says_so(tmp_path: Path) -> None:
    config = RunConfig(given="none", confirm_seeds=2)
    steps = FakeSteps(fail=lambda job: Outcome.RAISED if job.id == "none-s1" else Outcome.COMPLETED)
    with Book.create(tmp_path / "run", RunHeader.of(TASK, config)) as book:
        measure(Study(TASK, config, steps, book, lambda event: None))
    out, reading = StringIO(), read_run(tmp_path / "run")
    Terminal(out, width=100).print(show_run(reading))
    assert "- none-s1 raised: " in out.getvalue()
    assert "made by" not in out.getvalue(), "there was no search"
    page = render(reading)
    assert "<li>none-s1 raised: </li>" in page
    assert "grammar" not in page
    assert "Candidates" not in page
