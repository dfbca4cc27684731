"""Training settings to try, drawn by a tree-structured Parzen estimator (Bergstra et al. 2011; Optuna's TPESampler).

What is varied, and how far, is about what rl-baselines3-zoo varies for the same algorithms (rl_zoo3/hyperparams_opt.py at commit
22e3ff2), but for what a card can't say. Numbers are rounded to what a person would write, so that a card holds them as they are.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from autoreward.errors import MissingExtra, UsageError, how_to_get
from autoreward.records.base import Hyperparameter
from autoreward.tasks.card import Task

if TYPE_CHECKING:
    import optuna

Hyperparameters = dict[str, Hyperparameter]
STARTUP = 6
"""Sets that are drawn at random before the estimator is asked; the card's own come before them."""
FEWEST_ROLLOUTS = 8
"""A training has so many rollouts at least, or it learns nothing that can be told from its start."""


class TunableSettings(NamedTuple):
    """Hyperparameters to train with, and where what they came to is told."""

    hyperparameters: Hyperparameters
    tell: Callable[[float], None]


class SettingsSpace:
    """Draws settings for a task's algorithm; the same seed and the same values told give the same ones."""

    def __init__(self, task: Task, steps: int, seed: int) -> None:
        """`steps`: of one training.

        Raises:
            MissingExtra: Optuna is not installed.
            UsageError: nobody knows what to vary of the task's algorithm.
        """
        try:
            import optuna
        except ImportError:
            raise MissingExtra(f"Tuning needs Optuna: {how_to_get('tune')}") from None
        if task.train.algorithm not in DRAWN_SETTINGS:
            raise UsageError(
                f"task {task.name} trains by {task.train.algorithm}, of which no settings are tuned; "
                f"{' and '.join(DRAWN_SETTINGS)} are."
            )
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP + 1, multivariate=False)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._task, self._steps = task, steps
        self._drawn = 0

    def ask(self) -> TunableSettings:
        """The next ones: the card's own at first."""
        self._drawn += 1
        if self._drawn == 1:
            return TunableSettings(dict(self._task.train.hyperparameters), lambda value: None)
        trial = self._study.ask()
        drawn = DRAWN_SETTINGS[self._task.train.algorithm](trial, self._task, self._steps)

        def tell(value: float) -> None:
            self._study.tell(trial, value)

        return TunableSettings({**self._task.train.hyperparameters, **drawn}, tell)


def _ppo(trial: "optuna.Trial", task: Task, steps: int) -> Hyperparameters:
    envs = task.train.envs
    longest = max(steps // (FEWEST_ROLLOUTS * envs), 1).bit_length() - 1
    n_steps = 2 ** min(trial.suggest_int("n_steps_pow", 4, 11), max(longest, 3))
    return {
        "n_steps": n_steps,
        "batch_size": min(2 ** trial.suggest_int("batch_size_pow", 5, 10), n_steps * envs),
        "n_epochs": trial.suggest_categorical("n_epochs", [1, 5, 10, 20]),
        "clip_range": trial.suggest_categorical("clip_range", [0.1, 0.2, 0.3, 0.4]),
        **_shared(trial),
        "gae_lambda": _below_one(trial, "gae_lambda", 1e-3, 0.2),
        "ent_coef": _short(trial.suggest_float("ent_coef", 1e-8, 0.1, log=True)),
        "max_grad_norm": _short(trial.suggest_float("max_grad_norm", 0.3, 2.0)),
    }


def _sac(trial: "optuna.Trial", task: Task, steps: int) -> Hyperparameters:
    return {
        "batch_size": 2 ** trial.suggest_int("batch_size_pow", 5, 10),
        "tau": _short(trial.suggest_float("tau", 1e-3, 0.08, log=True)),
        "train_freq": trial.suggest_int("train_freq", 1, 10),
        "learning_starts": min(
            trial.suggest_categorical("learning_starts", [500, 1_000, 5_000]), steps // FEWEST_ROLLOUTS
        ),
        **_shared(trial),
    }


def _shared(trial: "optuna.Trial") -> Hyperparameters:
    return {
        "learning_rate": _short(trial.suggest_float("learning_rate", 1e-5, 3e-3, log=True)),
        "gamma": _below_one(trial, "gamma", 1e-4, 0.05),
    }


def _below_one(trial: "optuna.Trial", name: str, least: float, most: float) -> float:
    return round(1.0 - _short(trial.suggest_float(f"one_minus_{name}", least, most, log=True)), 6)


def _short(value: float) -> float:
    return float(f"{value:.2g}")


DRAWN_SETTINGS: Mapping[str, Callable[["optuna.Trial", Task, int], Hyperparameters]] = {"PPO": _ppo, "SAC": _sac}
"""By algorithm, what one draw is."""
