"""Worker processes of this machine: start one per job, watch it, believe nothing unchecked."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from json import loads
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from autoreward import errors
from autoreward.core.outcomes import Outcome
from autoreward.errors import JobFailed, TaskError
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.processes import frames, scratch
from autoreward.sandbox.processes.fork_client import Child, ServerGone
from autoreward.sandbox.processes.restarting import Notice, RestartingForkServer, narrow, unheard
from autoreward.tasks.card import Task
from autoreward.tasks.process import Process
from autoreward.training.runner import JobReply
from autoreward.training.vitals import Stuck, Vitals
from autoreward.worker import wire
from autoreward.worker.jobs.context import StepProgress
from autoreward.worker.jobs.job import Job, R
from autoreward.worker.reach import Walls

CLOSE_SECONDS = 10.0
"""Longest time that a worker may take to close its environments, once it has reported."""
_ENDING = 2.0
"""Seconds that a process has for ending by itself, once its connection is closed: how it ends says why."""
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that are sent by others; a process ends by the rest for what it did itself."""
IDLE = 0.2
"""Share of its time below which a process is said to have waited."""


class Server:
    """A fork server for the workers of tasks that ask for the same, and the folder that they live in."""

    def __init__(self, task: Task, packages: Sequence[str], notice: Notice) -> None:
        """It starts with its first worker, with those of `packages` imported that are installed.

        Raises TaskError if a path of `[process]` is not there.
        """
        try:
            process = task.process.seen_from(Path("/"))
        except TaskError as error:
            raise TaskError(f"task {task.name}: {error}") from None
        home, path = _home(), os.environ.get("PYTHONPATH", "")
        if whole := [folder for folder in process.modules if Path(home).is_relative_to(folder)]:
            raise TaskError(
                f"task {task.name}: [process] modules = {whole[0]!r} holds your whole home, which no environment may see; "
                "move the module into a folder of its own, and name that."
            )
        self._folder = scratch.make_scratch()
        walls = Walls(
            **process.model_dump(),
            folder=self._folder,
            home=home,
            python_path=tuple(os.path.abspath(entry) for entry in path.split(os.pathsep) if entry),  # noqa: PTH100 - links stay
        )
        self.fork_server = RestartingForkServer(
            "autoreward.worker.server", notice=notice, arguments=(*packages, walls.to_json())
        )

    def close(self) -> None:
        """End it with every worker, and remove what they left."""
        self.fork_server.close()
        scratch.remove(self._folder)


class LocalRunner:
    """Implements `Runner`."""

    def __init__(self, jail: Jail, notice: Notice = unheard) -> None:
        """Nothing is started until the first job; `notice` is told of a fork server that was lost and started again."""
        self._jail = jail
        self._notice = notice
        self._servers: dict[tuple[Process, tuple[str, ...]], Server] = {}
        self._lock = threading.Lock()

    @property
    def cores(self) -> int:
        """CPU cores that this process may use."""
        return cores_here()

    def run(self, job: Job[R], files: Mapping[str, bytes], progress: StepProgress) -> JobReply[R]:
        """Do one job in a process of its own, its reward in a room of its own. Raises as `Runner` does."""
        if job.program is None:
            reply = self._work(job, files, (), progress)
        else:
            with self._jail.open(job.program, signature=job.signature) as room:
                reply = self._work(job, files, (room.fd,), progress)
                if job.blames_the_room(reply.report) and room.was_killed():
                    raise JobFailed(
                        Outcome.LOST, "the process of its reward was killed from outside, or for want of memory"
                    )
        _demand_own(job, reply)
        return JobReply(job.held_by(reply.report, self._jail.tier), reply.files)

    def _work(self, job: Job[R], files: Mapping[str, bytes], fds: Sequence[int], progress: StepProgress) -> JobReply[R]:
        """Have a process do it; `fds` go there."""
        with self._lock:
            asked = (job.task.process, job.packages)
            if asked not in self._servers:
                self._servers[asked] = Server(job.task, job.packages, self._notice)
            server = self._servers[asked]
        needed = {name: files[name] for name in job.takes}
        request = {"job": job.kind, "record": job.request(), "memory_mb": job.limits.memory_mb}
        with Vitals(job.task.longest_call) as vitals:
            child = server.fork_server.spawn(request, (*vitals.fds, *fds))
            try:
                _hand_over(child, needed)
                return _watch(child, job, progress, vitals)
            except JobFailed as failed:
                failed.last_words = vitals.printed()
                raise

    def close(self) -> None:
        """End every worker."""
        for server in self._servers.values():
            server.close()


def _home() -> str:
    """The person's home; one that is nowhere for a user without any, as in some containers."""
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home raises
    return home if home.startswith("/") else "/nonexistent"


def cores_here(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """CPU cores that this process may use: those it is bound to, and no more than its container's `quota` pays for."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    if not quota.is_file():
        return cores
    share, period = quota.read_text(encoding="ascii").split()
    return cores if share == "max" else max(min(cores, int(share) // int(period)), 1)


def _read(kind: type[R], report: bytes) -> R:
    """A report as a record. Raises JobFailed."""
    try:
        return kind.model_validate_json(report)
    except ValidationError as error:
        raise JobFailed(Outcome.CRASHED, f"the worker's report is malformed: {error.error_count()} errors") from None


def _demand_own(job: Job[R], reply: JobReply[R]) -> None:
    """Raises JobFailed if a reply is not on the job that was given: an environment may send reports and files of its own."""
    if not job.is_on_this(reply.report):
        raise JobFailed(Outcome.CRASHED, "the worker reported on other work than it was given")
    if sorted(reply.files) != sorted(job.makes(reply.report)):
        raise JobFailed(Outcome.CRASHED, f"the {job.kind} process sent other files than it makes")


def _hand_over(child: Child, files: Mapping[str, bytes]) -> None:
    """Send files to a job. Raises JobFailed if it is gone."""
    try:
        for name, data in files.items():
            wire.send_file(child.socket, name, data)
    except OSError:
        child.close()
        raise JobFailed(Outcome.LOST, "the worker died while it was sent its files") from None


def _watch(child: Child, job: Job[R], progress: StepProgress, vitals: Vitals) -> JobReply[R]:
    """Take a job's frames until its report; kill its group at the deadline. Raises JobFailed, or the error it reports."""
    files: dict[str, bytes] = {}
    try:
        return _until_report(child, job, progress, vitals, files)
    except JobFailed as failed:
        failed.files = files
        raise


def _until_report(
    child: Child, job: Job[R], progress: StepProgress, vitals: Vitals, files: dict[str, bytes]
) -> JobReply[R]:
    """As `_watch`; what comes is put into `files`."""
    deadline = time.monotonic() + job.limits.seconds
    try:
        while True:
            vitals.await_frame(child.socket, deadline)
            child.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            kind, payload = frames.receive(child.socket, wire.FILE_CAP)
            if kind == wire.PROGRESS:
                progress(int(payload[:20]))
            elif kind == wire.JOB_FILE:
                name, data = wire.split_file(payload)
                files[name] = data
                if len(files) > wire.FILES or sum(map(len, files.values())) > wire.FILE_CAP:
                    raise JobFailed(Outcome.CRASHED, "the worker sent more than any job makes")
            elif kind == wire.JOB_REPORT and len(payload) <= wire.REPORT_CAP:
                report = _read(job.report_type, bytes(payload))
                _let_close(child)
                return JobReply(report, files)
            elif kind == wire.JOB_FAILED:
                failure = _reported(payload)
                _let_close(child)
                raise failure
            else:
                raise JobFailed(Outcome.CRASHED, "the worker answered nonsense")
    except (TimeoutError, Stuck):
        raise _late(child, job, vitals) from None
    except EOFError:
        with contextlib.suppress(TimeoutError, ServerGone):
            child.wait(_ENDING)
        child.kill()
        raise _ended(child, job, vitals) from None
    except (frames.FrameError, ConnectionError, ValueError):
        child.kill()
        raise _ended(child, job, vitals) from None
    finally:
        child.close()


def _let_close(child: Child) -> None:
    """Let a worker that has reported close its environments; it is killed if that takes long."""
    with contextlib.suppress(TimeoutError, ServerGone):
        child.wait(CLOSE_SECONDS)


def _ended(child: Child, job: Job[Any], vitals: Vitals) -> JobFailed:
    """What to say of a process that ended without a report: within a call of its environment that is the environment's doing."""
    try:
        code = child.wait(10).code
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
    except ServerGone:
        code, how = -signal.SIGKILL, "with the process that had started it"
    if code == wire.FILES_CLOSED:
        words = f"{job.task.env}: it closed files of its process that it had not opened, its connection among them."
        return JobFailed(Outcome.ENVIRONMENT_FAILED, words + vitals.last_words())
    if vitals.call.going_on and -code not in FROM_OUTSIDE:
        words = f"{job.task.env}: {vitals.call.words} ended its process ({how}).{vitals.last_words()}"
        return JobFailed(Outcome.ENVIRONMENT_FAILED, words)
    words = f"the {job.kind} process ended without a report ({how}).{narrow()}{vitals.last_words()}"
    return JobFailed(Outcome.LOST, words)


def _late(child: Child, job: Job[Any], vitals: Vitals) -> JobFailed:
    """What to say of a job that is not done in time: it was stopped, or its environment hangs, or it needs longer."""
    limits = job.limits
    whole = f"within {limits.seconds / 60:g} minutes"
    if stopped(child.pid):
        return JobFailed(
            Outcome.LOST, f"the {job.kind} process did not end {whole}: it was stopped from outside (SIGSTOP)"
        )
    child.kill()
    if vitals.too_slow():
        more = " Its card can give a call more: longest_call, in seconds." if vitals.lasts() > vitals.longest else ""
        words = f"{job.task.env}: {vitals.call.words} had not returned after {vitals.lasts():.0f} s.{more}{vitals.last_words()}"
        return JobFailed(Outcome.ENVIRONMENT_FAILED, words)
    try:
        used = child.wait(10).cpu_seconds
    except (TimeoutError, ServerGone):
        used = limits.seconds
    idle = f"; it used the processor for {used:.0f} s of that, and waited" if used < IDLE * limits.seconds else ""
    return JobFailed(Outcome.OVERDUE, f"the {job.kind} process did not end {whole}{idle}{limits.way_out}")


def stopped(pid: int) -> bool:
    """Whether a process is held by a signal; False where that can't be found out (macOS)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state in ("T", "t")


def _reported(payload: bytearray) -> Exception:
    """The failure that a worker tells of. Raises ValueError if it can't be read."""
    try:
        failure = loads(bytes(payload[: wire.JOB_FAILURE_CAP]))
        kind, message = str(failure["kind"]), str(failure["message"])
    except (KeyError, TypeError, RecursionError):
        raise ValueError("no failure") from None
    if kind == "MemoryError":
        return JobFailed(Outcome.SHORT_OF_MEMORY, f"{message}.{narrow()}" if narrow() else message)
    if kind == "CannotDraw":
        return errors.CannotDraw(message)
    if kind == "EnvironmentFault":
        return JobFailed(Outcome.ENVIRONMENT_FAILED, message)
    if kind in ("TaskError", "UsageError", "MissingExtra"):
        return errors.TaskError(message)
    return JobFailed(Outcome.CRASHED, message)
