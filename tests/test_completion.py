"""What shells complete, as their scripts ask for it, and the documentation in the terminal."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autoreward.cli import app
from autoreward.core.resources import doc_pages
from autoreward.store.files import HEADER


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs, of which the newer has designed and confirmed something."""
    folder = tmp_path / "runs"
    for name in ("older", "other"):
        (folder / name).mkdir(parents=True)
        (folder / name / HEADER).write_text("{}")
    verdicts, trials = folder / "other" / "rounds" / "000" / "verdicts", folder / "other" / "confirm" / "trials"
    verdicts.mkdir(parents=True)
    trials.mkdir(parents=True)
    for name in ("r000c0", "r000c1"):
        (verdicts / f"{name}.json").write_text("{}")
    for name in ("r000c1-s0", "native-s0", "native-s1"):
        (trials / f"{name}.json").write_text("{}")
    return folder


def completed(line: str) -> list[str]:
    """What bash is told for a line whose last word is not finished."""
    words = line.split(" ")
    asked = {"_AUTOREWARD_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = CliRunner().invoke(app, [], prog_name="autoreward", env=asked)
    return done.output.split()


def test_runs_are_completed(runs: Path) -> None:
    assert sorted(completed(f"autoreward show --runs {runs} o")) == ["older", "other"]
    assert completed(f"autoreward resume --runs {runs} l") == ["latest"]
    assert completed(f"autoreward show --runs {runs / 'none'} ") == []


def test_candidates_are_those_of_the_run_on_the_line(runs: Path) -> None:
    assert completed(f"autoreward play --runs {runs} other --candidate ") == ["r000c0", "r000c1", "native"]
    assert completed(f"autoreward show --runs {runs} older --candidate r") == []


def test_tasks_topics_and_commands_are_completed() -> None:
    assert completed("autoreward run mountain") == ["mountain-car", "mountain-car-continuous", "mountain-car-softstop"]
    assert completed("autoreward help con") == ["concepts"]
    assert completed("autoreward ex") == ["export"]


def test_every_page_can_be_read_in_the_terminal() -> None:
    listed = CliRunner().invoke(app, ["help"]).output
    for name in doc_pages():
        assert f"{name} " in listed
    for name in ("environments", "docs/environments.md"):
        assert CliRunner().invoke(app, ["help", name]).output == doc_pages()["environments"].read_text()


def test_pages_are_told_to_scripts() -> None:
    listed = [json.loads(line) for line in CliRunner().invoke(app, ["help", "--json"]).output.splitlines()]
    assert [row["topic"] for row in listed] == [*doc_pages()]
    assert Path(listed[0]["file"]).is_file()
    (told,) = CliRunner().invoke(app, ["help", "json", "--json"]).output.splitlines()
    assert json.loads(told)["text"] == doc_pages()["json"].read_text(encoding="utf-8")


def test_an_unknown_page_is_told_what_there_is() -> None:
    done = CliRunner().invoke(app, ["help", "enviroments"])
    assert "Did you mean 'environments'?" in str(done.exception)
