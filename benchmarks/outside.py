"""What an outsider measures of a saved policy: it plays with Gymnasium and NumPy alone, and asks no run.

Neither the card's success rule nor the code that scores candidates is used. A policy is its own network's weights and the
statistics of its observations, as a run saves them (safetensors; PPO with tanh layers); each protocol says in plain Python what is
measured.
"""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

Array = NDArray[np.float64]


class Played(NamedTuple):
    """One episode of n steps."""

    observations: Array
    """Before each step and after the last, (n + 1, d)."""
    actions: Array
    """As the environment took them, (n,) or (n, k)."""
    rewards: Array
    """The environment's own, (n,)."""
    infos: Sequence[dict[str, Any]]
    """Of each step, n."""
    terminated: bool


Measure = Callable[[Played], float]
Policy = Callable[[Array, gymnasium.Space[Any]], Any]
"""What is observed, and the actions that there are -> one of them."""


class Place(NamedTuple):
    """Where a policy plays."""

    env: str
    kwargs: dict[str, Any]
    max_steps: int | None
    sees: slice = slice(None)
    """What of the observation the policy sees."""
    state: Path | None = None
    """A `state.py` that says what is observed."""
    rescales: bool = True
    """Whether the policy's real-valued actions are in [-1, 1]."""


def network(weights: bytes) -> Callable[[Array], Array]:
    """What a policy's network gives for one observation: the mean of its actions, or the logits of its choices."""
    tensors = {name: np.asarray(value, dtype=np.float64) for name, value in load(weights).items()}
    deep = sum(name.startswith("policy.mlp_extractor.policy_net.") and name.endswith(".weight") for name in tensors)
    layers = [f"policy.mlp_extractor.policy_net.{2 * n}" for n in range(deep)]
    mean, spread = tensors["observation_mean"], np.sqrt(tensors["observation_variance"] + 1e-8)

    def forward(observation: Array) -> Array:
        out: Array = np.clip((observation - mean) / spread, -10.0, 10.0)
        for layer in layers:
            out = np.tanh(tensors[f"{layer}.weight"] @ out + tensors[f"{layer}.bias"])
        last: Array = tensors["policy.action_net.weight"] @ out + tensors["policy.action_net.bias"]
        return last

    return forward


def trained(weights: bytes, place: Place) -> Policy:
    """A policy's most likely actions."""
    choose = network(weights)
    return lambda seen, space: _action(space, choose(seen[place.sees]), place.rescales)


def measured(begin: Callable[[], Policy], place: Place, measure: Measure, seeds: Sequence[int]) -> float:
    """The measure's mean over the episodes of these seeds; `begin` gives what plays one of them."""
    env = gymnasium.make(place.env, max_episode_steps=place.max_steps, **place.kwargs)
    try:
        return float(np.mean([measure(play(env, begin(), place, seed)) for seed in seeds]))
    finally:
        env.close()


def play(env: gymnasium.Env[Any, Any], choose: Policy, place: Place, seed: int) -> Played:
    """One episode to its end."""
    observe = _observer(env, place)
    observation, info = env.reset(seed=seed)
    seen, actions, rewards, infos = [observe(observation, info)], [], [], []
    terminated = truncated = False
    while not (terminated or truncated):
        action = choose(seen[-1], env.action_space)
        observation, reward, terminated, truncated, info = env.step(action)
        seen.append(observe(observation, info))
        actions.append(np.asarray(action, dtype=np.float64))
        rewards.append(float(reward))
        infos.append(info)
    return Played(np.array(seen), np.array(actions), np.array(rewards), infos, bool(terminated))


def _observer(env: gymnasium.Env[Any, Any], place: Place) -> Callable[[Any, dict[str, Any]], Array]:
    if place.state is None:
        return lambda observation, info: np.asarray(observation, dtype=np.float64).ravel()
    spec = importlib.util.spec_from_file_location("observed", place.state)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def observe(observation: Any, info: dict[str, Any]) -> Array:
        said = module.observe(env.unwrapped, observation, info)
        return np.concatenate([np.asarray(value, dtype=np.float64).ravel() for value in said.values()])

    return observe


def _action(space: gymnasium.Space[Any], out: Array, rescales: bool) -> Any:
    if isinstance(space, gymnasium.spaces.Discrete):
        return int(space.start + np.argmax(out))
    assert isinstance(space, gymnasium.spaces.Box)
    low, high = space.low.astype(np.float64), space.high.astype(np.float64)
    taken = low + (np.clip(out, -1.0, 1.0) + 1.0) * (high - low) / 2 if rescales else np.clip(out, low, high)
    return taken.reshape(space.shape).astype(space.dtype)
