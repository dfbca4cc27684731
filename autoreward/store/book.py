"""The run folder as a book: `once` and `each` return a saved record, or make and save it. That is all resume needs."""

import json
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Generic, NamedTuple, Self

from pydantic import ValidationError

from autoreward.core.closing import Closing
from autoreward.core.executor import Executor
from autoreward.core.transitions import Transitions
from autoreward.errors import RunDamaged, StoreError
from autoreward.store import trust
from autoreward.store.damage import unreadable, whole_tensors, wrong
from autoreward.store.files import HEADER, LOG, demand_free, demand_place, locked
from autoreward.store.folder import Folder
from autoreward.store.header import RunHeader, read_header
from autoreward.store.keys import ALLOWANCE, BOARD, CANDIDATES, Key, RecordT

BASELINES_PAGE, LONGER_PAGE, CONFIRM_PAGE = "baselines", "longer", "confirm"
"""Pages beside those of the rounds."""
LONGEST_RECORD = 64 << 20
"""Most bytes of a record."""
_CODE = re.compile(rf"(?:best|second)/[^/]+|rounds/[0-9]+/{re.escape(CANDIDATES.file)}")
"""Files with programs in them: only those that were made here are taken as they are."""
_IDS = ("id", "trial_id", "candidate_id")
"""What a record may say it is of: the first of these that it has."""


class WithFiles(NamedTuple, Generic[RecordT]):
    """A record with the files that belong to it. The files are written first; the record is the commit."""

    record: RecordT
    files: dict[str, bytes]


def _read_only(folder: Folder, name: str, data: bytes) -> None:
    raise StoreError(f"{folder.path / name} is only being read here.")


class Page:
    """A folder of records."""

    def __init__(self, files: Folder, save: Callable[[Folder, str, bytes], None] = _read_only) -> None:
        self.files = files
        """Where its records and their files are, beneath the run's folder."""
        self._save = save

    @property
    def folder(self) -> Path:
        """Where it is, for people."""
        return self.files.path

    @property
    def round(self) -> int:
        """Number of the round whose page it is."""
        return int(self.files.path.name)

    def once(self, key: Key[RecordT], make: Callable[[], RecordT | WithFiles[RecordT]]) -> RecordT:
        """The saved record, or make and save it."""
        return self.lone(key) or self._keep(key, make())

    def each(
        self,
        key: Key[RecordT],
        items: Sequence[Any],
        make: Callable[[Any], RecordT | WithFiles[RecordT]],
        executor: Executor,
    ) -> tuple[RecordT, ...]:
        """One record per item, under the item's id, in item order; only missing ones are made.

        Each is saved as it finishes. If one raises, those that are finished or under way are saved and the exception goes on.
        """
        records = {identity(item): self._saved_of(item, key) for item in items}
        missing = [item for item in items if records[identity(item)] is None]
        for item, product in executor.map(make, missing):
            records[identity(item)] = self._keep(key.of(identity(item)), product)
        return tuple(record for item in items if (record := records[identity(item)]) is not None)

    def put(self, key: Key[RecordT], record: RecordT) -> None:
        """Save a record in the place of what was there."""
        self._save(self.files, key.file, record.model_dump_json(indent=1).encode())

    def saved(self, key: Key[RecordT]) -> tuple[RecordT, ...]:
        """The records of all items that are there, by id."""
        folder, _, prefix = key.name.rpartition("/")
        stems = self.files.at(folder).stems() if folder else self.files.stems()
        items = [stem.removeprefix(prefix) for stem in stems if stem.startswith(prefix)]
        return tuple(record for item in items if (record := self.lone(key.of(item))) is not None)

    def lone(self, key: Key[RecordT]) -> RecordT | None:
        """The record if it is there. Raises RunDamaged."""
        path = self.folder / key.file
        try:
            return key.record.model_validate_json(self.files.read(key.file, LONGEST_RECORD))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(path, error) from None
        except ValidationError as error:
            next_step = (
                "mend it, or delete it and say it again" if key.by_people else "delete it, and resume makes it again"
            )
            raise RunDamaged(f"{path} is damaged ({wrong(error)}); {next_step}.") from None

    def need(self, key: Key[RecordT]) -> RecordT:
        """The record. Raises RunDamaged if it is gone."""
        record = self.lone(key)
        if record is None:
            raise RunDamaged(f"{self.folder / key.file} is gone; start a new run.")
        return record

    def has(self, key: Key[Any]) -> bool:
        """Whether the record is there."""
        return self.files.has(key.file)

    def file(self, key: Key[Any], filename: str) -> bytes:
        """A file saved with a record. Raises RunDamaged if it is gone, or weights are cut off."""
        path = self.folder / key.folder / filename
        again = f"delete the record {self.folder / key.file} to make it again."
        try:
            data = self.files.read(f"{key.folder}/{filename}")
        except FileNotFoundError:
            raise RunDamaged(f"{path} is gone; {again}") from None
        except OSError as error:
            raise unreadable(path, error) from None
        if path.suffix == ".safetensors" and not whole_tensors(data):
            raise RunDamaged(f"{path} is damaged (it is not the whole of what was saved); {again}")
        return data

    def transitions(self, key: Key[Any], filename: str) -> Transitions:
        """Recorded transitions saved with a record. Raises RunDamaged."""
        data = self.file(key, filename)
        try:
            return Transitions.from_bytes(data)
        except ValueError as error:
            path = self.folder / key.folder / filename
            raise RunDamaged(
                f"{path} is damaged: {error}; delete {self.folder / key.file}, and resume makes both again."
            ) from None

    def read(self, name: str) -> bytes:
        """A file that belongs to no record, such as what the person gave the run at its start; empty without one.

        Raises RunDamaged.
        """
        try:
            return self.files.read(name)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise unreadable(self.folder / name, error) from None

    def _saved_of(self, item: Any, key: Key[RecordT]) -> RecordT | None:
        """The record of an item. Raises RunDamaged if what lies there says that it is another's."""
        own_id = identity(item)
        record = self.lone(key.of(own_id))
        if record is None:
            return None
        said_id = next((getattr(record, field) for field in _IDS if hasattr(record, field)), own_id)
        candidate = getattr(item, "candidate_id", None)
        if said_id != own_id or (candidate is not None and getattr(record, "candidate_id", candidate) != candidate):
            path = self.folder / key.of(own_id).file
            raise RunDamaged(f"{path} is the record of something else; delete it, and resume makes it again.")
        return record

    def _keep(self, key: Key[RecordT], kept: RecordT | WithFiles[RecordT]) -> RecordT:
        record, files = kept if isinstance(kept, WithFiles) else (kept, {})
        for filename, data in files.items():
            self._save(self.files, f"{key.folder}/{filename}", data)
        self.put(key, record)
        return record


def identity(item: Any) -> str:
    """The id an item's record is saved under."""
    return str(item.id)


class Book(Page, Closing):
    """A run folder, locked while open. Use as a context manager."""

    def __init__(self, files: Folder, header: RunHeader, lock: BinaryIO) -> None:
        super().__init__(files, self._write)
        self.header = header
        self.before_write: Callable[[Path], None] = lambda path: None
        """Called before every write and move; tests use it to die there."""
        self._lock = lock

    @classmethod
    def create(cls, folder: Path, header: RunHeader) -> Self:
        """Make a new run folder. Raises UsageError if it holds a run or can't be made, RunLocked, StoreError."""
        demand_place(folder)
        trust.keep(trust.of_run(header.task, header.config))  # who starts a run has let in what it does
        files = Folder(folder)
        files.make()
        book = cls(files, header, locked(files))  # first of all: two that are started at once are told apart here
        try:
            demand_free(folder)
            files.sweep()
            book.write(HEADER, header.model_dump_json(indent=1).encode())
        except BaseException:
            book.close()
            raise
        return book

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open a run folder to go on with it. Raises UsageError, RunLocked, RunChanged, RunDamaged."""
        header, files = read_header(folder), Folder(folder)
        book = cls(files, header, locked(files))
        try:
            files.sweep()
        except BaseException:
            book.close()
            raise
        return book

    def own(self) -> None:
        """Let in what the run does by now, since this person has just said so. Raises UsageError."""
        trust.keep(powers_of(self))

    def programs_made_here(self) -> bool:
        """Whether every candidate of the run was written on this machine, and is as it was. Raises RunDamaged."""
        return all(trust.made_here(page.read(CANDIDATES.file)) for page in self.pages() if page.has(CANDIDATES))

    def page(self, number: int) -> Page:
        """The page of a round."""
        return Page(self.files.at(f"rounds/{number:03d}"), self._write)

    def pages(self) -> list[Page]:
        """The pages of all rounds that were begun."""
        return [Page(folder, self._write) for folder in _rounds(self.files)]

    def baselines_page(self) -> Page:
        """The page of the baselines that a doubt has trained."""
        return Page(self.files.at(BASELINES_PAGE), self._write)

    def longer_page(self) -> Page:
        """The page of trainings that were gone on with beyond their full length."""
        return Page(self.files.at(LONGER_PAGE), self._write)

    def confirm_page(self) -> Page:
        """The confirmation's page."""
        return Page(self.files.at(CONFIRM_PAGE), self._write)

    def write(self, name: str, data: bytes) -> None:
        """Write a file that is not a record, such as report.html."""
        self._write(self.files, name, data)

    def retire(self, moves: Sequence[tuple[str, str]]) -> None:
        """Move what is no longer current, each from and to a place in the run's folder. Raises StoreError.

        The last move says that all are done: until then another call does the rest, after it none does anything.
        """
        if self.files.has(moves[-1][1]):
            return
        for old, new in moves:
            if self.files.has(old):
                self.before_write(self.folder / new)
                self.files.move(old, new)

    def log(self, event: str) -> None:
        """Add a line to log.jsonl, for people; the only place with clocks. Raises StoreError."""
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event})
        self.files.append(LOG, line + "\n")

    def close(self) -> None:
        """Let others open the folder."""
        self._lock.close()

    def _write(self, folder: Folder, name: str, data: bytes) -> None:
        self.before_write(folder.path / name)
        where = f"{folder.within}/{name}" if folder.within else name
        if _CODE.fullmatch(where):
            trust.keep_made(data, where)
        folder.write(name, data)


def powers_of(run: Page) -> trust.Powers:
    """What going on with a run would do beyond computing; `run` is its whole folder. Raises UsageError, StoreError.

    An open book's are those of the header that it goes on with, whatever the file says by now.
    """
    header = run.header if isinstance(run, Book) else read_header(run.folder)
    return trust.of_run(header.task, header.config, run.lone(ALLOWANCE), run.lone(BOARD))


def pages_of(folder: Path) -> list[Page]:
    """The rounds' pages of a run, to read; no lock is taken."""
    return [Page(page) for page in _rounds(Folder(folder))]


def _rounds(folder: Folder) -> list[Folder]:
    """The folders of a run's rounds, in their order; what else lies there is not ours."""
    rounds = folder.at("rounds")
    return [rounds.at(name) for name in rounds.names() if re.fullmatch(r"[0-9]{3,}", name)]
