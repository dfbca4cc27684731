"""The command line as a person meets it: help is quick, mistakes are one sentence with exit code 2."""

import io
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer
from fake_steps import FakeSteps
from kept import kept
from typer.main import get_command
from typer.testing import CliRunner, Result

from autoreward import cli, events
from autoreward.cli import app
from autoreward.cli.doctor import say_protection
from autoreward.cli.settings import with_settings
from autoreward.cli.tasks import check_cards, where_it_holds
from autoreward.config import Given, RunConfig
from autoreward.core.resources import envs_folder
from autoreward.core.wording import in_shell
from autoreward.errors import UsageError
from autoreward.export.build import reward_files
from autoreward.loop import improve
from autoreward.report.html import render
from autoreward.report.live.terminal_view import LiveView
from autoreward.report.reading import read_run
from autoreward.report.tables import show_run
from autoreward.report.terminal import Terminal
from autoreward.search.study import Study
from autoreward.settings import Settings, declared_settings
from autoreward.store.book import Book, RunHeader
from autoreward.store.keys import DESCRIPTION
from autoreward.tasks.files import find_task
from autoreward.tasks.success_table import Success

GOLDEN = Path(__file__).parent / "golden"
DOCS = Path(__file__).parent.parent / "docs"
STYLES = re.compile(r"\x1b\[[\d;]*m")
TASK = find_task("mountain-car", (envs_folder(),))


def autoreward(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", "autoreward", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def invoked(*arguments: str, **variables: str) -> Result:
    """The same within this process; a mistake is its `exception`."""
    return CliRunner().invoke(app, arguments, env=variables)


def in_terminal(*arguments: str, columns: int) -> str:
    """What the command prints in a terminal of that width."""
    return STYLES.sub("", invoked(*arguments, FORCE_COLOR="1", COLUMNS=str(columns)).stdout)


def lines(printed: str) -> list[dict[str, Any]]:
    """What was told as JSON lines."""
    return [json.loads(line) for line in printed.splitlines()]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished run made by fake steps, and one that was stopped after its first round."""
    folder = tmp_path_factory.mktemp("runs")
    with Book.create(folder / "done", RunHeader.of(TASK, RunConfig(rounds=2, candidates=3, target=1.0))) as book:
        improve(Study(TASK, book.header.config, FakeSteps(), book, lambda event: None))
    with Book.create(folder / "stopped", RunHeader.of(TASK, RunConfig(rounds=2, candidates=3))) as book:
        book.once(DESCRIPTION, FakeSteps().describe)
    return folder


def test_help() -> None:
    for name, words in (("help.txt", ()), ("help-run.txt", ("run",))):
        said = autoreward(*words, "--help").stdout
        assert said == kept(GOLDEN / name, said)


def test_help_imports_nothing_heavy() -> None:
    check = "import sys, autoreward.cli; sys.exit(any(m in sys.modules for m in ('numpy', 'pydantic', 'torch', 'rich.live')))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_a_setting_is_stated_once() -> None:
    """Fields of the record, options of `run`, and keywords of Python's `improve` are made of one declaration."""
    declared = declared_settings()
    fields = {name: field for name, field in RunConfig.model_fields.items() if name not in Given.model_fields}
    assert list(declared) == list(fields)
    assert {name: s.default for name, s in declared.items()} == {name: f.default for name, f in fields.items()}
    assert get_type_hints(Settings) == {name: s.type for name, s in declared.items()}
    options = {p.name: p for p in get_command(cli.app).commands["run"].params}  # type: ignore[attr-defined]
    assert {name: options[name].default for name in declared} == {name: s.default for name, s in declared.items()}


def test_a_setting_that_nobody_chose_is_not_passed_on() -> None:
    seen: list[Settings] = []

    @with_settings(only={"seed", "max_cost", "judge"})
    def command(context: typer.Context, *, chosen: Settings, loud: bool = typer.Option(False)) -> None:
        seen.append(chosen)

    app = typer.Typer()
    app.command()(command)
    for words in (("--seed", "0", "--max-cost", "none"), ("--loud",), ("--max-cost", "2")):
        assert CliRunner().invoke(app, words).exit_code == 0
    assert seen == [{"seed": 0, "max_cost": None}, {}, {"max_cost": 2.0}]
    assert "--judge" in CliRunner().invoke(app, ("--help",)).output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("runn",), "Did you mean 'run'"),
        (("run", "mountain-cart"), "Did you mean 'mountain-car'?"),
        (("run", "mountain-car", "--candidats", "3"), "No such option"),
        (("run", "mountain-car", "--candidates", "0"), "--candidates 0:"),
        (("init", "CartPole-v1", "--goal", "x", "--edit", "--json"), "--edit opens an editor"),
        (("run", "mountain-car", "--open", "--json"), "--open stays until Ctrl-C, and --json is for scripts"),
        (("run", "mountain-car", "--target", "1.5"), "--target 1.5:"),
        (("run", "mountain-car", "--steps", "0"), "--steps 0:"),
        (("run", "mountain-car", "--steps", "soon"), "soon: write a number of environment steps, or auto."),
        (("train", "mountain-car", "--reward", "native", "--steps", "auto"), "--steps auto: only a search finds"),
        (("run", "mountain-car", "--memory-mb", "12"), "--memory-mb 12:"),
        (("train", "mountain-car", "--reward", "native", "--minutes-per-trial", "0"), "--minutes-per-trial 0"),
        (("run", "mountain-car", "--critic", "manual"), "--critic manual: the grammar's programs are neither reviewed"),
        (("run", "mountain-car", "--model", "nope"), "--model nope: write anthropic:MODEL"),
        (("run", "mountain-car", "--max-cost", "-1"), "--max-cost -1.0:"),
        (("run", "mountain-car", "--max-cost", "much"), "write dollars, or none"),
        (
            ("run", "mountain-car", "--model", "openai+https://shop.example/v1:m"),
            "its price is not known, so --max-cost",
        ),
        (("run",), "Missing argument"),
        (("run", "mountain-car", "--dry-run", "--demos", "nowhere.npz"), "--demos nowhere.npz can't be read"),
        (("train", "mountain-car", "--reward", "native", "--seeds", "0"), "--seeds 0: write a number from 1 to 100."),
        (("train", "mountain-car", "--reward", "native", "--composition", "product"), "has no parts to combine"),
        (("resume", "nothing"), "There are no runs"),
        (("show", "nothing"), "There are no runs"),
        (("tasks", "mountian-car"), "Did you mean 'mountain-car'?"),
        (("tasks", "--prompt"), "needs a task's name"),
        (("tasks", "--envs", "nowhere"), "no such folder"),
        (("check", "nothing.py", "--task", "mountain-car"), "can't be read"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = autoreward(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.startswith("autoreward: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_demonstrations_that_would_be_waited_for_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "demos.npz")
    done = autoreward("run", "mountain-car", "--dry-run", "--demos", "demos.npz", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "autoreward: --demos demos.npz can't be read: it is no plain file.\n")


def test_a_finished_run_takes_no_new_limits_but_with_feedback(runs: Path) -> None:
    done = autoreward("resume", "done", "--runs", str(runs), "--max-cost", "none")
    assert done.returncode == 2
    assert (
        "is finished; to go on with more, say what should change, with the same limits: autoreward feedback"
        in done.stderr
    )


def test_a_wrong_task_card_is_one_sentence(tmp_path: Path) -> None:
    card = tmp_path / "mine" / "task.toml"
    card.parent.mkdir()
    card.write_text((envs_folder() / "mountain-car" / "task.toml").read_text().replace("[metric]", "[metrik]"))
    done = autoreward("run", "mine", "--envs", str(tmp_path))
    assert done.returncode == 2
    assert "metri" in done.stderr


@pytest.fixture
def envs(tmp_path: Path) -> Path:
    """A folder with a card that can't be read beside the shipped ones."""
    card = tmp_path / "envs" / "torn" / "task.toml"
    card.parent.mkdir(parents=True)
    card.write_text("goal =")
    return tmp_path / "envs"


def test_a_card_that_cannot_be_read_hides_no_other(envs: Path) -> None:
    shown = invoked("tasks", "--envs", str(envs))
    assert (shown.exit_code, "\nreacher " in shown.stdout) == (0, True)
    assert shown.stderr.startswith(f"torn can't be read: {envs}/torn/task.toml: ")
    listed = {t["name"]: t for t in lines(invoked("tasks", "--envs", str(envs), "--json").stdout)}
    assert "reacher" in listed
    assert "task.toml" in listed["torn"]["broken"]


def test_checking_goes_on_after_a_card_that_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as stop:
        check_cards([], {"torn": "no value", "worn": "no goal"}, as_json=False)
    assert stop.value.exit_code == 1
    said = capsys.readouterr().out
    assert said == "no  torn\n    no  card: no value\nno  worn\n    no  card: no goal\n"


def test_a_task_is_one_line_in_a_pipe_and_its_name_is_whole_in_a_narrow_terminal() -> None:
    name, goal = "inverted-pendulum-offset", find_task("inverted-pendulum-offset", (envs_folder(),)).goal
    lines = invoked("tasks").stdout.splitlines()
    assert any(line.startswith(name) and line.rstrip().endswith(goal) for line in lines)
    shown = in_terminal("tasks", columns=40)
    assert shown.splitlines()[0].split() == ["task", "goal"]
    assert f"\n{name}  " in shown
    assert "…" not in shown


@pytest.mark.parametrize(
    ("within", "said"),
    [("last step", "in the last step"), ("any step", "in any step"), ("last 50 steps", "in 90% of the last 50 steps")],
)
def test_where_a_rule_holds_is_said_in_english(within: str, said: str) -> None:
    assert where_it_holds(Success(when="x > 0", within=within, share=0.9)) == said


LONG = "a" * 400
CLOSED = 128 + signal.SIGPIPE


@pytest.mark.parametrize(
    "words",
    [("show", LONG), ("tasks", LONG), ("run", LONG), ("tasks", "--envs", LONG), ("runs", "--runs", LONG),
     ("show", "--runs", LONG), ("init", "CartPole-v1", "--goal", "x", "--to", LONG),
     ("init", "CartPole-v1", "--goal", "x", "--name", "../x"), ("init", "CartPole-v1", "--goal", "x", "--max-cost", "-1"),
     ("init", "CartPole-v1", "--goal", "x", "--max-cost", "nan")],
    ids=lambda words: " ".join(words)[:40],
)  # fmt: skip
def test_a_place_that_can_not_be_is_one_sentence(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = autoreward(*words, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert len(done.stderr) < 400
    assert not list(tmp_path.iterdir())


def test_a_file_in_the_way_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = autoreward("run", "mountain-car", "--runs", "file/runs", cwd=tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr


def test_a_full_disk_under_what_is_printed_is_one_sentence() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("w") as full:
        done = into(full.fileno(), "tasks")
    assert (done.returncode, done.stderr) == (1, "autoreward: No space left on device.\n")


@pytest.mark.parametrize("words", [("tasks",), ("tasks", "--json"), ("tasks", "mountain-car")])
def test_a_reader_that_went_away_ends_a_command_quietly(words: tuple[str, ...]) -> None:
    assert after_its_reader(*words) == (CLOSED, "")


def after_its_reader(*words: str, cwd: Path | None = None) -> tuple[int, str]:
    """Exit code and errors of a command whose output nobody reads."""
    read, write = os.pipe()
    os.close(read)
    done = into(write, *words, cwd=cwd)
    os.close(write)
    return done.returncode, done.stderr


def into(output: int, *words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "autoreward", *words]
    return subprocess.run(command, stdout=output, stderr=subprocess.PIPE, text=True, cwd=cwd, check=False)


def test_control_c_outside_a_run_says_that_it_stopped(tmp_path: Path) -> None:
    """The command waits for the writer of a reward file, and is interrupted there."""
    os.mkfifo(tmp_path / "reward.py")
    command = [sys.executable, "-m", "autoreward", "check", str(tmp_path / "reward.py"), "--task", "mountain-car"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        opened = os.open(tmp_path / "reward.py", os.O_WRONLY)
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
        os.close(opened)
    assert (process.returncode, said) == (130, "autoreward: stopped.\n")


def test_tasks_as_json() -> None:
    listed = lines(autoreward("tasks", "--json").stdout)
    assert {"cartpole-hold", "reacher"} <= {t["name"] for t in listed}


def test_show_a_finished_run(runs: Path) -> None:
    done = autoreward("show", "done", "--runs", str(runs))
    assert done.returncode == 0
    assert "Confirmed on fresh training seeds" in done.stdout
    result = json.loads(autoreward("show", "done", "--runs", str(runs), "--json").stdout)
    assert result["task"] == "mountain-car"


@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_row_of_a_finished_run_breaks(runs: Path, width: int) -> None:
    out = io.StringIO()
    Terminal(out, width, force=True).print(show_run(read_run(runs / "done")))
    lines = [line.rstrip() for line in STYLES.sub("", out.getvalue()).splitlines()]
    assert max(map(len, lines)) <= width
    head = next(i for i, line in enumerate(lines) if line.startswith("Confirmed on fresh training seeds")) + 1
    rows = list(itertools.takewhile(bool, lines[head + 1 :]))
    assert [row.split()[0] for row in rows][-2:] == ["sparse", "native"]
    assert all(len(row) == len(rows[0]) for row in rows), "one line each, progress at its end"
    assert (" to " in rows[0]) == (width < 100), "a narrow terminal gets the range of the seeds"


def test_the_files_of_a_run_are_described(runs: Path) -> None:
    page = (DOCS.parent / "runs" / "README.md").read_text()
    named = {name.partition("/")[0] for name in re.findall(r"`([\w./-]+)`", page)}
    there = {path.name for name in ("done", "stopped") for path in (runs / name).iterdir()}
    assert there <= named, there - named


def test_the_name_of_a_run_is_never_cut(runs: Path, tmp_path: Path) -> None:
    name = "20260101-1200-inverted-double-pendulum-offset-and-more-0a1b"
    (tmp_path / name).symlink_to(runs / "done")
    for command in (("runs",), ("compare", name, name)):
        assert name in invoked(*command, "--runs", str(tmp_path)).stdout
        shown = in_terminal(*command, "--runs", str(tmp_path), columns=40)
        assert f"\n{name}  " in shown
        assert "trainings" not in shown, "a narrow terminal gets fewer columns"


def test_a_run_that_cannot_be_read_is_told_below_the_table(tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "run.json").write_text("{}")
    table, said = autoreward("runs", "--runs", str(tmp_path)).stdout.splitlines()[1:]
    assert table.split() == ["odd", "?", "can't", "be", "read"]
    assert "was made by autoreward None" in said


def test_show_one_candidate_and_an_unknown_one(runs: Path) -> None:
    assert "idea r000c0" in autoreward("show", "done", "--runs", str(runs), "--candidate", "r000c0").stdout
    wrong = autoreward("show", "done", "--runs", str(runs), "--candidate", "r9")
    assert wrong.returncode == 2
    assert "r000c0" in wrong.stderr


@pytest.mark.parametrize(
    ("words", "code", "way_out"),
    [
        (
            ("check", "nothing.py", "--task", "mountain-car"),
            "UsageError",
            ["Change what the message names; nothing was spent."],
        ),
        (("check", "--task", "mountain-car"), "UsageError", ["Change what the message names; nothing was spent."]),
        (("tasks", "mountian-car"), "TaskError", ["autoreward tasks"]),
        (  # what is wrong is not among the ways out
            ("train", "mountain-car", "--reward", "native", "--seeds", "0"),
            "ConfigError",
            ["Change what the message names; nothing was spent."],
        ),
    ],
)
def test_a_mistake_is_an_object_for_scripts(
    tmp_path: Path, words: tuple[str, ...], code: str, way_out: list[str]
) -> None:
    done = autoreward(*words, "--json", cwd=tmp_path)
    (told,) = lines(done.stdout)
    assert (told["form"], told["kind"], told["code"], told["exit_code"]) == (1, "Error", code, 2)
    assert told["way_out"] == way_out
    assert done.stderr == f"autoreward: {told['message']}\n"


def test_runs_are_compared_and_audited_as_json(runs: Path) -> None:
    first, second = lines(invoked("compare", "done", "done", "--runs", str(runs), "--json").stdout)
    assert (first["kind"], first["run"], len(first["success"])) == ("Compared", "done", 5)
    assert first["beats_the_first"] is None
    assert second["estimate"] == first["estimate"]
    asked = invoked("audit", "done", "--runs", str(runs), "--json")
    (audit,) = lines(asked.stdout)
    assert (asked.exit_code, audit["kind"], audit["candidate_id"]) == (0, "SuccessAudit", first["winner"])
    assert "no success has been audited yet" in invoked("audit", "done", "--runs", str(runs)).stdout


def test_a_run_that_is_not_there_is_answered_with_one_that_is(runs: Path) -> None:
    for name, said in (("doen", "The nearest is 'done'."), ("zzzz", "The latest is ")):
        wrong = invoked("show", name, "--runs", str(runs)).exception
        assert isinstance(wrong, UsageError)
        assert said in str(wrong)


def test_show_one_candidate_as_json(runs: Path) -> None:
    told = json.loads(invoked("show", "done", "--runs", str(runs), "--candidate", "r000c0", "--json").stdout)
    assert (told["candidate"]["id"], told["verdict"]["accepted"]) == ("r000c0", True)
    assert "source" in told["candidate"]
    assert {s["candidate_id"] for s in told["scores"]} == {told["diagnosis"]["candidate_id"]} == {"r000c0"}
    wrong = invoked("show", "done", "--runs", str(runs), "--candidate", "r9", "--json")
    assert str(wrong.exception).startswith("There is no candidate 'r9'")


def test_a_run_that_is_under_way_is_not_to_be_resumed(runs: Path, tmp_path: Path) -> None:
    with Book.create(tmp_path / "busy", RunHeader.of(TASK, RunConfig())):
        assert "an autoreward process is at work in it" in invoked("show", "busy", "--runs", str(tmp_path)).stdout
        (row,) = lines(invoked("runs", "--json", "--runs", str(tmp_path)).stdout)
        assert row["state"] == "running"
    assert "Go on with: autoreward resume" in invoked("show", "busy", "--runs", str(tmp_path)).stdout


def test_commands_that_are_named_can_be_pasted(runs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my runs" / "stopped"
    folder.parent.mkdir()
    folder.symlink_to(runs / "stopped")
    shown = invoked("show", str(folder)).stdout
    assert ["autoreward", "resume", str(folder)] == shlex.split(shown.partition("Go on with: ")[2].splitlines()[0])
    refusal = invoked("export", str(folder), "--to", str(tmp_path / "x")).exception
    assert isinstance(refusal, UsageError)
    kept = refusal.worded(in_shell)
    assert shlex.split(kept.partition("`")[2].partition("`")[0]) == ["autoreward", "resume", str(folder)]


def test_show_a_run_that_was_stopped(runs: Path) -> None:
    done = autoreward("show", "stopp", "--runs", str(runs))
    assert "Not finished. Go on with: autoreward resume" in done.stdout


def test_the_report_is_one_page_without_network(runs: Path) -> None:
    for name in ("done", "stopped"):
        page = render(read_run(runs / name))
        assert "<h1>mountain-car</h1>" in page
        assert "http" not in page.replace("http-equiv", "")
        assert page.count("<script") == 1, "our own, which opens a linked section"
        assert "<script>" in page


def test_the_report_escapes_what_models_and_people_wrote(runs: Path) -> None:
    reading = read_run(runs / "done")
    told = reading.candidates[0]
    hostile = told.candidate.model_copy(update={"thought": "<img src=x>", "source": "# </pre><b>"})
    object.__setattr__(told, "candidate", hostile)
    page = render(reading)
    assert "<img" not in page
    assert "</pre><b>" not in page


def test_the_kept_reward_runs_with_numpy_alone(tmp_path: Path, runs: Path) -> None:
    from autoreward.design.grammar.evolve import evolved_candidates
    from autoreward.records import Description, FieldStats
    from autoreward.search.strategy import FIRST_IDEA

    fields = tuple(FieldStats(name=n, size=0, low=-1, high=1, mean=0, std=0.1) for n in TASK.state)
    push = (FieldStats(name="push", size=0, low=0, high=2, mean=1, std=1, discrete=3),)
    description = Description(state=fields, action=push, max_steps=200, terminates=False, random_length=200)
    winner = evolved_candidates(TASK, description, (), [FIRST_IDEA], seed=0)[0]
    for name, text in reward_files(TASK, winner).items():
        (tmp_path / name).write_text(text)
    use = (
        "import sys, types, numpy as np\nsys.modules['gymnasium'] = None\nimport reward\n"
        "s = types.SimpleNamespace(position=np.zeros(3), velocity=np.ones(3), step=np.ones(3), terminated=np.zeros(3, bool))\n"
        "print(sum(reward.compute_reward(s, types.SimpleNamespace(push=np.ones(3)), s, {}).values()).shape)\n"
        "sys.exit(any(m.split('.')[0] in ('autoreward', 'torch') for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", use], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "(3,)\n"), done.stderr


def test_runs_lists_states_winners_and_costs(runs: Path) -> None:
    done = autoreward("runs", "--runs", str(runs), "--json")
    rows = {row["run"]: row for row in lines(done.stdout)}
    assert rows["done"]["state"] == "done"
    assert rows["done"]["winner"].startswith("r00")
    assert rows["done"]["success"].startswith(f"{rows['done']['rate']:.2f}")
    assert rows["stopped"]["state"] == "unfinished"
    assert "no runs" in autoreward("runs", "--runs", str(runs / "nowhere")).stdout


def test_compare_sets_runs_of_one_task_side_by_side(runs: Path) -> None:
    done = autoreward("compare", "done", "done", "--runs", str(runs))
    assert "mountain-car" in done.stdout
    assert "success, IQM" in done.stdout
    assert "A run is named twice, and compared with itself." in done.stdout
    assert "Not of one budget" not in done.stdout
    one = autoreward("compare", "done", "--runs", str(runs))
    assert (one.returncode, "two runs" in one.stderr) == (2, True)
    unfinished = autoreward("compare", "done", "stopped", "--runs", str(runs))
    assert (
        unfinished.returncode,
        "stopped is not finished; finish it with `autoreward resume" in unfinished.stderr,
    ) == (2, True)


def test_compare_says_when_runs_had_not_the_same_budget(runs: Path) -> None:
    shutil.copytree(runs / "done", runs / "longer")
    result = runs / "longer" / "result.json"
    told = json.loads(result.read_text())
    result.write_text(json.dumps({**told, "training_steps": 5 * told["training_steps"]}))
    said = " ".join(invoked("compare", "done", "longer", "--runs", str(runs)).output.split())
    steps = told["training_steps"]
    assert "Not of one budget, so more than the rewards differ: environment steps of each training:" in said
    assert f"done {steps:,}, longer {5 * steps:,}." in said
    shutil.rmtree(runs / "longer")


def test_a_run_without_a_confirmation_is_not_to_be_finished(tmp_path: Path) -> None:
    config = RunConfig(rounds=1, candidates=2, confirm_seeds=0)
    with Book.create(tmp_path / "quick", RunHeader.of(TASK, config)) as book:
        improve(Study(TASK, config, FakeSteps(), book, lambda event: None))
    said = str(invoked("compare", "quick", "quick", "--runs", str(tmp_path)).exception)
    assert "was not confirmed on fresh seeds" in said
    assert "start one that is: `autoreward run mountain-car`" in said


def test_export_says_what_is_missing(runs: Path, tmp_path: Path) -> None:
    done = autoreward("export", "stopped", "--runs", str(runs), "--to", str(tmp_path / "x"))
    assert (done.returncode, "nothing to keep yet" in done.stderr) == (2, True)


def test_a_loaded_run_in_a_notebook(runs: Path) -> None:
    import autoreward as package

    run = package.load(runs / "done")
    assert run.best
    assert run.best.id in repr(run)
    assert run.plot()._repr_svg_().count("<polyline") == sum(bool(t.scores) for t in run.reading.candidates)
    cell = run._repr_html_()
    assert cell.startswith(f"<p>{run.best.id} came first, and 5 fresh seeds don&#x27;t tell it from native")
    assert "<script" not in cell, "the page is data inside the frame"
    assert cell.count("'") == 2, "and nothing in it ends the attribute that it is in"
    assert unescape(cell.split("srcdoc='")[1].split("'")[0]) == render(run.reading, in_cell=True)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


def test_a_report_stays_small_and_shows_the_race(runs: Path) -> None:
    text = render(read_run(runs / "done"))
    assert "The race" in text
    assert 'class="lineage"' in text
    assert 'id="r000c0"' in text
    assert len(text) < 1_000_000


def test_the_help_pages_in_the_docs_are_the_help_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    root = get_command(app)
    above = root.make_context("autoreward", [], resilient_parsing=True)
    pages = ["# Commands\n\nMade from `--help`, command by command, by `make pages`.\n"]
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        said = command.get_help(type(above)(command, parent=above, info_name=name))
        pages.append(f"## {name}\n\n```\n{said.strip()}\n```\n")
    text = "\n".join(pages)
    assert text == kept(DOCS / "commands.md", text)


def test_a_text_that_is_not_kept_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REWRITE", raising=False)
    with pytest.raises(FileNotFoundError):
        kept(tmp_path / "nothing.md", "made")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("columns", "longest"), [("44", 44), ("300", 120)])
def test_what_protects_fits_a_narrow_terminal(
    columns: str, longest: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    say_protection("full", [])
    assert longest - 15 < max(map(len, capsys.readouterr().out.splitlines()[2:])) <= longest


ENDLESS = """
import sys, time, typer
from pathlib import Path
from autoreward import events
from autoreward.cli.watch import watch
folder = Path("runs/my run")
folder.mkdir(parents=True)
(folder / "run.json").touch()
def go(tell):
    while True:
        tell(events.RoundStarted(1))
        time.sleep(0.01)
try:
    watch(go, folder, {as_json})
except typer.Exit as stop:
    sys.exit(stop.exit_code)
"""


@pytest.mark.parametrize("as_json", [False, True])
def test_a_pipe_that_nobody_reads_stops_the_run_as_ctrl_c_does(as_json: bool, tmp_path: Path) -> None:
    command = [sys.executable, "-c", ENDLESS.format(as_json=as_json)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stdout
        assert process.stderr
        assert "ound" in process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert process.returncode == 130
    assert said == "autoreward: stopped; everything finished is saved. Go on with: autoreward resume 'runs/my run'\n"


def test_the_live_view_draws_from_its_first_moment() -> None:
    said = StringIO()
    with LiveView(Terminal(said, width=80, force=True)) as view:
        view(events.RunStarted(TASK, RunConfig(), Path("runs/x")))
    assert "starting the workers" in said.getvalue()
    assert "mountain-car" in said.getvalue()


@pytest.mark.slow
def test_a_proposal_is_edited_before_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    words = ("init", "CartPole-v1", "--goal", "Stand up.", "--model", "grammar", "--edit", "--to", str(tmp_path))
    done = invoked(*words, "--name", "mine", EDITOR="sed -i 's/Stand up/Stay up/'")
    assert done.exit_code == 0, done.output
    assert 'goal = "Stay up."' in (tmp_path / "mine" / "task.toml").read_text()
