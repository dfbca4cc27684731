"""A run or a card from somebody else is data until the person says otherwise; one's own is never asked about."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from exports import unproven
from fake_steps import FakeSteps
from typer.testing import CliRunner

import autoreward
from autoreward.cli import app
from autoreward.cli import trust as settle
from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.core.wording import in_shell
from autoreward.errors import NotTrusted, StoreError, UsageError
from autoreward.export import EXPORTED_FILES
from autoreward.export.best import kept_files
from autoreward.loop import improve, measure
from autoreward.records import Allowance, Board, Candidate
from autoreward.report.reading import read_run
from autoreward.search.study import Study
from autoreward.session import run as session
from autoreward.session.export import take
from autoreward.store import trust
from autoreward.store.book import Book, Page, powers_of
from autoreward.store.folder import Folder
from autoreward.store.header import RunHeader
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, read_task, task_names

TASK = find_task("mountain-car", (envs_folder(),))
CODE = "open('/tmp/never', 'w')\ndef observe(env, observation, info):\n    return {'x': observation}\n"
CONFIG = RunConfig(rounds=1, candidates=3, confirm_seeds=1)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A person who trusts nothing yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "autoreward" / "trust"


def other(**changes: object) -> Task:
    return Task.model_validate(TASK.model_dump() | changes)


def foreign(folder: Path, task: Task = TASK, config: RunConfig = CONFIG) -> Path:
    """A run that another person made, as it arrives: nothing here knows of it."""
    folder.mkdir()
    (folder / "run.json").write_text(RunHeader.of(task, config).model_dump_json())
    return folder


def said(*words: str) -> str:
    """What a command that refuses says, in scripts. It ends with exit code 2."""
    done = CliRunner().invoke(app, words)
    assert isinstance(done.exception, UsageError), (done.output, done.exception)
    assert done.exception.exit_code == 2
    return done.exception.worded(in_shell)


HOSTILE = [
    (other(state_program=CODE), CONFIG, "runs its state.py (4 lines)"),
    (other(env="evil_module:Env-v0"), CONFIG, "imports the module 'evil_module'"),
    (other(kwargs={"xml_file": "../../x.xml"}), CONFIG, "gives its environment places"),
    (other(kwargs={"inner": {"deep": ["module:Env-v0"]}}), CONFIG, "gives its environment places"),
    (other(process={"network": True}), CONFIG, "lets its environment use the network"),
    (other(process={"programs": True}), CONFIG, "lets its environment start programs"),
    (TASK, CONFIG.model_copy(update={"model": "openai+http://evil.example:1/v1:x"}), "evil.example:1"),
    (TASK, CONFIG.model_copy(update={"model": "anthropic:some"}), "asks anthropic:some (at most $1, 30 calls)"),
    (TASK, CONFIG.model_copy(update={"model": "manual", "critic": "openai:x"}), "asks openai:x"),
    (TASK, CONFIG.model_copy(update={"model": "replay:/home/other"}), "asks replay:/home/other"),
    (TASK, CONFIG.model_copy(update={"trust_the_model": True}), "even where nothing locks them in"),
    (TASK, CONFIG.model_copy(update={"pool": "ray"}), "trains on a cluster"),
]


@pytest.mark.parametrize(("task", "config", "what"), HOSTILE, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("command", [("resume",), ("feedback", "Better."), ("export", "--onnx"), ("prefer",),
                                     ("tighten", "--add", "velocity < 1", "--yes")])  # fmt: skip
def test_a_run_from_elsewhere_does_nothing_before_it_is_let_in(
    tmp_path: Path, task: Task, config: RunConfig, what: str, command: tuple[str, ...], elsewhere: Path
) -> None:
    run = foreign(tmp_path / "run", task, config)
    if command[0] == "export":
        (run / "best").mkdir()
        (run / "best" / "manifest.json").write_text("{}")
    name, *more = command
    words = [name, *more, str(run)] if name == "export" else [name, str(run), *more]
    message = said(*words)
    assert what in message
    assert "--trust" in message
    assert not elsewhere.exists()
    assert not (run / "log.jsonl").exists()


def test_looking_at_a_run_asks_nothing(tmp_path: Path) -> None:
    foreign(tmp_path / "run", other(state_program=CODE), CONFIG.model_copy(update={"model": "openai:x"}))
    for words in (("show", "run"), ("runs",)):
        done = CliRunner().invoke(app, [*words, "--runs", str(tmp_path)])
        assert (done.exit_code, "mountain-car" in done.output) == (0, True), done.output


@pytest.mark.parametrize(
    "words", [("run",), ("run", "--dry-run"), ("train", "--reward", "native"), ("tasks", "--check")]
)
def test_a_card_from_elsewhere_does_nothing_before_it_is_let_in(tmp_path: Path, words: tuple[str, ...]) -> None:
    folder = tmp_path / "envs" / "mine"
    folder.mkdir(parents=True)
    shutil.copy(envs_folder() / "mountain-car" / "task.toml", folder)
    (folder / "state.py").write_text(CODE)
    message = (
        said(*words, str(folder), "--runs", str(tmp_path / "runs"))
        if words[0] != "tasks"
        else said(*words, str(folder))
    )
    assert "task mine is new here, and runs its state.py" in message
    assert not (tmp_path / "runs").exists()
    reward = tmp_path / "reward.py"
    reward.write_text("def compute_reward(state, action, next_state, memory):\n    return {'a': state.position}\n")
    assert "state.py" in said("check", str(reward), "--task", str(folder))
    with pytest.raises(NotTrusted, match="trust=True"):
        autoreward.improve(folder, runs=tmp_path / "runs")


def test_init_does_not_run_a_state_program_that_it_finds(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "state.py").write_text(CODE)
    assert "state.py" in said("init", "CartPole-v1", "--goal", "g", "--name", "x", "--to", str(tmp_path))


def test_shipped_cards_and_cards_of_data_never_ask(elsewhere: Path) -> None:
    cards = [read_task(card) for card in task_names((envs_folder(),)).values()]
    assert any(trust.of_card(card) for card in cards), "some have powers"
    assert all(trust.known(trust.of_card(card)) for card in cards)
    assert trust.of_card(other(kwargs={"continuous": True, "gravity": -9.8, "name": "reach-v3"})) == ()
    assert not elsewhere.exists()


def test_what_is_let_in_is_its_content_wherever_it_lies(elsewhere: Path) -> None:
    task = other(state_program=CODE)
    trust.keep(trust.of_card(task))
    assert trust.known(trust.of_card(task.model_copy(update={"name": "moved", "goal": "Another."})))
    assert not trust.known(trust.of_card(other(state_program=f"{CODE}#")))
    assert not trust.known(trust.of_card(other(state_program=CODE, process={"network": True}))), (
        "each alone is not both"
    )
    assert elsewhere.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in elsewhere.iterdir()} == {0o600}


def test_a_power_is_no_other_power_of_the_same_words(tmp_path: Path) -> None:
    run = trust.of_run(TASK, CONFIG.model_copy(update={"trust_the_model": True}))
    trust.keep(trust.of_program("state.py", run[0].content))
    assert not trust.known(run)
    said = json.dumps(["powers", *(power.content for power in run)])
    trust.keep_made(said.encode(), "best/program.py")
    assert trust.made_here(said.encode())
    assert not trust.known(run), "a file is no consent"


def test_all_of_a_power_is_shown_before_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "/usr/share/" + "a" * 500
    task = other(process={"read": [long, "/etc"], "write": ["/home"]}, kwargs={"x": [long, "/secret"]})
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    shown: list[str] = []
    monkeypatch.setattr(settle, "say", shown.append)
    monkeypatch.setattr("typer.confirm", lambda question, default: True)
    settle.settle_card(task, trust=False)
    said = "\n".join(shown)
    for place in (f"read {long}", "read /etc", "change /home", "/secret"):
        assert place in said
    with pytest.raises(NotTrusted) as refused:
        trust.demand(trust.of_card(other(process={"read": [long, "/etc"], "write": ["/home", "/x"]})), "it")
    assert "change /home" in str(refused.value)


def test_a_header_that_changes_while_it_is_read_lets_nothing_in(tmp_path: Path) -> None:
    run = foreign(tmp_path / "run", other(state_program=CODE))
    with Book.open(run) as book:
        (run / "run.json").write_text(RunHeader.of(TASK, CONFIG).model_dump_json())
        assert powers_of(book) == trust.of_card(other(state_program=CODE))


def test_ones_own_run_is_gone_on_with_unless_it_was_changed(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"model": "anthropic:m", "max_cost": None})
    Book.create(tmp_path / "run", RunHeader.of(TASK, config)).close()
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    with pytest.raises(UsageError, match="ANTHROPIC_API_KEY is not set"):
        session.resume(moved, lambda event: None)
    text = (moved / "run.json").read_text()
    (moved / "run.json").write_text(text.replace("anthropic:m", "openai+http://evil.example/v1:m"))
    with pytest.raises(NotTrusted, match=r"evil\.example"):
        session.resume(moved, lambda event: None)
    (moved / "run.json").write_text(text)
    for name, record in (
        ("allowance", Allowance(max_cost=99.0, max_calls=9)),
        ("tensorboard", Board(logdir="/home/x")),
    ):
        (moved / f"{name}.json").write_text(record.model_dump_json())
        with pytest.raises(NotTrusted, match=r"\$99|/home/x"):
            session.resume(moved, lambda event: None)
        (moved / f"{name}.json").unlink()


def test_more_that_the_person_allows_is_the_runs_own(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"model": "anthropic:m", "max_cost": None})
    Book.create(tmp_path / "run", RunHeader.of(TASK, config)).close()
    for _ in range(2):
        with pytest.raises(UsageError, match="ANTHROPIC_API_KEY is not set"):
            session.resume(tmp_path / "run", lambda event: None, limits={"max_calls": 77})
    assert trust.known(powers_of(Page(Folder(tmp_path / "run"))))


def test_trust_is_said_once(tmp_path: Path) -> None:
    run = foreign(tmp_path / "run", TASK, CONFIG.model_copy(update={"model": "openai:x"}))
    for words in (("--trust",), ()):
        done = CliRunner().invoke(app, ["resume", str(run), *words])
        assert "OPENAI_API_KEY is not set" in str(done.exception)


def test_where_trust_can_not_be_kept_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))
    with pytest.raises(UsageError, match="set XDG_CONFIG_HOME"):
        Book.create(tmp_path / "run", RunHeader.of(other(state_program=CODE), CONFIG))
    assert not (tmp_path / "run").exists()


def test_a_home_that_is_not_there_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made is not known here then, which is asked about; what a person lets in can't be kept, which is said."""
    home = tmp_path / "nowhere"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(home))
    trust.keep_made(b"a policy", "best/policy.zip")
    assert not trust.made_here(b"a policy")
    with pytest.raises(UsageError, match=r"There is no home folder .*set XDG_CONFIG_HOME"):
        trust.keep(trust.of_card(other(state_program=CODE)))
    assert not home.exists()
    home.mkdir()
    trust.keep_made(b"a policy", "best/policy.zip")
    assert trust.made_here(b"a policy")


def test_a_home_that_cannot_be_written_loses_nothing_that_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".config").write_text("no folder can be made in it")
    trust.keep_made(b"a policy", "best/policy.zip")
    assert not trust.made_here(b"a policy")
    with pytest.raises(UsageError, match="set XDG_CONFIG_HOME to a folder that can be written"):
        trust.keep(trust.of_card(other(state_program=CODE)))


def finished(folder: Path, config: RunConfig = CONFIG) -> Path:
    with Book.create(folder, RunHeader.of(TASK, config)) as book:
        (measure if config.given else improve)(Study(TASK, config, FakeSteps(), book, lambda event: None))
        made = {"policy.zip": b"pickle", "vecnormalize.pkl": b"pickle"}
        for name, data in kept_files(book, read_run(folder), lambda task, weights: made, unproven).files.items():
            book.write(f"best/{name}", data)
    return folder


def test_an_export_takes_names_that_are_ours_and_files_that_were_made_here(memory_folder: Path) -> None:
    run = finished(memory_folder / "run")
    (run / "best" / "NOTES.md").write_text("private")
    taken = take(run.rename(memory_folder / "moved"))
    assert not taken.anew
    assert set(taken.files) <= set(EXPORTED_FILES)
    assert taken.files["policy.zip"] == b"pickle"


@pytest.mark.slow
@pytest.mark.parametrize("changed", ["policy.zip", "vecnormalize.pkl", "reward.py", "train.py", "program.py"])
def test_what_was_not_made_here_is_never_taken(memory_folder: Path, changed: str) -> None:
    run = finished(memory_folder / "run", RunConfig(given="native", confirm_seeds=1))
    (run / "best" / changed).write_bytes(b"evil")
    with pytest.raises(UsageError, match="can't be made anew"):  # these weights are none
        take(run)


def test_a_foreign_program_that_the_gate_refuses_is_not_exported(memory_folder: Path) -> None:
    run = finished(memory_folder / "run")
    page = run / "rounds" / "000" / "candidates.json"
    data = json.loads(page.read_text())
    for item in data["items"]:
        item["source"] = "import os\nos.system('x')\n"
    page.write_text(json.dumps(data))
    (run / "best" / "reward.py").write_bytes(b"evil")
    with pytest.raises(StoreError, match="may not be trained"):
        take(run)


def test_only_programs_that_were_written_here_count_as_the_grammars(memory_folder: Path) -> None:
    run = finished(memory_folder / "run")
    with Book.open(run) as book:
        assert book.programs_made_here()
    page = run / "rounds" / "000" / "candidates.json"
    page.write_text(page.read_text().replace("# r000c0", "import os # r000c0"))
    with Book.open(run) as book:
        assert not book.programs_made_here()
    mine = Candidate(id="mine", source="", thought="", origin="human", how="given")
    assert not RunConfig(given=mine).by_grammar
    assert RunConfig().by_grammar
