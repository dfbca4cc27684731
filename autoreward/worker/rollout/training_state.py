"""Everything that a training goes on from, as safetensors: what Stable-Baselines3 keeps of a model is less.

Weights, optimisers, statistics of observations and rewards, random numbers, counters, the replay buffer of off-policy
algorithms, what a recurrent policy remembers, and the episodes in progress. A training in legs is then, to the bit, the
training in one piece.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.save_util import recursive_getattr
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

from autoreward.worker import policies
from autoreward.worker.envs.actions import PolicyEnvs
from autoreward.worker.rollout.late_rewards import LateRewards, Normaliser
from autoreward.worker.rollout.recorder import Recorder

REPLAY_CAP = 64 << 20
"""Bytes of a replay buffer that are carried from leg to leg: where it is larger, its latest transitions."""
_OPTIMISER, _VARIABLE, _REPLAY, _COMPOSE, _LSTM = "optimiser.", "variable.", "replay.", "compose.", "lstm."
_NUMBERS, _COUNTERS, _FRAMES = "numbers", "counters", "frames"
_TORCH, _CUDA, _NUMPY, _ACTIONS = "random.torch", "random.cuda", "random.numpy", "random.actions"
_COUNTED = ("num_timesteps", "_n_updates", "_n_calls", "_episode_num")
"""What algorithms count and act on: DQN and TD3 update their targets every so many of them."""
_ROWS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
"""Arrays of a replay buffer, of shape (rows, environments, ...)."""
_WORD = 2**32


def training_state(
    model: BaseAlgorithm,
    venv: VecNormalize,
    rewards: RunningMeanStd,
    episodes: Mapping[str, torch.Tensor],
    replay_cap: int = REPLAY_CAP,
    learned: Mapping[str, NDArray[Any]] = MappingProxyType({}),
) -> bytes:
    """All that the training goes on from; `rewards` are the statistics of reward normalisation, `episodes` those in progress.

    `learned` is what a composition has learned (`LateRewards.learned`).

    In a replay buffer all rewards must be filled in.
    """
    tensors = load(policies.to_bytes(model, venv))
    parts, variables = model._get_torch_save_params()
    for part in (name for name in parts if name.endswith("optimizer")):
        for index, slots in recursive_getattr(model, part).state_dict()["state"].items():
            tensors |= {f"{_OPTIMISER}{part}/{index}/{n}": torch.as_tensor(v).clone() for n, v in slots.items()}
    tensors |= {_VARIABLE + name: recursive_getattr(model, name).detach().clone() for name in variables}
    count = policies.observation_stats(venv).count if venv.norm_obs else 0.0
    numbers = [count, float(rewards.mean), float(rewards.var), rewards.count]
    tensors[_NUMBERS] = torch.tensor(numbers, dtype=torch.float64)
    tensors[_COUNTERS] = torch.tensor([getattr(model, name, 0) for name in _COUNTED], dtype=torch.int64)
    tensors |= _random_numbers(model)
    if isinstance(model, OffPolicyAlgorithm):
        tensors |= _replay(_buffer(model), replay_cap)
    if (stack := _frame_stack(venv)) is not None:
        tensors[_FRAMES] = torch.from_numpy(stack.copy())
    tensors |= {_LSTM + name: part.clone() for name, part in _lstm_states(model).items()}
    tensors |= {_COMPOSE + name: torch.from_numpy(array.copy()) for name, array in learned.items()}
    return save({**tensors, **episodes})


def go_on(
    model: BaseAlgorithm,
    venv: VecNormalize,
    recorder: Recorder,
    rewards: LateRewards,
    normaliser: Normaliser,
    state: bytes,
) -> None:
    """Bring a fresh model of the same task and all around it to where the leg before ended.

    Raises:
        RewardFailed: the program fails on the episodes in progress, which it is shown again.
        KeyError: the state is of another algorithm or task.
    """
    tensors = load(state)
    recorder.bring_back(tensors)
    rewards.catch_up()  # before the statistics, which have these steps already
    learned = {name: tensor.numpy() for name, tensor in _taken(tensors, _COMPOSE).items()}
    rewards.restore(learned)  # after it has caught up: what ended there was no episode of this training
    restore(model, venv, normaliser.stats, tensors)
    stack, envs = _frame_stack(venv), venv.venv.venv if isinstance(venv.venv, VecFrameStack) else venv.venv
    if not isinstance(envs, PolicyEnvs):
        raise TypeError("what normalises observations lies on something else than a policy's environments")
    seen = envs.shown(recorder.observations)
    if stack is not None:
        stack[recorder.episode_starts] = 0  # of one that could not be brought back
        stack[:, -seen.shape[1] :] = seen
        seen = stack.copy()
    model._last_obs = venv.normalize_obs(seen)
    model._last_original_obs = seen
    model._last_episode_starts = recorder.episode_starts


def restore(
    model: BaseAlgorithm, venv: VecNormalize, rewards: RunningMeanStd, tensors: dict[str, torch.Tensor]
) -> None:
    """Put what `training_state` gave, but for its episodes, into a fresh model of the same task.

    Raises KeyError if it is of another.
    ."""
    count, mean, variance, rewards_count = tensors.pop(_NUMBERS).tolist()
    for name, number in zip(_COUNTED, tensors.pop(_COUNTERS).tolist(), strict=True):
        if hasattr(model, name):
            setattr(model, name, number)
    _restore_random_numbers(model, tensors)
    if isinstance(model, OffPolicyAlgorithm):
        _restore_replay(_buffer(model), _taken(tensors, _REPLAY))
    if (stack := _frame_stack(venv)) is not None:
        stack[:] = tensors.pop(_FRAMES).numpy()
    for name, remembered in _lstm_states(model).items():
        remembered.copy_(tensors.pop(_LSTM + name))
    optimisers: dict[str, dict[int, dict[str, torch.Tensor]]] = {}
    for name, value in _taken(tensors, _OPTIMISER).items():
        part, index, slot = name.split("/")
        optimisers.setdefault(part, {}).setdefault(int(index), {})[slot] = value
    for name, value in _taken(tensors, _VARIABLE).items():
        recursive_getattr(model, name).data.copy_(value)
    saved_mean, saved_variance = policies.from_bytes(model, save(tensors))
    for part, slots in optimisers.items():
        optimiser = recursive_getattr(model, part)
        optimiser.load_state_dict({"state": slots, "param_groups": optimiser.state_dict()["param_groups"]})
    if venv.norm_obs:
        stats = policies.observation_stats(venv)
        stats.mean, stats.var, stats.count = saved_mean, saved_variance, count
    rewards.mean, rewards.var, rewards.count = np.array(mean), np.array(variance), rewards_count


def _taken(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """Those under a prefix, without it; they are taken out."""
    return {name.removeprefix(prefix): tensors.pop(name) for name in list(tensors) if name.startswith(prefix)}


def _frame_stack(venv: VecNormalize) -> NDArray[Any] | None:
    """The observations that a policy sees at once, (n, frames * v), as they lie in what stacks them; None where nothing does."""
    return venv.venv.stacked_obs.stacked_obs if isinstance(venv.venv, VecFrameStack) else None


def _lstm_states(model: BaseAlgorithm) -> dict[str, torch.Tensor]:
    """What a recurrent policy and its critic remember of the episodes in progress, each (layers, n, hidden); nothing of others."""
    states = getattr(model, "_last_lstm_states", None)
    if states is None:
        return {}
    return {f"{of}.{i}": part for of in ("pi", "vf") for i, part in enumerate(getattr(states, of))}


# -------------------------------------------------------------------------------------------------------- random numbers


def _random_numbers(model: BaseAlgorithm) -> dict[str, torch.Tensor]:
    """Of PyTorch, of what SB3 shuffles and samples batches with, and of the action space, which warm-up actions are drawn from."""
    _, key, position, *_ = np.random.get_state()
    drawn: Any = model.action_space.np_random.bit_generator.state
    words = [drawn["state"]["state"], drawn["state"]["inc"]]
    halves = [word // _WORD**i % _WORD for word in words for i in range(4)]
    state = {
        _TORCH: torch.get_rng_state(),
        _NUMPY: torch.tensor([*key, position], dtype=torch.int64),
        _ACTIONS: torch.tensor([*halves, drawn["has_uint32"], drawn["uinteger"]], dtype=torch.int64),
    }
    return state | ({_CUDA: torch.cuda.get_rng_state(model.device)} if model.device.type == "cuda" else {})


def _restore_random_numbers(model: BaseAlgorithm, tensors: dict[str, torch.Tensor]) -> None:
    torch.set_rng_state(tensors.pop(_TORCH))
    if (of_a_gpu := tensors.pop(_CUDA, None)) is not None and model.device.type == "cuda":
        torch.cuda.set_rng_state(of_a_gpu, model.device)
    *key, position = tensors.pop(_NUMPY).tolist()
    np.random.set_state(("MT19937", np.array(key, np.uint32), position, 0, 0.0))
    *halves, has_half, half = tensors.pop(_ACTIONS).tolist()
    state, inc = (sum(part * _WORD**i for i, part in enumerate(word)) for word in (halves[:4], halves[4:]))
    generator: Any = model.action_space.np_random.bit_generator
    generator.state = generator.state | {
        "state": {"state": state, "inc": inc},
        "has_uint32": has_half,
        "uinteger": half,
    }


# ---------------------------------------------------------------------------------------------------------------- replay


def _buffer(model: OffPolicyAlgorithm) -> ReplayBuffer:
    if model.replay_buffer is None:
        raise TypeError("SB3 made no replay buffer")
    return model.replay_buffer


def _replay(buffer: ReplayBuffer, cap: int) -> dict[str, torch.Tensor]:
    """Its rows as they lie in it; where they are too many bytes, the latest, in the order of time."""
    held = buffer.buffer_size if buffer.full else buffer.pos
    arrays: dict[str, NDArray[Any]] = {name: getattr(buffer, name)[:held] for name in _ROWS}
    position, most = buffer.pos, max(cap * held // max(sum(a.nbytes for a in arrays.values()), 1), 1)
    if held > most:
        latest = np.arange(buffer.pos - most, buffer.pos) % buffer.buffer_size
        arrays, position, held = {name: array[latest] for name, array in arrays.items()}, most, most
    place = torch.tensor([position, held], dtype=torch.int64)
    return {_REPLAY + n: torch.from_numpy(a.copy()) for n, a in arrays.items()} | {_REPLAY + "place": place}


def _restore_replay(buffer: ReplayBuffer, tensors: Mapping[str, torch.Tensor]) -> None:
    position, held = tensors["place"].tolist()
    for name in _ROWS:
        getattr(buffer, name)[:held] = tensors[name].numpy()
    buffer.pos, buffer.full = position % buffer.buffer_size, held == buffer.buffer_size
