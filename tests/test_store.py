"""The book: whole files or none, one process at a time, damage said in one sentence."""

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fake_steps import InlineExecutor

from autoreward import __version__, errors
from autoreward.config import RunConfig
from autoreward.core.executor import Executor, ThreadExecutor
from autoreward.core.resources import envs_folder
from autoreward.records import Diagnosis, Finding, Record, Verdict
from autoreward.store.book import Book, WithFiles, pages_of
from autoreward.store.files import demand_place, locked, plain_name
from autoreward.store.folder import Folder
from autoreward.store.header import RunHeader, read_header
from autoreward.store.keys import ALLOWANCE, FEEDBACK, PREFERENCES, Key
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
THING, ITEMS, WEIGHTS = Key("thing", Finding), Key("d/", Diagnosis), Key("trials/", Finding)


def header() -> RunHeader:
    return RunHeader.of(TASK, RunConfig())


def test_once_makes_only_once(tmp_path: Path) -> None:
    made = []

    def make() -> WithFiles[Finding]:
        made.append(1)
        return WithFiles(Finding(rule="r", message="m"), {"data.bin": b"\0\1"})

    with Book.create(tmp_path / "run", header()) as book:
        assert book.once(THING, make) == book.once(THING, make)
        assert book.file(THING, "data.bin") == b"\0\1"
    assert made == [1]


def test_each_does_what_is_missing_and_keeps_the_order(tmp_path: Path) -> None:
    items = [Named(id=f"i{n}") for n in range(4)]
    with Book.create(tmp_path / "run", header()) as book:
        first = book.each(ITEMS, items[:2], lambda i: Diagnosis(candidate_id=i.id), InlineExecutor())
        asked: list[str] = []

        def make(item: "Named") -> Diagnosis:
            asked.append(item.id)
            return Diagnosis(candidate_id=item.id)

        both = book.each(ITEMS, items, make, InlineExecutor())
    assert asked == ["i2", "i3"]
    assert both[:2] == first
    assert [d.candidate_id for d in both] == ["i0", "i1", "i2", "i3"]


@pytest.mark.parametrize(
    "executor", [InlineExecutor(), ThreadExecutor(1), ThreadExecutor(3)], ids=["inline", "one", "three"]
)
def test_one_failing_item_loses_nothing_finished(tmp_path: Path, executor: Executor) -> None:
    items = [Named(id=f"i{n}") for n in range(9)]
    made: list[str] = []

    def make(item: "Named") -> Diagnosis:
        if item.id == "i2":
            raise RuntimeError("broken")
        made.append(item.id)
        return Diagnosis(candidate_id=item.id)

    with Book.create(tmp_path / "run", header()) as book:
        with pytest.raises(RuntimeError, match="broken"):
            book.each(ITEMS, items, make, executor)
        assert sorted(d.candidate_id for d in book.saved(ITEMS)) == sorted(made)
        assert set(made) >= {"i0", "i1"}


def test_what_is_under_way_when_one_fails_is_finished_and_nothing_more_is_begun(tmp_path: Path) -> None:
    items = [Named(id=f"i{n}") for n in range(40)]
    begun, failing = threading.Event(), threading.Event()

    def make(item: "Named") -> Diagnosis:
        if item.id == "i0":
            begun.wait(5)
            failing.set()
            raise RuntimeError("broken")
        begun.set()
        failing.wait(5)
        time.sleep(0.02)
        return Diagnosis(candidate_id=item.id)

    with Book.create(tmp_path / "run", header()) as book:
        with pytest.raises(RuntimeError, match="broken"):
            book.each(ITEMS, items, make, ThreadExecutor(2))
        saved = [d.candidate_id for d in book.saved(ITEMS)]
    assert "i1" in saved
    assert len(saved) < 20


def test_two_processes_cannot_share_a_run(tmp_path: Path) -> None:
    with Book.create(tmp_path / "run", header()), pytest.raises(errors.RunLocked, match="in use"):
        Book.open(tmp_path / "run")
    Book.open(tmp_path / "run").close()


def test_a_run_that_another_process_is_making_is_left_alone(tmp_path: Path) -> None:
    """Two that are started at once: the second finds the lock before it writes anything."""
    (tmp_path / "run").mkdir()
    with locked(Folder(tmp_path / "run")), pytest.raises(errors.RunLocked, match="in use"):
        Book.create(tmp_path / "run", header())
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["lock"]


@pytest.mark.slow
def test_of_many_processes_one_makes_the_run(tmp_path: Path) -> None:
    begin = (
        "import sys; from pathlib import Path; from autoreward.store.book import Book, RunHeader, read_header\n"
        "from autoreward.config import RunConfig\n"
        "folder, other, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])\n"
        "header = read_header(other).model_copy(update={'config': RunConfig(seed=seed)})\n"
        "sys.stdin.readline()\n"
        "book = Book.create(folder, header)\n"
        "print(seed, flush=True)\n"
        "sys.stdin.readline()"
    )
    Book.create(tmp_path / "other", header()).close()
    words = [sys.executable, "-c", begin, str(tmp_path / "run"), str(tmp_path / "other")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([*words, str(seed)], **pipes) for seed in (1, 2)]  # type: ignore[call-overload]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    while not (lost := [p for p in processes if p.poll() is not None]):
        time.sleep(0.01)
    (winner,) = set(processes) - set(lost)
    assert int(winner.communicate("\n")[0]) == read_header(tmp_path / "run").config.seed
    assert "RunLocked" in lost[0].communicate()[1]


def test_a_run_is_not_started_twice(tmp_path: Path) -> None:
    Book.create(tmp_path / "run", header()).close()
    with pytest.raises(errors.UsageError, match="improve"):
        Book.create(tmp_path / "run", header())


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('{"format": 99, "autoreward": "0.1.0"}', errors.RunChanged),
        ('{"format": 3, "autoreward": "9.9"}', errors.RunChanged),
        ("{", errors.RunDamaged),
        ('{"format": 3, "autoreward": "0.1.0", "task": 3}', errors.RunDamaged),
    ],
)
def test_another_version_or_damage_is_one_sentence(tmp_path: Path, content: str, kind: type[Exception]) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(kind) as caught:
        read_header(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_missing_run_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match=r"no run\.json"):
        Book.open(tmp_path)


def test_a_damaged_record_names_its_file(tmp_path: Path) -> None:
    with Book.create(tmp_path / "run", header()) as book:
        (book.folder / "thing.json").write_text('{"rule": 3')
        with pytest.raises(errors.RunDamaged, match=r"thing\.json is damaged"):
            book.once(THING, lambda: Finding(rule="r", message="m"))


@pytest.mark.parametrize(
    ("content", "said"),
    [('{"rule": 3', "it is cut off or not JSON"), ('{"rule": "r"}', "1 field is wrong"), ("{}", "2 fields are wrong")],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: str, said: str) -> None:
    with Book.create(tmp_path / "run", header()) as book:
        (book.folder / "thing.json").write_text(content)
        with pytest.raises(errors.RunDamaged, match=rf"damaged \({said}\); delete it, and resume makes it again"):
            book.lone(THING)


@pytest.mark.parametrize("key", [FEEDBACK, ALLOWANCE, PREFERENCES.of("q1")], ids=lambda key: key.name)
def test_what_people_said_is_not_made_again(tmp_path: Path, key: Key[Record]) -> None:
    with Book.create(tmp_path / "run", header()) as book:
        path = book.folder / key.file
        path.parent.mkdir(exist_ok=True)
        path.write_text("{")
        with pytest.raises(errors.RunDamaged, match="mend it, or delete it and say it again"):
            book.lone(key)


def test_what_can_not_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    """A folder where a file should be can't be read even by those who may read everything."""
    with Book.create(tmp_path / "run", header()) as book:
        for path in ("thing.json", "thing/data.bin", "demos.npz"):
            (book.folder / path).mkdir(parents=True)
        asked: list[Callable[[], object]] = [
            lambda: book.lone(THING),
            lambda: book.file(THING, "data.bin"),
            lambda: book.read("demos.npz"),
        ]
        for ask in asked:
            with pytest.raises(errors.RunDamaged, match=r"can't be read \(.*chmod u\+r") as caught:
                ask()
            assert "delete" not in str(caught.value)


@pytest.mark.parametrize("content", ["{", "[" * 200_000, '{"format": 3, "autoreward": "0.1.0", "task": 3}'])
def test_a_damaged_header_says_what_to_do(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content.replace("0.1.0", __version__))
    with pytest.raises(errors.RunDamaged, match="; start a new run"):
        read_header(tmp_path)


@pytest.mark.parametrize("kept", [0, 7, 20, 100, -1])
def test_weights_that_are_cut_off_are_not_handed_out(tmp_path: Path, kept: int) -> None:
    from safetensors.numpy import save

    data = save({"a": np.ones((3, 3)), "b": np.zeros(2)}, {"of": "x"})
    with Book.create(tmp_path / "run", header()) as book:
        for name, content in (("whole", data), ("torn", data[:kept])):
            book.once(
                WEIGHTS.of(name),
                lambda content=content: WithFiles(Finding(rule="r", message="m"), {"state.safetensors": content}),  # type: ignore[misc]
            )
        assert book.file(WEIGHTS.of("whole"), "state.safetensors") == data
        with pytest.raises(
            errors.RunDamaged, match=r"torn/state\.safetensors is damaged .* delete the record .*torn\.json"
        ):
            book.file(WEIGHTS.of("torn"), "state.safetensors")


def test_a_recording_that_is_cut_off_is_one_sentence(tmp_path: Path) -> None:
    with Book.create(tmp_path / "run", header()) as book:
        book.once(THING, lambda: WithFiles(Finding(rule="r", message="m"), {"episodes.npz": b"PK"}))
        with pytest.raises(errors.RunDamaged, match=r"episodes\.npz is damaged: .*; delete .*thing"):
            book.transitions(THING, "episodes.npz")


def test_a_folder_that_is_no_round_is_no_round(tmp_path: Path) -> None:
    with Book.create(tmp_path / "run", header()) as book:
        for name in ("000", "001", "001x", "01", "1000", "old"):
            (book.folder / "rounds" / name).mkdir(parents=True)
        assert [p.folder.name for p in book.pages()] == ["000", "001", "1000"]
        assert [p.folder.name for p in pages_of(book.folder)] == ["000", "001", "1000"]


@pytest.mark.parametrize(
    "name", [".", "..", "../esc", "a/b", "latest", "a" * 101, "a" * 300, "", "-n", ".a", "a b", "a\n", "\u00e9"]
)
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(errors.UsageError, match="write a plain folder name") as caught:
        plain_name(name)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["x", "a.b-c_d", "20260101-1200-mountain-car-0a1b", "a" * 100, "_"])
def test_a_plain_name_is_taken(name: str) -> None:
    assert plain_name(name) == name


def test_where_no_folder_can_be_is_said_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    demand_place(tmp_path / "new" / "run")
    demand_place(tmp_path)
    for folder, said in ((tmp_path / "file" / "run", "file is a file"), (tmp_path / ("a" * 400), "name too long")):
        with pytest.raises(errors.UsageError, match=f"can't be made: (?i:.*{said})"):
            Book.create(folder, header())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_where_nothing_may_be_written_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(errors.UsageError, match="may not be written"):
        demand_place(tmp_path / "run")


def test_a_full_disk_is_one_sentence_and_tears_nothing(tmp_path: Path) -> None:
    files = Folder(tmp_path)
    files.write("record.json", b"old")
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))
    try:
        with pytest.raises(errors.StoreError, match="File too large") as caught:
            files.write("record.json", b"new" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert "resume" in str(caught.value)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"record.json": b"old"}


def test_a_log_that_can_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    with Book.create(tmp_path / "run", header()) as book:
        (book.folder / "log.jsonl").mkdir()
        with pytest.raises(errors.StoreError, match=r"Is a directory.* let it be written, then resume"):
            book.log("something")


class Named(Record):
    """An item with an id."""

    id: str


def test_records_survive_the_disk() -> None:
    from autoreward.core.outcomes import Outcome

    verdict = Verdict(
        candidate_id="a",
        accepted=False,
        outcome=Outcome.NOT_FINITE,
        findings=(Finding(rule="r", message='quote " and \u00e9', line=3),),
        parts=("x", "y"),
    )
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict


def test_records_refuse_what_is_not_a_number() -> None:
    from pydantic import ValidationError

    from autoreward.records import CheckpointScore

    with pytest.raises(ValidationError):
        CheckpointScore(step=1, success=float("nan"), progress=0, metric=None, length=1)
    with pytest.raises(ValidationError):
        CheckpointScore.model_validate({"step": 1, "success": 0, "progress": 0, "metric": None, "length": 1, "more": 1})
