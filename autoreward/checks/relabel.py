"""Recorded episodes seen with a candidate's eyes: its parts and rewards on all of them in one batched call."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.checks import laps as circles
from autoreward.core.transitions import Transitions
from autoreward.records import CompositionName, PoolEpisode, TrialJob
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.tasks.tables import Direction, direction_sign

_NOISE = 0.01
"""Input noise of the sensitivity screen, in standard deviations of each field."""
Array = NDArray[np.float64]


@dataclass(frozen=True)
class EpisodePool:
    """E recorded episodes of one task, one column each; rows after an episode's end have step 0."""

    transitions: Transitions
    episodes: tuple[PoolEpisode, ...]
    better: Direction
    """Which metrics the task prefers."""

    @property
    def size(self) -> int:
        """Transitions in it."""
        return int((self.transitions.step > 0).sum())

    @property
    def solved(self) -> bool:
        """Whether a success is among them."""
        return any(e.episode.success for e in self.episodes)

    @property
    def goodness(self) -> Array:
        """(E,): 1 and more for a success, graded progress below that."""
        return np.array([e.episode.progress + e.episode.success for e in self.episodes])

    @cached_property
    def laps(self) -> tuple[int, ...]:
        """How often each episode came back to where it was."""
        return circles.laps(self.transitions)

    @property
    def merit(self) -> Array:
        """(E,): the metric, its sign turned so that larger is better. Says something of successes."""
        return direction_sign(self.better) * np.array([e.episode.metric for e in self.episodes])


class Labels(NamedTuple):
    """What a candidate makes of a pool."""

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


def join(pieces: Sequence[tuple[Transitions, Sequence[PoolEpisode]]], better: Direction) -> EpisodePool:
    """Several recordings as one pool: shorter ones are filled up with their last row at step 0."""
    longest = max(batch.shape[0] for batch, _ in pieces)

    def column(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
        filled = [np.concatenate([a, np.repeat(a[-1:], longest - len(a), axis=0)]) for a in arrays]
        return np.concatenate(filled, axis=1)

    def clock(batch: Transitions) -> NDArray[np.int64]:
        return np.pad(batch.step, ((0, longest - len(batch.step)), (0, 0)))

    first = pieces[0][0]
    joined = Transitions(
        state={k: column([b.state[k] for b, _ in pieces]) for k in first.state},
        action={k: column([b.action[k] for b, _ in pieces]) for k in first.action},
        next_state={k: column([b.next_state[k] for b, _ in pieces]) for k in first.next_state},
        step=np.concatenate([clock(b) for b, _ in pieces], axis=1),
        terminated=column([b.terminated for b, _ in pieces]),
    )
    return EpisodePool(joined, tuple(e for _, episodes in pieces for e in episodes), better)


def relabel(jail: Jail, job: TrialJob, gamma: float, pool: EpisodePool) -> Labels:
    """Ask a candidate about a pool. Raises RewardFailed if it fails on it."""
    there = pool.transitions.step > 0
    with jail.open(job.source) as room:
        parts = room.client.evaluate(_lasting(pool.transitions), job.uses_memory)
        room.client.forget()
        try:
            shaken = room.client.evaluate(_lasting(shaken_inputs(pool.transitions)), job.uses_memory)
        except RewardFailed:  # noise may leave the range that it is made for, and no training has it
            noisy = None
        else:
            noisy = _composed(job.composition, gamma, shaken, pool).sum(axis=0)
    rewards = _composed(job.composition, gamma, parts, pool)
    return Labels(
        parts={name: np.where(there, part, 0.0).sum(axis=0) for name, part in parts.items()},
        peaks={name: float(np.abs(part[there]).max()) for name, part in parts.items()},
        returns=rewards.sum(axis=0),
        noisy=noisy,
        rewards=rewards.T[there.T],
    )


def _composed(composition: CompositionName, gamma: float, parts: dict[str, Array], pool: EpisodePool) -> Array:
    batch = pool.transitions
    reward = COMPOSITIONS[composition].start(batch.shape[1], gamma)(parts, batch)
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
