"""Ask worker processes for descriptions, trainings, scores and packages; watch them; believe nothing unchecked."""

import importlib.util
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from json import loads
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from autoreward import errors
from autoreward.closing import Closing
from autoreward.config import RunConfig
from autoreward.jail.client import Jail, RewardFailed, Room
from autoreward.outcomes import Outcome
from autoreward.records import Audit, Description, Record, Score, Survey, Trial, TrialJob
from autoreward.spawn import frames
from autoreward.spawn.nursery import Child, Nursery
from autoreward.tasks import Task
from autoreward.worker import wire

SHORT_JOB_SECONDS = 600.0
MEMORY_MB = 4096
R = TypeVar("R", bound=Record)
Progress = Callable[[str, int], None]


class JobFailed(Exception):
    """A job ended without a report."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        self.outcome = outcome
        self.message = message
        super().__init__(message)


class Reply(NamedTuple):
    """A finished job's report (JSON) and files."""

    report: bytes
    files: dict[str, bytes]


class Workers(Closing):
    """Makes worker processes. Thread-safe. Use as a context manager."""

    def __init__(self, jail: Jail) -> None:
        """Nothing is started until the first job."""
        self.jail = jail
        self._nursery: Nursery | None = None
        self._lock = threading.Lock()

    @property
    def cores(self) -> int:
        """How many jobs may run side by side."""
        return os.cpu_count() or 1

    def describe(self, task: Task, seed: int, demos: bytes = b"") -> tuple[Description, dict[str, bytes]]:
        """Sample the task's environment; `demos` is an .npz of demonstrations.

        Returns:
            The description, and `samples.npz` and `pool.npz`.

        Raises:
            TaskError: the card or the demonstrations don't fit the environment.
        """
        files = {"demos.npz": demos} if demos else {}
        reply = self._finish({"job": "describe", "seed": seed, "demos": bool(demos)}, task, files)
        return _read(Description, reply.report), reply.files

    def survey(self, task: Task) -> Survey:
        """Look at the environment of a blank task. Raises TaskError if it can't be made or trained in."""
        return _read(Survey, self._finish({"job": "survey"}, task).report)

    def audit(self, task: Task) -> Audit:
        """Hold a task card against its environment. Raises TaskError if it does not fit at all."""
        return _read(Audit, self._finish({"job": "audit"}, task).report)

    def train(
        self, task: Task, job: TrialJob, config: RunConfig, progress: Progress, begun: bytes = b""
    ) -> tuple[Trial, dict[str, bytes]]:
        """Train one policy; a lost worker is tried again once. The candidate's failures are the trial's outcome.

        `begun` is the state that the leg before ended in.
        """
        for attempt in range(2):
            try:
                return self._train_once(task, job, config, progress, begun)
            except RewardFailed as failed:
                return _failed_trial(job, failed, self.jail), {}
            except JobFailed as failed:
                if failed.outcome is not Outcome.LOST or attempt:
                    return _failed_trial(job, failed, self.jail), {}
        raise AssertionError("unreachable")

    def score(
        self,
        task: Task,
        trial: Trial,
        files: Mapping[str, bytes],
        choosing: Sequence[int],
        scoring: Sequence[int],
    ) -> tuple[Score, dict[str, bytes]]:
        """Choose a trial's checkpoint and score it, in a process that never met the reward."""
        try:
            return self._score_once(task, trial, files, choosing, scoring)
        except JobFailed as failed:
            return _failed_score(trial, failed), {}

    def package(self, task: Task, weights: bytes) -> dict[str, bytes]:
        """`policy.zip` and `vecnormalize.pkl` of one checkpoint."""
        return self._finish({"job": "package"}, task, {"policy.safetensors": weights}).files

    def graph(self, task: Task, weights: bytes) -> dict[str, bytes]:
        """`policy.onnx` of one checkpoint. Raises MissingExtra without the packages that write it."""
        if not all(importlib.util.find_spec(package) for package in ("onnx", "onnxscript")):
            raise errors.MissingExtra(
                f"An ONNX file needs packages that are not installed: {errors.how_to_get('onnx')}"
            )
        return self._finish({"job": "graph"}, task, {"policy.safetensors": weights}).files

    def film(self, task: Task, weights: bytes, seed: int) -> dict[str, bytes]:
        """`clip.webp` of one episode. Raises CannotDraw where the environment can't be drawn on this machine."""
        try:
            return self._finish({"job": "film", "seed": seed}, task, {"policy.safetensors": weights}).files
        except JobFailed as failed:
            raise errors.CannotDraw(failed.message) from failed

    def close(self) -> None:
        """End every worker."""
        if self._nursery is not None:
            self._nursery.close()

    def _train_once(
        self, task: Task, job: TrialJob, config: RunConfig, progress: Progress, begun: bytes
    ) -> tuple[Trial, dict[str, bytes]]:
        room: Room | None = None
        if job.reward == "candidate":
            room = self.jail.open(job.source)
        request = {"job": "train", "trial_job": job.model_copy(update={"source": ""}).model_dump_json()}
        try:
            child = self._spawn(request, task, config.memory_mb, [] if room is None else [room.fd])
            _hand_over(child, {"state.safetensors": begun} if job.leg else {})
            reply = _watch(child, config.minutes_per_trial * 60, lambda step: progress(job.id, step))
        finally:
            if room is not None:
                room.close()
        trial = _read(Trial, reply.report)
        if trial.id != job.id:
            raise JobFailed(Outcome.CRASHED, f"the worker reported on {trial.id!r}")
        return trial.model_copy(update={"tier": self.jail.tier}), reply.files

    def _score_once(
        self,
        task: Task,
        trial: Trial,
        files: Mapping[str, bytes],
        choosing: Sequence[int],
        scoring: Sequence[int],
    ) -> tuple[Score, dict[str, bytes]]:
        request = {
            "job": "score",
            "trial": trial.model_dump_json(exclude={"curve": {"__all__": {"parts"}}}),
            "choosing": list(choosing),
            "scoring": list(scoring),
        }
        reply = self._finish(request, task, files)
        return _read(Score, reply.report), reply.files

    def _finish(self, request: Mapping[str, Any], task: Task, files: Mapping[str, bytes] | None = None) -> Reply:
        child = self._spawn(request, task, MEMORY_MB, [])
        _hand_over(child, files or {})
        return _watch(child, SHORT_JOB_SECONDS, lambda step: None)

    def _spawn(self, request: Mapping[str, Any], task: Task, memory_mb: int, fds: Sequence[int]) -> Child:
        with self._lock:
            if self._nursery is None:
                self._nursery = Nursery("autoreward.worker.server")
        return self._nursery.spawn({**request, "task": task.model_dump_json(), "memory_mb": memory_mb}, fds)


def _hand_over(child: Child, files: Mapping[str, bytes]) -> None:
    """Send files to a job. Raises JobFailed if it is gone."""
    try:
        for name, data in files.items():
            wire.send_file(child.socket, name, data)
    except OSError:
        child.close()
        raise JobFailed(Outcome.LOST, "the worker died while it was sent its files") from None


def _watch(child: Child, seconds: float, progress: Callable[[int], None]) -> Reply:
    """Take a job's frames until its report; kill its group at the deadline. Raises JobFailed, or the error it reports."""
    deadline = time.monotonic() + seconds
    files: dict[str, bytes] = {}
    try:
        while True:
            child.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            kind, payload = frames.receive(child.socket, wire.FILE_CAP)
            if kind == wire.PROGRESS:
                progress(int(payload[:20]))
            elif kind == wire.FILE:
                name, data = wire.split_file(payload)
                files[name] = data
            elif kind == wire.REPORT and len(payload) <= wire.REPORT_CAP:
                return Reply(bytes(payload), files)
            elif kind == wire.FAILED:
                raise _reported(payload)
            else:
                raise JobFailed(Outcome.CRASHED, "the worker answered nonsense")
    except TimeoutError:
        raise JobFailed(Outcome.TIMED_OUT, f"the training did not end within {seconds / 60:g} minutes") from None
    except (EOFError, frames.FrameError, ConnectionError, ValueError):
        child.kill()
        code = child.wait(10).code
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise JobFailed(Outcome.LOST, f"the worker ended without a report ({how})") from None
    finally:
        child.close()


def _reported(payload: bytearray) -> Exception:
    said = loads(bytes(payload[:8192]))
    kind, message = str(said["kind"]), str(said["message"])
    if kind == "MemoryError":
        return JobFailed(Outcome.OUT_OF_MEMORY, message)
    if kind == "CannotDraw":
        return errors.CannotDraw(message)
    if kind in ("TaskError", "UsageError", "MissingExtra"):
        return errors.TaskError(message)
    return JobFailed(Outcome.CRASHED, message)


def _read(kind: type[R], report: bytes) -> R:
    try:
        return kind.model_validate_json(report)
    except ValidationError as error:
        raise JobFailed(Outcome.CRASHED, f"the worker's report is malformed: {error.error_count()} errors") from None


def _failed_trial(job: TrialJob, failed: JobFailed | RewardFailed, jail: Jail) -> Trial:
    """The trial of a training that has nothing to show."""
    return Trial(
        id=job.id,
        candidate_id=job.candidate_id,
        outcome=failed.outcome,
        message=failed.message,
        seed=job.seed,
        begin=job.begin,
        steps=job.begin,
        tier=jail.tier,
    )


def _failed_score(trial: Trial, failed: JobFailed) -> Score:
    """The score of a policy that could not be scored."""
    return Score(trial_id=trial.id, candidate_id=trial.candidate_id, outcome=failed.outcome, message=failed.message)
