"""Ask for descriptions, trainings, scores and packages; what a candidate or a lost process does wrong is a record."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from autoreward import errors
from autoreward.config import RunConfig
from autoreward.core.closing import Closing
from autoreward.core.outcomes import Outcome
from autoreward.errors import JobFailed
from autoreward.records import Audit, Description, Score, Survey, Trial, TrialJob, WorkerProtection
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.processes.restarting import Notice, unheard
from autoreward.tasks.card import Task
from autoreward.tasks.files import placeholder_task
from autoreward.training.local import LocalRunner, WorkerReply, read
from autoreward.training.runner import Progress, Runner

T = TypeVar("T")
WEIGHTS = "policy.safetensors"
"""What a job that needs one checkpoint is sent."""


class Workers(Closing):
    """Worker processes and what they make. Thread-safe. Use as a context manager."""

    def __init__(self, jail: Jail, runner: Runner | None = None, notice: Notice = unheard) -> None:
        """`runner` trains and scores; None does it here, as all else is done. `notice` is told of what is lost and done again."""
        self.jail = jail
        self._notice = notice
        self._local = LocalRunner(jail, notice)
        self._runner: Runner = runner or self._local

    @property
    def cores(self) -> int:
        """How many jobs may run side by side."""
        return self._runner.cores

    def describe(self, task: Task, seed: int, demos: bytes = b"") -> tuple[Description, dict[str, bytes]]:
        """Sample the task's environment; `demos` is an .npz of demonstrations.

        Returns:
            The description, and `samples.npz` and `pool.npz`.

        Raises:
            TaskError: the environment fails, or the card or the demonstrations don't fit it.
        """
        files = {"demos.npz": demos} if demos else {}
        asked = {"job": "describe", "seed": seed, "demos": bool(demos)}
        reply = self._look(asked, task, files, ("pool.npz", "samples.npz"))
        return read(Description, reply.report), reply.files

    def survey(self, task: Task) -> Survey:
        """Look at the environment of a blank task. Raises TaskError if it can't be made or trained in."""
        return read(Survey, self._look({"job": "survey"}, task, {}).report)

    def audit(self, task: Task) -> Audit:
        """Hold a task card against its environment. Raises TaskError if it does not fit at all."""
        return read(Audit, self._look({"job": "audit"}, task, {}).report)

    def protection(self) -> WorkerProtection:
        """What holds the workers of a task that asks for nothing, as one of them tries it. Raises JobFailed, JailError."""
        task = placeholder_task("CartPole-v1", {}, "doctor")  # any that asks for nothing: it is not made
        return read(WorkerProtection, self._local.run({"job": "attempt"}, task, {}).report)

    def train(
        self, task: Task, job: TrialJob, config: RunConfig, progress: Progress, begun: bytes = b""
    ) -> tuple[Trial, dict[str, bytes]]:
        """Train one policy; a lost worker is tried again once. The candidate's failures are the trial's outcome.

        `begun` is the state that the leg before ended in.
        """
        reached = job.begin

        def note(trial_id: str, step: int) -> None:
            nonlocal reached
            reached = max(reached, step)
            progress(trial_id, step)

        try:
            return self._again_if_lost(job.id, lambda: self._runner.train(task, job, config, note, begun))
        except (RewardFailed, JobFailed) as failed:
            return _failed_trial(job, failed, reached, self.jail), {}

    def score(
        self,
        task: Task,
        trial: Trial,
        config: RunConfig,
        files: Mapping[str, bytes],
        choosing: Sequence[int],
        scoring: Sequence[int],
    ) -> tuple[Score, dict[str, bytes]]:
        """Choose a trial's checkpoint and score it, where the reward never was; a lost worker is tried again once."""
        try:
            return self._again_if_lost(
                f"scoring {trial.id}", lambda: self._runner.score(task, trial, config, files, choosing, scoring)
            )
        except JobFailed as failed:
            return _failed_score(trial, failed), {}

    def package(self, task: Task, weights: bytes) -> dict[str, bytes]:
        """`policy.zip` and `vecnormalize.pkl` of one checkpoint. Raises JobFailed."""
        return self._do({"job": "package"}, task, {WEIGHTS: weights}, ("policy.zip", "vecnormalize.pkl")).files

    def graph(self, task: Task, weights: bytes) -> dict[str, bytes]:
        """`policy.onnx` of one checkpoint. Raises MissingExtra without the packages that write it, JobFailed."""
        if not all(importlib.util.find_spec(package) for package in ("onnx", "onnxscript")):
            raise errors.MissingExtra(
                f"An ONNX file needs packages that are not installed: {errors.how_to_get('onnx')}"
            )
        return self._do({"job": "graph"}, task, {WEIGHTS: weights}, ("policy.onnx",)).files

    def film(self, task: Task, weights: bytes, seed: int) -> dict[str, bytes]:
        """`clip.webp` of one episode. Raises CannotDraw where the environment can't be drawn on this machine."""
        try:
            return self._do({"job": "film", "seed": seed}, task, {WEIGHTS: weights}, ("clip.webp",)).files
        except JobFailed as failed:
            raise errors.CannotDraw(failed.message) from failed

    def close(self) -> None:
        """End every worker."""
        self._runner.close()
        self._local.close()

    def _look(
        self, request: Mapping[str, Any], task: Task, files: Mapping[str, bytes], makes: Sequence[str] = ()
    ) -> WorkerReply:
        """Do a job that meets the environment for the first time. Raises TaskError if it fails there."""
        try:
            return self._do(request, task, files, makes)
        except JobFailed as failed:
            if failed.outcome in (Outcome.LOST, Outcome.OUT_OF_MEMORY):
                said = f"task {task.name} could not be tried on this machine: {failed.message.rstrip('.')}."
                raise errors.TaskError(said) from None
            raise errors.TaskError(
                f"task {task.name}: {task.env} failed when it was tried: {failed.message}. Look at its id, its kwargs and its code."
            ) from None

    def _do(
        self, request: Mapping[str, Any], task: Task, files: Mapping[str, bytes], makes: Sequence[str] = ()
    ) -> WorkerReply:
        """Do a job here, which makes these files; a lost worker is tried again once.

        Raises JobFailed, and what is wrong with the task.
        """
        reply = self._again_if_lost(str(request["job"]), lambda: self._local.run(request, task, files))
        if sorted(reply.files) != sorted(makes):
            raise JobFailed(Outcome.CRASHED, f"the {request['job']} process sent other files than it makes")
        return reply

    def _again_if_lost(self, what: str, do: Callable[[], T]) -> T:
        """What `do` makes; where its worker is lost, that is said and it is done once more. Raises what `do` raises."""
        try:
            return do()
        except JobFailed as failed:
            if failed.outcome is not Outcome.LOST:
                raise
            self._notice(f"{what} is run again: {failed.message.rstrip('.')}.")
        return do()


def _failed_trial(job: TrialJob, failed: JobFailed | RewardFailed, reached: int, jail: Jail) -> Trial:
    """The trial of a training that has nothing to show, and took the environment steps up to `reached`."""
    return Trial(
        id=job.id,
        candidate_id=job.candidate_id,
        outcome=failed.outcome,
        message=failed.message,
        seed=job.seed,
        begin=job.begin,
        steps=reached,
        tier=jail.tier,
    )


def _failed_score(trial: Trial, failed: JobFailed) -> Score:
    """The score of a policy that could not be scored."""
    return Score(trial_id=trial.id, candidate_id=trial.candidate_id, outcome=failed.outcome, message=failed.message)
