"""Late rewards in the rollout buffers of sb3-contrib's algorithms; imported where one of these trains."""

from typing import Self

from sb3_contrib.common.maskable.buffers import MaskableRolloutBuffer
from sb3_contrib.common.recurrent.buffers import RecurrentRolloutBuffer

from autoreward.worker.rollout.buffers import LateReturns
from autoreward.worker.rollout.late_rewards import LateRewards


class RewardedMaskableRollout(LateReturns, MaskableRolloutBuffer):
    """The masks of actions beside the steps."""


class RewardedRecurrentRollout(LateReturns, RecurrentRolloutBuffer):
    """The states of the LSTM beside the steps."""

    @classmethod
    def instead_of(cls, own: RecurrentRolloutBuffer, rewards: LateRewards) -> Self:
        """Like the model's own buffer, whose class RecurrentPPO lets nobody choose."""
        return cls(
            own.buffer_size,
            own.observation_space,
            own.action_space,
            own.hidden_state_shape,
            own.device,
            gae_lambda=own.gae_lambda,
            gamma=own.gamma,
            n_envs=own.n_envs,
            late_rewards=rewards,
        )
