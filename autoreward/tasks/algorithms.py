"""The algorithms that a card may name, and what is known of each without importing any."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

AlgorithmName = Literal["PPO", "SAC", "TD3", "DQN", "A2C", "TQC", "QRDQN", "RecurrentPPO", "MaskablePPO"]
"""As Stable-Baselines3 and sb3-contrib call their classes."""
_CHOICES = ("Discrete", "MultiDiscrete", "MultiBinary")
"""Spaces of actions that are no real numbers."""


class AlgorithmSpec(NamedTuple):
    """One of them."""

    stretch: str
    """The setting that says how many steps of each environment lie between two questions about rewards."""
    usual: int
    """Those where the card names none: the class's own."""
    actions: tuple[str, ...] = ("Box", *_CHOICES)
    """Kinds of Gymnasium's spaces whose actions it chooses."""
    package: Literal["stable_baselines3", "sb3_contrib"] = "stable_baselines3"
    rescales: bool = False
    """It brings real-valued actions between their bounds by itself."""
    recurrent: bool = False
    """Its policies remember, by an LSTM, what they saw in an episode."""
    masked: bool = False
    """It asks the environment which actions are allowed, by `action_masks()`."""

    @property
    def networks(self) -> tuple[str, ...]:
        """What Stable-Baselines3 calls its policy and its critic; nothing where one network is both."""
        if self.on_policy:
            return ("pi", "vf")
        return ("pi", "qf") if self.rescales else ()

    @property
    def on_policy(self) -> bool:
        """Whether it learns from its newest steps alone; else from a replay buffer."""
        return self.stretch == "n_steps"


ALGORITHMS: Mapping[AlgorithmName, AlgorithmSpec] = MappingProxyType(
    {
        "PPO": AlgorithmSpec("n_steps", 2048),
        "A2C": AlgorithmSpec("n_steps", 5),
        "SAC": AlgorithmSpec("train_freq", 1, ("Box",), rescales=True),
        "TD3": AlgorithmSpec("train_freq", 1, ("Box",), rescales=True),
        "DQN": AlgorithmSpec("train_freq", 4, ("Discrete",)),
        "TQC": AlgorithmSpec("train_freq", 1, ("Box",), "sb3_contrib", rescales=True),
        "QRDQN": AlgorithmSpec("train_freq", 4, ("Discrete",), "sb3_contrib"),
        "RecurrentPPO": AlgorithmSpec("n_steps", 128, package="sb3_contrib", recurrent=True),
        "MaskablePPO": AlgorithmSpec("n_steps", 2048, _CHOICES, "sb3_contrib", masked=True),
    }
)
