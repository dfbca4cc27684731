"""Folders that child processes may write in, and how to be rid of them whatever a child left there."""

import contextlib
import os
import stat
import tempfile
import time

_PREFIX = "autoreward-"
_OLD = 600.0
"""Seconds after which an empty folder is nobody's any more."""


def make_scratch() -> str:
    """A new, empty folder that this user alone may enter.

    Empty ones of before are removed: a child can empty its folder when its host was killed, but not remove it.
    """
    with os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):  # in use, or another user's
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > _OLD:
                        os.rmdir(entry.path)
    return os.path.realpath(tempfile.mkdtemp(prefix=_PREFIX))


def remove(folder: str) -> None:
    """Remove a folder as far as that is allowed, following no links. Its writers must have ended.

    Folders within folders are moved to the top before they are removed: depth then costs neither memory nor long paths.
    """
    moved = 0
    try:
        while entries := _entries(folder):
            for name in entries:
                path = os.path.join(folder, name)
                if not _is_folder(path):
                    os.unlink(path)
                    continue
                for inner in _entries(path):
                    at = os.path.join(path, inner)
                    if _is_folder(at):
                        _open_up(at)
                        moved += 1
                        os.rename(at, os.path.join(folder, f".moved-{moved}"))
                    else:
                        os.unlink(at)
                os.rmdir(path)
        os.rmdir(folder)
    except OSError:  # what is left is the host's to remove, or another user's
        return


def _entries(folder: str) -> list[str]:
    _open_up(folder)
    return os.listdir(folder)


def _is_folder(path: str) -> bool:
    return stat.S_ISDIR(os.lstat(path).st_mode)


def _open_up(folder: str) -> None:
    """A folder without modes can't be emptied."""
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        os.chmod(folder, 0o700, follow_symlinks=False) if os.chmod in os.supports_follow_symlinks else os.chmod(
            folder, 0o700
        )
