"""The reward contract: what a candidate program is given and what it must return. Prompts quote this file.

    def compute_reward(state, action, next_state, memory):
        gap = np.linalg.norm(next_state.target - next_state.fingertip, axis=-1)
        return {
            "approach": -gap,
            "arrive": 1.0 * (gap < 0.01),
            "effort": -0.1 * np.square(action.torque).sum(axis=-1),
        }

- `state` and `next_state` hold the task's named fields, each an array of shape (n,) or (n, k), in the environment's own
  units; `action` holds the action fields. n transitions come at once; row i of the answer depends on row i of the input
  alone. Inputs are read-only.
- `next_state.step` is the index of the state in its episode (1 after the first action) and `next_state.terminated` is
  True where the episode ended by itself (not by the time limit). `next_state` of an episode's last transition is the
  true last state.
- The environment's own reward, its success flag and anything made from them are never there.
- The answer is a dict of named parts, each an array of shape (n,), real and finite, at most MAX_PARTS of them, the same
  names at every call. The training reward combines them (by default their sum); its magnitude is at most MAGNITUDE.
- A module constant may say what parts are for: ROLES = {"arrive": "main", "approach": "dense", "effort": "penalty"}, in words out
  of main (what is wanted), dense (guidance), sparse (an event on the way), penalty, limit (a price of what must not be) and
  potential (only its change is to be paid). Some ways to combine parts need it; nothing guesses from names or order.
- `memory` keeps arrays per environment between steps: `memory.get("best", default)`, `memory["best"] = array`. A row is
  zeroed when its episode starts, and counts as unset: `get` returns `default` for it until it is written again. It is
  the only state that survives a call.
- `np` and `math` are there; importing numpy, math and typing is accepted, nothing else. Helper functions and module
  constants are fine. No input or output, no randomness, no globals written.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PARAMETERS = ("state", "action", "next_state", "memory")
"""The parameter names of `compute_reward`, in order."""


class Signature(NamedTuple):
    """The one function that a program must define."""

    function: str
    parameters: tuple[str, ...]


REWARD_SIGNATURE = Signature("compute_reward", PARAMETERS)
CONTROLLER_SIGNATURE = Signature("act", ("state", "memory"))
CONTROLLER_CONTRACT = """\
- `state` holds the task's named fields as the policy sees them, each an array of shape (n,) or (n, k), in the environment's own
  units. n states come at once; row i of the answer depends on row i of the input alone. Inputs are read-only.
- The answer is an array of shape (n,) or (n, k), real and finite: the whole action as the environment takes it, which is the
  number of a choice, or k numbers, which are cut to their bounds.
- `memory` keeps arrays per environment between steps: `memory.get("integral", default)`, `memory["integral"] = array`. A row is
  zeroed when its episode starts, and counts as unset: `get` returns `default` for it until it is written again. It is
  the only state that survives a call.
- `np` and `math` are there; importing numpy, math and typing is accepted, nothing else. Helper functions and module
  constants are fine. No input or output, no randomness, no globals written."""
"""What `act` is given and must return: a policy written as code is a program of the same kind as a reward."""

MAGNITUDE = 1e6
"""Largest |reward| accepted, also for each part."""

MAX_PARTS = 32
"""Most named parts accepted in one answer."""

MAX_PART_NAME = 40
"""Longest part name, in characters; names are Python identifiers."""

ALWAYS_THERE = ("step", "terminated")
"""Fields that every `next_state` has, whatever the task; rules and metrics may use them too."""

NATIVE_REWARD = "native_reward"
"""The one exception to what is never there: the environment's own reward of the step, which `next_state` alone has, and only where
the card says `uses_native = true`."""


class ComputeReward(Protocol):
    """What every candidate program is, seen from the jail."""

    def __call__(self, state: Any, action: Any, next_state: Any, memory: Any) -> "Mapping[str, NDArray[np.float64]]":
        """Return named parts, each of shape (n,), for n transitions."""
        ...
