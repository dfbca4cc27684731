"""The book: whole files or none, one process at a time, damage said in one sentence."""

import threading
import time
from pathlib import Path

import pytest
from fake_crew import InlinePool

from autoreward import errors
from autoreward.config import RunConfig
from autoreward.pools import Pool
from autoreward.records import Diagnosis, Finding, Verdict
from autoreward.resources import envs_folder
from autoreward.store.book import Book, Made, RunHeader, read_header
from autoreward.store.files import write_atomically
from autoreward.tasks import find_task
from autoreward.train.pool import LocalPool

TASK = find_task("mountain-car", (envs_folder(),))


def header() -> RunHeader:
    return RunHeader.of(TASK, RunConfig())


def test_once_makes_only_once(tmp_path: Path) -> None:
    made = []

    def make() -> Made[Finding]:
        made.append(1)
        return Made(Finding(rule="r", message="m"), {"data.bin": b"\0\1"})

    with Book.create(tmp_path / "run", header()) as book:
        assert book.once("thing", Finding, make) == book.once("thing", Finding, make)
        assert book.file("thing", "", "data.bin") == b"\0\1"
    assert made == [1]


def test_each_does_what_is_missing_and_keeps_the_order(tmp_path: Path) -> None:
    items = [Named(id=f"i{n}") for n in range(4)]
    with Book.create(tmp_path / "run", header()) as book:
        first = book.each("d", Diagnosis, items[:2], lambda i: Diagnosis(candidate_id=i.id), InlinePool())
        asked: list[str] = []

        def make(item: "Named") -> Diagnosis:
            asked.append(item.id)
            return Diagnosis(candidate_id=item.id)

        both = book.each("d", Diagnosis, items, make, InlinePool())
    assert asked == ["i2", "i3"]
    assert both[:2] == first
    assert [d.candidate_id for d in both] == ["i0", "i1", "i2", "i3"]


@pytest.mark.parametrize("pool", [InlinePool(), LocalPool(1), LocalPool(3)], ids=["inline", "one", "three"])
def test_one_failing_item_loses_nothing_finished(tmp_path: Path, pool: Pool) -> None:
    items = [Named(id=f"i{n}") for n in range(9)]
    made: list[str] = []

    def make(item: "Named") -> Diagnosis:
        if item.id == "i2":
            raise RuntimeError("broken")
        made.append(item.id)
        return Diagnosis(candidate_id=item.id)

    with Book.create(tmp_path / "run", header()) as book:
        with pytest.raises(RuntimeError, match="broken"):
            book.each("d", Diagnosis, items, make, pool)
        assert sorted(d.candidate_id for d in book.saved("d", Diagnosis)) == sorted(made)
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
            book.each("d", Diagnosis, items, make, LocalPool(2))
        saved = [d.candidate_id for d in book.saved("d", Diagnosis)]
    assert "i1" in saved
    assert len(saved) < 20


def test_two_processes_cannot_share_a_run(tmp_path: Path) -> None:
    with Book.create(tmp_path / "run", header()), pytest.raises(errors.RunLocked, match="in use"):
        Book.open(tmp_path / "run")
    Book.open(tmp_path / "run").close()


def test_a_run_is_not_started_twice(tmp_path: Path) -> None:
    Book.create(tmp_path / "run", header()).close()
    with pytest.raises(errors.UsageError, match="autoreward resume"):
        Book.create(tmp_path / "run", header())


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('{"format": 99, "autoreward": "0.1.0"}', errors.RunChanged),
        ('{"format": 2, "autoreward": "9.9"}', errors.RunChanged),
        ("{", errors.RunDamaged),
        ('{"format": 2, "autoreward": "0.1.0", "task": 3}', errors.RunDamaged),
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
            book.once("thing", Finding, lambda: Finding(rule="r", message="m"))


def test_a_full_disk_is_one_sentence_and_tears_nothing(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_atomically(path, b"old")
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    # the temporary file of the next write is the full device
    (tmp_path / ".record.json.tmp").symlink_to(full)
    with pytest.raises(errors.StoreError, match="No space left") as caught:
        write_atomically(path, b"new" * 100_000)
    assert "resume" in str(caught.value)
    assert path.read_bytes() == b"old"


class Named(Diagnosis):
    """An item with an id."""

    candidate_id: str = ""
    id: str


def test_records_survive_the_disk() -> None:
    from autoreward.outcomes import Outcome

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
