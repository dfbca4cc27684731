"""Who trains and scores: the processes of this machine (`local.py`), or those of a cluster (`cluster.py`)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from autoreward.config import RunConfig
from autoreward.records import Score, Trial, TrialJob
from autoreward.tasks.card import Task

Progress = Callable[[str, int], None]
"""Told a training's id and its environment steps so far."""


class Runner(Protocol):
    """Trains and scores once, somewhere. Thread-safe."""

    @property
    def cores(self) -> int:
        """How many jobs may run side by side."""
        ...

    def train(
        self, task: Task, job: TrialJob, config: RunConfig, progress: Progress, begun: bytes
    ) -> tuple[Trial, dict[str, bytes]]:
        """Train one policy. Raises RewardFailed, JobFailed, or what is wrong with the task."""
        ...

    def score(
        self,
        task: Task,
        trial: Trial,
        config: RunConfig,
        files: Mapping[str, bytes],
        choosing: Sequence[int],
        scoring: Sequence[int],
    ) -> tuple[Score, dict[str, bytes]]:
        """Choose a trial's checkpoint and score it. Raises JobFailed, or what is wrong with the task."""
        ...

    def close(self) -> None:
        """End what it started; harmless if called twice."""
        ...
