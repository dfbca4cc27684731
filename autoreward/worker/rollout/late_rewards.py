"""Training rewards, asked for once per rollout: combined and normalised in step order, with statistics on the way."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.running_mean_std import RunningMeanStd

from autoreward.records import PartStats
from autoreward.rewards.agreement import Parts
from autoreward.rewards.compose import Combine
from autoreward.worker.rollout.lagrangian import Lagrangian
from autoreward.worker.rollout.recorder import Recorded, Recorder
from autoreward.worker.rollout.sources import RewardSource
from autoreward.worker.rollout.training_episodes import Judged, TrainingEpisodes
from autoreward.worker.success import SuccessRule


class Normaliser:
    """Reward normalisation as VecNormalize does it: divide by the running std of the discounted return, clip at 10."""

    def __init__(self, envs: int, gamma: float, on: bool) -> None:
        self._on = on
        self.gamma = gamma
        self.returns = np.zeros(envs)
        """Discounted returns of the episodes in progress, backwards in time as VecNormalize has them."""
        self.stats = RunningMeanStd(shape=())

    def __call__(self, rewards: NDArray[np.float32], done: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Normalised rewards, shape (T, n), in step order; statistics move on with every step."""
        if not self._on:
            return rewards
        out = np.empty_like(rewards)
        for t, reward in enumerate(rewards):
            self.returns = self.returns * self.gamma + reward
            self.stats.update(self.returns)
            out[t] = np.clip(reward / np.sqrt(self.stats.var + 1e-8), -10.0, 10.0)
            self.returns[done[t]] = 0
        return out


class LateRewards:
    """Turns what the recorder holds into rewards, and keeps the statistics that the learning curve shows."""

    def __init__(
        self,
        recorder: Recorder,
        source: RewardSource,
        normaliser: Normaliser,
        rule: SuccessRule | None,
        combine: Combine,
    ) -> None:
        """`rule` judges training episodes for the curve; None where a task has none. `combine` makes rewards of parts.

        A `Lagrangian` also learns from what it has combined, once a call.
        """
        self._recorder = recorder
        self._source = source
        self._normaliser = normaliser
        self._combine = combine
        self.lagrangian = combine if isinstance(combine, Lagrangian) else None
        """What learns the multipliers of limits, if anything does."""
        self._running = np.zeros(recorder.num_envs)
        self._lengths = np.zeros(recorder.num_envs, dtype=np.int64)
        self.episode_returns: list[float] = []
        self.episode_lengths: list[int] = []
        self.episode_infos: deque[dict[str, float]] = deque(maxlen=0)
        """SB3's own list of ended episodes, once there is a model: what it logs under rollout/ comes from it."""
        self._parts: list[Parts] = []
        self.replayed = np.zeros((0, recorder.num_envs), np.bool_)
        """(T, n): of the steps whose rewards were asked for last, those of which the action was a recorded one."""
        self._judge = TrainingEpisodes(rule, recorder.num_envs) if rule else None

    def collect(self) -> NDArray[np.float32]:
        """Rewards of all steps recorded since the last call, shape (T, n), normalised. Raises RewardFailed."""
        recorded = self._recorder.take()
        parts = self._source.parts(recorded)
        batch = recorded.transitions
        rewards = self._combine(parts, batch).astype(np.float32)
        if self.lagrangian:
            self.lagrangian.see(recorded)
        self.replayed = recorded.replayed
        if not self.replayed.all():
            self._parts.append({name: values[~self.replayed] for name, values in parts.items()})
        self._episodes(rewards, recorded)
        if self._judge:
            self._judge.see(recorded)
        return self._normaliser(rewards, recorded.done)

    def catch_up(self) -> None:
        """Show the reward program what was recorded, so that its memory and all that runs along an episode go on from there.

        Those steps were learned from before: their rewards and statistics are dropped. Raises RewardFailed.
        """
        if self.pending():
            self.collect()
        self._parts.clear()
        self.judged()
        self.episode_returns.clear()
        self.episode_lengths.clear()

    def learned(self) -> dict[str, NDArray[Any]]:
        """What a learned composition goes on from: beside its own state what it has paid in the episodes in progress, which is no
        longer what it would pay for them. Nothing of any other one."""
        if self.lagrangian is None:
            return {}
        return self.lagrangian.state() | {"paid": self._running.copy(), "discounted": self._normaliser.returns.copy()}

    def restore(self, learned: Mapping[str, NDArray[Any]]) -> None:
        """Be as the leg before left it, after `catch_up`. Raises KeyError if that had another composition."""
        if self.lagrangian is not None:
            self.lagrangian.restore(learned)
            self._running, self._normaliser.returns = learned["paid"].copy(), learned["discounted"].copy()

    def pending(self) -> int:
        """Steps whose reward has not been asked for yet."""
        return len(self._recorder)

    def judged(self) -> Judged | None:
        """What the rule says of training episodes that ended since the last call; None without one, or without a rule."""
        return self._judge.take() if self._judge else None

    def part_stats(self) -> tuple[PartStats, ...]:
        """Part statistics since the last call."""
        if not self._parts:
            return ()
        parts = {name: np.concatenate([p[name].reshape(-1) for p in self._parts]) for name in self._parts[0]}
        self._parts.clear()
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

    def _episodes(self, rewards: NDArray[np.float32], recorded: Recorded) -> None:
        for reward, ended, kept in zip(rewards, recorded.done, recorded.telling, strict=True):
            self._running += reward
            self._lengths += 1
            if ended.any():
                self.episode_returns.extend(self._running[kept].tolist())
                self.episode_lengths.extend(self._lengths[kept].tolist())
                both = zip(self._running[kept].tolist(), self._lengths[kept].tolist(), strict=True)
                self.episode_infos.extend({"r": total, "l": length} for total, length in both)
                self._running[ended] = 0.0
                self._lengths[ended] = 0
