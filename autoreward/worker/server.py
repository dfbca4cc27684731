"""Child side of the workers: `python -P -s -m autoreward.worker.server WALLS FD`. Loads torch and SB3 once, forks per job.

It confines itself before it imports a package: gymnasium imports those that register environments, and they are tasks' code too.
"""

import faulthandler
import json
import os
import resource
import socket
import sys
import warnings
from typing import Any

from autoreward.sandbox.processes import fork_server, frames, scratch
from autoreward.worker.confine import Held, confine_all, confine_one, inherited_memory, limit_worker, own_folder
from autoreward.worker.reach import Walls, import_from_there

if __name__ == "__main__":
    WALLS = Walls.from_json(sys.argv[-2])
    import_from_there(WALLS)
    HELD, GRANTED = confine_all(WALLS)

import torch

torch.set_num_threads(1)  # before any parallel region: a forked child would wait for threads that don't exist

from stable_baselines3 import PPO  # noqa: E402
from stable_baselines3.common.env_util import make_vec_env  # noqa: E402

from autoreward.errors import AutorewardError  # noqa: E402
from autoreward.worker import denied, policies, wire  # noqa: E402
from autoreward.worker.jobs.context import JobContext  # noqa: E402
from autoreward.worker.jobs.table import JOB_TABLE  # noqa: E402


def work(request: dict[str, Any], sock: socket.socket, fds: list[int]) -> None:
    """Do one job and send its files and its report."""
    try:
        inherited = inherited_memory()
        confine_one(WALLS, HELD, GRANTED)
        record, do = JOB_TABLE[request["job"]]
        job = record.model_validate_json(request["record"])
        if job.heard:
            _be_heard(fds.pop())
        limit_worker(inherited, int(request["memory_mb"]), policies.on_gpu(job.task))
        report, files = do(job, wire.receive_files(sock, job.takes), _context(sock, fds, HELD, WALLS))
    except AutorewardError as error:
        message = denied.advised(str(error), error)
        frames.send(sock, wire.JOB_FAILED, json.dumps({"kind": type(error).__name__, "message": message}).encode())
        return
    except Exception as error:  # an environment may raise anything, and its words would be lost with the process
        kind, message = _failure(error, request)
        frames.send(sock, wire.JOB_FAILED, json.dumps({"kind": kind, "message": message}).encode())
        return
    for name, data in files.items():
        wire.send_file(sock, name, data)
    frames.send(sock, wire.JOB_REPORT, report.model_dump_json().encode())


def _be_heard(witness: int) -> None:
    """Print into that file from now on, and a traceback when the process dies of a signal."""
    os.dup2(witness, 1)
    os.dup2(witness, 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (wire.HEARD_CAP, wire.HEARD_CAP))
    faulthandler.enable(witness)


def _context(sock: socket.socket, fds: list[int], held: Held, walls: Walls) -> JobContext:
    def progress(step: int) -> None:
        frames.send(sock, wire.PROGRESS, str(step).encode())

    room = socket.socket(fileno=fds[0]) if fds else None
    return JobContext(held, walls, room, progress, lambda name, data: wire.send_file(sock, name, data))


def _failure(error: Exception, request: dict[str, Any]) -> tuple[str, str]:
    """Kind and words. torch reports a refused allocation as a RuntimeError."""
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        return "MemoryError", f"the {request['job']} process needs more than its {request['memory_mb']} MiB"
    return "Error", denied.advised(f"{type(error).__name__}: {' '.join(str(error).split())[:500]}", error)


def _warm_up() -> None:
    """Touch what is slow the first time, so that every fork starts with it done."""
    PPO("MlpPolicy", make_vec_env("CartPole-v1", 1), n_steps=8, batch_size=8, n_epochs=1, device="cpu").learn(8)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    _warm_up()
    fork_server.serve(work, lambda pid: scratch.remove(own_folder(WALLS, pid)), lambda: scratch.remove(WALLS.folder))
