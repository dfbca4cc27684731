"""Where the parts of a training reward come from: a candidate's program, the environment, the task's rule, or nowhere."""

import socket
import time
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from autoreward.core.outcomes import Outcome
from autoreward.records import TrialJob
from autoreward.rewards.agreement import Parts
from autoreward.sandbox.client import RewardClient, RewardFailed
from autoreward.worker.rollout.recorder import Recorded
from autoreward.worker.rollout.spot_checks import SpotChecks
from autoreward.worker.success import SuccessRule

SHARE = 0.5
"""Largest share of a training's time that its reward may take."""
PATIENCE = 10.0
"""Seconds of waiting for the reward from which its pace is measured."""


class RewardSource(Protocol):
    """Gives the parts of a training reward for recorded steps."""

    def parts(self, recorded: Recorded) -> Parts:
        """Named parts, each of shape (T, n)."""
        ...


class CandidateReward:
    """A candidate's parts, from its own room."""

    def __init__(self, sock: socket.socket, job: TrialJob, envs: int, seconds: float) -> None:
        """`seconds` is the time that the whole training may take."""
        self._client = RewardClient(sock)
        self._stepped = job.uses_memory
        self._spot_checks = SpotChecks(self._client, job, envs)
        self._steps = job.steps - job.begin
        self._most_seconds = seconds * SHARE
        self._rewarded_steps = 0
        self._seconds = 0.0

    def parts(self, recorded: Recorded) -> Parts:
        """Ask the room once for the whole rollout, and now and then again about some of it. Raises RewardFailed."""
        batch = recorded.transitions
        self._spot_checks.before()
        began = time.monotonic()
        parts = self._client.evaluate(batch, self._stepped)
        self._seconds += time.monotonic() - began
        self._rewarded_steps += batch.step.size
        self._spot_checks.after(batch, parts)
        if self._seconds > PATIENCE and self._seconds / self._rewarded_steps * self._steps > self._most_seconds:
            raise RewardFailed(
                Outcome.TIMED_OUT,
                f"compute_reward took {self._seconds:.0f} s for {self._rewarded_steps:,} of {self._steps:,} environment "
                f"steps: at this pace more than half of the {2 * self._most_seconds / 60:g} minutes that the training may take",
            )
        return parts


class NativeReward:
    """The environment's own reward."""

    def parts(self, recorded: Recorded) -> Parts:
        """One part, `native`."""
        return {"native": recorded.native.astype(np.float64)}


class ZeroReward:
    """No reward at all: what a policy does that was taught nothing."""

    def parts(self, recorded: Recorded) -> Parts:
        """One part, `none`, always 0."""
        return {"none": np.zeros(recorded.done.shape)}


class SparseReward:
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
                pieces.append({k: v[begin : t + 1, i] for k, v in recorded.transitions.rule_fields.items()})
                states = {k: np.concatenate([piece[k] for piece in pieces]) for k in pieces[0]}
                succeeded = self._rule.succeeded(states, bool(recorded.transitions.terminated[t, i]))
                reward[t, i] = succeeded and not recorded.lost[t, i]
                pieces.clear()
                begin = t + 1
            pieces.append({k: v[begin:, i] for k, v in recorded.transitions.rule_fields.items()})
        return {"success": reward}
