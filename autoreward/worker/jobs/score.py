"""Score a trained policy on held-out episodes by the task's own rule. No reward program is anywhere near."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import DummyVecEnv

from autoreward.core.outcomes import Outcome
from autoreward.core.transitions import Transitions
from autoreward.records import EPISODES, CheckpointScore, Episode, Score, Trial, policy_file
from autoreward.tasks.card import Task
from autoreward.worker import policies
from autoreward.worker.envs import make
from autoreward.worker.envs.fields import action_fields, state_fields
from autoreward.worker.envs.flatten import Layout, layout
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.records import ScoreJob
from autoreward.worker.success import Judge

Choose = Callable[[NDArray[Any]], Any]
"""Observations (m, d) -> m actions."""


class Walk(NamedTuple):
    """One episode's raw arrays."""

    observations: NDArray[Any]
    """Shape (L + 1, d)."""
    actions: NDArray[Any]
    """Shape (L,) or (L, a)."""
    terminated: bool


def score(job: ScoreJob, files: Mapping[str, bytes], context: JobContext) -> tuple[Score, dict[str, bytes]]:
    """Play one deterministic episode per seed: every checkpoint on `choosing`, the one that is kept on `scoring`.

    The two must not overlap: a checkpoint is then not praised for the episodes it was chosen by.

    Returns:
        The score, and `episodes.npz`: the kept checkpoint's trajectories on `scoring`.
    """
    task, trial, choosing, scoring = job.task, job.trial, job.choosing, job.scoring
    envs = [make.make_env(task) for _ in range(max(len(choosing), len(scoring)))]
    place = layout(envs[0])
    judge = Judge(task, make.time_limit(envs[0], task))
    model = policies.build(task, DummyVecEnv([lambda: make.make_env(task)]), seed=0)

    def play(step: int, seeds: Sequence[int]) -> tuple[list[Walk], list[Episode]]:
        mean, variance = policies.from_bytes(model, files[policy_file(step)])
        walks = walk(envs[: len(seeds)], chooser(model, mean, variance), seeds)
        return walks, [judged_rollout(task, place, judge, walk, np.sqrt(variance + policies.EPSILON)) for walk in walks]

    points = [_point(step, play(step, choosing)[1]) for step in trial.checkpoints]
    kept = max(points, key=lambda p: (p.success, p.progress, p.step)).step
    walks, episodes = play(kept, scoring)
    for env in envs:
        env.close()
    return _summary(trial, points, kept, episodes, task.ruled), {
        EPISODES: trajectories(task, place, envs[0].action_space, walks).to_bytes()
    }


def walk(envs: Sequence[gymnasium.Env[Any, Any]], choose: Choose, seeds: Sequence[int]) -> list[Walk]:
    """One whole episode per environment and seed."""
    seen = [[np.asarray(env.reset(seed=seed % 2**31)[0])] for env, seed in zip(envs, seeds, strict=True)]
    taken: list[list[Any]] = [[] for _ in envs]
    terminated = [False] * len(envs)
    alive = list(range(len(envs)))
    while alive:
        actions = choose(np.stack([seen[i][-1] for i in alive]))
        still = []
        for i, action in zip(alive, actions, strict=True):
            observation, _, ended, cut, _ = envs[i].step(action)
            seen[i].append(np.asarray(observation))
            taken[i].append(action)
            terminated[i] = bool(ended)
            if not (ended or cut):
                still.append(i)
        alive = still
    return [Walk(np.stack(s), np.stack(a), e) for s, a, e in zip(seen, taken, terminated, strict=True)]


def chooser(model: BaseAlgorithm, mean: NDArray[Any], variance: NDArray[Any]) -> Choose:
    """The policy as a function of observations as the environment gives them."""

    def choose(now: NDArray[Any]) -> NDArray[Any]:
        view = np.clip((now - mean) / np.sqrt(variance + policies.EPSILON), -policies.CLIP, policies.CLIP)
        return model.predict(view.astype(np.float32), deterministic=True)[0]

    return choose


def judged_rollout(task: Task, place: Layout, judge: Judge, walk: Walk, spread: NDArray[Any]) -> Episode:
    """The judgement of one episode; `spread` (d,) is what a change of the observation is measured in."""
    movement = float(np.abs(np.diff(walk.observations, axis=0) / spread).mean())
    return judge.judge(state_fields(task, place, walk.observations[1:]), walk.terminated, movement)


def _point(step: int, played: Sequence[Episode]) -> CheckpointScore:
    metrics = [e.metric for e in played if e.success]
    return CheckpointScore(
        step=step,
        success=float(np.mean([e.success for e in played])),
        progress=float(np.mean([e.progress for e in played])),
        metric=float(np.mean(metrics)) if metrics else None,
        length=float(np.mean([e.length for e in played])),
    )


def _summary(
    trial: Trial, points: Sequence[CheckpointScore], kept: int, episodes: Sequence[Episode], ruled: bool
) -> Score:
    own = _point(kept, episodes)
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
        mean_success=float(np.mean([p.success for p in late])),
        mean_progress=float(np.mean([p.progress for p in late])),
        episodes=tuple(episodes),
        ruled=ruled,
    )


def trajectories(task: Task, place: Layout, actions_of: spaces.Space[Any], walks: Sequence[Walk]) -> Transitions:
    """Episodes as columns; after its end an episode's last row repeats with step 0."""
    longest = max(len(w.actions) for w in walks)

    def column(rows: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([rows, np.repeat(rows[-1:], longest - len(rows), axis=0)])

    actions = np.stack([column(w.actions) for w in walks], axis=1)
    lengths = np.array([len(w.actions) for w in walks])
    clock = np.arange(1, longest + 1)[:, None]
    return Transitions(
        state=state_fields(task, place, np.stack([column(w.observations[:-1]) for w in walks], axis=1)),
        action=action_fields(task, actions_of, actions),
        next_state=state_fields(task, place, np.stack([column(w.observations[1:]) for w in walks], axis=1)),
        step=np.where(clock <= lengths, clock, 0),
        terminated=(clock == lengths) & np.array([w.terminated for w in walks]),
    )
