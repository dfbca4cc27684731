"""Policies as plain arrays: SB3 model + observation statistics <-> safetensors bytes."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import stable_baselines3
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from autoreward.errors import TaskError
from autoreward.tasks.card import Task
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import PolicyActions, PolicyEnvs
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import PolicyFunction, VectorEnv
from autoreward.worker.rollout.recorder import Recorder

MEAN, VARIANCE = "observation_mean", "observation_variance"
EPSILON = 1e-8
CLIP = 10.0
ON_POLICY = ("PPO", "A2C")


def on_gpu(task: Task, available: Callable[[], bool] = torch.cuda.is_available) -> bool:
    """Whether the task's models train on a GPU: its card wants one, and one is there. Only then is `available` asked."""
    return task.train.device != "cpu" and available()


def build(task: Task, venv: VecEnv, seed: int, **extra: Any) -> BaseAlgorithm:
    """The task's SB3 model with its tuned settings, on its device.

    Raises:
        TaskError: the device is not there, where SB3 would take the CPU instead.
        ValueError: SB3 does not take the settings.
        TypeError: the same.
    """
    if on_gpu(task):
        return _built(task, venv, seed, "cuda", **extra)
    if task.train.device == "cuda":
        raise TaskError(
            f'task {task.name}, [train] device = "cuda": PyTorch {torch.__version__} finds no GPU from within a worker; '
            'use a machine and a PyTorch with CUDA, or write "auto" or "cpu".'
        )
    return _built(task, venv, seed, "cpu", **extra)


def _built(task: Task, venv: VecEnv, seed: int, device: str, **extra: Any) -> BaseAlgorithm:
    kind = getattr(stable_baselines3, task.train.algorithm)
    settings: dict[str, Any] = dict(task.train.hyperparameters)
    net: Any = list(task.train.net)
    if task.train.algorithm in ON_POLICY:
        net = {"pi": net, "vf": net}
    model: BaseAlgorithm = kind(
        "MlpPolicy", venv, seed=seed, device=device, policy_kwargs={"net_arch": net}, **settings, **extra
    )
    return model


def blank(task: Task, closing: ExitStack) -> BaseAlgorithm:
    """An untrained model that saved weights fit, on the CPU: it plays in few environments, or becomes a file for any machine.

    Its environment is asked for its spaces alone, and closed by `closing`.
    """
    venv = normalised(task, make.vectorised(task, 1, seed=0))
    closing.callback(venv.close)
    return _built(task, venv, 0, "cpu")


def policy_function(
    model: BaseAlgorithm, view: PolicyView, actions: PolicyActions, mean: NDArray[Any], variance: NDArray[Any]
) -> PolicyFunction:
    """The model's most likely actions as the environment takes them, as a function of observation vectors; it is shown its view."""

    def choose(observations: NDArray[Any]) -> NDArray[Any]:
        normal = np.clip((view.of(observations) - mean) / np.sqrt(variance + EPSILON), -CLIP, CLIP)
        emitted = model.predict(normal.astype(np.float32), deterministic=True)[0]
        return np.asarray(actions.acted(emitted))

    return choose


def normalised(task: Task, venv: VectorEnv | Recorder) -> VecNormalize:
    """Environments as SB3 is given them: they show what a policy sees, normalised as the task asks for it, and take what it emits.

    Rewards are normalised by LateRewards. Raises TaskError where nothing is left to see.
    """
    taking = PolicyEnvs(venv, PolicyView(task, venv.layout), task.train)
    return VecNormalize(
        taking, norm_obs=task.train.normalize_observations, norm_reward=False, clip_obs=CLIP, epsilon=EPSILON
    )


def finite(model: BaseAlgorithm) -> bool:
    """Whether all weights of a model are finite numbers."""
    return all(bool(torch.isfinite(weights).all()) for weights in model.policy.parameters())


def to_bytes(model: BaseAlgorithm, venv: VecNormalize) -> bytes:
    """Weights and observation statistics as safetensors."""
    tensors = {
        f"policy.{name}": value.detach().clone().contiguous() for name, value in model.policy.state_dict().items()
    }
    mean, variance = statistics(venv)
    tensors[MEAN] = torch.from_numpy(mean)
    tensors[VARIANCE] = torch.from_numpy(variance)
    return save(tensors)


def statistics(venv: VecNormalize) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of each observation entry; 0 and 1 where observations are not normalised."""
    if venv.norm_obs:
        stats = observation_stats(venv)
        return np.array(stats.mean), np.array(stats.var)
    shape = venv.observation_space.shape or ()
    return np.zeros(shape), np.ones(shape)


def observation_stats(venv: VecNormalize) -> RunningMeanStd:
    """The running statistics of a vector observation."""
    if not isinstance(venv.obs_rms, RunningMeanStd):
        raise TypeError("observations are not one vector")
    return venv.obs_rms


def from_bytes(model: BaseAlgorithm, data: bytes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put saved weights into a model; returns the observations' mean and variance. Raises on weights that don't fit."""
    tensors = load(data)
    mean, variance = tensors.pop(MEAN).numpy(), tensors.pop(VARIANCE).numpy()
    model.policy.load_state_dict({name.removeprefix("policy."): value for name, value in tensors.items()})
    return mean, variance
