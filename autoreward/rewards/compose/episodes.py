"""A composed reward over whole recorded episodes, for those who judge programs without a training."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.records import TrialJob
from autoreward.rewards.compose import COMPOSITIONS


def over_episodes(
    job: TrialJob, gamma: float, parts: Mapping[str, NDArray[np.float64]], batch: Transitions
) -> NDArray[np.float64]:
    """Rewards (T, n) of episodes, one a column, from parts of that shape; 0 in the rows after an episode's end."""
    reward = COMPOSITIONS[job.composition].start(batch.shape[1], gamma, job.setup)(dict(parts), batch)
    return np.where(batch.step > 0, reward, 0.0)


def lasting(batch: Transitions) -> Transitions:
    """The same with the last transition of an episode, its step too, in the rows after its end.

    So a candidate is asked about nothing that a training does not have.
    """
    steps, envs = batch.shape
    rows = np.minimum(np.arange(steps)[:, None], (batch.step > 0).sum(axis=0) - 1)
    return batch.cut(rows, np.arange(envs))
