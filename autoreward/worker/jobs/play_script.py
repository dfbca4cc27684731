"""Play a task's script on held-out episodes, as trained policies are scored, and in episodes that are recorded."""

from collections.abc import Mapping, Sequence

import numpy as np

from autoreward.evaluation.limits import of_episodes
from autoreward.records import CONTROLLER_EPISODES, ControllerEpisodes, Episode, ReferenceEpisode
from autoreward.worker.envs import make
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import RolloutEpisode
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.reference_episodes import SCRIPT
from autoreward.worker.jobs.script_record import ScriptJob
from autoreward.worker.rollout.episodes import as_transitions, evaluated_episodes
from autoreward.worker.scripts import ScriptPolicy


def play_script(
    job: ScriptJob, files: Mapping[str, bytes], context: JobContext
) -> tuple[ControllerEpisodes, dict[str, bytes]]:
    """One episode for each seed, one after the other.

    Returns:
        The score over `scoring`, and the episodes of `recording`, whose transitions are `proposed.npz`, one column each.

    Raises:
        TaskError: the script gives no action, or its program fails.
    """
    task = job.task
    venv = make.vectorised(task, 1, seed=0)
    context.closing.callback(venv.close)
    policy = ScriptPolicy(task, venv.layout, venv.action_space, context.room)
    view = PolicyView(task, venv.layout)

    def played(seeds: Sequence[int]) -> tuple[list[RolloutEpisode], list[Episode]]:
        episodes = [episode for seed in seeds for episode in venv.play(policy.begin(venv), [seed])]
        spread = np.concatenate([view.of(episode.observations) for episode in episodes]).std(axis=0) + 1e-4
        return episodes, evaluated_episodes(task, venv, episodes, spread, job.grading)

    _, scored = played(job.scoring)
    shown, recorded = played(job.recording) if job.recording else ([], [])
    metrics = [e.metric for e in scored if e.success]
    report = ControllerEpisodes(
        success=float(np.mean([e.success for e in scored])),
        progress=float(np.mean([e.progress for e in scored])),
        metric=float(np.mean(metrics)) if metrics else None,
        limits=of_episodes(task.limits, scored),
        recorded=tuple(ReferenceEpisode(kind=SCRIPT, episode=e) for e in recorded),
    )
    return report, {CONTROLLER_EPISODES: as_transitions(task, venv, shown).to_bytes()} if shown else {}
