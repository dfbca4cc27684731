"""Hostile task cards: each is refused in one sentence, or shown everywhere without anything of it acting."""

import os
from io import StringIO
from pathlib import Path

import pytest
from test_markup import acting
from typer.testing import CliRunner

from autoreward.cli import app, main
from autoreward.config import RunConfig
from autoreward.core.resources import LARGEST_TEXT
from autoreward.core.visible import hidden
from autoreward.errors import TaskError
from autoreward.report.html import render
from autoreward.report.reading import read_run
from autoreward.report.tables import show_run
from autoreward.report.terminal import Terminal
from autoreward.roles.brief import brief
from autoreward.roles.designer import design_prompt
from autoreward.roles.history import History
from autoreward.store.book import Book, RunHeader
from autoreward.tasks.files import parse_task, read_task

FILES = sorted((Path(__file__).parent / "redteam_cards").glob("*.toml"))


def expected(file: Path) -> str:
    first = file.read_text(encoding="utf-8-sig").splitlines()[0]
    return first.removeprefix("# expect: ")


def placed(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "mine" / "task.toml"
    path.parent.mkdir()
    path.write_bytes(data)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(TaskError) as caught:
        read_task(path)
    said = str(caught.value)
    assert said.startswith(str(path))
    assert hidden(said) is None
    assert len(said) < 1_000
    assert caught.value.exit_code == 2
    return said


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_each_card_ends_as_it_says(tmp_path: Path, file: Path) -> None:
    path = placed(tmp_path, file.read_bytes())
    kind, _, words = expected(file).partition(": ")
    if kind == "refused":
        assert words in refusal(path)
        return
    assert kind == "harmless"
    task = read_task(path)
    with Book.create(tmp_path / "run", RunHeader.of(task, RunConfig())) as book:
        reading = read_run(book.folder)
    assert reading.header.task == task
    text = render(reading)
    assert acting(text) == []
    assert "49 {%" not in text
    out = StringIO()
    Terminal(out, width=100).print(show_run(reading))
    told = CliRunner().invoke(app, ["tasks", "mine", "--envs", str(tmp_path)]).output
    assert hidden(out.getvalue() + told + design_prompt(brief(task, 1_000, 20), History(), 0), "\n") is None


def test_there_are_cards_of_both_ends() -> None:
    ends = [expected(file).partition(":")[0] for file in FILES]
    assert ends.count("refused") > 50
    assert ends.count("harmless") > 8


GOOD = next(file for file in FILES if file.stem.endswith("crlf")).read_bytes().replace(b"\r\n", b"\n")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (GOOD.decode().encode("utf-32"), "it is not UTF-8"),
        (GOOD.replace(b"Hold", b"H\xf6ld"), "it is not UTF-8"),
        (GOOD.replace(b"Hold", b"\xed\xa0\x80"), "it is not UTF-8"),
        (GOOD.replace(b"Hold", b"Ho\0ld"), "null characters"),
        (GOOD + b"#" * LARGEST_TEXT, "more than 1,000,000 bytes"),
        (GOOD.replace(b"Hold", b"Ho\x1bld"), "task.toml"),
    ],
    ids=["utf-32", "latin-1", "surrogate", "null", "large", "escape"],
)
def test_what_is_no_text_is_no_card(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in refusal(placed(tmp_path, data))


def test_a_card_that_never_ends_is_no_card(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "task.toml").symlink_to("/dev/zero")
    assert "it is no plain file" in refusal(folder / "task.toml")
    (folder / "task.toml").unlink()
    os.mkfifo(folder / "task.toml")
    assert "it is no plain file" in refusal(folder / "task.toml")


def test_a_state_program_is_one_of_the_folder_or_of_one_beside_it(tmp_path: Path) -> None:
    path = placed(tmp_path / "envs", GOOD) if (tmp_path / "envs").mkdir() is None else tmp_path
    secret = tmp_path / "secret.py"
    secret.write_text("KEY = 1\n")
    (path.parent / "state.py").symlink_to(secret)
    assert "can't be read: it must be a .py file in the card's folder or in one beside it" in refusal(path)
    (path.parent / "state.py").unlink()
    beside = tmp_path / "envs" / "other" / "state.py"
    beside.parent.mkdir()
    beside.write_text("def observe(env, observation, info):\n    return {}\n")
    path.write_bytes(GOOD.replace(b'tier = "smoke"', b'tier = "smoke"\nobserve = "../other/state.py"'))
    assert read_task(path).state_program == beside.read_text()


@pytest.mark.parametrize("folder", ["my task", "-x", "latest", "a\nb", "\u0430"])
def test_a_task_has_the_name_of_a_plain_folder(tmp_path: Path, folder: str) -> None:
    with pytest.raises(TaskError, match="name the folder with letters"):
        parse_task(GOOD.decode(), tmp_path / folder / "task.toml")


def test_a_refused_card_ends_a_command_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = placed(tmp_path, FILES[0].read_bytes())
    monkeypatch.setattr("sys.argv", ["autoreward", "tasks", str(path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "state.angle.unit: write a unit" in said
