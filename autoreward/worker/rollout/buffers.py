"""SB3's own buffers, except that rewards arrive late: once per rollout, or just before a sample."""

from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.buffers import ReplayBuffer, RolloutBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples, RolloutBufferSamples

from autoreward.worker.rollout.late_rewards import LateRewards


class LateReturns(RolloutBuffer):
    """A rollout buffer whose rewards are filled in when the rollout is whole.

    The recorder gives SB3 rewards of 0, so what SB3 has put into `rewards` by then is exactly its time-limit bootstrap
    (gamma * V(last state) where the time limit cut an episode); the reward is added to it, as SB3 would have done.
    """

    def __init__(self, *args: Any, late_rewards: LateRewards, **kwargs: Any) -> None:
        self._late_rewards = late_rewards
        super().__init__(*args, **kwargs)

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: NDArray[np.bool_]) -> None:
        """Fetch the rollout's rewards, then compute returns and advantages as ever. Raises RewardFailed."""
        self.rewards = self._late_rewards.collect() + self.rewards
        super().compute_returns_and_advantage(last_values, dones)


class RewardedRollout(LateReturns):
    """One that learns nothing from the steps of which the action was a recorded one."""

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: NDArray[np.bool_]) -> None:
        """As ever. Raises RewardFailed."""
        super().compute_returns_and_advantage(last_values, dones)
        if self._late_rewards.replayed.all():  # a batch there must be, and it teaches nothing
            self.advantages[:], self.returns = 0.0, self.values.copy()

    def get(self, batch_size: int | None = None) -> Generator[RolloutBufferSamples, None, None]:
        """Batches of the steps in which the policy acted, drawn as ever; all of at least that size, if there are as many."""
        replayed = self._late_rewards.replayed
        if not replayed.any() or replayed.all():
            yield from super().get(batch_size)
            return
        if not self.generator_ready:
            next(super().get(1))  # its arrays are flattened then, environment after environment
        own = np.random.permutation(np.flatnonzero(~replayed.T))
        for rows in np.array_split(own, max(len(own) // (batch_size or len(own)), 1)):
            yield self._get_samples(rows)


class RewardedReplay(ReplayBuffer):
    """A replay buffer that fills in the rewards of new rows before it samples."""

    def __init__(self, *args: Any, late_rewards: LateRewards, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._late_rewards = late_rewards

    def sample(self, batch_size: int, env: Any = None) -> ReplayBufferSamples:
        """Fetch missing rewards, then sample as ever. Raises RewardFailed."""
        self.fill_in()
        return super().sample(batch_size, env)

    def fill_in(self) -> None:
        """Fetch the rewards of the rows that have none yet. Raises RewardFailed."""
        if pending := self._late_rewards.pending():
            rows = np.arange(self.pos - pending, self.pos) % self.buffer_size
            self.rewards[rows] = self._late_rewards.collect()
