"""What workers give up before a line of a task's code: their fork server before it imports a package, each once more for itself.

Where the kernel offers less, less is given up: `Held` says what, and `autoreward doctor` tries it.
"""

import importlib.util
import os
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from autoreward.sandbox.kernel import filters, landlock, privileges, seccomp
from autoreward.sandbox.kernel.landlock import READ, Grant
from autoreward.sandbox.kernel.lock import limit_memory
from autoreward.sandbox.kernel.syscalls import NUMBERS, machine
from autoreward.sandbox.processes import scratch
from autoreward.worker.reach import Walls, grants

COMMON = "common"
"""The folder that the fork server has for itself; its workers may read it."""
Granted = tuple[Grant, ...]


class Held(NamedTuple):
    """What holds a worker."""

    landlock: int
    """Landlock ABI version; 0 without."""
    filtered: bool
    """Whether system calls are filtered."""


def confine_all(walls: Walls) -> tuple[Held, Granted]:
    """Confine this process, the fork server, and all that it will fork. To be called before any package is imported.

    Returns what holds, and what it may reach.
    """
    for left in os.listdir(walls.folder):  # by a fork server that was lost, and workers that went with it
        scratch.remove(os.path.join(walls.folder, left))
    common = os.path.join(walls.folder, COMMON)
    os.mkdir(common, 0o700)
    _live_in(common)
    if not walls.programs:
        os.environ.setdefault("PYGLFW_LIBRARY", _glfw())
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux" or machine() not in NUMBERS:
        return Held(0, filtered=False), ()
    granted = tuple(grants(walls))
    seccomp.no_new_privileges()
    abi = _landlocked(granted, walls)
    privileges.drop()
    return Held(abi, _filtered(filters.workers(machine(), walls.network, walls.programs))), granted


def confine_one(walls: Walls, held: Held, granted: Granted) -> None:
    """Confine this process, a worker, further: a folder of its own, no signals or limits for others.

    `held` and `granted` are the fork server's. Raises OSError if what held there can't be had here.
    """
    folder = own_folder(walls, os.getpid())
    os.mkdir(folder, 0o700)
    _live_in(folder)
    if held.landlock:
        common = Grant(os.path.join(walls.folder, COMMON), READ)
        own = (Grant(folder, g.rights) if g.path == walls.folder else g for g in granted)
        landlock.restrict((*own, common), walls.network)
    if held.filtered:
        seccomp.load_filter(filters.worker(machine(), os.getpid(), walls.programs))


def inherited_memory() -> int | None:
    """Bytes of addresses that the fork server has, which a worker begins with; None where nobody says it.

    To be asked before the worker is confined: /proc is out of reach afterwards.
    """
    size = Path(f"/proc/{os.getppid()}/statm")
    return int(size.read_text(encoding="ascii").split()[0]) * resource.getpagesize() if size.exists() else None


def limit_worker(inherited: int | None, more_mb: int, on_gpu: bool) -> None:
    """Cap the address space at `inherited` bytes and so much more.

    Not on a GPU: CUDA reserves addresses for all the memory of the machine and its GPUs, and nothing else that a process can set
    for itself limits what is resident.
    """
    if inherited is not None and not on_gpu:
        limit_memory(inherited + more_mb * (1 << 20))


def cut_off_forks(descriptors: Sequence[int]) -> None:
    """Processes that an environment forks get nothing of these: one that came back to us would go on as a second worker."""
    null = os.open(os.devnull, os.O_RDWR)
    os.register_at_fork(after_in_child=lambda: [os.dup2(null, descriptor) for descriptor in descriptors])


def own_folder(walls: Walls, pid: int) -> str:
    """The only folder that a worker may write in."""
    return os.path.join(walls.folder, str(pid))


def _live_in(folder: str) -> None:
    os.chdir(folder)  # what an environment writes beside itself is gone with its process
    os.environ.update({"HOME": folder, "TMPDIR": folder, "XDG_CACHE_HOME": folder, "XDG_CONFIG_HOME": folder})
    tempfile.tempdir = None


def _glfw() -> str:
    """The library that MuJoCo opens windows with: its package would start a program to find out which one to load."""
    spec = importlib.util.find_spec("glfw")
    shipped = os.path.join(os.path.dirname(spec.origin), "x11", "libglfw.so") if spec and spec.origin else ""
    return shipped if os.path.isfile(shipped) else "libglfw.so.3"


def _landlocked(granted: Granted, walls: Walls) -> int:
    try:
        return landlock.restrict(granted, walls.network)
    except OSError:
        return 0


def _filtered(program: list[filters.Instruction]) -> bool:
    try:
        seccomp.load_filter(program)
    except OSError:
        return False
    return True
