"""What a composition is: it makes one training reward of the named parts of a program."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from autoreward.core.transitions import Transitions
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

        Its names: `parts` by name, the `first` of them, the list of the `others`, `gamma`, `terminated`, and
        `one_step_earlier(x)`, which is 0 at the start of an episode.
        """

    @property
    def carries(self) -> bool:
        """Whether a step leaves something for the next one of its episode."""

    def start(self, envs: int, gamma: float) -> Combine:
        """For consecutive stretches of `envs` environments side by side: it keeps what a stretch leaves for the next one."""

    def source(self) -> str:
        """Python source of `composed(parts, before, terminated, gamma)`, which an export contains; it reads NumPy and `reduce`.

        `parts` have shape (n,), one step of n environments. It returns rewards, and what they leave for the next step, which
        has it as `before`: 0 at the start of an episode.
        """


Step = Callable[[Parts, Array | float, NDArray[np.bool_] | bool, float], tuple[Array, Array | float]]


@dataclass(frozen=True)
class Elementwise:
    """A composition of which each step stands for itself: one function serves a step and a whole rollout."""

    about: str
    formula: str
    composed: Step
    carries = False

    def start(self, envs: int, gamma: float) -> Combine:
        """See Composition."""
        return lambda parts, transitions: np.asarray(self.composed(parts, 0.0, transitions.terminated, gamma)[0])

    def source(self) -> str:
        """See Composition."""
        return source_of(self.composed)


def source_of(composed: Step) -> str:
    """A step's function as an export has it: without annotations, whose names are ours."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(composed)))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
    return ast.unparse(tree)
