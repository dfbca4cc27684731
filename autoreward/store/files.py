"""Folders that can be made, names that stay in theirs, who works in a run now."""

import fcntl
import os
import shutil
import time
from pathlib import Path
from typing import BinaryIO

from autoreward.core.visible import LATEST, LONGEST_FOLDER, is_folder
from autoreward.core.wording import Command
from autoreward.errors import RunLocked, StoreError, UsageError, shortened
from autoreward.store.damage import unreadable
from autoreward.store.folder import Folder

LOCK, HEADER, LOG = "lock", "run.json", "log.jsonl"
_LOOKS, _PAUSE = 5, 0.02
"""How often, and after how many seconds, a lock is tried that somebody may hold only to find out who works there."""


def plain_name(name: str) -> str:
    """The name of a folder to be made, as it is. Raises UsageError if it could lead elsewhere, or be mistaken."""
    if not is_folder(name):
        raise UsageError(
            f"name {shortened(name)!r}: write a plain folder name (letters, digits, . _ -; the first a letter or digit), at most "
            f"{LONGEST_FOLDER} characters, and not {LATEST!r}."
        )
    return name


def demand_place(folder: Path) -> None:
    """Find out whether a folder is there to be written, or can be made; makes nothing. Raises UsageError."""
    try:
        there = folder.absolute()
        while not there.exists():
            there = there.parent
        why = "" if there.is_dir() else f"{there} is a file"
    except OSError as error:
        there, why = folder, str(error.strerror)
    if not why and not os.access(there, os.W_OK | os.X_OK):
        why = f"{there} may not be written"
    if why:
        raise UsageError(f"{shortened(folder)} can't be made: {why}; choose another folder, or change that.")


def demand_free(folder: Path) -> None:
    """Raises UsageError if a run is there, RunDamaged if what is there is no plain file."""
    if Folder(folder).has(HEADER):
        raise UsageError(
            f"{folder} already holds a run: resume it with `",
            Command("resume", (folder,)),
            "`, or choose another name.",
        )


def locked(folder: Folder) -> BinaryIO:
    """The open lock file of a run's folder: nobody else has it until it is closed. Raises RunLocked, StoreError."""
    try:
        lock = folder.opened_to_lock(LOCK, make=True)
    except OSError as error:
        raise StoreError(f"{folder.path} can't be written: {error.strerror}.") from None
    for _ in range(_LOOKS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)
        else:
            return lock
    lock.close()
    raise RunLocked(f"{folder.path} is in use by another autoreward process; wait for it or stop it.")


def in_use(folder: Folder) -> bool:
    """Whether a process works in this run folder now. Asking takes the lock for a moment where none does.

    Raises RunDamaged if the lock is no plain file.
    """
    try:
        lock = folder.opened_to_lock(LOCK, make=False)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise unreadable(folder.path / LOCK, error) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def run_folders(runs: Path) -> list[Path]:
    """The folders in a folder of runs that hold a run, or what says that it is one; begun first, first.

    A header is written once, so that its time is when the run was begun. Raises OSError if the folder can't be read.
    """
    try:
        names = [path.name for path in runs.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    runs_by_age: list[tuple[float, str]] = []
    for name in names:
        try:
            runs_by_age.append(((runs / name / HEADER).lstat().st_mtime, name))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:  # somebody else's: it is listed with why it can't be read
            runs_by_age.append((0.0, name))
    return [runs / name for _, name in sorted(runs_by_age)]


def is_run(folder: Path) -> bool:
    """Whether a person who names this folder means a run. Raises OSError if that can't be told."""
    return os.path.lexists(folder / HEADER)


def is_there(folder: Path) -> bool:
    """Whether a folder, or anything of that name, is there."""
    return os.path.lexists(folder)


def discard(folder: Path) -> None:
    """Delete a folder that was made a moment ago, and what was written into it."""
    shutil.rmtree(folder)
