"""Workers on a Ray cluster: every job is a Ray task, beside a jail of its own on whichever machine it lands.

A task takes a record and files and returns a record and files, so no disk is shared. The host keeps what it keeps otherwise:
the run folder, the keys, the checks of programs. Every machine needs this version of autoreward, the task's packages, and a
kernel that can lock a process.
"""

import contextlib
import functools
import importlib.util
import os
import queue
import secrets
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from autoreward.core.outcomes import Outcome
from autoreward.core.wording import Setting
from autoreward.errors import AutorewardError, JobFailed, MissingExtra, UsageError, how_to_get
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.processes.fork_client import clean_environment
from autoreward.training.local import LocalRunner
from autoreward.training.runner import Again, JobReply
from autoreward.version import __version__
from autoreward.worker.jobs.context import StepProgress
from autoreward.worker.jobs.job import Job, R

KNOCK_SECONDS = 5.0
_NODE = ("HOME", "VIRTUAL_ENV", "USER")
"""What Ray itself needs beyond what every child may inherit."""


class RemoteFailure(NamedTuple):
    """How a job failed on another machine; exceptions of more than one word do not travel."""

    kind: type[JobFailed | RewardFailed]
    outcome: Outcome
    message: str


class Cluster:
    """Implements `Runner` on a Ray cluster."""

    def __init__(self, trust_the_model: bool) -> None:
        """Join the cluster that RAY_ADDRESS names (`auto`: the one of this machine); without one, start one of this machine alone.

        Raises:
            MissingExtra: Ray is not installed.
            UsageError: the cluster can't be joined.
        """
        self._trust = trust_the_model
        self._ray = _ray()
        self._joined = not self._ray.is_initialized()
        if self._joined:
            _join(self._ray)
        # a training that is lost is run again by us, and recorded; Ray would do it in silence
        self._remote = self._ray.remote(num_cpus=1, max_retries=0)(_stream)

    @property
    def cores(self) -> int:
        """CPU cores of the whole cluster."""
        return max(int(self._ray.cluster_resources().get("CPU", 1)), 1)

    def close(self) -> None:
        """Leave the cluster; what this machine started of it ends."""
        if self._joined:
            self._ray.shutdown()

    def run(self, job: Job[R], files: Mapping[str, bytes], progress: StepProgress) -> JobReply[R]:
        """Do one job on some machine. Raises as `Runner` does; JobFailed too if that machine or its supervising process is lost."""
        from ray.exceptions import RayError, RayTaskError

        needed = {name: files[name] for name in job.takes}
        try:
            for item in self._remote.remote(__version__, self._trust, job, needed):
                answer = self._ray.get(item)
                if isinstance(answer, int):
                    progress(answer)
                elif isinstance(answer, RemoteFailure):
                    raise answer.kind(answer.outcome, answer.message)
                else:
                    reply: JobReply[R] = answer
                    return reply
        except RayTaskError as error:
            if isinstance(error.cause, AutorewardError):
                raise error.cause from None
            raise
        except RayError as error:
            why = str(error).strip().splitlines()[0]
            raise JobFailed(Outcome.LOST, f"the machine that worked on it is gone ({why})") from None
        raise JobFailed(Outcome.LOST, "the machine that worked on it sent no result")


def _stream(
    version: str, trust: bool, job: Job[Any], files: Mapping[str, bytes]
) -> Iterator[int | JobReply[Any] | RemoteFailure]:
    """Runs on a machine of the cluster: the environment steps so far, as they come, then what was made or how it failed."""
    if version != __version__:
        raise UsageError(
            f"Ray cluster: {os.uname().nodename} has autoreward {__version__}, not {version}. Install the same."
        )
    answers: queue.SimpleQueue[int | JobReply[Any] | RemoteFailure | BaseException] = queue.SimpleQueue()

    def go() -> None:
        try:
            answers.put(_here(trust).run(job, files, answers.put))
        except (JobFailed, RewardFailed) as failed:
            answers.put(RemoteFailure(type(failed), failed.outcome, failed.message))
        except BaseException as error:
            answers.put(error)

    threading.Thread(target=go, daemon=True).start()
    while True:
        answer = answers.get()
        if isinstance(answer, BaseException):
            raise answer
        yield answer
        if not isinstance(answer, int):
            return


@functools.cache
def _here(trust: bool) -> Again:
    """This Ray process's own jail and workers: kept, since starting them takes seconds. They end with the process."""
    jail = Jail(trust)
    jail.demand()
    return Again(LocalRunner(jail))


def demand_ray() -> None:
    """Raises MissingExtra if Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise MissingExtra(Setting("pool", "ray"), f" needs Ray: {how_to_get('ray')}")


def _ray() -> Any:
    demand_ray()
    if "ray" not in sys.modules and "RAY_ADDRESS" not in os.environ:
        # Whoever reaches Ray may run code, and other users of this machine do: so they need a token that they don't have.
        # It reads this when it is imported, for good. Where it may not be a cluster, it listens on the loopback address alone.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray

    return ray


def _join(ray: Any) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address := os.environ.get("RAY_ADDRESS"):
        try:
            _knock(address)
            ray.init(address=address, **quiet)
        except (OSError, ValueError) as error:
            raise UsageError(
                f"Ray: no cluster at RAY_ADDRESS={address} ({error}). Write HOST:PORT of a `ray start --head`, or auto for "
                "the one of this machine; or unset it to use the cores of this machine."
            ) from None
        return
    with _without_keys():
        ray.init(address="local", include_dashboard=False, **quiet)


def _knock(address: str) -> None:
    """Raises OSError or ValueError where nobody answers: Ray itself would go on trying for minutes."""
    if address != "auto":
        host, _, port = address.rpartition(":")
        socket.create_connection((host, int(port)), timeout=KNOCK_SECONDS).close()


@contextlib.contextmanager
def _without_keys() -> Iterator[None]:
    """Ray's processes inherit the environment they are started in, and a node has no use for a key."""
    whole = dict(os.environ)
    kept = {n: v for n, v in whole.items() if n in _NODE or n.startswith("RAY_")}
    os.environ.clear()
    os.environ.update({**clean_environment(), **kept})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(whole)
