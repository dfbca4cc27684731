"""What belongs to a person and to no folder of runs: `~/.config/autoreward`, or `autoreward` under XDG_CONFIG_HOME."""

import os
from pathlib import Path

from pydantic import ValidationError

from autoreward.errors import RunDamaged, StoreError, UsageError
from autoreward.store.folder import Folder
from autoreward.store.keys import RecordT


def persons_folder(name: str) -> Folder | None:
    """One of the person's folders; None where this person has no home: one that is named and not there is not made."""
    named = os.environ.get("XDG_CONFIG_HOME")
    try:
        config = Path(named) if named else Path.home() / ".config"
    except RuntimeError:
        return None
    return Folder(config / "autoreward" / name) if named or config.parent.is_dir() else None


def writable_folder(name: str, what: str) -> Folder:
    """The same, made if it is not there. Raises UsageError if `what` can't be kept in it."""
    folder = persons_folder(name)
    if folder is None:
        raise UsageError(f"There is no home folder to keep {what} in; set XDG_CONFIG_HOME to a folder.")
    try:
        folder.make()
    except OSError as error:
        raise _unkept(folder, what, error) from None
    return folder


def keep_for_person(folder: Folder, name: str, data: bytes, what: str) -> None:
    """Write one file of such a folder. Raises UsageError if `what` can't be kept in it."""
    try:
        folder.write(name, data, mode=0o600)
    except StoreError as error:
        raise _unkept(folder, what, error) from None


def persons_record(folder: str, name: str, record: type[RecordT]) -> RecordT | None:
    """What is kept of a person's under a file's name; None if nothing is. Raises StoreError where it can't be read."""
    kept = persons_folder(folder)
    try:
        data = kept.read(name) if kept else b""
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(f"{name} of your {folder} can't be read: {error.strerror}.") from None
    if kept is None:
        return None
    try:
        return record.model_validate_json(data)
    except ValidationError:
        raise RunDamaged(f"{kept.path / name} is not as it was written; delete it to do without.") from None


def _unkept(folder: Folder, what: str, error: Exception) -> UsageError:
    why = getattr(error, "strerror", None) or error
    return UsageError(
        f"{what[0].upper()}{what[1:]} can't be kept in {folder.path} ({why}); set XDG_CONFIG_HOME to a folder that can be written."
    )
