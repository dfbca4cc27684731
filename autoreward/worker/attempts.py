"""Try what a worker must not be able to do, from within a worker. Every attempt is harmless should it succeed."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from autoreward.records import WorkerAttempt, WorkerProtection
from autoreward.records.protection import WorkerLayer
from autoreward.sandbox.kernel.proofs import create, fork, held
from autoreward.sandbox.kernel.seccomp import system_call
from autoreward.sandbox.kernel.syscalls import NUMBERS, machine
from autoreward.worker.confine import COMMON, Held
from autoreward.worker.reach import Walls

_F_SETOWN = 8
_RLIMIT_NOFILE = 7
Attempt = Callable[[], object]


def attempt_in_worker(holds: Held, walls: Walls) -> WorkerProtection:
    """Try everything, in about a millisecond; where there is no table of system calls, the files alone."""
    calls = _calls() if machine() in NUMBERS else {}
    tried: tuple[tuple[WorkerLayer, dict[str, Attempt]], ...] = (
        ("worker calls", calls),
        ("worker files", _files(walls)),
    )
    return WorkerProtection(
        landlock=holds.landlock,
        filtered=holds.filtered,
        attempts=tuple(
            WorkerAttempt(layer=layer, name=name, held=held(attempt))
            for layer, attempts in tried
            for name, attempt in attempts.items()
        ),
    )


def _calls() -> dict[str, Attempt]:
    """What the filter refuses."""
    parent = os.getppid()
    numbers = NUMBERS[machine()]
    raw: dict[str, tuple[str, tuple[int, ...]]] = {
        "run a program": ("execve", (0, 0, 0)),
        "run a program by descriptor": ("execveat", (-100, 0, 0, 0, 0)),
        "signal its fork server": ("kill", (parent, 0)),
        "signal everybody": ("kill", (-1, 0)),
        "queue a signal": ("rt_sigqueueinfo", (parent, 0, 0)),
        "trace a process": ("ptrace", (0, 0, 0, 0)),
        "read another process's memory": ("process_vm_readv", (parent, 0, 0, 0, 0, 0)),
        "write another process's memory": ("process_vm_writev", (parent, 0, 0, 0, 0, 0)),
        "hold another process": ("pidfd_open", (parent, 0)),
        "change another process's limits": ("prlimit64", (parent, _RLIMIT_NOFILE, 0, 0)),
        "bind another process to a core": ("sched_setaffinity", (parent, 0, 0)),
        "slow another process": ("setpriority", (0, parent, 0)),
        "have another process signalled": ("fcntl", (0, _F_SETOWN, parent)),
        "queue kernel work": ("io_uring_setup", (0, 0)),
        "load kernel programs": ("bpf", (0, 0, 0)),
        "watch the kernel": ("perf_event_open", (0, 0, 0, 0, 0)),
        "handle page faults": ("userfaultfd", (0,)),
        "use the kernel's key rings": ("keyctl", (0, 0, 0, 0, 0)),
        "leave its namespaces": ("unshare", (0,)),
        "mount a file system": ("mount", (0, 0, 0, 0, 0)),
        "use shared memory": ("shmget", (0, 0, 0)),
        "use message queues": ("msgget", (0, 0)),
        "watch files": ("inotify_init1", (0,)),
        "change a file's mode": ("fchmodat", (-100, 0, 0)),
        "change a file's owner": ("fchownat", (-100, 0, 0, 0, 0)),
        "change a file's times": ("utimensat", (-100, 0, 0, 0)),
        "cut a file": ("truncate", (0, 0)),
    }
    return {
        "open a network socket": lambda: socket.socket(socket.AF_INET).close(),
        "open a datagram socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
        "open a Unix socket": lambda: socket.socket(socket.AF_UNIX).close(),
        "start a process": fork,
        "keep capabilities": _privileged,
        **{name: _raw(call, arguments) for name, (call, arguments) in raw.items() if call in numbers},
    }


def _raw(name: str, arguments: tuple[int, ...]) -> Attempt:
    return lambda: system_call(name, *arguments)


def _files(walls: Walls) -> dict[str, Attempt]:
    """What Landlock refuses."""
    places: dict[str, tuple[Callable[[str], object], str]] = {
        "list the home": (os.listdir, walls.home),
        "list the root": (os.listdir, "/"),
        "read the list of users": (_read, "/etc/passwd"),
        "read its fork server's variables": (_read, f"/proc/{os.getppid()}/environ"),
        "read what other processes are called": (_read, "/proc/1/cmdline"),
        "read other workers' folders": (os.listdir, walls.folder),
        "write in its fork server's folder": (_create, f"{walls.folder}/{COMMON}"),
        "write in the home": (_create, walls.home),
        "write beside packages": (_create, str(Path(os.__file__).parent)),
        "write in the folder for all": (_create, "/tmp"),  # noqa: S108 - must fail
        "write in shared memory": (_create, "/dev/shm"),  # noqa: S108 - must fail
    }
    return {name: _at(do, place) for name, (do, place) in places.items() if Path(place).exists()}


def _at(do: Callable[[str], object], place: str) -> Attempt:
    return lambda: do(place)


def _read(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY))


def _create(folder: str) -> None:
    create(os.path.join(folder, f".autoreward-proof-{os.getpid()}"))


def _privileged() -> None:
    """Raises PermissionError if this process, as its fork server, has no capability."""
    status = Path(f"/proc/{os.getppid()}/status").read_text(encoding="ascii")
    effective = next(line for line in status.splitlines() if line.startswith("CapEff"))
    if int(effective.split()[1], 16) == 0:
        raise PermissionError(1, "it has none")
