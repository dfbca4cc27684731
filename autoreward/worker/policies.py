"""Policies as plain arrays: SB3 model + observation statistics <-> safetensors bytes."""

import importlib
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load, save
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack, VecNormalize

from autoreward.errors import TaskError, how_to_get
from autoreward.tasks.card import Task
from autoreward.worker.envs import make
from autoreward.worker.envs.actions import PolicyActions, PolicyEnvs
from autoreward.worker.envs.masks import masks_of
from autoreward.worker.envs.policy_view import PolicyView
from autoreward.worker.envs.vector import EpisodeRows, PolicyFunction, VectorEnv
from autoreward.worker.rollout.recorder import Recorder

MEAN, VARIANCE = "observation_mean", "observation_variance"
EPSILON = 1e-8
CLIP = 10.0
_CLASSES = {"activation_fn": torch.nn, "optimizer_class": torch.optim}
"""Where the classes are that a card names in its policy_kwargs."""


def on_gpu(task: Task, available: Callable[[], bool] = torch.cuda.is_available) -> bool:
    """Whether the task's models train on a GPU: its card wants one, and one is there. Only then is `available` asked."""
    return task.train.device != "cpu" and available()


def algorithm_class(task: Task) -> type[BaseAlgorithm]:
    """The class of the task's algorithm. Raises TaskError where its package is not installed."""
    spec = task.train.spec
    try:
        package = importlib.import_module(spec.package)
    except ModuleNotFoundError:
        raise TaskError(
            f'task {task.name}, [train] algorithm = "{task.train.algorithm}" is of sb3-contrib, which is not installed: '
            f"{how_to_get('contrib')}"
        ) from None
    kind: type[BaseAlgorithm] = getattr(package, task.train.algorithm)
    return kind


def build(task: Task, venv: VecEnv, seed: int, **extra: Any) -> BaseAlgorithm:
    """The task's SB3 model with its tuned settings, on its device.

    Raises:
        TaskError: the device is not there, where SB3 would take the CPU instead; or the algorithm's package is not.
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
    kind: Any = algorithm_class(task)
    settings: dict[str, Any] = dict(task.train.hyperparameters)
    model: BaseAlgorithm = kind(
        task.train.policy, venv, seed=seed, device=device, policy_kwargs=policy_kwargs(task), **settings, **extra
    )
    return model


def policy_kwargs(task: Task) -> dict[str, Any]:
    """As Stable-Baselines3 takes them."""
    given = {"net_arch": task.train.net_arch, **task.train.policy_kwargs.given()}
    classes = {name: getattr(home, given[name]) for name, home in _CLASSES.items() if name in given}
    return given | classes


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
    """The model's most likely actions as the environment takes them, as a function of observation vectors; it is shown its view.

    One of a recurrent policy, or of one that sees several observations at once, remembers the episodes by their places.
    """
    memory = _Memory(len(mean) // len(view.places))

    def choose(observations: NDArray[Any], turn: EpisodeRows) -> NDArray[Any]:
        seen = memory.shown(turn, view.of(observations))
        normal = np.clip((seen - mean) / np.sqrt(variance + EPSILON), -CLIP, CLIP).astype(np.float32)
        masks = {"action_masks": masks_of(view.layout, observations)} if view.layout.masks else {}
        emitted, state = model.predict(normal, memory.of(turn), turn.starts, deterministic=True, **masks)
        memory.keep(turn, state)
        return np.asarray(actions.acted(emitted))

    return choose


def newest_spread(view: PolicyView, variance: NDArray[Any]) -> NDArray[Any]:
    """What each number that a policy sees varies by, (v,), from the variance of all that it sees at once."""
    return np.asarray(np.sqrt(variance[-len(view.places) :] + EPSILON))


class _Memory:
    """What a policy remembers of each episode that it plays: the observations before, and what an LSTM makes of them.

    Episodes were all among those of the last turn, or all begin.
    """

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._places: NDArray[np.intp] | None = None
        self._stack: NDArray[Any] | None = None
        """(m, frames * v), of the episodes at these places."""
        self._state: tuple[NDArray[Any], ...] | None = None
        """Arrays (layers, m, hidden) of the same."""

    def shown(self, turn: EpisodeRows, seen: NDArray[Any]) -> NDArray[Any]:
        """Behind the observations before (m, v) these, as `VecFrameStack` has them: (m, frames * v)."""
        if self._frames == 1:
            return seen
        if self._stack is None or self._places is None or turn.starts.all():
            before = np.zeros((len(seen), self._frames * seen.shape[1]), seen.dtype)
        else:
            before = self._stack[np.searchsorted(self._places, turn.places)]
            before[turn.starts] = 0
        self._stack = np.concatenate([before[:, seen.shape[1] :], seen], axis=1)
        return self._stack

    def of(self, turn: EpisodeRows) -> tuple[NDArray[Any], ...] | None:
        """The state of a recurrent policy."""
        if self._state is None or self._places is None or turn.starts.all():
            return None
        rows = np.searchsorted(self._places, turn.places)
        return tuple(part[:, rows] for part in self._state)

    def keep(self, turn: EpisodeRows, state: tuple[NDArray[Any], ...] | None) -> None:
        """What they are after that turn."""
        self._places, self._state = turn.places, state


def normalised(task: Task, venv: VectorEnv | Recorder) -> VecNormalize:
    """Environments as SB3 is given them: they show what a policy sees, normalised as the task asks for it, and take what it emits.

    Rewards are normalised by LateRewards. Raises TaskError where nothing is left to see.
    """
    taking: VecEnv = PolicyEnvs(venv, PolicyView(task, venv.layout), task.train)
    if task.train.frame_stack > 1:
        taking = VecFrameStack(taking, task.train.frame_stack)
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
