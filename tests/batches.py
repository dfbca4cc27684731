"""Small recorded batches for tests, and what a program is tried on."""

import numpy as np

from autoreward.checks.samples import Practice
from autoreward.core.transitions import Transitions


def batch(steps: int = 40, envs: int = 4, length: int = 10) -> Transitions:
    """Random fields `x` (n,), `v` (n, 2) and a discrete action; episodes of `length` steps."""
    rng = np.random.default_rng(0)
    clock = np.tile((np.arange(steps) % length + 1)[:, None], (1, envs))
    before = {"x": rng.normal(size=(steps, envs)), "v": rng.normal(size=(steps, envs, 2))}
    after = {"x": rng.normal(size=(steps, envs)), "v": rng.normal(size=(steps, envs, 2))}
    return Transitions(
        state=before,
        action={"push": rng.integers(0, 3, (steps, envs))},
        next_state=after,
        step=clock,
        terminated=clock == length,
    )


def practice(samples: Transitions, limit: int = 1_000, rollout: tuple[int, int] = (64, 4)) -> Practice:
    """For episodes of at most `limit` steps, and a training that asks about `rollout` at once."""
    return Practice.made(samples, limit, rollout)
