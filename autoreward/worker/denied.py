"""What to do when an environment was refused something: which line of a card allows it, or what else would."""

import errno
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

_PATH = re.compile(r"(?:/[^\s'\":;,<>|()]+)+")
_BY_MODULE = {
    "socket.py": ("open network connections", "network = true"),
    "subprocess.py": ("start programs", "programs = true"),
    "popen_fork.py": ("start processes", "programs = true"),
    "popen_spawn_posix.py": ("start processes", "programs = true"),
}
"""What a module of Python's own was doing when the kernel said no."""

_FULL = "The folder for temporary files is full: make room there, or set TMPDIR to a folder that has some, and go on"


def advised(text: str, error: BaseException) -> str:
    """What an error says, and what to do if a wall made it."""
    advice = next(filter(None, map(_of_one, _chain(error))), "")
    return f"{text.rstrip('.')}. {advice}" if advice else text


def _of_one(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _FULL
    if isinstance(error, PermissionError):
        if error.errno == errno.EACCES and isinstance(error.filename, str | bytes):
            return _about_path(
                str(Path(error.filename if isinstance(error.filename, str) else error.filename.decode()))
            )
        frames = [Path(f.f_code.co_filename).name for f, _ in traceback.walk_tb(error.__traceback__)]
        for module, (what, line) in _BY_MODULE.items():
            if module in frames:
                return f"Workers may not {what}; if you trust the environment, its card can say so: [process] {line}"
        return (
            "Workers have no network, start no programs and processes, signal no others and change no modes of files; if you "
            "trust the environment, its card can allow the first two: [process] network = true, programs = true"
        )
    # libraries that read files by themselves raise errors of their own, with the path in their words
    refused = (path for path in _PATH.findall(str(error)) if _is_refused(path))
    return next((_about_path(path) for path in refused), "")


def _about_path(path: str) -> str:
    return (
        f"Workers see packages, system libraries and a folder of their own, not {path}; if you trust the environment, its card "
        f'can name what it reads or changes: [process] read = ["{path}"], or write'
    )


def _is_refused(path: str) -> bool:
    """Whether something is there that may not be read."""
    try:
        with Path(path).open("rb"):
            return False
    except PermissionError as error:
        return error.errno == errno.EACCES
    except (OSError, ValueError):
        return False


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    visited: set[int] = set()
    while error is not None and id(error) not in visited:
        visited.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
