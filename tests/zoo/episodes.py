"""How episodes begin and end: limits, seeds, old ways to reset, state that outlives an episode."""

from typing import Any

import numpy as np
from gymnasium import spaces

from zoo.kit import LIMIT, Plain, register


class OwnLimit(Plain):
    """Cuts itself at 37 steps, and is registered without a limit."""

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        self.steps = 0
        return super().reset(**given)

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        observation, reward, ended, _, info = super().step(action)
        self.steps += 1
        return observation, reward, ended, self.steps >= 37, info


class Attribute(Plain):
    """States its limit as an attribute, and cuts there."""

    max_steps = 9

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        self.steps = 0
        return super().reset(**given)

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        observation, reward, ended, _, info = super().step(action)
        self.steps += 1
        return observation, reward, ended, self.steps >= self.max_steps, info


class Both(OwnLimit):
    """Ends and is cut in the same step."""

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        observation, reward, _, _, info = super().step(action)
        return observation, reward, self.steps >= 5, self.steps >= 5, info


class NoEnd(Plain):
    """Never ends."""

    def ended(self) -> Any:
        return False


class Ends(Plain):
    """Always ends at its first step."""

    def ended(self) -> Any:
        return True


class Strict(Plain):
    """Refuses a step after the end."""

    over = True

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        self.over = False
        return super().reset(**given)

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        if self.over:
            raise RuntimeError("step after the end")
        result = super().step(action)
        self.over = bool(result[2])
        return result

    def ended(self) -> Any:
        return self.x > 1.5


class Autoreset(Plain):
    """Begins the next episode by itself, as vector environments do."""

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        observation, reward, ended, cut, info = super().step(action)
        return (self.reset()[0] if ended else observation), reward, ended, cut, info

    def ended(self) -> Any:
        return self.x > 1.5


class Unseeded(Plain):
    """Draws from a generator of its own that nobody seeds."""

    own = np.random.default_rng()

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(**given)
        self.x = float(self.own.uniform(-2, 2))
        return self.observed(), {}


class LimitBeyond(Plain):
    """Cuts an episode that stays where it is after 64 steps; those that move about end before."""

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        self.steps, self.moves = 0, 0
        return super().reset(**given)

    def step(self, action: Any) -> tuple[Any, Any, Any, Any, Any]:
        self.steps, self.moves = self.steps + 1, self.moves + int(action)
        observed, reward, _, _, info = super().step(action)
        return observed, reward, self.moves > 9, self.steps >= 64, info


class DrawsAnew(Plain):
    """Makes a new generator at every reset, also where it is given no seed."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.x = float(np.random.default_rng(seed).uniform(-2, 2))
        return self.observed(), {}


class LastDigits(Plain):
    """Computes in parallel, and adds up in another order each time."""

    observation_space = spaces.Box(-10, 10, (1,), np.float64)
    own = np.random.default_rng()

    def observed(self) -> Any:
        return np.array([self.x + 1e-12 * self.own.uniform()])


class GlobalSeed(Plain):
    """Draws from NumPy's global generator, as code of before 2019 does."""

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(**given)
        self.x = float(np.random.uniform(-2, 2))
        return self.observed(), {}


class Remembering(Plain):
    """Begins where the episode before ended."""

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        before = self.x
        super().reset(**given)
        self.x = 0.5 * before
        return self.observed(), {}


class NoSeedWord(Plain):
    """Its reset takes no seed."""

    def reset(self) -> tuple[Any, dict[str, Any]]:  # type: ignore[override]
        return super().reset()


class OldReset(Plain):
    """Its reset returns the observation alone."""

    def reset(self, **given: Any) -> Any:
        return super().reset(**given)[0]


class OldStep(Plain):
    """Its step returns four things."""

    def step(self, action: Any) -> Any:
        observation, reward, ended, _, info = super().step(action)
        return observation, reward, ended, info


class OldSeed(Plain):
    """Is seeded by `seed`, as environments of the older kind."""

    drawn = 0

    def seed(self, seed: int) -> None:
        self.drawn = seed

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        super().reset(**given)
        self.x = float(np.random.default_rng(self.drawn).uniform(-2, 2))
        return self.observed(), {}


class SeedNumber(Plain):
    """Has a number that is called seed."""

    seed = 4


class ActionsLater(Plain):
    """Knows its actions from the first reset on."""

    action_space = spaces.Discrete(1)

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        self.action_space = spaces.Discrete(2)
        return super().reset(**given)


class Unlimited(Plain):
    """Says -1 where it has no limit."""

    max_steps = -1


for kind in (
    ActionsLater,
    Both,
    Strict,
    Autoreset,
    Unseeded,
    DrawsAnew,
    LastDigits,
    GlobalSeed,
    Remembering,
    NoSeedWord,
    OldReset,
    OldStep,
    OldSeed,
    SeedNumber,
):
    register(kind.__name__, kind)
register("OwnLimit", OwnLimit, limit=None)
register("LimitBeyond", LimitBeyond, limit=None)
register("Attribute", Attribute, limit=None)
register("NoEnd", NoEnd, limit=None)
register("Unlimited", Unlimited, limit=None)
register("OneStep", Ends, limit=1)
register("EndsAtOnce", Ends, limit=LIMIT)
