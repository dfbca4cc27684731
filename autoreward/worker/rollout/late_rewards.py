"""Where training rewards come from: asked once per rollout, normalised in step order, with statistics on the way."""

import socket
import time
from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.running_mean_std import RunningMeanStd

from autoreward.core.outcomes import Outcome
from autoreward.records import CompositionName, PartStats, TrialJob
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.sandbox.client import RewardClient, RewardFailed
from autoreward.worker.rollout.recorder import Recorded, Recorder
from autoreward.worker.rollout.spot_checks import Spots
from autoreward.worker.success import SuccessRule

SHARE = 0.5
"""Largest share of a training's time that its reward may take."""
PATIENCE = 10.0
"""Seconds of waiting for the reward from which its pace is judged."""


class RewardSource(Protocol):
    """Gives the parts of a training reward for recorded steps."""

    def parts(self, recorded: Recorded) -> Parts:
        """Named parts, each of shape (T, n)."""
        ...


class FromJail:
    """A candidate's parts, from its own room."""

    def __init__(self, sock: socket.socket, job: TrialJob, envs: int, seconds: float) -> None:
        """`seconds` is the time that the whole training may take."""
        self._client = RewardClient(sock)
        self._stepped = job.uses_memory
        self._spots = Spots(self._client, job, envs)
        self._steps = job.steps - job.begin
        self._fair = seconds * SHARE
        self._asked = 0
        self._spent = 0.0

    def parts(self, recorded: Recorded) -> Parts:
        """Ask the room once for the whole rollout, and now and then again about some of it. Raises RewardFailed."""
        batch = recorded.transitions
        self._spots.before()
        began = time.monotonic()
        parts = self._client.evaluate(batch, self._stepped)
        self._spent += time.monotonic() - began
        self._asked += batch.step.size
        self._spots.after(batch, parts)
        if self._spent > PATIENCE and self._spent / self._asked * self._steps > self._fair:
            raise RewardFailed(
                Outcome.TIMED_OUT,
                f"compute_reward took {self._spent:.0f} s for {self._asked:,} of {self._steps:,} environment steps: at this "
                f"pace more than half of the {2 * self._fair / 60:g} minutes that the training may take",
            )
        return parts


class Native:
    """The environment's own reward."""

    def parts(self, recorded: Recorded) -> Parts:
        """One part, `native`."""
        return {"native": recorded.native.astype(np.float64)}


class NoRewards:
    """No reward at all: what a policy does that was taught nothing."""

    def parts(self, recorded: Recorded) -> Parts:
        """One part, `none`, always 0."""
        return {"none": np.zeros(recorded.done.shape)}


class Sparse:
    """1 at the last step of an episode that was a success by the task's rule, else 0."""

    def __init__(self, rule: SuccessRule, envs: int) -> None:
        self._rule = rule
        self._episodes: list[list[dict[str, NDArray[np.float64]]]] = [[] for _ in range(envs)]

    def parts(self, recorded: Recorded) -> Parts:
        """One part, `success`."""
        reward = np.zeros(recorded.done.shape)
        for i, pieces in enumerate(self._episodes):
            begin = 0
            for t in np.flatnonzero(recorded.done[:, i]).tolist():
                pieces.append({k: v[begin : t + 1, i] for k, v in recorded.transitions.next_state.items()})
                states = {k: np.concatenate([piece[k] for piece in pieces]) for k in pieces[0]}
                reward[t, i] = self._rule.succeeded(states, bool(recorded.transitions.terminated[t, i]))
                pieces.clear()
                begin = t + 1
            pieces.append({k: v[begin:, i] for k, v in recorded.transitions.next_state.items()})
        return {"success": reward}


class Normaliser:
    """Reward normalisation as VecNormalize does it: divide by the running std of the discounted return, clip at 10."""

    def __init__(self, envs: int, gamma: float, on: bool) -> None:
        self._on = on
        self.gamma = gamma
        self._returns = np.zeros(envs)
        self.stats = RunningMeanStd(shape=())

    def __call__(self, rewards: NDArray[np.float32], done: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Normalised rewards, shape (T, n), in step order; statistics move on with every step."""
        if not self._on:
            return rewards
        out = np.empty_like(rewards)
        for t, reward in enumerate(rewards):
            self._returns = self._returns * self.gamma + reward
            self.stats.update(self._returns)
            out[t] = np.clip(reward / np.sqrt(self.stats.var + 1e-8), -10.0, 10.0)
            self._returns[done[t]] = 0
        return out


class Feed:
    """Turns what the recorder holds into rewards, and keeps the statistics that the learning curve shows."""

    def __init__(
        self, recorder: Recorder, source: RewardSource, normaliser: Normaliser, composition: CompositionName = "sum"
    ) -> None:
        self._recorder = recorder
        self._source = source
        self._normaliser = normaliser
        self._combine = COMPOSITIONS[composition].start(recorder.num_envs, normaliser.gamma)
        self._running = np.zeros(recorder.num_envs)
        self._lengths = np.zeros(recorder.num_envs, dtype=np.int64)
        self.episode_returns: list[float] = []
        self.episode_lengths: list[int] = []
        self.ended: deque[dict[str, float]] = deque(maxlen=0)
        """SB3's own list of ended episodes, once there is a model: what it logs under rollout/ comes from it."""
        self._stretch: list[Parts] = []

    def settle(self) -> NDArray[np.float32]:
        """Rewards of all steps recorded since the last call, shape (T, n), normalised. Raises RewardFailed."""
        recorded = self._recorder.take()
        parts = self._source.parts(recorded)
        batch = recorded.transitions
        rewards = self._combine(parts, batch).astype(np.float32)
        self._stretch.append(parts)
        self._episodes(rewards, recorded.done)
        return self._normaliser(rewards, recorded.done)

    def catch_up(self) -> None:
        """Show the reward program what was recorded, so that its memory and all that runs along an episode go on from there.

        Those steps were learned from before: their rewards and statistics are dropped. Raises RewardFailed.
        """
        if self.pending():
            self.settle()
        self._stretch.clear()
        self.episode_returns.clear()
        self.episode_lengths.clear()

    def pending(self) -> int:
        """Steps whose reward has not been asked for yet."""
        return len(self._recorder)

    def stretch(self) -> tuple[PartStats, ...]:
        """Part statistics since the last call."""
        if not self._stretch:
            return ()
        parts = {name: np.concatenate([p[name].reshape(-1) for p in self._stretch]) for name in self._stretch[0]}
        self._stretch.clear()
        sizes = {name: float(np.abs(values).mean()) for name, values in parts.items()}
        whole = sum(sizes.values()) or 1.0
        return tuple(
            PartStats(
                name=name,
                mean=float(values.mean()),
                std=float(values.std()),
                share=sizes[name] / whole,
                low=float(values.min()),
                high=float(values.max()),
            )
            for name, values in parts.items()
        )

    def _episodes(self, rewards: NDArray[np.float32], done: NDArray[np.bool_]) -> None:
        for reward, ended in zip(rewards, done, strict=True):
            self._running += reward
            self._lengths += 1
            if ended.any():
                self.episode_returns.extend(self._running[ended].tolist())
                self.episode_lengths.extend(self._lengths[ended].tolist())
                both = zip(self._running[ended].tolist(), self._lengths[ended].tolist(), strict=True)
                self.ended.extend({"r": total, "l": length} for total, length in both)
                self._running[ended] = 0.0
                self._lengths[ended] = 0
