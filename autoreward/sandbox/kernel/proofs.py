"""Try what must not work any more. Every attempt is harmless should it succeed: null pointers, signal 0, empty requests.

An attempt counts as held only if the call fails the way a filter makes it fail; a null pointer that the kernel got far
enough to read (EFAULT) counts as a leak.
"""

import errno
import mmap
import os
import socket
from collections.abc import Callable
from typing import NamedTuple

from autoreward.sandbox.kernel.seccomp import system_call
from autoreward.sandbox.kernel.syscalls import NUMBERS, machine

_HELD = (errno.EPERM, errno.EACCES, errno.ENOSYS)
_AT_FDCWD = -100
_LOCK_PI, _WAIT_REQUEUE_PI, _CMP_REQUEUE_PI = 6, 11, 12
_MERGEABLE, _SOFT_OFFLINE = 12, 101
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_OPEN = 4
"""Descriptors of a room: three that lead nowhere and its socket."""
DESCRIPTORS = 1024
"""How many are looked at."""


class Proof(NamedTuple):
    """One attempt: what was tried, and whether it was held back."""

    name: str
    held: bool


def attempt_all() -> list[Proof]:
    """Attempt everything, in about a millisecond."""
    return [*(Proof(name, held(attempt)) for name, attempt in _attempts()), Proof("keep other descriptors", _few())]


def _few() -> bool:
    """Whether no descriptor is open but those of a room."""

    def is_open(number: int) -> bool:
        try:
            os.fstat(number)
        except OSError:
            return False
        return True

    return sum(map(is_open, range(DESCRIPTORS))) <= _OPEN


def held(attempt: Callable[[], object]) -> bool:
    """Whether an attempt fails as a wall makes it fail."""
    try:
        attempt()
    except OSError as error:
        return error.errno in _HELD
    return False


_CALLS: tuple[tuple[str, str, tuple[int, ...]], ...] = (
    ("run a program", "execve", ()),
    ("run a program by descriptor", "execveat", (_AT_FDCWD, 0, 0, 0, 0)),
    ("start a thread or process (clone3)", "clone3", ()),
    ("trace a process", "ptrace", ()),
    ("read another process's memory", "process_vm_readv", ()),
    ("write another process's memory", "process_vm_writev", ()),
    ("take another process's descriptor", "pidfd_getfd", ()),
    ("leave its namespaces", "unshare", ()),
    ("enter other namespaces", "setns", ()),
    ("mount a file system", "mount", ()),
    ("change its root", "chroot", (0,)),
    ("make memory files", "memfd_create", ()),
    ("use the kernel's key rings", "keyctl", ()),
    ("use shared memory", "shmget", ()),
    ("use message queues", "msgget", ()),
    ("change a file's mode", "fchmodat", ()),
    ("delete a file", "unlinkat", (_AT_FDCWD, 0, 0)),
    ("queue kernel work", "io_uring_setup", ()),
    ("load kernel programs", "bpf", ()),
    ("watch the kernel", "perf_event_open", ()),
    ("handle page faults", "userfaultfd", ()),
    ("open a file by handle", "open_by_handle_at", ()),
    ("change its personality", "personality", (0xFFFFFFFF,)),
    ("add filters", "seccomp", ()),
    ("control devices", "ioctl", ()),
    ("change its own limits", "prlimit64", ()),
    ("sleep", "clock_nanosleep", ()),
    ("send to an address", "sendto", ()),
    ("make memory executable", "mprotect", (0, 0, mmap.PROT_EXEC)),
    ("lend priority through a lock", "futex", (0, _LOCK_PI, 0, 0, 0, 0)),
    ("wait for a lock that lends priority", "futex", (0, _WAIT_REQUEUE_PI, 0, 0, 0, 0)),
    ("move waiters to a lock that lends priority", "futex", (0, _CMP_REQUEUE_PI, 0, 0, 0, 0)),
    ("share pages with other processes", "madvise", (0, 0, _MERGEABLE)),
    ("take pages out of service", "madvise", (0, 0, _SOFT_OFFLINE)),
    ("leave a core dump", "prctl", (_PR_SET_DUMPABLE, 1, 0, 0, 0)),
    ("outlive its parent", "prctl", (_PR_SET_PDEATHSIG, 0, 0, 0, 0)),
    ("take capabilities", "capset", ()),
    ("change another process's schedule", "sched_setattr", ()),
    ("move another process's pages", "move_pages", ()),
)
"""What is tried, the call, and its arguments where five zeros would not do."""


def _attempts() -> list[tuple[str, Callable[[], object]]]:
    """Name and attempt. Calls that this architecture lacks are left out."""
    numbers = NUMBERS[machine()]
    others: tuple[tuple[str, str, tuple[int, ...]], ...] = (
        ("signal its parent", "kill", (os.getppid(), 0)),
        ("signal a thread elsewhere", "tkill", (os.getppid(), 0)),
        ("hold another process", "pidfd_open", (os.getppid(), 0)),
        ("change its identity", "setuid", (os.getuid(),)),
    )
    return [
        *_real(),
        *((text, _raw(name, arguments)) for text, name, arguments in (*others, *_CALLS) if name in numbers),
    ]


def _raw(name: str, arguments: tuple[int, ...]) -> Callable[[], object]:
    return lambda: system_call(name, *(arguments or (0, 0, 0, 0, 0)))


def _real() -> list[tuple[str, Callable[[], object]]]:
    """Attempts as Python makes them."""
    return [
        ("read a file", lambda: os.close(os.open("/etc/passwd", os.O_RDONLY))),
        ("read its own environment", lambda: os.close(os.open("/proc/self/environ", os.O_RDONLY))),
        ("read another process's memory file", lambda: os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDONLY))),
        ("list a folder", lambda: os.listdir("/")),
        ("look a file up", lambda: os.stat("/etc/passwd")),
        ("follow a link", lambda: os.readlink("/proc/self/exe")),
        ("create a file", lambda: create("/tmp/autoreward-proof")),  # noqa: S108 - must fail
        ("create a nameless file", lambda: os.close(os.open("/tmp", os.O_TMPFILE | os.O_RDWR))),  # noqa: S108
        ("open a network socket", lambda: socket.socket(socket.AF_INET).close()),
        ("open a datagram socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()),
        ("open a Unix socket", lambda: socket.socket(socket.AF_UNIX).close()),
        ("start a process", fork),
        ("map memory as code", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()),
        ("make a pipe", lambda: os.closerange(*sorted(os.pipe()))),
    ]


def create(path: str) -> None:
    """Make a file, and remove it. Raises OSError."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    os.unlink(path)


def fork() -> None:
    """Start a process that ends at once. Raises OSError."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
