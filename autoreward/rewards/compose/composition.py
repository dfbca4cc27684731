"""What a composition is: it makes one training reward of the named parts of a program."""

import ast
import inspect
import math
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
from autoreward.records import PartRole, Reference, Setup
from autoreward.rewards.agreement import Parts

Array = NDArray[np.float64]
Combine = Callable[[Parts, Transitions], Array]
"""Parts of shape (T, n) and the transitions that they are of -> rewards of shape (T, n)."""


class Composition(Protocol):
    """One way to make a number of parts."""

    @property
    def about(self) -> str:
        """What it does, for people and prompts."""

    @property
    def formula(self) -> str:
        """The same as NumPy source.

        Its names: `parts` by name; lists of those of a role, such as `main`, of `joint` ones, which are main or dense, and of all
        `other` ones, and `ranked`, all in the order of ROLES; `mean` and `std` of the plain sum under random actions, and `size`,
        its root mean square there; `mu` and `cost` of the card's limits by name; `centred(x)`, a part less its own mean there, over
        its own std; `good(x)`, whether it is good enough; `cap`, `gamma`, `terminated`; `stands`, how far an episode has come;
        `one_step_earlier(x)`, which is 0 at the start of an episode; `along(f, x)`, which is f(y, x) with y what it was one step
        earlier.
        """

    @property
    def carries(self) -> bool:
        """Whether a step leaves something for the next one of its episode."""

    def start(self, envs: int, gamma: float, setup: Setup) -> Combine:
        """For consecutive stretches of `envs` environments side by side: it keeps what a stretch leaves for the next one."""

    def source(self) -> str:
        """Python source of `composed(parts, before, terminated, fixed)`, which an export contains; it reads NumPy and `reduce`.

        `parts` have shape (n,), one step of n environments; `fixed` is what `as_read` makes. It returns rewards, and what they
        leave for the next step, which has it as `before`: 0 at the start of an episode.
        """

    def fault(self, setup: Setup, parts: Parts) -> str:
        """Why a program's parts, here on recorded random actions, can't be combined so, and what to do; empty if they can."""


Fixed = Mapping[str, Any]
Step = Callable[[Parts, Array | float, NDArray[np.bool_] | bool, Fixed], tuple[Array, Array | float]]
Fault = Callable[[Setup, Parts], str]
COST = "limit:"
"""Before the name of a limit: what a step costs under it, among the parts, none of which has a name like this."""
_FLAT = 1e-9
"""A sum that varies by less of its own size has no scale."""


def as_read(gamma: float, setup: Setup) -> dict[str, Any]:
    """What a step reads beside the parts, in numbers and words that an export can write down."""
    reference = setup.reference or Reference(mean=0.0, std=1.0)
    mean, std = _scale(reference)
    size = math.hypot(reference.mean, reference.std)
    return {
        "gamma": gamma,
        "roles": dict(setup.roles),
        "mean": mean,
        "std": std,
        "scales": {name: _scale(reference) for name, reference in setup.references.items()},
        "cap": setup.cap,
        "size": size if size > _FLAT else 1.0,
        "multipliers": {f"{COST}{name}": number for name, number in setup.multipliers.items()},
    }


def _scale(reference: Reference) -> tuple[float, float]:
    """Its mean and standard deviation; 1 for one that is none."""
    mean, std = reference.mean, reference.std
    return mean, std if std > _FLAT * max(1.0, abs(mean)) else 1.0


def no_fault(setup: Setup, parts: Parts) -> str:
    """Of a composition that takes any parts."""
    return ""


def lacks(role: PartRole, setup: Setup, parts: Parts) -> str:
    """That none of the parts has a role; empty if one has it."""
    if role in (setup.roles.get(name) for name in parts):
        return ""
    roles = ", ".join(f'"{name}": ...' for name in list(parts)[:3])
    return f'no part has the role "{role}": say what each part is for, ROLES = {{{roles}}} in the program'


@dataclass(frozen=True)
class Elementwise:
    """A composition of which each step stands for itself: one function serves a step and a whole rollout."""

    about: str
    formula: str
    composed: Step
    fault: Fault = no_fault
    carries = False

    def start(self, envs: int, gamma: float, setup: Setup) -> Combine:
        """See Composition."""
        fixed = as_read(gamma, setup)
        return lambda parts, transitions: np.asarray(self.composed(parts, 0.0, transitions.terminated, fixed)[0])

    def source(self) -> str:
        """See Composition."""
        return source_of(self.composed)


@dataclass(frozen=True)
class Carrying:
    """A composition of which a step leaves something for the next one of its episode: one function, step by step."""

    about: str
    formula: str
    composed: Step
    fault: Fault
    carries = True

    def start(self, envs: int, gamma: float, setup: Setup) -> Combine:
        """See Composition."""
        return _Steps(self.composed, envs, as_read(gamma, setup))

    def source(self) -> str:
        """See Composition."""
        return source_of(self.composed)


class _Steps:
    """Keeps what each environment's last step left between calls."""

    def __init__(self, composed: Step, envs: int, fixed: Fixed) -> None:
        self._composed = composed
        self._fixed = fixed
        self._left: Array | float = np.zeros(envs)

    def __call__(self, parts: Parts, transitions: Transitions) -> Array:
        rewards = []
        for t, step in enumerate(transitions.step):
            before = np.where(step == 1, 0.0, self._left)
            now = {name: part[t] for name, part in parts.items()}
            reward, self._left = self._composed(now, before, transitions.terminated[t], self._fixed)
            rewards.append(reward)
        return np.array(rewards)


def source_of(composed: Callable[..., Any]) -> str:
    """A step's function as an export has it: without annotations, whose names are ours."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(composed)))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(tree)
