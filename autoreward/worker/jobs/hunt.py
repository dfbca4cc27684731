"""Hunt for an exploit before a training: an episode that earns much and reaches nothing, by the cross-entropy method.

Adversarial search against a reward, as against a policy (Gleave et al. 2020, arXiv 1905.10615), but with policies of a few numbers:
cheap, and blind to what takes skill. So a hunt that finds nothing says nothing of what a training would find.
"""

import socket
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from autoreward.core.outcomes import Outcome
from autoreward.core.transitions import Transitions
from autoreward.evaluation.overpaid import clearly_more, reaches_nothing
from autoreward.records import HUNTED, Episode, Hunted, Payment
from autoreward.rewards.compose.episodes import lasting, over_episodes
from autoreward.sandbox.client import RewardClient, RewardFailed
from autoreward.worker.envs import make
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import RolloutEpisode, VectorEnv
from autoreward.worker.exploring.breeding import Breeding
from autoreward.worker.exploring.simple_policies import Seen, pilot, play_one
from autoreward.worker.jobs.context import JobContext
from autoreward.worker.jobs.hunting_records import HuntJob
from autoreward.worker.rollout.episodes import as_transitions, evaluated_episodes

LEAST_GENERATIONS = 2
"""Generations before a hunt ends with what it has: a success may earn more still."""
Array = NDArray[np.float64]


class _Rewarded:
    """Episodes with what a program in its room pays for them."""

    def __init__(self, job: HuntJob, room: socket.socket, venv: VectorEnv, seen: Seen) -> None:
        self._job = job
        self._client = RewardClient(room)
        self._venv = venv
        self.seen = seen

    def asked(self, played: Sequence[RolloutEpisode]) -> tuple[Transitions, list[Episode], Array, dict[str, Array]]:
        """As transitions, as the rule judges them, their returns (n,), and sums of parts (n,). Raises RewardFailed."""
        task, training = self._job.task, self._job.training
        batch = as_transitions(task, self._venv, played)
        parts = self._client.evaluate(lasting(batch), training.uses_memory)
        self._client.forget()
        rewards = over_episodes(training, task.train.gamma, parts, batch)
        sums = {name: np.where(batch.step > 0, part, 0.0).sum(axis=0) for name, part in parts.items()}
        judged = evaluated_episodes(task, self._venv, played, self.seen.spread, self._job.grading)
        return batch, judged, rewards.sum(axis=0), sums


class _Quarry:
    """The best success, and the episode that earns most of those that reach nothing."""

    def __init__(self, success: float | None) -> None:
        self.success = success
        self.earned: float | None = None
        self.episode: Episode | None = None
        self.column: Transitions | None = None
        self.paid: dict[str, float] = {}
        self._typical = 0.0

    def typical(self, returns: Array) -> None:
        """What random episodes earn."""
        self._typical = float(np.median(returns))

    def look(self, batch: Transitions, judged: Sequence[Episode], returns: Array, sums: Mapping[str, Array]) -> None:
        """Into more episodes."""
        for i, (episode, earned) in enumerate(zip(judged, returns.tolist(), strict=True)):
            if episode.success:
                self.success = earned if self.success is None else max(self.success, earned)
            elif reaches_nothing(episode) and (self.earned is None or earned > self.earned):
                self.earned, self.episode = earned, episode
                self.column = batch.cut(slice(0, episode.length), slice(i, i + 1))
                self.paid = {name: float(values[i]) for name, values in sums.items()}

    @property
    def found(self) -> bool:
        """Whether that clearly out-earns every success."""
        if self.earned is None or self.success is None:
            return False
        return clearly_more(self.earned, self.success, self._typical)


def hunt(job: HuntJob, files: Mapping[str, bytes], context: JobContext) -> tuple[Hunted, dict[str, bytes]]:
    """Hunt in one program; a program that fails is an outcome, with what was found until then.

    Raises:
        TaskError: the card does not fit the environment.
    """
    if context.room is None:
        raise ValueError(f"{job.label} has no room to ask")
    venv = make.vectorised(job.task, 1, job.seed)
    context.closing.callback(venv.close)
    venv.action_space.seed(job.seed)
    same, pilots = pilot(venv, job.seed)
    seen = Seen.of_episodes(PolicyView(job.task, venv.layout), pilots)
    quarry, count, steps = _Quarry(job.success), len(pilots), sum(len(e.actions) for e in pilots)
    rewarded = _Rewarded(job, context.room, venv, seen)
    outcome, message = Outcome.COMPLETED, ""
    try:
        if same:
            more = _hunted(job, venv, rewarded, quarry, pilots)
            count, steps = count + more[0], steps + more[1]
    except RewardFailed as failed:
        outcome, message = failed.outcome, failed.message
    paid = sorted(quarry.paid.items(), key=lambda item: -item[1])
    report = Hunted(
        candidate_id=job.training.candidate_id,
        outcome=outcome,
        message=message,
        steps=steps,
        episodes=count,
        replayable=same,
        found=quarry.found,
        success=quarry.success,
        earned=quarry.earned,
        episode=quarry.episode,
        paid=tuple(Payment(name=name, total=total) for name, total in paid),
    )
    return report, {HUNTED: quarry.column.to_bytes()} if quarry.column else {}


def _hunted(
    job: HuntJob, venv: VectorEnv, rewarded: _Rewarded, quarry: _Quarry, pilots: Sequence[RolloutEpisode]
) -> tuple[int, int]:
    """Breed policies for what the program pays: how many episodes more, and how many steps. Raises RewardFailed."""
    answer = rewarded.asked(pilots)
    quarry.typical(answer[2])
    quarry.look(*answer)
    breeding = Breeding(venv.action_space, rewarded.seen, venv.time_limit, job.seed)
    count, generations, left = 0, 0, job.steps - sum(len(e.actions) for e in pilots)
    steps = 0
    while steps < left and not (quarry.found and generations >= LEAST_GENERATIONS):
        generation, played = breeding.draw(), []
        for choose in generation.policies:
            played.append(play_one(venv, choose, job.seed))
            steps += len(played[-1].actions)
            if steps >= left:
                break
        answer = rewarded.asked(played)
        quarry.look(*answer)
        breeding.learn(generation, answer[2].tolist())
        count, generations = count + len(played), generations + 1
    return count, steps
