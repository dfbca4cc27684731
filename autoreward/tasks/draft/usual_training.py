"""Settings that a card for an environment without one trains with: those that are published for it, or else usual ones."""

from collections.abc import Collection
from typing import Literal

from autoreward.errors import TaskError
from autoreward.records import Survey
from autoreward.records.base import Hyperparameter
from autoreward.tasks.algorithms import ALGORITHMS, AlgorithmName
from autoreward.tasks.draft.published_training import ProposedTraining, published_training
from autoreward.tasks.tables import Train

_STEPS, _STEPS_REPLAYED = 200_000, 50_000
"""Of a training that learns from its newest steps, and of one that learns from a replay buffer, which takes longer for each."""


def proposed_training(
    algorithm: AlgorithmName, survey: Survey, kwargs: Collection[str], limit: int
) -> ProposedTraining:
    """What a drafted card trains with. `kwargs`: arguments of the environment; `limit`: steps of an episode.

    Raises:
        TaskError: the algorithm does not choose such actions, or nothing is known of how it is started here.
    """
    spec = ALGORITHMS[algorithm]
    if survey.choices and "Discrete" not in spec.actions:
        raise TaskError(f"{survey.env} takes choices, and {algorithm} gives real numbers alone; take PPO.")
    if not survey.choices and "Box" not in spec.actions:
        raise TaskError(f"{survey.env} takes real numbers, and {algorithm} makes choices alone; take PPO or SAC.")
    steps = _STEPS if spec.on_policy else _STEPS_REPLAYED
    if published := published_training(survey.env, kwargs, algorithm, steps):
        return published
    if algorithm not in ("PPO", "SAC"):
        raise TaskError(
            f"no settings of {algorithm} are published for {survey.env}; take PPO or SAC, or change the card by hand."
        )
    usual = usual_training(algorithm, not survey.choices, limit)
    return ProposedTraining(usual, f"usual {algorithm} settings for this kind of action; not tuned")


def usual_training(algorithm: Literal["PPO", "SAC"], smooth: bool, limit: int) -> Train:
    """What is usual where nothing is published. `smooth`: actions are real numbers; `limit`: steps of an episode."""
    gamma = 0.98 if limit <= 100 else 0.99
    if algorithm == "SAC":
        # a gradient step for each step of the environments, as with one of them
        settings: dict[str, Hyperparameter] = {
            "learning_rate": 3e-4, "buffer_size": 200_000, "learning_starts": 1_000, "batch_size": 256, "tau": 0.01,
            "train_freq": 1, "gradient_steps": -1, "gamma": gamma,
        }  # fmt: skip
        return Train(algorithm="SAC", steps=_STEPS_REPLAYED, envs=4, hyperparameters=settings)
    return Train(
        algorithm="PPO",
        steps=_STEPS,
        hyperparameters={
            "n_steps": 128,
            "batch_size": 512,
            "n_epochs": 10 if smooth else 5,
            "learning_rate": 5e-4 if smooth else 1e-3,
            "gamma": gamma,
            "gae_lambda": 0.95,
        },
    )
