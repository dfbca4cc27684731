"""Ask for descriptions, trainings, scores and packages; what a candidate or a lost process does wrong is a record."""

import importlib.util
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from autoreward import errors
from autoreward.config import RunConfig
from autoreward.core.closing import Closing
from autoreward.core.outcomes import Outcome
from autoreward.errors import JobFailed
from autoreward.records import (
    DEMONSTRATIONS,
    FRAMES_FILE,
    TASKS_OWN,
    UNGRADED,
    Audit,
    Description,
    EnvCheck,
    Exploration,
    Grading,
    Hunted,
    Score,
    Survey,
    TrainingSimulator,
    Trial,
    TrialJob,
    VariedEpisodes,
    WorkerProtection,
)
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.processes.restarting import Notice, unheard
from autoreward.settings import SimulatorSetting
from autoreward.tasks.card import Task
from autoreward.tasks.files import placeholder_task
from autoreward.training.cut_short import cut_short
from autoreward.training.local import LocalRunner
from autoreward.training.runner import Again, JobReply, Runner
from autoreward.worker.jobs.context import StepProgress
from autoreward.worker.jobs.hunting_records import ExploreJob, HuntJob
from autoreward.worker.jobs.job import Job, JobLimits, R
from autoreward.worker.jobs.play_record import PlayJob, PlayReport
from autoreward.worker.jobs.records import (
    WEIGHTS_FILE,
    AuditJob,
    CheckEnvJob,
    DescribeJob,
    FilmJob,
    GraphJob,
    PackageJob,
    ProtectionJob,
    ScoreJob,
    SurveyJob,
    TrainJob,
)
from autoreward.worker.jobs.reel_record import ReelJob, ReelReport
from autoreward.worker.jobs.similarity_record import Similarities, SimilarityJob
from autoreward.worker.jobs.vary_record import VaryJob

_PATIENCE = 30.0
"""Seconds within which one call has to return where an environment is checked, if its card says nothing."""
_CHECK_CALLS = 20
"""How many times the limit of one call a whole check of an environment may take."""


class Workers(Closing):
    """Worker processes and what they make. Thread-safe. Use as a context manager."""

    def __init__(self, jail: Jail, runner: Runner | None = None, notice: Notice = unheard) -> None:
        """`runner` trains and scores; None does it here, as all else is done. `notice` is told of what is lost and done again."""
        self.jail = jail
        self._local = LocalRunner(jail, notice)
        self._here = Again(self._local, notice)
        self._runner = Again(runner, notice) if runner else self._here

    @property
    def cores(self) -> int:
        """How many jobs may run side by side."""
        return self._runner.cores

    def describe(
        self, task: Task, seed: int, demos: bytes = b"", simulator: SimulatorSetting = "gymnasium"
    ) -> tuple[Description, dict[str, bytes]]:
        """Sample the task's environment; `demos` is an .npz of demonstrations, `simulator` what trainings may step.

        Returns:
            The description, and `samples.npz` and `reference_episodes.npz`.

        Raises:
            TaskError: the environment fails, or the card or the demonstrations don't fit it.
        """
        job = DescribeJob(task=task, seed=seed, simulator=simulator, demonstrated=bool(demos))
        return self.look(job, {DEMONSTRATIONS: demos})

    def explore(
        self, task: Task, seed: int, steps: int, config: RunConfig, grading: Grading = UNGRADED
    ) -> tuple[Exploration, dict[str, bytes]]:
        """Look for episodes that random actions don't give, without a reward: the record, and `explored.npz`.

        Raises:
            TaskError: the environment fails, or has no time for it.
        """
        job = ExploreJob(task=task, seed=seed, steps=steps, grading=grading, limits=job_limits(config))
        return self.look(job, {})

    def hunt(self, job: HuntJob) -> tuple[Hunted, dict[str, bytes]]:
        """Hunt for an exploit of a program; what fails is an outcome of the report, with no file."""
        try:
            return self._runner.run(job, {}, _untold)
        except (RewardFailed, JobFailed) as failed:
            return Hunted(candidate_id=job.training.candidate_id, outcome=failed.outcome, message=failed.message), {}

    def survey(self, task: Task) -> Survey:
        """Look at the environment of a blank task. Raises TaskError if it can't be made or trained in."""
        return self.look(SurveyJob(task=task), {}).report

    def check_env(self, task: Task, patience: float | None = None) -> EnvCheck:
        """What could go wrong with a task's environment; where it ends its process, what was found until then, and that.

        `patience` is the seconds within which one call of it has to return: the card's longest_call, or 30, if not given.

        Raises TaskError if `[process]` can't be had.
        """
        patience = patience or task.longest_call or _PATIENCE
        limits = JobLimits(seconds=_CHECK_CALLS * patience)
        try:
            return self._local.run(CheckEnvJob(task=task, patience=patience, limits=limits), {}, _untold).report
        except JobFailed as failed:
            return cut_short(task, failed, patience)

    def audit(self, task: Task) -> Audit:
        """Hold a task card against its environment. Raises TaskError if it does not fit at all."""
        return self.look(AuditJob(task=task), {}).report

    def protection(self) -> WorkerProtection:
        """What holds the workers of a task that asks for nothing, as one of them tries it. Raises JobFailed, JailError."""
        task = placeholder_task("CartPole-v1", {}, "doctor")  # any that asks for nothing: it is not made
        return self._local.run(ProtectionJob(task=task), {}, _untold).report

    def train(
        self,
        task: Task,
        job: TrialJob,
        config: RunConfig,
        progress: StepProgress,
        files: Mapping[str, bytes] = MappingProxyType({}),
        grading: Grading = UNGRADED,
        simulator: TrainingSimulator = TASKS_OWN,
    ) -> tuple[Trial, dict[str, bytes]]:
        """Train one policy; a lost worker is tried again once. The candidate's failures are the trial's outcome.

        `files` are what it goes on from and begins episodes at, by name; `grading` is what the progress of training episodes is
        measured by; `simulator` was chosen when the environment was described. Only the task's own has snapshots.
        """
        reached = job.begin

        def note(step: int) -> None:
            nonlocal reached
            reached = max(reached, step)
            progress(step)

        simulator = TASKS_OWN if job.snapshots else simulator
        with_its, limits = task.trained_with(job.settings), job_limits(config)
        training = TrainJob(task=with_its, training=job, grading=grading, simulator=simulator, limits=limits)
        try:
            return self._runner.run(training, files, note)
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
        grading: Grading = UNGRADED,
    ) -> tuple[Score, dict[str, bytes]]:
        """Choose a trial's checkpoint and score it, where the reward never was; a lost worker is tried again once."""
        job = ScoreJob(
            task=task,
            trial=trial,
            choosing=tuple(choosing),
            scoring=tuple(scoring),
            grading=grading,
            limits=job_limits(config),
        )
        try:
            return self._runner.run(job, files, _untold)
        except JobFailed as failed:
            return _failed_score(trial, failed), {}

    def package(self, task: Task, weights: bytes) -> dict[str, bytes]:
        """`policy.zip` and `vecnormalize.pkl` of one checkpoint. Raises JobFailed."""
        return self._here.run(PackageJob(task=task), {WEIGHTS_FILE: weights}, _untold).files

    def graph(self, task: Task, weights: bytes) -> dict[str, bytes]:
        """`policy.onnx` of one checkpoint. Raises MissingExtra without the packages that write it, JobFailed."""
        if not all(importlib.util.find_spec(package) for package in ("onnx", "onnxscript")):
            raise errors.MissingExtra(
                f"An ONNX file needs packages that are not installed: {errors.how_to_get('onnx')}"
            )
        return self._here.run(GraphJob(task=task), {WEIGHTS_FILE: weights}, _untold).files

    def film(self, task: Task, weights: bytes, seed: int) -> dict[str, bytes]:
        """`clip.webp` of one episode. Raises CannotDraw where the environment can't be drawn on this machine."""
        return self._filmed(FilmJob(task=task, seed=seed), weights)

    def reel(self, task: Task, weights: bytes, seed: int, width: int, most: int) -> tuple[ReelReport, dict[str, bytes]]:
        """One episode in at most `most` frames of that width, in pixels; its files as `ReelJob.makes` names them.

        Raises CannotDraw where the environment can't be drawn on this machine.
        """
        job = ReelJob(task=task, seed=seed, width=width, most=most)
        try:
            made = self._here.run(job, {WEIGHTS_FILE: weights}, _untold)
        except JobFailed as failed:
            raise errors.CannotDraw(failed.message) from failed
        return made.report, dict(made.files)

    def frames(self, task: Task, weights: bytes, seed: int, count: int) -> bytes:
        """A PNG with `count` frames of one episode. Raises CannotDraw where the environment can't be drawn on this machine."""
        return self._filmed(FilmJob(task=task, seed=seed, frames=count), weights)[FRAMES_FILE]

    def _filmed(self, job: FilmJob, weights: bytes) -> dict[str, bytes]:
        try:
            return self._here.run(job, {WEIGHTS_FILE: weights}, _untold).files
        except JobFailed as failed:
            raise errors.CannotDraw(failed.message) from failed

    def play(self, job: PlayJob, policies: Sequence[bytes]) -> tuple[PlayReport, bytes]:
        """A film of one episode of each policy, side by side, and how they went; `policies`: the weights of each.

        Raises:
            MissingExtra: the film is to be an MP4, and what writes one is not installed.
            JobFailed: no episode could be played.
        """
        if job.form == "mp4" and not importlib.util.find_spec("av"):
            raise errors.MissingExtra(f"An MP4 needs a package that is not installed: {errors.how_to_get('film')}")
        made = self._here.run(job, dict(zip(job.takes, policies, strict=True)), _untold)
        return made.report, made.files[job.file]

    def similarity(self, job: SimilarityJob, weights: bytes = b"") -> Similarities:
        """How much an episode looks like what its card says. Raises CannotDraw, TaskError, JobFailed."""
        return self._here.run(job, {WEIGHTS_FILE: weights}, _untold).report

    def vary(self, job: VaryJob, weights: bytes) -> VariedEpisodes:
        """A policy where its environment varies. Raises JobFailed: it can't vary so, or fails then."""
        return self._here.run(job, {WEIGHTS_FILE: weights}, _untold).report

    def close(self) -> None:
        """End every worker."""
        self._runner.close()
        self._local.close()

    def look(self, job: Job[R], files: Mapping[str, bytes]) -> JobReply[R]:
        """Do a job that meets the environment for the first time. Raises TaskError if it fails there."""
        task = job.task
        try:
            return self._here.run(job, files, _untold)
        except RewardFailed as failed:
            line = f" line {failed.line}" if failed.line else ""
            raise errors.TaskError(f"task {task.name}, script {task.script}{line}: {failed.message}.") from None
        except JobFailed as failed:
            if failed.outcome in (Outcome.LOST, Outcome.SHORT_OF_MEMORY):
                words = failed.message.rstrip(".")
                raise errors.TaskError(f"task {task.name} could not be tried on this machine: {words}.") from None
            words = failed.message.removeprefix(f"{task.env}: ").rstrip(".")
            told = "[process]" in words or failed.outcome is Outcome.OVERDUE
            look = "" if told else " Look at its id, its kwargs and its code."
            raise errors.TaskError(f"task {task.name}: {task.env} failed when it was tried: {words}.{look}") from None


def job_limits(config: RunConfig) -> JobLimits:
    """Those of a training, and of its scoring."""
    return JobLimits(
        seconds=config.minutes_per_trial * 60,
        memory_mb=config.memory_mb,
        way_out="; give it more minutes_per_trial",
    )


def _untold(step: int) -> None:
    """Progress of a job that takes no environment steps which anybody counts."""


def _failed_trial(job: TrialJob, failed: JobFailed | RewardFailed, reached: int, jail: Jail) -> Trial:
    """The trial of a training that has nothing to show, and took the environment steps up to `reached`."""
    return Trial(
        id=job.id, candidate_id=job.candidate_id, outcome=failed.outcome, message=failed.message,
        seed=job.seed, begin=job.begin, steps=reached, tier=jail.tier,
    )  # fmt: skip


def _failed_score(trial: Trial, failed: JobFailed) -> Score:
    """The score of a policy that could not be scored."""
    return Score(trial_id=trial.id, candidate_id=trial.candidate_id, outcome=failed.outcome, message=failed.message)
