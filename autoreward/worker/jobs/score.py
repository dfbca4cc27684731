"""Score a trained policy on held-out episodes by the task's own rule. No reward program is anywhere near."""

from collections.abc import Mapping, Sequence

import numpy as np

from autoreward.core.outcomes import Outcome
from autoreward.evaluation.limits import of_episodes, violation
from autoreward.evaluation.metrics import metrics_of_episodes
from autoreward.evaluation.stages import stages_of_episodes
from autoreward.records import EPISODES, CheckpointScore, Episode, Score, Trial, policy_file
from autoreward.tasks.card import Task
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import PolicyActions
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import RolloutEpisode
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import ScoreJob
from autoreward.worker.rollout.episodes import as_transitions, evaluated_episodes


def score(job: ScoreJob, files: Mapping[str, bytes], context: JobContext) -> tuple[Score, dict[str, bytes]]:
    """Play one deterministic episode per seed: every checkpoint on `choosing`, the one that is kept on `scoring`.

    The two must not overlap: a checkpoint is then not praised for the episodes it was chosen by.

    Returns:
        The score, and `episodes.npz`: the kept checkpoint's trajectories on `scoring`.
    """
    task, trial, choosing, scoring = job.task, job.trial, job.choosing, job.scoring
    venv = make.vectorised(task, max(len(choosing), len(scoring)), seed=0)
    context.closing.callback(venv.close)
    model, actions = policies.blank(task, context.closing), PolicyActions(venv.action_space, task.train)
    view = PolicyView(task, venv.layout)

    def play(step: int, seeds: Sequence[int]) -> tuple[list[RolloutEpisode], list[Episode]]:
        mean, variance = policies.from_bytes(model, files[policy_file(step)])
        played = venv.play(policies.policy_function(model, view, actions, mean, variance), seeds)
        return played, evaluated_episodes(task, venv, played, policies.newest_spread(view, variance), job.grading)

    points = [_point(task, step, play(step, choosing)[1]) for step in trial.checkpoints]
    kept = max(points, key=lambda p: (-p.violation, p.success, p.progress, p.step)).step
    played, episodes = play(kept, scoring)
    summary = _summary(task, trial, points, kept, episodes)
    return summary.model_copy(update={"lost_episodes": venv.lost_episodes}), {
        EPISODES: as_transitions(task, venv, played).to_bytes()
    }


def _point(task: Task, step: int, played: Sequence[Episode]) -> CheckpointScore:
    limits = of_episodes(task.limits, played)
    metrics = [e.metric for e in played if e.success]
    staged = len(played[0].stage_steps) > 1
    return CheckpointScore(
        step=step,
        success=float(np.mean([e.success for e in played])),
        progress=float(np.mean([e.progress for e in played])),
        metric=float(np.mean(metrics)) if metrics else None,
        metrics=metrics_of_episodes(tuple(task.metrics), played),
        length=float(np.mean([e.length for e in played])),
        stages=tuple(np.mean([[s > 0 for s in e.stage_steps] for e in played], axis=0).tolist()) if staged else (),
        limits={reading.name: reading.value for reading in limits},
        violation=violation(limits),
    )


def _summary(
    task: Task, trial: Trial, points: Sequence[CheckpointScore], kept: int, episodes: Sequence[Episode]
) -> Score:
    own = _point(task, kept, episodes)
    late = [p for p in points if p.step > trial.steps / 2]
    return Score(
        trial_id=trial.id,
        candidate_id=trial.candidate_id,
        outcome=Outcome.COMPLETED,
        seed=trial.seed,
        steps=trial.steps,
        checkpoints=tuple(points),
        kept=kept,
        success=own.success,
        progress=own.progress,
        metric=own.metric,
        metrics=own.metrics,
        mean_success=float(np.mean([p.success for p in late])),
        mean_progress=float(np.mean([p.progress for p in late])),
        episodes=tuple(episodes),
        ruled=task.ruled,
        limits=of_episodes(task.limits, episodes),
        stages=stages_of_episodes(task, episodes),
    )
