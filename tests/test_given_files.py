"""Files that a person gives, as editors, shells and file systems leave them: read alike, or refused in one sentence."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from autoreward.cli import app
from autoreward.core.resources import envs_folder, exact_text, plain_text
from autoreward.errors import TaskError, UsageError
from autoreward.rewards.gate.gate import examine
from autoreward.session.reward_file import read_program
from autoreward.tasks.files import find_task, read_task

REWARD = 'def compute_reward(state, action, next_state, memory):\n    """Für 位置."""\n    return {"x": next_state.position}\n'
CARD = (
    (envs_folder() / "mountain-car" / "task.toml").read_text(encoding="utf-8").replace('goal = "', 'goal = "Für 位置: ')
)
STATE = 'def observe(env, observation, info):\n    """Für 位置."""\n    return {"x": env.state[0]}\n'
TEXTS = {"reward": REWARD, "card": CARD, "state": STATE, "answers": "a\nb\n"}
READ = {
    "UTF-8": lambda text: text.encode(),
    "a byte order mark": lambda text: text.encode("utf-8-sig"),
    "lines of Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "lines of old Macs": lambda text: text.replace("\n", "\r").encode(),
    "lines of all kinds": lambda text: text.replace("\n", "\r", 1).replace("\n", "\r\n", 1).encode("utf-8-sig"),
    "Notepad's Unicode": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "UTF-16, large end first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "no end of the last line": lambda text: text.removesuffix("\n").encode("utf-8-sig"),
}
REFUSED = {
    "Latin-1": (lambda text: text.encode("latin-1", "replace").replace(b"a", b"\xe4"), "save it as UTF-8"),
    "UTF-16 without a mark": (lambda text: text.encode("utf-16-le"), "UTF-8|null characters"),
    "UTF-32": (lambda text: text.encode("utf-32"), "save it as UTF-8"),
    "half a UTF-16": (lambda text: text.encode("utf-16")[:-1], "save it as UTF-8"),
    "half a letter": (lambda text: text.encode() + "é".encode()[:1], "save it as UTF-8"),
    "a picture": (lambda text: b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "save it as UTF-8"),
}
NAMES = [
    "plain",
    "with space",
    "Ärger spaß 文",
    'it\'s "quoted"',
    "-dash",
    "a;b$(c)`d`&e",
    "new\nline",
    "\udcff",
    "%20",
    "x" * 200,
]
linux = pytest.mark.skipif(sys.platform != "linux", reason="names that other file systems do not take")


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("form", READ)
def test_a_text_is_the_same_however_it_was_saved(tmp_path: Path, kind: str, form: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(READ[form](TEXTS[kind]))
    assert plain_text(path).removesuffix("\n") == TEXTS[kind].removesuffix("\n")


@pytest.mark.parametrize(
    ("form", "beginning"),
    [
        ("UTF-8", "def "),
        ("a byte order mark", "\ufeffdef "),
        ("Notepad's Unicode", "\ufeffdef "),
        ("UTF-16, large end first", "\ufeffdef "),
    ],
)
def test_what_stands_in_a_file_stays_to_the_letter(tmp_path: Path, form: str, beginning: str) -> None:
    """Mark and line ends are part of a program that was trained with them."""
    path = tmp_path / "file"
    path.write_bytes(READ[form](REWARD))
    exact = exact_text(path)
    assert exact.startswith(beginning)
    assert ("\r\n" in exact) == ("Notepad" in form)


@pytest.mark.parametrize("form", READ)
def test_rewards_cards_and_state_programs_are_read_in_every_form(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "task.toml").write_bytes(READ[form](CARD))
    (folder / "state.py").write_bytes(READ[form](STATE))
    (folder / "my_reward.py").write_bytes(READ[form](REWARD))
    task = read_task(folder / "task.toml")
    assert task.goal.startswith("Für 位置: ")
    assert task.state_program.removesuffix("\n") == STATE.removesuffix("\n")
    assert read_program(folder / "my_reward.py").source.removesuffix("\n") == REWARD.removesuffix("\n")
    examine(read_program(folder / "my_reward.py").source)  # raises what is refused


@pytest.mark.parametrize("form", REFUSED)
def test_what_is_no_text_is_refused_in_one_sentence_that_says_what_to_do(tmp_path: Path, form: str) -> None:
    spoilt, says = REFUSED[form]
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in (("task.toml", CARD), ("my_reward.py", REWARD)):
        (folder / name).write_bytes(spoilt(text))
    with pytest.raises(TaskError, match=says) as card:
        read_task(folder / "task.toml")
    with pytest.raises(UsageError, match=says) as reward:
        read_program(folder / "my_reward.py")
    for caught in (card, reward):
        assert caught.value.exit_code == 2
        assert len(str(caught.value).splitlines()) == 1


@linux
@pytest.mark.parametrize("name", NAMES)
def test_folders_and_files_of_any_name_are_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "mine"
    folder.mkdir(parents=True)
    (folder / "task.toml").write_text(CARD, encoding="utf-8")
    reward = folder / f"{name}.py"
    reward.write_text(REWARD, encoding="utf-8")
    given = read_program(reward)
    assert given.id.isascii()
    assert type(given).model_validate_json(given.model_dump_json()) == given, "it is kept as JSON"
    task = read_task(folder / "task.toml")
    assert type(task).model_validate_json(task.model_dump_json()) == task


@linux
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_not_there_is_named_in_one_line(tmp_path: Path, name: str) -> None:
    """Whatever its name is: nothing of it acts on the terminal, and nothing of it breaks the message."""
    told = CliRunner().invoke(app, ["check", str(tmp_path / name / "no.py"), "--task", "mountain-car"])
    assert isinstance(told.exception, UsageError)
    with pytest.raises(TaskError):
        find_task(str(tmp_path / name / "no"), (envs_folder(),))
