"""One training: an SB3 model on the task's environments, its rewards late, its curve and checkpoints as records."""

import importlib
import socket
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

from autoreward.core.outcomes import Outcome
from autoreward.core.seeds import derive
from autoreward.errors import EnvironmentFault
from autoreward.records import LOGGED, SNAPSHOTS_FILE, TRAINING_STATE, CurvePoint, Trial, TrialJob, policy_file
from autoreward.rewards.compose import COMPOSITIONS, Combine
from autoreward.sandbox.client import RewardFailed
from autoreward.tasks.card import Task
from autoreward.worker import policies
from autoreward.worker.batched.choice import training_envs
from autoreward.worker.envs.vector import VectorEnv
from autoreward.worker.jobs.context import JobContext, StepProgress
from autoreward.worker.jobs.records import TrainJob
from autoreward.worker.rollout.buffers import RewardedReplay, RewardedRollout
from autoreward.worker.rollout.lagrangian import Lagrangian
from autoreward.worker.rollout.late_rewards import LateRewards, Normaliser
from autoreward.worker.rollout.logger import Logbook
from autoreward.worker.rollout.recorder import Recorder
from autoreward.worker.rollout.snapshots import Restarts, SnapshotSet
from autoreward.worker.rollout.sources import CandidateReward, NativeReward, RewardSource, SparseReward, ZeroReward
from autoreward.worker.rollout.training_state import go_on, training_state
from autoreward.worker.success import SuccessRule

POINTS = 2
"""Points of the learning curve per checkpoint."""


def train(work: TrainJob, files: Mapping[str, bytes], context: JobContext) -> tuple[Trial, dict[str, bytes]]:
    """Train one policy.

    Args:
        work: the task; which reward, seed and number of steps. A reward that would take too much of its time is ended by name.
        files: TRAINING_STATE of the leg before, but for the first; SNAPSHOTS_FILE where episodes begin at some.
        context: the candidate's room, none for the baselines, and who hears of progress.

    Returns:
        The trial (a failed candidate is its outcome, with the curve so far); the weights of its checkpoints, what SB3
        logged, and TRAINING_STATE.
    """
    task, job, seed = work.task, work.training, work.training.seed % 2**31
    envs = training_envs(task, work.simulator, task.train.envs, seed)
    context.closing.callback(envs.close)
    restarts = _restarts(work, files, seed)
    recorder = Recorder(envs, task, restarts)
    venv = policies.normalised(task, recorder)
    normaliser = Normaliser(task.train.envs, task.train.gamma, task.train.normalize_rewards)
    rule = SuccessRule(task, envs.time_limit, work.grading) if task.ruled else None
    rewards = LateRewards(recorder, _source(work, context.room, envs), normaliser, rule, _combine(task, job))
    model = _model_of(task, venv, seed, rewards)
    logbook = Logbook()
    model.set_logger(Logger(folder=None, output_formats=[logbook]))
    began = time.perf_counter()
    callback = CurveAndCheckpoints(rewards, venv, job, context.progress)

    def learn() -> None:
        if job.leg:
            go_on(model, venv, recorder, rewards, normaliser, files[TRAINING_STATE])
        rest = max(job.steps - model.num_timesteps, 0)  # none where the leg before overshot this one's end
        model.learn(rest, callback=callback, reset_num_timesteps=False)
        if isinstance(model, OffPolicyAlgorithm) and isinstance(model.replay_buffer, RewardedReplay):
            model.replay_buffer.fill_in()
        callback.finish()

    outcome, message = _ended(model, learn)
    seconds = time.perf_counter() - began
    steps = max(model.num_timesteps, callback.begin)  # a leg that could not go on has none of the steps before it
    trial = Trial(
        id=job.id,
        candidate_id=job.candidate_id,
        outcome=outcome,
        message=message,
        seed=job.seed,
        begin=callback.begin,
        steps=steps,
        curve=tuple(callback.curve),
        checkpoints=tuple(callback.weights),
        seconds=seconds,
        steps_per_second=(steps - callback.begin) / seconds,
        lost_episodes=envs.lost_episodes,
        simulator=work.simulator.name,
    ).model_copy(update=restarts.counts() if restarts else {})
    files = {policy_file(step): data for step, data in callback.weights.items()}
    files[LOGGED] = logbook.to_bytes()
    if outcome.ok and job.unfinished:
        going, learned = recorder.in_progress(), rewards.learned()
        files[TRAINING_STATE] = training_state(model, venv, normaliser.stats, going, learned=learned)
    return trial, files


class _Diverged(Exception):
    """A weight of the model is NaN or infinite."""


def _ended(model: BaseAlgorithm, learn: Callable[[], None]) -> tuple[Outcome, str]:
    """Learn; how that ended, and in which words. Raises what is neither the reward's, the environment's nor the optimiser's."""
    outcome, words = Outcome.COMPLETED, ""
    try:
        learn()
    except RewardFailed as failed:
        outcome, words = failed.outcome, failed.message
    except (_Diverged, EnvironmentFault, ValueError, ArithmeticError, RuntimeError, AssertionError) as error:
        # torch has an error of its own for each use of such weights, and an environment may fail by the actions they give
        if not policies.finite(model):
            outcome, words = (
                Outcome.DIVERGED,
                "a weight of the policy is NaN or infinite; observations and rewards were finite",
            )
        elif isinstance(error, EnvironmentFault):
            outcome, words = Outcome.ENVIRONMENT_FAILED, str(error)
        else:
            raise
    return outcome, words and f"after {model.num_timesteps:,} environment steps: {words}"


def _combine(task: Task, job: TrialJob) -> Combine:
    """What makes one number of the parts; of a program that learns its prices, an object that does."""
    if job.composition == "lagrange":
        return Lagrangian(task, task.train.envs, job.setup)
    return COMPOSITIONS[job.composition].start(task.train.envs, task.train.gamma, job.setup)


def _restarts(work: TrainJob, files: Mapping[str, bytes], seed: int) -> Restarts | None:
    """What decides where episodes begin; None where they begin as they do by themselves."""
    job, envs = work.training, work.task.train.envs
    if not job.snapshots:
        return None
    whole = job.schedule_steps or job.steps
    return Restarts(
        work.task, SnapshotSet.from_bytes(files[SNAPSHOTS_FILE]), envs, job.snapshots, whole, derive(seed, "restarts")
    )


def _source(work: TrainJob, room: socket.socket | None, envs: VectorEnv) -> RewardSource:
    task, job = work.task, work.training
    if job.reward == "native":
        return NativeReward()
    if job.reward == "none":
        return ZeroReward()
    if job.reward == "sparse":
        return SparseReward(SuccessRule(task, envs.time_limit), envs.num_envs)
    if room is None:
        raise ValueError(f"trial {job.id} has a candidate reward but no room to ask")
    return CandidateReward(room, job, envs.num_envs, work.limits.seconds)


def _model_of(task: Task, venv: VecNormalize, seed: int, rewards: LateRewards) -> BaseAlgorithm:
    """The task's model, with a buffer whose rewards come late. Raises TaskError as `policies.build` does."""
    spec, late = task.train.spec, {"late_rewards": rewards}
    if not spec.on_policy:
        return policies.build(task, venv, seed, replay_buffer_class=RewardedReplay, replay_buffer_kwargs=late)
    if not spec.recurrent:
        kind = _contrib_buffers(task).RewardedMaskableRollout if spec.masked else RewardedRollout
        return policies.build(task, venv, seed, rollout_buffer_class=kind, rollout_buffer_kwargs=late)
    model: Any = policies.build(task, venv, seed)
    model.rollout_buffer = _contrib_buffers(task).RewardedRecurrentRollout.instead_of(model.rollout_buffer, rewards)
    trained: BaseAlgorithm = model
    return trained


def _contrib_buffers(task: Task) -> ModuleType:
    """Raises TaskError where sb3-contrib is not installed."""
    policies.algorithm_class(task)
    return importlib.import_module("autoreward.worker.rollout.contrib_buffers")


class CurveAndCheckpoints(BaseCallback):
    """Draws the learning curve and keeps the checkpoints."""

    def __init__(self, rewards: LateRewards, venv: VecNormalize, job: TrialJob, progress: StepProgress) -> None:
        super().__init__()
        self.curve: list[CurvePoint] = []
        self.weights: dict[int, bytes] = {}
        self._rewards = rewards
        self._venv = venv
        self.begin = job.begin
        """Environment steps before this leg."""
        self._end = job.steps
        self._schedule = job.schedule_steps or job.steps
        self._checkpoints = job.checkpoints
        self._progress = progress

    def _on_training_start(self) -> None:
        self.begin = self.num_timesteps
        _model(self)._total_timesteps = self._schedule  # SB3 would take this leg for the whole
        buffer = _model(self).ep_info_buffer
        if buffer is None:
            raise TypeError("SB3 keeps no list of ended episodes")
        self._rewards.episode_infos = buffer

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        done, whole = self.num_timesteps - self.begin, self._end - self.begin
        if done < whole * (len(self.curve) + 1) / (POINTS * self._checkpoints):
            return
        self._point()
        self._progress(self.num_timesteps)
        kept = len(self.weights)
        if kept < self._checkpoints - 1 and done >= whole * (kept + 1) / self._checkpoints:
            self.weights[self.num_timesteps] = policies.to_bytes(_model(self), self._venv)

    def finish(self) -> None:
        """The last point and checkpoint, after the last gradient step. Raises if the weights are not finite."""
        if not self.curve or self.curve[-1].step < self.num_timesteps:
            self._point()
        self.weights.pop(self.num_timesteps, None)
        self.weights[self.num_timesteps] = policies.to_bytes(_model(self), self._venv)
        self._progress(self.num_timesteps)

    def _point(self) -> None:
        if not policies.finite(_model(self)):
            raise _Diverged
        logged = _model(self).logger.name_to_value
        returns, lengths = self._rewards.episode_returns, self._rewards.episode_lengths
        judged = self._rewards.judged()
        self.curve.append(
            CurvePoint(
                step=self.num_timesteps,
                episode_return=float(np.mean(returns)) if returns else None,
                episode_length=float(np.mean(lengths)) if lengths else None,
                parts=self._rewards.part_stats(),
                value_loss=_finite(logged.get("train/value_loss", logged.get("train/critic_loss"))),
                entropy=_finite(logged.get("train/entropy_loss", logged.get("train/ent_coef"))),
                progress=judged.progress if judged else None,
                success=judged.success if judged else None,
                multipliers=dict(self._rewards.lagrangian.multipliers) if self._rewards.lagrangian else {},
            )
        )
        returns.clear()
        lengths.clear()


def _model(callback: BaseCallback) -> BaseAlgorithm:
    return callback.model


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None
