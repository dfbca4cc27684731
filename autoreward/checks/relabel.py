"""Recorded episodes seen with a candidate's eyes: its parts and rewards on all of them in one batched call."""

from typing import NamedTuple

import numpy as np

from autoreward.checks.dataset import Array, EpisodeDataset
from autoreward.core.transitions import Transitions
from autoreward.records import TrialJob
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail

_NOISE = 0.01
"""Input noise of the sensitivity screen, in standard deviations of each field."""


class Relabelled(NamedTuple):
    """What a candidate makes of a dataset."""

    parts: dict[str, Array]
    """Sum of each part over each episode, shape (E,)."""
    peaks: dict[str, float]
    """Largest |part|."""
    returns: Array
    """(E,): sum of the composed reward."""
    noisy: Array | None
    """(E,): the same with noise on all inputs; None if the candidate fails there."""
    rewards: Array
    """(M,): composed reward of each recorded transition."""


def relabel(jail: Jail, job: TrialJob, gamma: float, dataset: EpisodeDataset) -> Relabelled:
    """Ask a candidate about a dataset. Raises RewardFailed if it fails on it."""
    there = dataset.transitions.step > 0
    with jail.open(job.source) as room:
        parts = room.client.evaluate(_lasting(dataset.transitions), job.uses_memory)
        room.client.forget()
        try:
            shaken = room.client.evaluate(_lasting(shaken_inputs(dataset.transitions)), job.uses_memory)
        except RewardFailed:  # noise may leave the range that it is made for, and no training has it
            noisy = None
        else:
            noisy = _composed(job, gamma, shaken, dataset).sum(axis=0)
    rewards = _composed(job, gamma, parts, dataset)
    return Relabelled(
        parts={name: np.where(there, part, 0.0).sum(axis=0) for name, part in parts.items()},
        peaks={name: float(np.abs(part[there]).max()) for name, part in parts.items()},
        returns=rewards.sum(axis=0),
        noisy=noisy,
        rewards=rewards.T[there.T],
    )


def _composed(job: TrialJob, gamma: float, parts: dict[str, Array], dataset: EpisodeDataset) -> Array:
    batch = dataset.transitions
    reward = COMPOSITIONS[job.composition].start(batch.shape[1], gamma, job.setup)(parts, batch)
    return np.where(batch.step > 0, reward, 0.0)


def _lasting(batch: Transitions) -> Transitions:
    """The same with the last transition of an episode, its step too, in the rows after its end.

    So a candidate is asked about nothing that a training does not have.
    """
    steps, envs = batch.shape
    rows = np.minimum(np.arange(steps)[:, None], (batch.step > 0).sum(axis=0) - 1)
    return batch.cut(rows, np.arange(envs))


def shaken_inputs(batch: Transitions) -> Transitions:
    """The same transitions with noise on the state fields; one draw per state, so that successive ones still meet."""
    random = np.random.default_rng(0)
    there = batch.step > 0
    before, after = dict(batch.state), dict(batch.next_state)
    for name, values in batch.next_state.items():
        if values.dtype.kind != "f" or np.array_equal(values, np.rint(values)):
            continue  # switches and counts have no small noise
        noise = random.normal(scale=_NOISE * values[there].std(), size=values.shape)
        after[name] = values + noise
        earlier = np.concatenate([np.zeros_like(noise[:1]), noise[:-1]])
        first = (batch.step == 1).reshape(*batch.step.shape, *[1] * (values.ndim - 2))
        before[name] = batch.state[name] + np.where(first, 0.0, earlier)
    return Transitions(before, batch.action, after, batch.step, batch.terminated)
