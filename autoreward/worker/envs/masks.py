"""Which actions an environment allows, as its `action_masks()` says: behind all else that its vector has.

They go where observations go, so that whoever asks a policy that is masked has them at hand. No formula reads them, and
`PolicyView` keeps them from what a policy sees.
"""

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.errors import TaskError
from autoreward.tasks.card import Task
from autoreward.worker.envs.faults import UnusableMasks
from autoreward.worker.envs.flatten import Layout, layout_of

ACTION_MASKS = "action_masks"
"""The method of an environment that sb3-contrib asks, too."""
Masks = NDArray[np.bool_]


class Masked(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Observes the vector of the environment, and after it 1 for each choice that is allowed and 0 for each that is not."""

    def __init__(self, env: gymnasium.Env[Any, Any], task: Task) -> None:
        """Raises TaskError where the environment has no such method."""
        super().__init__(env)
        try:
            self._asked = env.get_wrapper_attr(ACTION_MASKS)
        except AttributeError:
            raise TaskError(
                f"task {task.name}: {task.train.algorithm} asks the environment for {ACTION_MASKS}(), and {task.env} has no such "
                "method; give it one that returns a bool for each choice, or name PPO."
            ) from None
        self._widths = choice_widths(env.action_space)
        if not self._widths:
            raise TypeError(f"{env.action_space} has no choices")
        within, own = layout_of(env), env.observation_space
        if not isinstance(own, spaces.Box):
            raise TypeError(f"{own} is no vector")
        size = sum(self._widths)
        self.layout = within._replace(size=within.size + size, masks=size, kind=within.kind or own.dtype)
        low, high = (np.concatenate([bound, np.full(size, to)]) for bound, to in ((own.low, 0), (own.high, 1)))
        self.observation_space = spaces.Box(low.astype(own.dtype), high.astype(own.dtype), dtype=own.dtype)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset and ask. Raises UnusableMasks."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._joined(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step and ask. Raises UnusableMasks."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        over = bool(np.any(terminated)) or bool(np.any(truncated))
        return self._joined(observation, over), reward, terminated, truncated, info

    def _joined(self, observation: Any, over: bool = False) -> NDArray[Any]:
        """`over`: nothing follows, so that nothing needs to be allowed."""
        masks = np.asarray(self._asked())
        if masks.size != sum(self._widths) or masks.dtype.kind not in "biuf":
            what = f"{masks.size} values of {masks.dtype}"
            raise UnusableMasks(f"{what} from {ACTION_MASKS}(); it is a bool for each of {sum(self._widths)} choices")
        allowed = masks.reshape(-1) > 0
        if not over and not all(group.any() for group in _groups(self._widths, allowed)):
            raise UnusableMasks(f"{ACTION_MASKS}() that allows no choice, though the episode goes on")
        own = np.asarray(observation)
        return np.concatenate([own, allowed.astype(own.dtype)])


def masks_of(layout: Layout, vectors: NDArray[Any]) -> Masks:
    """Which choices are allowed in states (..., d), as (..., m)."""
    return np.asarray(vectors[..., layout.size - layout.masks :] > 0)


def choice_widths(space: spaces.Space[Any]) -> tuple[int, ...]:
    """How many choices each number of an action is one of; nothing for real numbers and for spaces of spaces."""
    if isinstance(space, spaces.Discrete):
        return (int(space.n),)
    if isinstance(space, spaces.MultiDiscrete):
        return tuple(map(int, space.nvec.ravel()))
    if isinstance(space, spaces.MultiBinary):
        return (2,) * int(np.prod(space.shape))
    return ()


def allowed_actions(
    space: spaces.Space[Any], layout: Layout, vectors: NDArray[Any], actions: Sequence[Any] | NDArray[Any]
) -> Sequence[Any] | NDArray[Any]:
    """Actions (n, ...) of somebody who knows of no masks in states (n, d): one that is not allowed becomes the next that is.

    After the last choice comes the first. All of them as they are, where the environment masks none.
    """
    if not layout.masks:
        return actions
    chosen = np.array(actions)
    widths, masks = choice_widths(space), masks_of(layout, vectors)
    first = np.reshape(getattr(space, "start", 0), -1)
    for row, own in zip(chosen.reshape(len(chosen), -1), masks, strict=True):  # views of `chosen`
        for i, group in enumerate(_groups(widths, own)):
            at = int(row[i] - first[i % len(first)])
            row[i] += (at + int(np.roll(group, -at).argmax())) % len(group) - at
    return chosen


def _groups(widths: tuple[int, ...], masks: Masks) -> list[Masks]:
    return np.split(masks, np.cumsum(widths)[:-1])
