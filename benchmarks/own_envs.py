"""Environments as people bring them: a dict with a table and a tolerance, choices side by side, and pixels."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

LINKS = (0.6, 0.4)
PIXELS = 60


class Arm(gymnasium.Env[Any, Any]):
    """A planar arm of two links.

    ## Observation Space
    - `observation`: q1, q2, dq1, dq2
    - `achieved_goal`: where the tip is
    - `desired_goal`: where it is to be
    """

    action_space = spaces.Box(-1, 1, (2,), np.float32)
    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012 - as Gymnasium has it

    def __init__(self, tolerance: float = 0.08, render_mode: str | None = None) -> None:
        self.tolerance, self.render_mode = tolerance, render_mode
        place = spaces.Box(-2, 2, (2,), np.float64)
        self.observation_space: spaces.Space[Any] = spaces.Dict(
            {"observation": spaces.Box(-20, 20, (4,), np.float64), "achieved_goal": place, "desired_goal": place}
        )
        self.joints, self.speeds, self.goal = np.zeros(2), np.zeros(2), np.zeros(2)

    @property
    def tip(self) -> NDArray[np.float64]:
        """Where the end of the second link is, shape (2,)."""
        angles = np.cumsum(self.joints)
        return np.array([np.dot(LINKS, np.cos(angles)), np.dot(LINKS, np.sin(angles))])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Anywhere, at rest."""
        super().reset(seed=seed)
        self.joints, self.speeds = self.np_random.uniform(-np.pi, np.pi, 2), np.zeros(2)
        angle, reach = self.np_random.uniform(-np.pi, np.pi), self.np_random.uniform(0.3, 0.9)
        self.goal = reach * np.array([np.cos(angle), np.sin(angle)])
        return self.observed(), {}

    def step(self, action: NDArray[np.float32]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """50 ms of torque with friction."""
        self.speeds = np.clip(0.95 * self.speeds + 0.3 * action, -10, 10)
        self.joints = (self.joints + 0.05 * self.speeds + np.pi) % (2 * np.pi) - np.pi
        gap = float(np.linalg.norm(self.tip - self.goal))
        return self.observed(), -gap, False, False, {"is_success": gap < self.tolerance}

    def observed(self) -> Any:
        """What it observes."""
        return {
            "observation": np.concatenate([self.joints, self.speeds]),
            "achieved_goal": self.tip,
            "desired_goal": self.goal.copy(),
        }

    def render(self) -> NDArray[np.uint8]:
        """The tip and the goal as dots, shape (PIXELS, PIXELS, 3)."""
        picture = np.zeros((PIXELS, PIXELS, 3), np.uint8)
        for place, colour in ((self.goal, 1), (self.tip, 0)):
            row, column = np.clip((place + 1) / 2 * PIXELS, 0, PIXELS - 1).astype(int)
            picture[row, column, colour] = 255
        return picture


class ArmPixels(Arm):
    """The same arm, seen."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Box(0, 255, (PIXELS, PIXELS, 3), np.uint8)

    def observed(self) -> Any:
        """A picture."""
        return self.render()


class Valves(gymnasium.Env[Any, Any]):
    """Three tanks in a row, and a valve with three positions before each."""

    action_space = spaces.MultiDiscrete([3, 3, 3])
    observation_space = spaces.Dict(
        {
            "levels": spaces.Box(0, 2, (3,), np.float64),
            "rate": spaces.Box(0.2, 1, (1,), np.float64),
            "mode": spaces.Discrete(2),
        }
    )

    def __init__(self) -> None:
        self.levels, self.rate = np.zeros(3), 0.5

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Any levels."""
        super().reset(seed=seed)
        self.levels, self.rate = self.np_random.uniform(0, 2, 3), float(self.np_random.uniform(0.2, 1))
        return self.observed(), {}

    def step(self, action: NDArray[np.int64]) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """A tank passes on what its valve lets through."""
        passed = 0.1 * self.rate * np.asarray(action)
        self.levels = np.clip(self.levels - np.minimum(passed, self.levels) + np.roll(passed, 1), 0, 2)
        return self.observed(), -float(np.ptp(self.levels)), False, False, {}

    def observed(self) -> Any:
        """What it observes."""
        return {"levels": self.levels.copy(), "rate": np.array([self.rate]), "mode": int(self.rate > 0.6)}


for name, entry in (("OwnArm", Arm), ("OwnArmPixels", ArmPixels), ("OwnValves", Valves)):
    gymnasium.register(f"{name}-v0", entry, max_episode_steps=100)
