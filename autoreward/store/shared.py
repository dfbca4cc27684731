"""What the runs of one folder share: trainings that are the same in all of them, each made once and taken over by the others.

A record with its files is one file, `.baselines/NAME.zip` beside the runs, written whole or not at all, so that runs side by side
do not disturb each other. Its name is a digest of everything that it depends on: whatever differs has another name. Only bytes that
were written on this machine are read (`store/trust.py`): what is damaged or from elsewhere is made anew.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from autoreward.errors import RunDamaged
from autoreward.store import trust
from autoreward.store.book import WithFiles
from autoreward.store.damage import unreadable
from autoreward.store.folder import Folder
from autoreward.store.keys import RecordT

FOLDER = ".baselines"
_RECORD = "record.json"
_MADE_AS = b"autoreward baseline "
"""Begins the comment at the end of each archive; its name follows."""
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


class Shelf(NamedTuple):
    """A place for what runs share."""

    files: Folder

    @classmethod
    def of(cls, runs: Path) -> "Shelf":
        """That of a folder of runs."""
        return cls(Folder(runs).at(FOLDER))

    def take(self, name: str, record: type[RecordT]) -> WithFiles[RecordT] | None:
        """What is kept under a name; None if nothing is. Raises StoreError if it is not as it was written on this machine."""
        path = self.files.path / f"{name}.zip"
        try:
            data = self.files.read(f"{name}.zip")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise unreadable(path, error) from None
        # what else was made here, under another name too, is not this
        if not (trust.made_here(data) and data.endswith(_MADE_AS + name.encode())):
            raise RunDamaged(f"{path} is not as it was written on this machine.")
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            files = {entry: packed.read(entry) for entry in packed.namelist()}
        return WithFiles(record.model_validate_json(files.pop(_RECORD)), files)

    def keep(self, name: str, made: WithFiles[Any]) -> None:
        """Keep a record with its files under a name, in the place of what was there. Raises StoreError, UsageError."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for entry, data in {_RECORD: made.record.model_dump_json().encode(), **made.files}.items():
                archive.writestr(zipfile.ZipInfo(entry, _LONG_AGO), data)
            archive.comment = _MADE_AS + name.encode()
        trust.keep_made(packed.getvalue(), f"{FOLDER}/{name}.zip")
        self.files.write(f"{name}.zip", packed.getvalue())


def digest(*facts: Any) -> str:
    """A name for what depends on these facts alone, each as JSON takes it."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:40]


def same_bytes(files: Mapping[str, bytes]) -> dict[str, str]:
    """What some files are known by."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
