"""What a program is tried on before it may train: rows that were recorded, and rows that a training may bring."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.records import Description, Setup
from autoreward.rewards.gate.slips import Known
from autoreward.tasks.card import Task
from autoreward.tasks.tables import Train


class Practice(NamedTuple):
    """Rows to try a program on."""

    samples: Transitions
    """Recorded, shape (T, n)."""
    late: Transitions
    """The same with episodes that go on to the time limit, and end by themselves: none of it is out of a training's reach."""
    extreme: Transitions
    """Those, each row with a field at an end of its range. No state of the environment may be like that."""
    rollout: tuple[int, int]
    """Time steps and environments that a training asks about at once."""
    constants: Mapping[str, float] = MappingProxyType({})
    """The numbers that the task's goal speaks of, by the names that programs write."""
    setup: Setup = Setup()
    """What a composition knows of the task."""

    @property
    def known(self) -> Known:
        """What a program is given."""
        return Known.of(tuple(self.samples.state), tuple(self.samples.action), self.constants)

    @classmethod
    def of(cls, task: Task, description: Description, samples: Transitions) -> "Practice":
        """For a task, as it was described and sampled."""
        stated = {name: field.range for name, field in task.state.items() if field.range}
        made = cls.made(samples, description.max_steps, rollout(task.train), stated)
        return made._replace(constants=written_constants(task), setup=task_setup(task))

    @classmethod
    def made(
        cls,
        samples: Transitions,
        limit: int,
        rollout: tuple[int, int],
        ranges: Mapping[str, tuple[float, float]] | None = None,
    ) -> "Practice":
        """From samples of episodes of at most `limit` steps, and the ranges of some fields; of others, that of the samples."""
        late = _late(samples, limit)
        return cls(samples, late, _extreme(late, ranges or {}), rollout)


def task_setup(task: Task) -> Setup:
    """What a composition knows of a task, before it knows anything of a program."""
    return Setup(limits=tuple(task.limits), replays=not task.train.spec.on_policy)


def written_constants(task: Task) -> dict[str, float]:
    """A task's constants by the names that programs write."""
    return {name.upper(): constant.value for name, constant in task.constants.items()}


def rollout(train: Train) -> tuple[int, int]:
    """Time steps and environments that such a training asks about at once."""
    spec = train.spec
    return int(train.hyperparameters.get(spec.stretch, spec.usual)), train.envs


def _late(samples: Transitions, limit: int) -> Transitions:
    """Clocks that run faster after an episode's first step, so that the latest is the limit; each episode ends by itself."""
    latest = int(samples.step.max())
    faster = max((limit - 1) / (latest - 1), 1.0) if latest > 1 else 1.0
    clock = 1 + np.rint((samples.step - 1) * faster).astype(samples.step.dtype)
    ends = np.concatenate([samples.step[1:] == 1, np.ones_like(samples.terminated[:1])])
    return Transitions(samples.state, samples.action, samples.next_state, clock, ends | samples.terminated)


def _extreme(late: Transitions, ranges: Mapping[str, tuple[float, float]]) -> Transitions:
    pick = np.random.default_rng(0).integers(0, 2 * len(late.next_state), late.shape)
    before, after = dict(late.state), dict(late.next_state)
    for i, (name, values) in enumerate(late.next_state.items()):
        for j, end in enumerate(ranges.get(name) or (values.min(), values.max())):
            here = pick == 2 * i + j
            before[name], after[name] = _put(before[name], here, end), _put(after[name], here, end)
    return Transitions(before, late.action, after, late.step, late.terminated)


def _put(values: NDArray[Any], here: NDArray[np.bool_], number: float) -> NDArray[Any]:
    return np.where(here.reshape(here.shape + (1,) * (values.ndim - 2)), np.asarray(number, values.dtype), values)
