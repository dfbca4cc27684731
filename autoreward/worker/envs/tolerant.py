"""An environment that fails now and then: the episode is thrown away and counted, and the next one begins.

What fails in more than a share of its episodes is not flaky but broken, and says so.
"""

from typing import Any

import gymnasium

from autoreward.errors import EnvironmentFault

LOST_SHARE = 0.05
"""Share of the episodes that may be lost."""
LOST_FEWEST = 3
"""Episodes that may be lost however few there were."""
LOST_EPISODE = "lost_episode"
"""Key of a step's `info`: its episode was thrown away here."""


class Losses:
    """How many episodes were begun and lost, in all environments of a task side by side."""

    def __init__(self) -> None:
        self.begun = 0
        self.lost = 0
        self._first: EnvironmentFault | None = None

    def add(self, fault: EnvironmentFault) -> None:
        """One more is lost. Raises EnvironmentFault if that is too many."""
        self.lost += 1
        first = self._first = self._first or fault
        if self.lost > max(LOST_FEWEST, LOST_SHARE * self.begun):
            raise EnvironmentFault(
                f"{str(fault).rstrip('.')}. It is not the first: {self.lost} of {self.begun} episodes were lost to its "
                f"failures, where {LOST_FEWEST} or {LOST_SHARE:.0%} may be.{_another(first, fault)}"
            ) from fault


def _another(first: EnvironmentFault, last: EnvironmentFault) -> str:
    """The first fault, where the last one is of another kind: such as Gymnasium's own checker, which looks at a first call only."""
    return "" if type(first.__cause__) is type(last.__cause__) else f" The first was another one: {first}"


class Tolerant(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Cuts an episode where the environment fails, as a time limit would, at its last observation; `info` has LOST_EPISODE.

    A reset that fails is tried again, which counts as one more episode that was lost.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], losses: Losses) -> None:
        super().__init__(env)
        self._losses = losses
        self._last: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset. Raises EnvironmentFault if too many episodes are lost."""
        while True:
            self._losses.begun += 1
            try:
                self._last, info = self.env.reset(seed=seed, options=options)
            except EnvironmentFault as fault:
                self._losses.add(fault)
            else:
                return self._last, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step. Raises EnvironmentFault if too many episodes are lost."""
        try:
            result = self.env.step(action)
        except EnvironmentFault as fault:
            self._losses.add(fault)
            return self._last, 0.0, False, True, {LOST_EPISODE: True}
        self._last = result[0]
        return result
