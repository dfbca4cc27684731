"""Records what a vectorised environment does, so that rewards can be asked for once per rollout.

Sits directly on the environments, under VecNormalize: what it records is in the environment's own units.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from autoreward.core.transitions import Transitions
from autoreward.tasks.card import Task
from autoreward.worker.envs.actions import resting
from autoreward.worker.envs.fields import action_fields, state_fields
from autoreward.worker.envs.flatten import Layout
from autoreward.worker.envs.tolerant import LOST_EPISODE
from autoreward.worker.envs.vector import VectorEnv
from autoreward.worker.rollout.snapshots import Restarts


class Recorded(NamedTuple):
    """T recorded steps of n environments."""

    transitions: Transitions
    done: NDArray[np.bool_]
    """Shape (T, n): the episode ended here, by itself or by the time limit."""
    native: NDArray[np.float32]
    """Shape (T, n): the environment's own reward; for the native baseline alone."""
    lost: NDArray[np.bool_]
    """Shape (T, n): the episode ended here since the environment failed: it says nothing of the policy."""
    replayed: NDArray[np.bool_]
    """Shape (T, n): the action was a recorded one, on the way to a snapshot; the policy did not choose it."""
    aided: NDArray[np.bool_]
    """Shape (T, n): the step's episode began at a snapshot: how it ends says nothing of the policy by itself."""

    @property
    def telling(self) -> NDArray[np.bool_]:
        """Shape (T, n): an episode of the policy's own ended here, and tells what it is worth."""
        return np.asarray(self.done & ~self.lost & ~self.aided)


class Recorder(VecEnvWrapper):
    """Passes observations on, replaces rewards by 0, and remembers everything until `take`."""

    def __init__(self, venv: VectorEnv, task: Task, restarts: Restarts | None = None) -> None:
        """`restarts` decides where episodes begin; None: where they do by themselves."""
        super().__init__(venv)
        self._restarts = restarts
        self._task = task
        self._envs = venv
        self._step = np.zeros(self.num_envs, dtype=np.int64)
        self._last: NDArray[Any] | None = None
        self._action: NDArray[Any] | None = None
        self._never = np.zeros(self.num_envs, np.bool_)
        self._rows: list[tuple[NDArray[Any], ...]] = []

    def reset(self) -> Any:
        """Reset all environments; recorded steps that were not taken are dropped."""
        if self._restarts:
            self._envs.choose_seeds(self._restarts.seed_of)
        self._last = np.array(self.venv.reset())
        self._step[:] = 0
        self._rows.clear()
        return self._last.copy()

    def bring_back(self, tensors: dict[str, torch.Tensor]) -> None:
        """Go on with the episodes that the environments take out of `tensors`, instead of a reset.

        Their steps so far are recorded, the last of all at the same time. Before a younger one come rows that begin and
        end an episode of one step.
        """
        episodes = self._envs.bring_back(tensors)
        self._rows.clear()
        self._step = np.array([len(e.observations) - 1 for e in episodes])
        self._last = np.stack([e.observations[-1] for e in episodes])
        idle = resting(self.action_space)
        never = self._never
        oldest = self._step.max()
        for t in range(oldest):
            at = t - (oldest - self._step)
            before = np.stack([e.observations[max(j, 0)] for e, j in zip(episodes, at, strict=True)])
            after = np.stack([e.observations[max(j + 1, 0)] for e, j in zip(episodes, at, strict=True)])
            action = np.stack([e.actions[j] if j >= 0 else idle for e, j in zip(episodes, at, strict=True)])
            native = np.array([e.native[j] if j >= 0 else 0.0 for e, j in zip(episodes, at, strict=True)], np.float32)
            self._rows.append((before, action, after, np.maximum(at + 1, 1), never, at < 0, native, *(never,) * 3))
        if self._restarts:
            self._restarts.restore(tensors, self._step)
            self._envs.choose_seeds(self._restarts.seed_of)

    def in_progress(self) -> dict[str, torch.Tensor]:
        """What `bring_back` takes, as tensors under names of its own."""
        more = self._restarts.tensors(self._step) if self._restarts else {}
        return {**self._envs.in_progress(), **more}

    @property
    def layout(self) -> Layout:
        """What the entries of an observation are."""
        return self._envs.layout

    @property
    def observations(self) -> NDArray[Any]:
        """The current observations, shape (n, d)."""
        if self._last is None:
            raise RuntimeError("the environments were never reset")
        return self._last.copy()

    @property
    def episode_starts(self) -> NDArray[np.bool_]:
        """(n,): no step of the episode was made yet."""
        return np.asarray(self._step == 0)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Remember the executed actions and pass them on; on the way to a snapshot these are recorded ones."""
        self._action = self._restarts.acted(actions, self._step) if self._restarts else np.array(actions)
        self.venv.step_async(self._action)

    def step_wait(self) -> VecEnvStepReturn:
        """Step; the recorded next observation of an ended episode is its true last one, not the reset one."""
        replayed, aided, expected = self._never, self._never, {}
        if restarts := self._restarts:  # asked before the step, which may begin the next episode
            replayed, aided = restarts.replaying(self._step), restarts.aided
            expected = restarts.expected(self._step)
        observations, native, dones, infos = self.venv.step_wait()
        after = np.array(observations)
        terminated, lost = np.zeros((2, self.num_envs), dtype=np.bool_)
        for i in np.flatnonzero(dones):
            after[i] = infos[i]["terminal_observation"]
            terminated[i] = not infos[i].get("TimeLimit.truncated", False)
            lost[i] = LOST_EPISODE in infos[i]
        if restarts:
            restarts.demand(expected, after, lost)
        self._step += 1
        ended = (terminated, dones.copy(), native.copy(), lost, replayed, aided)
        self._rows.append((self._last, self._action, after, self._step.copy(), *ended))  # type: ignore[arg-type]
        self._step[dones] = 0
        self._last = np.array(observations)
        return observations, np.zeros_like(native), dones, infos

    def take(self) -> Recorded:
        """Everything recorded since the last call."""
        columns = map(np.stack, zip(*self._rows, strict=True))
        before, action, after, step, terminated, done, native, lost, replayed, aided = columns
        self._rows.clear()
        transitions = Transitions(
            state=state_fields(self._task, self._envs.layout, before),
            action=action_fields(self._task, self.action_space, action),
            next_state=state_fields(self._task, self._envs.layout, after),
            step=step,
            terminated=terminated,
        )
        return Recorded(transitions, done, native, lost, replayed, aided)

    def __len__(self) -> int:
        """Steps recorded and not yet taken."""
        return len(self._rows)
