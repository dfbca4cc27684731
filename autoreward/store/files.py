"""Files whole or not at all, folders that can be made, names that stay in theirs."""

import errno
import fcntl
import os
from pathlib import Path
from typing import IO

from autoreward.errors import RunLocked, StoreError, UsageError, paste, shortened
from autoreward.words import LATEST, LONGEST_NAME, is_folder

LOCK = "lock"


def write_atomically(path: Path, data: bytes) -> None:
    """Write to a temporary file, sync, rename, sync the folder. Raises StoreError (disk full, no permission)."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _unwritten(path, error) from None


def append(path: Path, text: str) -> None:
    """Add to the end of a file that nothing is read back from. Raises StoreError."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise _unwritten(path, error) from None


def _unwritten(path: Path, error: OSError) -> StoreError:
    first = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "let it be written"
    return StoreError(
        f"{path} can't be written: {error.strerror}. Everything saved before it is whole; {first}, then resume."
    )


def rename(old: Path, new: Path) -> None:
    """Move a file or a folder to where nothing is yet. Raises StoreError."""
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)
    except OSError as error:
        raise StoreError(
            f"{old} can't be moved to {new}: {error.strerror}. Nothing is lost; make way for it, then resume."
        ) from None


def plain_name(name: str) -> str:
    """The name of a folder to be made, as it is. Raises UsageError if it could lead elsewhere, or be mistaken."""
    if not is_folder(name):
        raise UsageError(
            f"name {shortened(name)!r}: write a plain folder name (letters, digits, . _ -; the first a letter or digit), at most "
            f"{LONGEST_NAME} characters, and not {LATEST!r}."
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
    """Raises UsageError if a run is there."""
    if (folder / "run.json").exists():
        raise UsageError(
            f"{folder} already holds a run: resume it with `{paste('resume', folder)}`, or choose another name."
        )


def locked(folder: Path) -> IO[str]:
    """The open lock file of a run's folder: nobody else has it until it is closed. Raises RunLocked, StoreError."""
    try:
        lock = (folder / LOCK).open("w", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{folder} can't be written: {error.strerror}.") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise RunLocked(f"{folder} is in use by another autoreward process; wait for it or stop it.") from None
    return lock


def in_use(folder: Path) -> bool:
    """Whether a process works in this run folder now. Asking takes the lock for a moment where none does."""
    try:
        lock = (folder / LOCK).open(encoding="utf-8")
    except FileNotFoundError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
