"""Settings that an algorithm is usually started with, for a card that nobody has tuned."""

from typing import Literal

from autoreward.errors import TaskError
from autoreward.records import Survey
from autoreward.records.base import Hyperparameter
from autoreward.tasks.tables import Train

Algorithm = Literal["PPO", "SAC"]


def usual_training(algorithm: Algorithm, survey: Survey, limit: int) -> Train:
    """What a drafted card trains with. `limit`: steps of an episode. Raises TaskError if SAC is to make choices."""
    gamma = 0.98 if limit <= 100 else 0.99
    smooth = not survey.choices
    if algorithm == "SAC":
        if not smooth:
            raise TaskError(f"{survey.env} takes choices, and SAC gives real numbers alone; take PPO.")
        # a gradient step for each step of the environments, as with one of them
        settings: dict[str, Hyperparameter] = {
            "learning_rate": 3e-4, "buffer_size": 200_000, "learning_starts": 1_000, "batch_size": 256, "tau": 0.01,
            "train_freq": 1, "gradient_steps": -1, "gamma": gamma,
        }  # fmt: skip
        return Train(algorithm="SAC", steps=50_000, envs=4, hyperparameters=settings)
    return Train(
        algorithm="PPO",
        steps=200_000,
        hyperparameters={
            "n_steps": 128,
            "batch_size": 512,
            "n_epochs": 10 if smooth else 5,
            "learning_rate": 5e-4 if smooth else 1e-3,
            "gamma": gamma,
            "gae_lambda": 0.95,
        },
    )
