"""Run folders that somebody prepared: each is refused or listed in one sentence, and nothing outside of it is touched."""

import json
import os
import random
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from exports import unproven
from fake_steps import FakeSteps
from typer.testing import CliRunner

from autoreward.cli import app
from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.core.transitions import Transitions
from autoreward.errors import AutorewardError, RunDamaged, StoreError
from autoreward.export.best import kept_files
from autoreward.loop import improve
from autoreward.report.reading import read_run
from autoreward.search.recorded import remember
from autoreward.search.study import Study
from autoreward.store.book import Book
from autoreward.store.folder import LARGEST_FILE, Folder
from autoreward.store.header import RunHeader
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
CONFIG = RunConfig(rounds=1, candidates=3, confirm_seeds=1)
SECRET = "precious\n"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with all that one has."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    with Book.create(folder, RunHeader.of(TASK, CONFIG)) as book:
        improve(Study(TASK, CONFIG, FakeSteps(), book, lambda event: None))
        for name, data in kept_files(
            book, read_run(folder), lambda task, weights: {"policy.zip": b""}, unproven
        ).files.items():
            book.write(f"best/{name}", data)
        for name in ("report.html", "replies/r000-designer.prompt.md", "clips/winner/clip.webp"):
            book.write(name, b"x")
        book.log("begun")
    return folder


@pytest.fixture
def run(whole: Path, memory_folder: Path) -> Path:
    return Path(shutil.copytree(whole, memory_folder / "runs" / "run"))


@pytest.fixture
def home(memory_folder: Path) -> Path:
    """What belongs to the person."""
    folder = memory_folder / "home"
    (folder / "project").mkdir(parents=True)
    for name in ("thesis.tex", ".bashrc", "project/train.py", "project/manifest.json", "project/000.json"):
        (folder / name).write_text(SECRET)
    return folder


def state_of(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


COMMANDS = [
    ("show",),
    ("resume",),
    ("resume", "--trust"),
    ("feedback", "Better."),
    ("tighten", "--add", "velocity < 1", "--yes"),
    ("prefer",),
    ("export", "--to", "OUT"),
    ("export", "--onnx", "--to", "OUT"),
    ("compare", "RUN"),
]


def told(run: Path, words: tuple[str, ...]) -> AutorewardError:
    """What a command says of a run that it refuses, in no time and in one line."""
    out = run.parent.parent / "out"
    places = {"OUT": str(out), "RUN": str(run)}
    name, *more = (places.get(word, word) for word in words)
    rest = [str(run), *more] if name in ("feedback", "compare") else [*more, str(run)]
    began = time.monotonic()
    done = CliRunner().invoke(app, [name, *rest], input="")
    assert isinstance(done.exception, AutorewardError), (done.output, done.exception)
    assert time.monotonic() - began < 5
    assert "\n" not in str(done.exception)
    assert not out.exists()
    return done.exception


LINKED = {
    "run.json": "thesis.tex",
    "lock": "thesis.tex",
    "log.jsonl": ".bashrc",
    "report.html": "thesis.tex",
    "result.json": "thesis.tex",
    "allowance.json": "thesis.tex",
    "feedback.json": "thesis.tex",
    "tensorboard.json": "thesis.tex",
    "demos.npz": "thesis.tex",
    "notes.txt": "thesis.tex",
    "best": "project",
    "best/NOTES.md": "thesis.tex",
    "best/card.md": "thesis.tex",
    "best/policy.zip": "thesis.tex",
    "clips": "project",
    "clips/winner": "project",
    "clips/winner/clip.webp": "thesis.tex",
    "replies": "project",
    "replies/r000-designer.json": "thesis.tex",
    "replies/r000-designer.answer.md": "thesis.tex",
    "rounds": "project",
    "rounds/000": "project",
    "rounds/000/trials": "project",
    "rounds/000/candidates.json": "thesis.tex",
    "rounds/000/trials/deeper/state.safetensors": "thesis.tex",
    "confirm": "project",
    "confirm/scores": "project",
    "baselines": "project",
    "preferences": "project",
    "before-feedback-0": "project",
}


@pytest.mark.parametrize("place", LINKED)
def test_a_link_at_any_place_is_refused_and_not_followed(run: Path, home: Path, place: str) -> None:
    path = run / place
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(os.path.relpath(home / LINKED[place], path.parent))
    before = state_of(home)
    for words in COMMANDS:
        said = str(told(run, words))
        assert f"{place} is a link; " in said, (words, said)
    assert state_of(home) == before


def planted(kind: str, path: Path) -> None:
    """Put something that is no plain file in a file's place."""
    path.unlink(missing_ok=True)
    if kind == "dangling":
        path.symlink_to("nowhere")
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "zero":
        path.symlink_to("/dev/zero")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "hard link":
        other = path.parent.parent.parent / "other"
        other.write_text(SECRET)
        os.link(other, path)
    elif os.geteuid() != 0:
        pytest.skip("only root makes devices")
    else:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


@pytest.mark.parametrize("place", ["run.json", "lock", "log.jsonl", "result.json"])
@pytest.mark.parametrize("kind", ["dangling", "loop", "zero", "fifo", "device", "hard link"])
def test_what_is_no_plain_file_is_refused_at_once_and_hides_no_other_run(
    run: Path, whole: Path, place: str, kind: str
) -> None:
    planted(kind, run / place)
    for words in COMMANDS:
        told(run, words)
    shutil.copytree(whole, run.parent / "good")
    began = time.monotonic()
    done = CliRunner().invoke(app, ["runs", "--runs", str(run.parent), "--json"])
    rows = {row["run"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert rows["good"]["state"] == "done"
    assert str(run / place) in rows["run"]["state"]
    assert remember(run.parent, "good", TASK).record.runs == ()
    assert time.monotonic() - began < 5
    if kind == "hard link":
        assert (run.parent.parent / "other").read_text() == SECRET


def header(change: Callable[[dict[str, object]], object]) -> str:
    data = json.loads(RunHeader.of(TASK, CONFIG).model_dump_json())
    change(data)
    return json.dumps(data)


def named(name: str) -> str:
    return header(lambda data: data["task"].update(name=name))  # type: ignore[attr-defined]


HEADERS = {
    "empty": "",
    "cut off": "{",
    "nested": "[" * 200_000,
    "nested within": header(lambda d: d["task"].update(kwargs={"a": json.loads("[" * 90 + "]" * 90)})),  # type: ignore[attr-defined]
    "nested objects": '{"a":' * 100_000,
    "no object": "[]",
    "a number": "1e999",
    "no text": "\x00\x01",
    "NaN": header(lambda d: d["task"].update(kwargs={"a": float("nan")})),  # type: ignore[attr-defined]
    "infinity": header(lambda d: d["config"].update(budget=float("inf"))),  # type: ignore[attr-defined]
    "huge number": '{"format": ' + "9" * 10_000 + "}",
    "name up": named("../../elsewhere/x"),
    "name in": named("elsewhere/x"),
    "name absolute": named("/tmp/x"),
    "name dots": named(".."),
    "name hidden": named(".bashrc"),
    "name option": named("--to"),
    "name empty": named(""),
    "name escape": named("\x1b[31mred"),
    "name title": named("\x1b]0;x\x07"),
    "name bidi": named("\u202egnp"),
    "name line": named("a\nb"),
    "name surrogate": named("\ud800"),
    "name long": named("a" * 5_000),
    "name back": named("..\\x"),
    "no state": header(lambda d: d["task"].update(state={})),  # type: ignore[attr-defined]
    "formula": header(lambda d: d["task"]["success"].update(when="__import__('os')")),  # type: ignore[index]
    "a field's name": header(lambda d: d["task"]["state"].update({"x = 1": d["task"]["state"]["position"]})),  # type: ignore[index]
    "unknown key": header(lambda d: d.update(more=1)),
    "given": header(lambda d: d["config"].update(given={"id": "../x", "source": ""})),  # type: ignore[attr-defined]
    "no end": header(lambda d: d["config"].update(minutes_per_trial=1e300)),  # type: ignore[attr-defined]
    "no room": header(lambda d: d["config"].update(memory_mb=10**30)),  # type: ignore[attr-defined]
    "no limit": header(lambda d: d["config"].update(max_calls=10**400)),  # type: ignore[attr-defined]
    "other version": header(lambda d: d.update(autoreward="9" * 100_000)),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_can_not_be_is_one_short_sentence(memory_folder: Path, name: str) -> None:
    run = memory_folder / "runs" / "run"
    run.mkdir(parents=True)
    (run / "run.json").write_bytes(HEADERS[name].encode("utf-8", "surrogatepass"))
    for words in COMMANDS:
        failed = told(run, words)
        assert isinstance(failed, StoreError)
        assert len(str(failed)) < 600
    done = CliRunner().invoke(app, ["runs", "--runs", str(run.parent)])
    assert (done.exit_code, "can't be read" in done.output, "\x1b" in done.output) == (0, True, False)
    assert [path.name for path in run.iterdir()] == ["run.json"], "reading takes no write access"


def test_files_that_would_fill_the_memory_are_not_read(run: Path) -> None:
    for place in ("run.json", "result.json", "rounds/000/candidates.json"):
        path, kept = run / place, (run / place).read_bytes()
        with path.open("wb") as file:
            file.truncate(LARGEST_FILE * 4)
        assert "is larger than such a file can be" in str(told(run, ("show",)))
        path.write_bytes(kept)


RECORDS = {
    "result.json": '{"task": "x", "task": "y"}',
    "rounds/000/candidates.json": '{"items": [{"id": "../x", "source": "", "thought": "", "origin": "model", "how": "fresh"}]}',
    "replies/x.json": "[" * 100_000,
    "clips/winner.json": '{"id": "../../x", "trial_id": "a", "page": "confirm"}',
    "preferences/x.json": '{"question": 3}',
}


@pytest.mark.parametrize("place", RECORDS)
def test_a_record_that_can_not_be_is_one_sentence(run: Path, place: str) -> None:
    (run / place).parent.mkdir(exist_ok=True)
    (run / place).write_text(RECORDS[place])
    assert "is damaged" in str(told(run, ("show",)))


VALUES = (None, -1, 0, 10**30, 1.5, "", "x" * 50, "../x", "\x1b[31m", "\ud800", [], {}, True, "r999", float("nan"))


def places(value: object, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the values of a record are."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (*above, key)
        yield from places(inner, (*above, key))


def test_a_changed_record_ends_in_a_sentence_or_is_shown(run: Path) -> None:
    """A value somewhere in a record is another one; seeds are fixed, so that a failure can be seen again."""
    rng, files = random.Random(0), sorted(run.rglob("*.json"))
    for _ in range(25):
        path = rng.choice(files)
        before = path.read_bytes()
        data = json.loads(before)
        *above, last = rng.choice(list(places(data)))
        inner = data
        for key in above:
            inner = inner[key]
        inner[last] = rng.choice(VALUES)
        path.write_text(json.dumps(data))
        done = CliRunner().invoke(app, ["show", str(run)])
        assert done.exception is None or isinstance(done.exception, AutorewardError), (
            path,
            above,
            last,
            done.exception,
        )
        assert "\x1b" not in done.output
        path.write_bytes(before)


OTHERS = [
    ("rounds/000/verdicts/r000c0.json", "candidate_id", "is the record of something else"),
    ("rounds/000/scores/r000c2-*.json", "candidate_id", "is the record of something else"),
    ("rounds/000/trials/r000c2-*.json", "id", "is the record of something else"),
    ("rounds/000/rung-0.json", "", "names 'r000c9', which was not trained there"),
]


@pytest.mark.parametrize(("place", "key", "message"), OTHERS)
def test_records_that_do_not_go_together_are_one_sentence(run: Path, place: str, key: str, message: str) -> None:
    path = min(run.glob(place))
    data = json.loads(path.read_text())
    (data if key else data["rows"][0])[key or "candidate_id"] = "r000c9-s0" if key == "id" else "r000c9"
    path.write_text(json.dumps(data))
    (run / "result.json").unlink()
    with Book.open(run) as book, pytest.raises(RunDamaged, match=message):
        improve(Study(TASK, CONFIG, FakeSteps(), book, lambda event: None))


@pytest.mark.parametrize("share", [1e308, -1.0, 1.5])
def test_a_share_is_a_share(run: Path, share: float) -> None:
    part = {"name": "x", "mean": 0.0, "std": 0.0, "share": share, "low": 0.0, "high": 0.0}
    path = run / "rounds" / "000" / "diagnoses" / "r000c0.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"shares": [part]}))
    assert "is damaged" in str(told(run, ("show",)))


def test_programs_that_can_not_be_read_are_one_sentence(run: Path) -> None:
    place = run / "rounds" / "000" / "candidates.json"
    place.unlink()
    place.mkdir()  # as root reads what may not be read, a folder stands for that
    with Book.open(run) as book, pytest.raises(RunDamaged, match=r"candidates\.json can't be read"):
        book.programs_made_here()


@pytest.mark.parametrize("way", ["/../../../../../home/thesis", "/x", "/../x", "\u0000", "x" * 300, "\ud800"])
def test_ids_in_records_do_not_lead_out_of_the_run(run: Path, way: str) -> None:
    """A score says which files are its training's."""
    best = json.loads((run / "result.json").read_text())["best"]
    for path in (run / "confirm" / "scores").glob(f"{best}-*.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"trial_id": f"{best}-s0{way}"}))
    said = str(told(run, ("export", "--onnx", "--to", "OUT")))
    assert re.search("no place in this folder|is gone|can't be read|is damaged", said), said


@pytest.mark.parametrize(
    "name", ["..", "../x", "a/../../x", "/etc/passwd", "a//b", ".", "a\0b", "\ud800", "a/./b", "./a"]
)
def test_a_name_that_leads_out_is_no_name(tmp_path: Path, name: str) -> None:
    files = Folder(tmp_path).at("inner")
    files.write("x", b"")
    calls: list[Callable[[], object]] = [
        lambda: files.read(name),
        lambda: files.write(name, b""),
        lambda: files.append(name, ""),
        lambda: files.has(name),
        lambda: files.at(name),
        lambda: files.move(name, "y"),
        lambda: files.move("x", name),
    ]
    for call in calls:
        with pytest.raises(RunDamaged, match="no place in this folder"):
            call()
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["inner", "inner/x"]


def test_links_are_not_followed_even_where_they_appear_after_the_walk(tmp_path: Path, home: Path) -> None:
    before = state_of(home)
    files = Folder(tmp_path / "run")
    files.make()
    files.inspect()
    for name, to in (("file", "thesis.tex"), ("folder", "project")):
        (tmp_path / "run" / name).symlink_to(home / to)
    calls: list[Callable[[], object]] = [
        lambda: files.read("file"),
        lambda: files.append("file", "x"),
        lambda: files.has("file"),
        lambda: files.opened_to_lock("file", make=True),
        lambda: files.read("folder/train.py"),
        lambda: files.write("folder/train.py", b"x"),
        lambda: files.write("folder/new", b"x"),
        lambda: files.at("folder").names(),
        lambda: files.move("folder/train.py", "mine"),
        lambda: files.has("folder/train.py"),
    ]
    for call in calls:
        with pytest.raises(RunDamaged, match="is a link"):
            call()
    files.write("file", b"mine")
    assert (tmp_path / "run" / "file").read_bytes() == b"mine", "a whole file takes the link's place"
    assert state_of(home) == before


def test_a_lock_is_never_emptied_and_a_new_run_is_private(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        Book.create(tmp_path / "runs" / "run", RunHeader.of(TASK, CONFIG)).close()
    finally:
        os.umask(before)
    assert (tmp_path / "runs" / "run").stat().st_mode & 0o777 == 0o700
    (tmp_path / "runs" / "run" / "lock").write_text("kept")
    Book.open(tmp_path / "runs" / "run").close()
    assert (tmp_path / "runs" / "run" / "lock").read_text() == "kept"


def test_what_a_killed_process_left_half_written_is_swept(tmp_path: Path) -> None:
    Book.create(tmp_path / "run", RunHeader.of(TASK, CONFIG)).close()
    left = tmp_path / "run" / f".result.json.{'0f' * 8}.tmp"
    left.write_bytes(b"{")
    (tmp_path / "run" / ".mine.tmp").write_bytes(b"")
    Book.open(tmp_path / "run").close()
    assert not left.exists()
    assert (tmp_path / "run" / ".mine.tmp").exists()


def test_folders_without_end_are_refused(tmp_path: Path) -> None:
    Book.create(tmp_path / "run", RunHeader.of(TASK, CONFIG)).close()
    (tmp_path / "run" / "/".join(["d"] * 200)).mkdir(parents=True)
    assert "is too deep" in str(told(tmp_path / "run", ("show",)))


def test_recordings_of_nothing_are_no_recordings() -> None:
    import io
    import zipfile

    import numpy as np

    def archive(**members: bytes) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
            for name, data in members.items():
                made.writestr(f"{name}.npy", data)
        return out.getvalue()

    def array(shape: tuple[int, ...], kind: str = "<i8", data: bytes = b"") -> bytes:
        out = io.BytesIO()
        np.lib.format.write_array_header_1_0(out, {"descr": kind, "fortran_order": False, "shape": shape})
        return out.getvalue() + data

    good = {"step": array((1, 1), data=bytes(8)), "terminated": array((1, 1), "|b1", b"\0")}
    assert Transitions.from_bytes(archive(**good)).shape == (1, 1)
    bombs = [
        {"step": array((10**12, 10**3))},
        {"step": array((10**12, -1))},
        {"step": array((2,), "|O")},
        {"step": array((8,), data=bytes(64))},
        {"step": b"\x93NUMPY\x01\x00\x10\x00" + b"(" * 16},
        {"step": b"\x93NUMPY\x09\x00\x10\x00"},
        {"state.x": array((2, 1), data=bytes(16))},
        {"state.x": array((1, 1), "|S8", bytes(8))},
        {"other.x": array((1, 1), data=bytes(8))},
    ]
    for bomb in bombs:
        with pytest.raises(ValueError, match=r"."):
            Transitions.from_bytes(archive(**{**good, **bomb}))
    zeros = bytes(1 << 20)
    many = archive(**{f"state.x{i}": array((1, 1 << 17), data=zeros) for i in range(40)})
    assert len(many) < 1 << 20, "what is small unpacks to much"
