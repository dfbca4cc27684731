"""The run folder as a book: `once` and `each` return a saved record, or make and save it. That is all resume needs."""

import json
import os
import platform
import re
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import IO, Any, Generic, NamedTuple, Self, TypeVar

from pydantic import ValidationError

from autoreward import __version__
from autoreward.closing import Closing
from autoreward.config import RunConfig
from autoreward.errors import RunChanged, RunDamaged, StoreError, UsageError
from autoreward.pools import Pool
from autoreward.records import PREFERENCES, Record
from autoreward.records.base import Said
from autoreward.store.damage import unreadable, whole_tensors, wrong
from autoreward.store.files import append, demand_free, demand_place, locked, rename, write_atomically
from autoreward.tasks import Task
from autoreward.transitions import Transitions

FORMAT = 2
PACKAGES = ("gymnasium", "mujoco", "numpy", "stable_baselines3", "torch")
BY_PEOPLE = ("feedback", "allowance", PREFERENCES)
"""Records of what people said: nothing makes them again."""
R = TypeVar("R", bound=Record)


class Made(NamedTuple, Generic[R]):
    """A record with the files that belong to it. The files are written first; the record is the commit."""

    record: R
    files: dict[str, bytes]


class RunHeader(Record):
    """run.json: what a run was started with. It never changes."""

    format: int
    autoreward: Said
    task: Task
    config: RunConfig
    python: Said
    machine: Said
    packages: dict[Said, Said]

    @classmethod
    def of(cls, task: Task, config: RunConfig) -> Self:
        """The header of a new run on this machine."""
        versions = {name: metadata.version(name) for name in PACKAGES if _installed(name)}
        return cls(
            format=FORMAT,
            autoreward=__version__,
            task=task,
            config=config,
            python=platform.python_version(),
            machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            packages=versions,
        )


def _read_only(path: Path, data: bytes) -> None:
    raise StoreError(f"{path} is only being read here.")


class Page:
    """A folder of records."""

    def __init__(self, folder: Path, save: Callable[[Path, bytes], None] = _read_only) -> None:
        self.folder = folder
        self._save = save

    def once(self, name: str, kind: type[R], make: Callable[[], R | Made[R]]) -> R:
        """The saved record of that name, or make and save it."""
        return self._saved(name, "", kind) or self._keep(name, "", make())

    def each(
        self, name: str, kind: type[R], items: Sequence[Any], make: Callable[[Any], R | Made[R]], pool: Pool
    ) -> tuple[R, ...]:
        """One record per item, under the item's id, in item order; only missing ones are made.

        Each is saved as it finishes. If one raises, those that are finished or under way are saved and the exception goes on.
        """
        done = {identity(item): self._saved(name, identity(item), kind) for item in items}
        missing = [item for item in items if done[identity(item)] is None]
        for item, made in pool.map(make, missing):
            done[identity(item)] = self._keep(name, identity(item), made)
        return tuple(record for item in items if (record := done[identity(item)]) is not None)

    def file(self, name: str, of: str, filename: str) -> bytes:
        """A file saved with a record. Raises RunDamaged if it is gone, or weights are cut off."""
        path = self.folder / name / of / filename
        again = f"delete the record {path.parent}.json to make it again."
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise RunDamaged(f"{path} is gone; {again}") from None
        except OSError as error:
            raise unreadable(path, error) from None
        if path.suffix == ".safetensors" and not whole_tensors(data):
            raise RunDamaged(f"{path} is damaged (it is not the whole of what was saved); {again}")
        return data

    def transitions(self, name: str, of: str, filename: str) -> Transitions:
        """Recorded transitions saved with a record. Raises RunDamaged."""
        data = self.file(name, of, filename)
        try:
            return Transitions.from_bytes(data)
        except ValueError as error:
            record = self.folder / name / of
            raise RunDamaged(
                f"{record / filename} is damaged: {error}; delete {record}.json, and resume makes both again."
            ) from None

    def saved(self, name: str, kind: type[R]) -> tuple[R, ...]:
        """All records of that name that are there, by id."""
        found = (self._saved(name, path.stem, kind) for path in sorted((self.folder / name).glob("*.json")))
        return tuple(record for record in found if record is not None)

    def lone(self, name: str, kind: type[R]) -> R | None:
        """The record of that name if it is there."""
        return self._saved(name, "", kind)

    def need(self, name: str, kind: type[R]) -> R:
        """The record of that name. Raises RunDamaged if it is gone."""
        record = self._saved(name, "", kind)
        if record is None:
            raise RunDamaged(f"{self._path(name, '')} is gone; start a new run.")
        return record

    def _path(self, name: str, of: str) -> Path:
        return self.folder / (f"{name}/{of}.json" if of else f"{name}.json")

    def _saved(self, name: str, of: str, kind: type[R]) -> R | None:
        path = self._path(name, of)
        try:
            return kind.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(path, error) from None
        except ValidationError as error:
            by_people = name.partition("/")[0] in BY_PEOPLE
            next_step = (
                "mend it, or delete it and say it again" if by_people else "delete it, and resume makes it again"
            )
            raise RunDamaged(f"{path} is damaged ({wrong(error)}); {next_step}.") from None

    def _keep(self, name: str, of: str, made: R | Made[R]) -> R:
        record, files = made if isinstance(made, Made) else (made, {})
        path = self._path(name, of)
        for filename, data in files.items():
            self._save(path.with_suffix("") / filename, data)
        self._save(path, record.model_dump_json(indent=1).encode())
        return record


def identity(item: Any) -> str:
    """The id an item's record is saved under."""
    return str(item.id)


class Book(Page, Closing):
    """A run folder, locked while open. Use as a context manager."""

    def __init__(self, folder: Path, header: RunHeader, lock: IO[str]) -> None:
        super().__init__(folder, self._write)
        self.header = header
        self.before_write: Callable[[Path], None] = lambda path: None
        """Called before every write and move; tests use it to die there."""
        self._lock = lock

    @classmethod
    def create(cls, folder: Path, header: RunHeader) -> Self:
        """Make a new run folder. Raises UsageError if it holds a run or can't be made, RunLocked, StoreError."""
        demand_place(folder)
        folder.mkdir(parents=True, exist_ok=True)
        book = cls(folder, header, locked(folder))  # first of all: two that are started at once are told apart here
        try:
            demand_free(folder)
            book.write("run.json", header.model_dump_json(indent=1).encode())
        except BaseException:
            book.close()
            raise
        return book

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a run folder to go on with it. Raises UsageError, RunLocked, RunChanged, RunDamaged."""
        header = read_header(folder)
        return cls(folder, header, locked(folder))

    def page(self, number: int) -> Page:
        """A round's page."""
        return Page(self.folder / "rounds" / f"{number:03d}", self._write)

    def pages(self) -> list[Page]:
        """The pages of all rounds that were begun."""
        return [self.page(int(folder.name)) for folder in _rounds(self.folder)]

    def baselines_page(self) -> Page:
        """The page of the baselines that a doubt has trained."""
        return Page(self.folder / "baselines", self._write)

    def confirm_page(self) -> Page:
        """The confirmation's page."""
        return Page(self.folder / "confirm", self._write)

    def write(self, name: str, data: bytes) -> None:
        """Write a file that is not a record, such as report.html."""
        self._write(self.folder / name, data)

    def given(self, name: str) -> bytes:
        """A file that the person gave the run at its start; empty without one. Raises RunDamaged."""
        path = self.folder / name
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise unreadable(path, error) from None

    def retire(self, moves: Sequence[tuple[str, str]]) -> None:
        """Move what is no longer current, each from and to a place in the run's folder.

        The last move says that all are done: until then another call does the rest, after it none does anything.

        Raises:
            StoreError: something can't be moved.
        """
        if (self.folder / moves[-1][1]).exists():
            return
        for old, new in moves:
            if (self.folder / old).exists():
                self.before_write(self.folder / new)
                rename(self.folder / old, self.folder / new)

    def log(self, event: str) -> None:
        """Add a line to log.jsonl, for people; the only place with clocks. Raises StoreError."""
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event})
        append(self.folder / "log.jsonl", line + "\n")

    def close(self) -> None:
        """Let others open the folder."""
        self._lock.close()

    def _write(self, path: Path, data: bytes) -> None:
        self.before_write(path)
        write_atomically(path, data)


def pages_of(folder: Path) -> list[Page]:
    """The rounds' pages of a run, to read; no lock is taken."""
    return [Page(page) for page in _rounds(folder)]


def _rounds(folder: Path) -> list[Path]:
    """The folders of a run's rounds, in their order; what else lies there is not ours."""
    return sorted(path for path in (folder / "rounds").glob("[0-9]*") if re.fullmatch(r"[0-9]{3,}", path.name))


def read_header(folder: Path) -> RunHeader:
    """A run's header. Raises UsageError if there is no run, RunChanged if another version made it, RunDamaged."""
    path = folder / "run.json"
    try:
        data = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{folder} is not a run folder: it has no run.json.") from None
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError):
        raise RunDamaged(f"{path} is damaged (it is cut off or not JSON); start a new run.") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("autoreward") != __version__:
        made, form = (data.get("autoreward"), data.get("format")) if isinstance(data, dict) else ("?", "?")
        raise RunChanged(
            f"{folder} was made by autoreward {made} (format {form}); this is {__version__} (format {FORMAT}). Start a new run, "
            "or install that version."
        )
    try:
        return RunHeader.model_validate(data)
    except ValidationError as error:
        raise RunDamaged(f"{path} is damaged ({wrong(error)}); start a new run.") from None


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
