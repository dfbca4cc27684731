"""What a worker gives up once its environments are built: it never holds candidate code, so this is a second wall."""

import sys

from autoreward.jail.kernel import filters, seccomp
from autoreward.jail.kernel.numbers import NUMBERS, machine
from autoreward.tasks import Task


def confine(task: Task) -> None:
    """No new sockets and no new programs, unless the task's environment needs them; no other processes or kernel corners.

    Does nothing where there is no filter to load (macOS, kernels that refuse it): `autoreward doctor` says so.
    """
    if sys.platform != "linux" or machine() not in NUMBERS:
        return
    program = filters.worker(machine(), network=task.process.network, programs=task.process.programs)
    try:
        seccomp.load(program)
    except OSError:
        return
