"""What to do when an environment was refused something: which line of a card allows it, or what else would."""

import errno
import os
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from autoreward.records import Allowed

_PATH = re.compile(r"(?:/[^\s'\":;,<>|()]+)+")
_NO_DISPLAY = re.compile(
    r"NoSuchDisplay|DisplayConnection|no display name|open display|X server|xcb\b|X11", re.IGNORECASE
)
"""What graphics libraries say where no window can be opened."""
_BY_MODULE: dict[str, tuple[str, Allowed]] = {
    "socket.py": ("open network connections", "network"),
    "subprocess.py": ("start programs", "programs"),
    "popen_fork.py": ("start processes", "programs"),
    "popen_spawn_posix.py": ("start processes", "programs"),
}
"""What a module of Python's own was doing when the kernel said no."""
Asks = tuple[str, ...]
_FULL = "The folder for temporary files is full: make room there, or set TMPDIR to a folder that has some, and go on"


def advised(text: str, error: BaseException) -> str:
    """What an error says, and what to do if a wall made it."""
    words, _ = advice(error)
    return f"{text.rstrip('.')}. {words}" if words else text


def advice(error: BaseException) -> tuple[str, Asks]:
    """What to do if a wall made this error, and what a card would have to allow; empty if none did."""
    return next((one for one in map(_of_one, _chain(error)) if one[0]), ("", ()))


def _of_one(error: BaseException) -> tuple[str, Asks]:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _FULL, ()
    if (
        isinstance(error, FileNotFoundError)
        and isinstance(error.filename, str)
        and not Path(error.filename).is_absolute()
    ):
        return (
            f"An environment runs in a folder of its own, in which there is no {error.filename}: in its code, begin the path with "
            "Path(__file__).parent"
        ), ()
    if isinstance(error, PermissionError):
        if error.errno == errno.EACCES and isinstance(error.filename, str | bytes):
            path = Path(error.filename if isinstance(error.filename, str) else error.filename.decode())
            return _about_path(str(path))
        frames = [Path(f.f_code.co_filename).name for f, _ in traceback.walk_tb(error.__traceback__)]
        for module, (what, kind) in _BY_MODULE.items():
            if module in frames:
                words = f"Workers may not {what}; if you trust the environment, its card can say so: [process] {kind} = true"
                return words, (kind,)
        return (
            "Workers have no network, start no programs and processes, signal no others and change no modes of files; if you "
            "trust the environment, its card can allow the first two: [process] network = true, programs = true"
        ), ("network", "programs")
    if isinstance(error, KeyError) and _asked_for_a_variable(error):
        return (
            f"Workers inherit no variables of your shell: set {error.args[0]} in the environment's code, or give what it says by "
            "the kwargs of its card"
        ), ()
    if _NO_DISPLAY.search(f"{type(error).__name__}: {error}"):
        return "Workers have no display: have it open no window, such as by render_mode in the kwargs of its card", ()
    # libraries that read files by themselves raise errors of their own, with the path in their words
    refused = (path for path in _PATH.findall(str(error)) if _is_refused(path))
    return next(map(_about_path, refused), ("", ()))


def _asked_for_a_variable(error: KeyError) -> bool:
    """Whether it came out of `os.environ[...]`."""
    frames = [f.f_code for f, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1] is type(os.environ).__getitem__.__code__


def _about_path(path: str) -> tuple[str, Asks]:
    words = (
        f"Workers see packages, system libraries and a folder of their own, not {path}; if you trust the environment, its card "
        f'can name the files and folders that it reads or changes: [process] read = ["{path}"], or write. What lies in a '
        "package, a folder of code, can be read without that"
    )
    return words, (f"read={path}",)


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
