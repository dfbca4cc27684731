"""Child side of the workers: `python -P -s -m autoreward.worker.server WALLS FD`. Loads torch and SB3 once, forks per job.

It confines itself before it imports a package: gymnasium imports those that register environments, and they are tasks' code too.
"""

import contextlib
import errno
import faulthandler
import importlib
import importlib.util
import json
import os
import socket
import sys
import warnings
from contextlib import ExitStack
from typing import Any

from autoreward.sandbox.processes import fork_server, frames, scratch
from autoreward.worker.confine import (
    confine_all,
    confine_one,
    cut_off_forks,
    inherited_memory,
    limit_worker,
    own_folder,
)
from autoreward.worker.reach import Walls, import_from_there

if __name__ == "__main__":
    WALLS = Walls.from_json(sys.argv[-2])
    import_from_there(WALLS)
    HELD, GRANTED = confine_all(WALLS)

import torch

torch.set_num_threads(1)  # before any parallel region: a forked child would wait for threads that don't exist

from stable_baselines3 import PPO  # noqa: E402
from stable_baselines3.common.env_util import make_vec_env  # noqa: E402

from autoreward.errors import AutorewardError, EnvironmentFault  # noqa: E402
from autoreward.records import Record  # noqa: E402
from autoreward.worker import denied, policies, wire  # noqa: E402
from autoreward.worker.envs.handlers import by_a_handler  # noqa: E402
from autoreward.worker.envs.watchdog import BEAT  # noqa: E402
from autoreward.worker.jobs.context import JobContext  # noqa: E402
from autoreward.worker.jobs.table import JOB_TABLE  # noqa: E402


def work(request: dict[str, Any], sock: socket.socket, fds: list[int]) -> None:
    """As `_work`; where an environment closed the connection with files that are not its own, the process ends with a code that
    says so."""
    try:
        _work(request, sock, fds)
    except OSError as error:
        if error.errno == errno.EBADF:
            os._exit(wire.FILES_CLOSED)
        raise


def _work(request: dict[str, Any], sock: socket.socket, fds: list[int]) -> None:
    """Do one job and send its files and its report, then close its environments: nothing is lost where that hangs.

    `fds`: the page and the file of the host's `Vitals`, then the reward's room, if there is one.
    """
    with contextlib.suppress(EnvironmentFault), ExitStack() as closing:
        try:
            report, files = _done(request, sock, fds, closing)
        except EnvironmentFault as fault:  # it says already what to do about a wall
            _send_failure(sock, type(fault).__name__, str(fault))
        except AutorewardError as error:
            _send_failure(sock, type(error).__name__, denied.advised(str(error), error))
        except Exception as error:  # an environment may raise anything, and its words would be lost with the process
            _send_failure(sock, *_failure(error, request))
        else:
            for name, data in files.items():
                wire.send_file(sock, name, data)
            frames.send(sock, wire.JOB_REPORT, report.model_dump_json().encode())


def _done(
    request: dict[str, Any], sock: socket.socket, fds: list[int], closing: ExitStack
) -> tuple[Record, dict[str, bytes]]:
    """The job's report and files."""
    inherited = inherited_memory()
    os.dup2(fds[1], 2)
    faulthandler.enable()
    BEAT.attach(fds[0])
    cut_off_forks([sock.fileno(), *fds[2:]])
    confine_one(WALLS, HELD, GRANTED)
    record, do = JOB_TABLE[request["job"]]
    job = record.model_validate_json(request["record"])
    if job.heard:
        os.dup2(fds[1], 1)
    limit_worker(inherited, int(request["memory_mb"]), policies.on_gpu(job.task))
    return do(job, wire.receive_files(sock, job.takes), _context(sock, fds[2:], closing))


def _send_failure(sock: socket.socket, kind: str, message: str) -> None:
    frames.send(sock, wire.JOB_FAILED, json.dumps({"kind": kind, "message": message}).encode())


def _context(sock: socket.socket, fds: list[int], closing: ExitStack) -> JobContext:
    def progress(step: int) -> None:
        frames.send(sock, wire.PROGRESS, str(step).encode())

    room = socket.socket(fileno=fds[0]) if fds else None
    return JobContext(HELD, WALLS, room, progress, closing, lambda name, data: wire.send_file(sock, name, data))


def _failure(error: Exception, request: dict[str, Any]) -> tuple[str, str]:
    """Kind and words. torch reports a refused allocation as a RuntimeError."""
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        where = f": {error}" if isinstance(error, MemoryError) and str(error) else ""
        return "MemoryError", f"the {request['job']} process needs more than its {request['memory_mb']} MiB{where}"
    if by_a_handler(error):
        words = f"a signal handler that the environment installed raised {type(error).__name__}: {error}"
        return EnvironmentFault.__name__, words
    return "Error", denied.advised(f"{type(error).__name__}: {' '.join(str(error).split())[:500]}", error)


def _warm_up() -> None:
    """Touch what is slow the first time, so that every fork starts with it done."""
    PPO("MlpPolicy", make_vec_env("CartPole-v1", 1), n_steps=8, batch_size=8, n_epochs=1, device="cpu").learn(8)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    _warm_up()
    for package in filter(importlib.util.find_spec, sys.argv[1:-2]):
        importlib.import_module(package)
    fork_server.serve(work, lambda pid: scratch.remove(own_folder(WALLS, pid)), lambda: scratch.remove(WALLS.folder))
