"""What a policy emits and what the environment takes: choices counted from 0, real numbers in [-1, 1].

Everything that plays a policy goes through `PolicyActions`, as what it sees goes through `PolicyView`. Fields, scripts,
demonstrations and recorded episodes are in the environment's own units.
"""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from autoreward.core.acting import Acting
from autoreward.tasks.tables import Train
from autoreward.worker.envs.masks import ACTION_MASKS, masks_of
from autoreward.worker.envs.policy_view import PolicyView

_TRIED = 3.0
"""How far from 0 a policy tries that nothing rescales."""
_NARROW = 0.2
"""Width of bounds below which it tries little but the ends."""


class PolicyActions(Acting):
    """The actions of one space, as a policy trained by a card's settings sees them."""

    def __init__(self, own: spaces.Space[Any], train: Train) -> None:
        super().__init__(own, train.rescales)
        self.space = own if self.same else _emitted_space(own)
        """What the policy emits."""


class PolicyEnvs(VecEnvWrapper):
    """Environments as a policy has them: they show what it sees, and take what it emits; all else goes through as it is."""

    def __init__(self, venv: VecEnv, view: PolicyView, train: Train) -> None:
        self._policy_actions = PolicyActions(venv.action_space, train)
        self._view = view
        self._now: NDArray[Any] | None = None
        super().__init__(venv, view.space(venv.observation_space), self._policy_actions.space)

    def reset(self) -> Any:
        """Reset all environments."""
        return self.shown(np.asarray(self.venv.reset()))

    def shown(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """What a policy sees of the vectors (n, d) in which the environments are now, as after a leg that goes on."""
        self._now = vectors
        return self._view.of(vectors)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Pass on the environment's own actions."""
        self.venv.step_async(self._policy_actions.acted(actions))

    def step_wait(self) -> VecEnvStepReturn:
        """Step."""
        observations, rewards, dones, infos = self.venv.step_wait()
        for i in np.flatnonzero(dones):
            infos[i]["terminal_observation"] = self._view.of(infos[i]["terminal_observation"])
        return self.shown(np.asarray(observations)), rewards, dones, infos

    def has_attr(self, attr_name: str) -> bool:
        """As ever; action masks are here, where the environments' vectors have them."""
        return bool(self._view.layout.masks) if attr_name == ACTION_MASKS else super().has_attr(attr_name)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """As ever, but for action masks, which were asked for when the environments were stepped."""
        if method_name != ACTION_MASKS:
            return super().env_method(method_name, *args, indices=indices, **kwargs)
        if self._now is None:
            raise RuntimeError("the environments were never reset")
        return list(masks_of(self._view.layout, self._now))


def out_of_reach(own: spaces.Space[Any], train: Train) -> str:
    """The first real-valued action that a policy in the environment's own units does not get on with, in words; empty without one.

    It starts about 0 with a spread of 1: of a wide or distant range it never tries the most, of a narrow one the ends alone.
    """
    if not isinstance(own, spaces.Box) or train.rescales or train.spec.rescales:
        return ""
    for i, (low, high) in enumerate(zip(own.low.tolist(), own.high.tolist(), strict=True)):
        tried = min(high, _TRIED) - max(low, -_TRIED)
        if tried < 0.5 * (high - low) or high - low < _NARROW:
            return f"number {i} of the action goes from {low:g} to {high:g}"
    return ""


def resting(space: spaces.Space[Any]) -> Any:
    """The action that is nearest to 0: most likely that of doing nothing."""
    if isinstance(space, spaces.Box):
        return np.clip(np.zeros(space.shape), space.low, space.high).astype(space.dtype)
    if isinstance(space, spaces.Discrete):
        return np.int64(min(max(0, int(space.start)), int(space.start + space.n) - 1))
    if isinstance(space, spaces.MultiDiscrete):
        return np.clip(0, space.start, space.start + space.nvec - 1).astype(space.dtype)
    return np.zeros(space.shape or (), space.dtype)


def _emitted_space(own: spaces.Space[Any]) -> spaces.Space[Any]:
    if isinstance(own, spaces.Discrete):
        return spaces.Discrete(int(own.n))
    if isinstance(own, spaces.MultiDiscrete):
        return spaces.MultiDiscrete(own.nvec)
    return spaces.Box(-1.0, 1.0, own.shape, np.float32)
