"""Atomic writes: a file is there whole, or not at all."""

import os
from pathlib import Path

from autoreward.errors import StoreError


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
        raise StoreError(
            f"{path} can't be written: {error.strerror}. Everything saved before it is whole; make room, then resume."
        ) from None


def rename(old: Path, new: Path) -> None:
    """Move a file or a folder to where nothing is yet. Raises StoreError."""
    try:
        new.parent.mkdir(parents=True, exist_ok=True)
        old.rename(new)
    except OSError as error:
        raise StoreError(
            f"{old} can't be moved to {new}: {error.strerror}. Nothing is lost; make way for it, then resume."
        ) from None
