"""Runs in notebooks: the view in the cell, and the quickstart, executed from top to bottom."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_steps import FakeSteps

import autoreward
from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import ConfigError, RunChanged, UsageError
from autoreward.loop import improve
from autoreward.records import Trial
from autoreward.report.live.notebook_view import CellView, Output
from autoreward.search.study import Study
from autoreward.store.book import Book, RunHeader
from autoreward.tasks.files import find_task

QUICKSTART = Path(__file__).parent.parent / "examples" / "quickstart.ipynb"
TASK = find_task("mountain-car", (envs_folder(),))
CONFIG = RunConfig(rounds=1, candidates=3)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[events.Event]:
    """The events of a fake run, with a training under way in it."""
    found: list[events.Event] = []
    folder = tmp_path_factory.mktemp("runs") / "fake"
    with Book.create(folder, RunHeader.of(TASK, CONFIG)) as book:
        found.append(events.RunStarted(TASK, CONFIG, folder))
        run = improve(Study(TASK, CONFIG, FakeSteps(), book, found.append))
        found.append(events.RunDone(run, folder))
    return found


def test_the_cell_shows_one_output_that_is_redrawn_and_ends_as_the_result(told: list[events.Event]) -> None:
    shown: list[Output] = []
    with CellView(shown.append) as view:
        view(told[0])
        view(events.RoundStarted(0))
        view(events.TrialProgress("r000c1-s0", 2048, 4096))
        view(events.TrialProgress("r000c1-s0", 3072, 4096))
        drawn = len(shown)
        view(events.Designed(()))
        assert '<progress value="3072" max="4096">' in shown[-1].html
        failed = Trial(
            id="r000c1-s0", candidate_id="r000c1", outcome=Outcome.NOT_FINITE, seed=0, steps=3072, message="nan"
        )
        view(events.TrialDone(failed))
        assert "<progress" not in shown[-1].html
        for event in told[1:]:
            view(event)
    assert drawn < 5, "progress alone does not redraw at once"
    assert ": success" in shown[-1].line or "No reward" in shown[-1].line
    assert "<details><summary>log</summary>" in shown[-1].html
    assert "nan" in shown[-1].html


def test_a_stopped_cell_says_where_its_work_is(told: list[events.Event]) -> None:
    shown: list[Output] = []
    with pytest.raises(KeyboardInterrupt), CellView(shown.append) as view:  # noqa: PT012
        view(told[0])
        raise KeyboardInterrupt
    assert shown[-1].line.startswith("Stopped after 0:00; what is finished is saved in ")


def test_what_is_shown_is_escaped() -> None:
    shown: list[Output] = []
    with CellView(shown.append) as view:
        view(events.TrialProgress("<b>", 1, 2))
        view(events.RoundStarted(0))
    assert "&lt;b&gt;" in shown[-1].html


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"candidats": 3}, "There is no setting 'candidats'. Did you mean 'candidates'?"),
        ({"target": 1.5}, "target=1.5: input should be less than or equal to 1."),
        (
            {"model": "grammar", "critic": "manual"},
            "critic='manual': the grammar's programs are neither reviewed nor explained; choose a model that designs, too.",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence(settings: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        autoreward.improve("mountain-car", runs=tmp_path, **settings)
    assert str(caught.value) == says
    assert not list(tmp_path.iterdir())


def test_a_name_that_is_taken_by_another_run_is_refused(told: list[events.Event]) -> None:
    assert isinstance(told[0], events.RunStarted)
    runs = told[0].folder.parent
    with pytest.raises(RunChanged, match="is a run with another candidates; choose another name"):
        autoreward.improve("mountain-car", runs=runs, name="fake", candidates=2)
    with pytest.raises(RunChanged, match="another task"):
        autoreward.improve("pendulum", runs=runs, name="fake")


def test_a_reward_is_checked_as_the_command_checks_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def compute_reward(state, action, next_state, memory):\n    return {'x': open('y')}\n")
    verdict = autoreward.check(path, TASK)
    assert isinstance(verdict, autoreward.Verdict)
    assert not verdict.accepted
    assert verdict.findings[0].line == 2
    with pytest.raises(UsageError, match="can't be read"):
        autoreward.check(tmp_path / "nothing.py", "mountain-car")


def test_a_reward_that_is_none_and_seeds_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read"):
        autoreward.train("mountain-car", "sparse_", runs=tmp_path)
    with pytest.raises(ConfigError, match="seeds=0: write a number from 1 to 100"):
        autoreward.train("mountain-car", "sparse", seeds=0, runs=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_task_may_be_changed_before_it_is_asked_for(tmp_path: Path) -> None:
    task = autoreward.card("mountain-car")
    assert task == TASK
    assert autoreward.card(task) is task
    changed = task.model_copy(update={"goal": "Go left."})
    with pytest.raises(UsageError, match="budget"):
        autoreward.improve(changed, runs=tmp_path, budget=0.001)


@pytest.mark.slow
def test_an_environment_s_id_and_a_goal_are_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its card is written, used the next time, and refused for another goal."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        with pytest.raises(UsageError, match="budget"):
            autoreward.improve("Pendulum-v1", goal="Swing up.", runs=tmp_path, model="grammar", budget=1e-6)
    assert autoreward.card(tmp_path / "envs" / "pendulum").goal == "Swing up."
    with pytest.raises(UsageError, match=r"is a card for Pendulum-v1 with the goal 'Swing up\.'"):
        autoreward.improve("Pendulum-v1", goal="Fall.", model="grammar")


@pytest.mark.slow
def test_a_baseline_is_trained_from_python(tmp_path: Path) -> None:
    run = autoreward.train("mountain-car", "sparse", seeds=1, runs=tmp_path, steps=2048, episodes=2)
    assert run.reading.run
    assert [c.who for c in run.reading.run.confirmed] == ["sparse"]


def outputs(notebook: Any) -> Iterator[Any]:
    for cell in notebook["cells"]:
        yield from cell.get("outputs", ())


def kinds(notebook: Any) -> list[list[str]]:
    """The kinds of every code cell's outputs."""
    cells = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    return [[kind for o in cell["outputs"] for kind in sorted(o.get("data") or [o["name"]])] for cell in cells]


def test_the_quickstart_is_small_and_shows_what_it_did() -> None:
    text = QUICKSTART.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert len(text.encode()) < 300_000
    assert all(o["output_type"] != "error" for o in outputs(notebook))
    assert sum(bool(found) for found in kinds(notebook)) == len(kinds(notebook)) - 1, (
        "all but the import show something"
    )
    assert "/home/" not in text
    assert "/tmp/" not in text


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("default")
def test_the_quickstart_runs_from_top_to_bottom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a kernel of this Python, named by a kernel spec of the test's own."""
    import nbformat
    from nbclient import NotebookClient

    spec = tmp_path / "jupyter" / "kernels" / "this" / "kernel.json"
    spec.parent.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec.write_text(json.dumps({"argv": command, "display_name": "this", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(QUICKSTART, as_version=4)
    committed = kinds(notebook)
    place = {"metadata": {"path": str(tmp_path)}}
    done = NotebookClient(notebook, timeout=500, kernel_name="this", resources=place).execute()
    assert kinds(done) == committed
    assert (tmp_path / "runs" / "quickstart" / "best" / "reward.py").is_file()
    progress = done["cells"][3]["outputs"]
    assert len(progress) == 1, "one output, redrawn in place"
    assert ": success" in progress[0]["data"]["text/html"]
