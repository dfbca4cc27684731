"""The one way into a run's folder: every file beneath it is reached step by step from the folder, and no link is followed.

A run may come from anybody. A link in it would have this program read, write or empty a file that lies elsewhere; a FIFO or
a device would have it wait for ever. So a run is plain files in plain folders, each with one name, or it is not opened.
"""

import errno
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from autoreward.errors import RunDamaged, StoreError, shortened
from autoreward.store.damage import too_large, unreadable

LARGEST_FILE = 1 << 30
"""Most bytes of a file of a run, such as a recording."""
_DEEPEST = 8
"""Most folders within each other in a run."""
PRIVATE = 0o700
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PLAIN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LEFT = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
}


@dataclass(frozen=True)
class Folder:
    """A folder, and all that is done with the files beneath it. Names in it are parts joined by `/`.

    Every method raises RunDamaged where a name leads out of the folder, or something on the way is no plain file or folder.
    """

    root: Path
    """What a person named: links on the way to it are theirs, and followed."""
    within: str = ""
    """Where this folder is beneath the root, which nothing leaves."""

    @property
    def path(self) -> Path:
        """Where it is, for messages and for telling people."""
        return self.root / self.within if self.within else self.root

    def at(self, name: str) -> "Folder":
        """A folder beneath this one, there or not."""
        return Folder(self.root, "/".join(self._parts(name)))

    def read(self, name: str, most: int = LARGEST_FILE) -> bytes:
        """A file's bytes. Raises OSError as opening a path does, RunDamaged if there are more than `most`."""
        with self._open(name, os.O_RDONLY) as file:
            if (size := os.fstat(file.fileno()).st_size) > most:
                raise too_large(self.path / name, most)
            data = b""
            while len(data) <= most and (piece := file.read(size + 1)):  # one that grows is read on, up to the most
                data += piece
        if len(data) > most:
            raise too_large(self.path / name, most)
        return data

    def has(self, name: str) -> bool:
        """Whether a file or a folder is there. Raises OSError if that can't be told."""
        return self._look(name) is not None

    def modified(self, name: str) -> float:
        """When a file was last written, in seconds since 1970. Raises OSError."""
        status = self._look(name)
        if status is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path / name))
        return status.st_mtime

    def names(self, suffix: str = "") -> list[str]:
        """Names of what is in this folder, in order: those that end so, without hidden ones. Raises RunDamaged."""
        try:
            with self._entered(self._parts("")) as here:
                names = os.listdir(here)  # noqa: PTH208 - a descriptor is no path
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise unreadable(self.path, error) from None
        return sorted(name for name in names if name.endswith(suffix) and not name.startswith("."))

    def stems(self) -> list[str]:
        """Names of the records in this folder, without their `.json`."""
        return [name.removesuffix(".json") for name in self.names(".json")]

    def write(self, name: str, data: bytes, mode: int = 0o666) -> None:
        """Write a file whole or not at all: another one beside it, synced, renamed. Raises StoreError (disk full, ...)."""
        try:
            with self._parent(name, make=True) as (here, last):
                beside = f".{last[:100]}.{secrets.token_hex(8)}.tmp"
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _PLAIN
                try:
                    with os.fdopen(os.open(beside, flags, mode, dir_fd=here), "wb") as file:
                        file.write(data)
                        file.flush()
                        os.fsync(file.fileno())
                    os.rename(beside, last, src_dir_fd=here, dst_dir_fd=here)
                except BaseException:
                    with suppress(FileNotFoundError):
                        os.unlink(beside, dir_fd=here)
                    raise
                os.fsync(here)
        except OSError as error:
            raise _unwritten(self.path / name, error) from None

    def append(self, name: str, text: str) -> None:
        """Add to the end of a file that nothing is read back from. Raises StoreError."""
        try:
            with self._open(name, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as file:
                file.write(text.encode())
        except OSError as error:
            raise _unwritten(self.path / name, error) from None

    def move(self, old: str, new: str) -> None:
        """Move a file or a folder to where nothing is yet. Raises StoreError."""
        try:
            with self._parent(old) as (here, last), self._parent(new, make=True) as (there, name):
                os.rename(last, name, src_dir_fd=here, dst_dir_fd=there)
        except OSError as error:
            raise StoreError(
                f"{self.path / old} can't be moved to {self.path / new}: {error.strerror}. Nothing is lost; make way for it, "
                "then resume."
            ) from None

    def opened_to_lock(self, name: str, make: bool) -> BinaryIO:
        """A file to lock, as it is: nothing of it is changed. Raises OSError."""
        return self._open(name, os.O_RDWR | os.O_CREAT if make else os.O_RDONLY)

    def make(self) -> None:
        """Make the root if it is not there, for its owner alone. Raises OSError."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            self.root.mkdir(PRIVATE)

    def inspect(self) -> list[str]:
        """Walk through all of it; what was left of files that were being written when a process was killed.

        Raises RunDamaged at the first thing that is no plain file or folder, or has a second name elsewhere.
        """
        try:
            with self._entered(self._parts("")) as here:
                return list(self._walked(here, "", 0))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise unreadable(self.path, error) from None

    def sweep(self) -> None:
        """Delete what `inspect` finds left; nobody else may be writing. Raises StoreError."""
        for name in self.inspect():
            try:
                with self._parent(name) as (here, last):
                    os.unlink(last, dir_fd=here)
            except OSError as error:
                raise _unwritten(self.path / name, error) from None

    def _walked(self, here: int, where: str, depth: int) -> Iterator[str]:
        if depth > _DEEPEST:
            raise RunDamaged(
                f"{shortened(self.path / where)} is too deep: a run has at most {_DEEPEST} folders in each other."
            )
        with os.scandir(here) as entries:
            for entry in entries:
                name = f"{where}/{entry.name}" if where else entry.name
                try:
                    info = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # a running run's
                    continue
                if not stat.S_ISDIR(info.st_mode):
                    demand_plain(info, self.path / name)
                    if _LEFT.fullmatch(entry.name):
                        yield name
                    continue
                with suppress(FileNotFoundError), _step(here, entry.name, self.path, name) as below:
                    yield from self._walked(below, name, depth + 1)

    def _parts(self, name: str) -> tuple[str, ...]:
        """The steps from the root to a name, none of which leads up or out."""
        parts = [part for whole in (self.within, name) if whole for part in whole.split("/")]
        for part in parts:
            if part in ("", ".", "..") or "\0" in part or not _writable(part):
                raise RunDamaged(f"{self.path}: {shortened(repr(name))} is no place in this folder.")
        return tuple(parts)

    @contextmanager
    def _entered(self, parts: tuple[str, ...], make: bool = False) -> Iterator[int]:
        """A descriptor of the folder at these steps from the root."""
        here = os.open(self.root, _FOLDER)
        try:
            for number, part in enumerate(parts, start=1):
                below = _entered(here, part, self.root, "/".join(parts[:number]), make)
                os.close(here)
                here = below
            yield here
        finally:
            os.close(here)

    @contextmanager
    def _parent(self, name: str, make: bool = False) -> Iterator[tuple[int, str]]:
        """A descriptor of the folder that a name is in, and the name there."""
        *above, last = self._parts(name)
        with self._entered(tuple(above), make) as here:
            yield here, last

    def _open(self, name: str, flags: int) -> BinaryIO:
        with self._parent(name) as (here, last):
            try:
                number = os.open(last, flags | _PLAIN, 0o666, dir_fd=here)
            except OSError:
                with suppress(FileNotFoundError):
                    demand_plain(os.stat(last, dir_fd=here, follow_symlinks=False), self.path / name, folders=True)
                raise
        try:
            info = os.fstat(number)
            if stat.S_ISDIR(info.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(self.path / name))
            demand_plain(info, self.path / name)
            return os.fdopen(number, "rb" if flags & os.O_ACCMODE == os.O_RDONLY else "ab")
        except BaseException:
            os.close(number)
            raise

    def _look(self, name: str) -> os.stat_result | None:
        """What is known of a file or a folder; None where there is none."""
        try:
            with self._parent(name) as (here, last):
                info = os.stat(last, dir_fd=here, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        demand_plain(info, self.path / name, folders=True)
        return info


def demand_plain(info: os.stat_result, path: Path, folders: bool = False) -> None:
    """Raises RunDamaged, in a sentence, if that is no plain file with one name (or no folder, where those will do)."""
    kind = stat.S_IFMT(info.st_mode)
    if kind == stat.S_IFDIR and folders:
        return
    if kind != stat.S_IFREG:
        what = _KINDS.get(kind, "no file")
        raise RunDamaged(
            f"{shortened(path)} is {what}; a run has plain files and folders only, and is not touched. Look where it comes from."
        )
    if info.st_nlink > 1:
        raise RunDamaged(
            f"{shortened(path)} has a second name elsewhere (a hard link), so that the run is not touched; go on with a "
            "copy of it, made by cp -r."
        )


@contextmanager
def _step(here: int, name: str, root: Path, where: str) -> Iterator[int]:
    below = _entered(here, name, root, where)
    try:
        yield below
    finally:
        os.close(below)


def _entered(here: int, name: str, root: Path, where: str, make: bool = False) -> int:
    """A descriptor of a folder in a folder, which is at `where` beneath `root`. Raises OSError, RunDamaged if it is a link."""
    try:
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
    except OSError as error:
        if error.errno == errno.ENOENT and make:
            with suppress(FileExistsError):
                os.mkdir(name, dir_fd=here)
            return _entered(here, name, root, where)
        if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EMLINK):
            demand_plain(os.stat(name, dir_fd=here, follow_symlinks=False), root / where, folders=True)
        raise


def _writable(part: str) -> bool:
    """Whether a file can have such a name."""
    try:
        os.fsencode(part)
    except UnicodeEncodeError:
        return False
    return True


def _unwritten(path: Path, error: OSError) -> StoreError:
    first = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "let it be written"
    return StoreError(
        f"{shortened(path)} can't be written: {error.strerror}. Everything saved before it is whole; {first}, then resume."
    )
