"""TensorBoard files and the log function: every training's numbers, once, and the same after a resume."""

import os
import re
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from fake_steps import FakeSteps
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from autoreward import events
from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.errors import MissingExtra, RunDamaged, StoreError, UsageError
from autoreward.loop import improve
from autoreward.records import LOGGED, CurvePoint, Logged, LoggedPoint, PartStats, Run, Trial, TrialJob
from autoreward.report.scalars import Log, logging
from autoreward.report.tensorboard import board_follower, check_board, keep_board
from autoreward.search.study import Study
from autoreward.session.run import resume, start
from autoreward.store.book import Book, RunHeader, WithFiles
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
CONFIG = RunConfig(rounds=1, candidates=3, target=1.0, confirm_seeds=1, finalist_seeds=0)
DOCS = Path(__file__).parent.parent / "docs" / "curves.md"


class Talking(FakeSteps):
    """A fake steps whose trainings log as SB3 does, at their middle and at their end."""

    def train(self, job: TrialJob, begun: bytes = b"") -> WithFiles[Trial]:
        trial, files = super().train(job, begun)
        part = PartStats(name="alive", mean=0.25, std=0.0, share=1.0, low=0.25, high=0.25)
        curve = (CurvePoint(step=job.steps, episode_return=1.0, episode_length=2.0, parts=(part,)),)
        points = [LoggedPoint(step=s, values={"train/loss": s / 8}) for s in (middle(job), job.steps)]
        logged = Logged(points=tuple(points)).model_dump_json().encode()
        return WithFiles(trial.model_copy(update={"curve": curve, "seconds": 10.0}), {**files, LOGGED: logged})


def middle(job: TrialJob) -> int:
    return (job.begin + job.steps) // 2


def go(folder: Path, steps: FakeSteps, logdir: Path | None = None, log: Log | None = None) -> Run:
    """What `start` and `resume` do, with a fake steps."""
    begun = (folder / "run.json").exists()
    with Book.open(folder) if begun else Book.create(folder, RunHeader.of(TASK, CONFIG)) as book:
        if logdir:
            keep_board(book, logdir)
        listeners = [f for f in (board_follower(book), logging(folder, log) if log else None) if f]

        def tell(event: events.Event) -> None:
            for listener in listeners:
                listener(event)

        run = improve(Study(TASK, book.header.config, steps, book, tell))
        tell(events.RunDone(run, folder))
        return run


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """TensorBoard's own reading of one of its runs."""
    found = EventAccumulator(str(folder))
    found.Reload()
    return {tag: [(e.step, e.value) for e in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


@pytest.fixture
def logs(memory_folder: Path) -> Path:
    return memory_folder / "logs"


def test_tensorboard_shows_a_training_as_one_run_and_its_legs_as_one_curve(memory_folder: Path, logs: Path) -> None:
    run = go(memory_folder / "run", Talking(), logs)
    full = TASK.train.steps
    found = scalars(logs / "run" / f"{run.best}-s0")
    assert found["train/loss"][-2:] == [(full * 3 // 4, full * 3 / 32), (full, full / 8)]
    ends = [full // 16, full // 8, full // 4, full // 2, full]
    assert [step for step, _ in found["held_out/success"]] == ends
    assert found["reward/alive"] == [(end, 0.25) for end in ends]
    assert "held_out/metric" not in found, "no episode succeeded, so there is none"
    confirmed = scalars(logs / "run" / "confirm" / f"{run.best}-s0")
    assert [step for step, _ in confirmed["train/loss"]] == [full // 2, full]
    assert {p.name for p in (logs / "run" / "confirm").iterdir()} >= {"native-s0", "sparse-s0"}


def test_time_within_a_leg_passes_evenly_and_ends_when_it_was_saved(memory_folder: Path, logs: Path) -> None:
    run = go(memory_folder / "run", Talking(), logs)
    found = EventAccumulator(str(logs / "run" / "confirm" / f"{run.best}-s0"))
    found.Reload()
    half, end = (event.wall_time for event in found.Scalars("train/loss"))
    record = memory_folder / "run" / "confirm" / "trials" / f"{run.best}-s0.json"
    assert end == record.stat().st_mtime
    assert end - half == pytest.approx(5.0)


def test_a_failed_training_shows_how_far_it_came(memory_folder: Path, logs: Path) -> None:
    def fail(job: TrialJob) -> Outcome:
        return Outcome.NOT_FINITE if job.id == "native-s0" else Outcome.COMPLETED

    go(memory_folder / "run", Talking(fail=fail), logs)
    found = scalars(logs / "run" / "confirm" / "native-s0")
    assert found["train/loss"]
    assert "held_out/success" not in found


class Stopped(Exception):
    """Stands for Ctrl-C."""


class Stopping(Talking):
    """Stops at the second training on fresh seeds."""

    def train(self, job: TrialJob, begun: bytes = b"") -> WithFiles[Trial]:
        if job.id == "native-s0":
            raise Stopped
        return super().train(job, begun)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*tfevents*")}


def test_a_stopped_run_goes_on_with_its_curves_where_they_were(memory_folder: Path, logs: Path) -> None:
    with pytest.raises(Stopped):
        go(memory_folder / "run", Stopping(), logs)
    before = files(logs)
    assert before
    torn = next(logs.rglob("*tfevents*"))
    torn.write_bytes(torn.read_bytes()[:-9])
    go(memory_folder / "run", Talking())  # without being told the folder again
    after = files(logs)
    assert after.items() >= before.items()
    assert any("native-s0" in name for name in after.keys() - before.keys())


def test_a_finished_run_writes_its_curves_to_a_folder_named_later(memory_folder: Path, logs: Path) -> None:
    go(memory_folder / "run", Talking(), logs)
    go(memory_folder / "run", FakeSteps(), memory_folder / "others")
    assert files(memory_folder / "others") == files(logs)


def test_each_row_is_logged_once_and_steps_grow(memory_folder: Path) -> None:
    rows: dict[str, list[int]] = defaultdict(list)

    def log(training: str, step: int, values: dict[str, float]) -> None:
        assert values
        rows[training].append(step)

    with pytest.raises(Stopped):
        go(memory_folder / "run", Stopping(), log=log)
    first = sum(map(len, rows.values()))
    run = go(memory_folder / "run", Talking(), log=log)
    full = TASK.train.steps
    assert rows["confirm/native-s0"] == [full // 2, full]
    assert rows[f"{run.best}-s0"] == sorted(set(rows[f"{run.best}-s0"]))
    assert len(rows[f"{run.best}-s0"]) == 10
    second = sum(map(len, rows.values()))
    assert 0 < first < second
    go(memory_folder / "run", Talking(), log=log)
    assert sum(map(len, rows.values())) == second, "there was nothing new"


def test_what_the_log_function_raises_stops_the_run_and_loses_nothing(memory_folder: Path) -> None:
    def log(training: str, step: int, values: dict[str, float]) -> None:
        raise ConnectionError("no network")

    with pytest.raises(ConnectionError):
        go(memory_folder / "run", Talking(), log=log)
    expected = go(memory_folder / "whole", Talking())
    assert go(memory_folder / "run", Talking()) == expected


def test_without_the_package_there_is_one_sentence_and_no_run(
    memory_folder: Path, logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go(memory_folder / "begun", Talking(), logs)
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # as if it were not installed
    calls: list[Callable[[], Any]] = [
        lambda: start(TASK, CONFIG, memory_folder / "new", lambda event: None, tensorboard=logs),
        lambda: resume(memory_folder / "begun", lambda event: None),
    ]
    for call in calls:
        with pytest.raises(MissingExtra, match=re.escape("pip install 'autoreward-rl[tensorboard]'")) as raised:
            call()
        assert raised.value.exit_code == 2
    assert not (memory_folder / "new").exists()


def test_a_folder_that_shows_another_run_or_cant_be_is_refused(memory_folder: Path, logs: Path) -> None:
    go(memory_folder / "run", Talking(), logs)
    with pytest.raises(UsageError, match="is there already"):
        check_board(logs, memory_folder / "elsewhere" / "run")
    (memory_folder / "file").write_text("")
    with pytest.raises(UsageError, match=r"can't be made: .*file is a file"):
        check_board(memory_folder / "file" / "logs", memory_folder / "new")


def test_a_folder_that_is_gone_says_how_to_go_on(memory_folder: Path, logs: Path) -> None:
    with pytest.raises(Stopped):
        go(memory_folder / "run", Stopping(), logs)
    for path in sorted(logs.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    logs.rmdir()
    logs.write_text("")
    with pytest.raises(StoreError, match="log='DIR'"):
        go(memory_folder / "run", Talking())


@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_curves_are_written_through_no_link(memory_folder: Path, logs: Path, kind: str) -> None:
    """A folder of curves may have come with the run."""
    run, theirs = memory_folder / "run", memory_folder / "thesis"
    with pytest.raises(Stopped):
        go(run, Stopping(), logs)
    first = min(path for path in logs.rglob("events.*"))
    theirs.mkdir()
    (theirs / "text").write_text("precious")
    first.unlink()
    if kind == "link":
        first.symlink_to(theirs / "text")
    elif kind == "fifo":
        os.mkfifo(first)
    else:
        shutil.rmtree(first.parent)
        first.parent.symlink_to(theirs)
    with pytest.raises(StoreError, match=r"is a (link|FIFO).*log='DIR'"):
        go(run, Talking())
    assert {path.name: path.read_text() for path in theirs.iterdir()} == {"text": "precious"}


def test_a_damaged_log_says_what_to_delete(memory_folder: Path, logs: Path) -> None:
    run = go(memory_folder / "run", Talking())
    logged = memory_folder / "run" / "confirm" / "trials" / f"{run.best}-s0" / LOGGED
    logged.write_text("{")
    with pytest.raises(RunDamaged, match=re.escape(str(logged))):
        go(memory_folder / "run", Talking(), logs)
    logged.unlink()
    go(memory_folder / "run", Talking(), logs)
    assert "train/loss" not in scalars(logs / "run" / "confirm" / f"{run.best}-s0")


class FakeWandb(ModuleType):
    """As much of W&B as the example in the docs uses; it refuses steps that go back, as W&B does."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.rows: dict[str, dict[int, dict[str, float]]] = defaultdict(dict)

    def init(self, project: str, name: str, reinit: str) -> SimpleNamespace:
        assert reinit == "create_new", "several runs are open at a time"
        rows = self.rows[name]

        def log(values: dict[str, float], step: int) -> None:
            assert step > max(rows, default=-1)
            rows[step] = dict(values)

        return SimpleNamespace(log=log)


class FakeMlflow(ModuleType):
    """As much of MLflow as the example in the docs uses."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.rows: dict[str, dict[int, dict[str, float]]] = {}
        self._active = ""

    @contextmanager
    def start_run(self, run_id: str | None, run_name: str) -> Iterator[SimpleNamespace]:
        assert (run_id is None) == (run_name not in self.rows)
        self.rows.setdefault(run_name, {})
        self._active = run_id or run_name
        yield SimpleNamespace(info=SimpleNamespace(run_id=run_name))

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        self.rows[self._active][step] = dict(values)


@pytest.mark.parametrize("sink", [FakeWandb, FakeMlflow])
def test_the_examples_in_the_docs_log_what_tensorboard_shows(
    memory_folder: Path, logs: Path, sink: type[FakeWandb | FakeMlflow], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = sink()
    monkeypatch.setitem(sys.modules, fake.__name__, fake)
    (example,) = (
        b for b in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.S) if f"import {fake.__name__}" in b
    )
    names: dict[str, Any] = {}
    exec(compile(example, str(DOCS), "exec"), names)
    go(memory_folder / "run", Talking(), logs, names["log"])
    shown = {str(path.parent.relative_to(logs / "run")) for path in logs.rglob("*tfevents*")}
    assert set(fake.rows) == shown
    for name in shown:
        loss = [(step, values["train/loss"]) for step, values in fake.rows[name].items()]
        assert loss == scalars(logs / "run" / name)["train/loss"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_real_training_shows_what_sb3_and_the_scorer_said(memory_folder: Path, logs: Path) -> None:
    config = RunConfig(given="native", confirm_seeds=1, steps=8192, episodes=5)
    rows: list[tuple[str, int]] = []

    def log(training: str, step: int, values: dict[str, float]) -> None:
        rows.append((training, step))

    start(TASK, config, memory_folder / "run", lambda event: None, tensorboard=logs, log=log)
    found = scalars(logs / "run" / "confirm" / "native-s0")
    assert {"train/value_loss", "train/entropy_loss", "train/approx_kl", "time/fps"} <= found.keys()
    assert found["reward/native"][0] == (1024, -1.0)
    assert [step for step, _ in found["held_out/success"]] == list(range(1024, 8193, 1024))
    assert all(-200 <= value <= -50 for _, value in found["rollout/ep_rew_mean"])
    assert rows == [("confirm/native-s0", step) for step in range(1024, 8193, 1024)]
    assert resume(memory_folder / "run", lambda event: None).finished.best == "native"
    assert scalars(logs / "run" / "confirm" / "native-s0") == found
