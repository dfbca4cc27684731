"""The cross-entropy method (Rubinstein 1999; for policies: Szita and Lorincz 2006) over two kinds of simple policies."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from autoreward.worker.envs.vector import PolicyFunction
from autoreward.worker.exploring.simple_policies import LONGEST_ANSWER, Seen, SimplePolicies

GENERATION = 16
ELITE = 4
"""Of a generation, those that the next one is drawn around."""
STAYING = 0.3
"""Share of the old mean and spread that stays."""
NARROWEST = 0.15
"""Spread below which no number is drawn."""
TURN = 3
"""Every third generation is of each kind in turn, whichever did better."""
Array = NDArray[np.float64]


class _Kind:
    """One kind of policies, and where in it the best ones are."""

    def __init__(self, policies: SimplePolicies) -> None:
        self.policies = policies
        self.mean = np.zeros(policies.size)
        self.spread = np.ones(policies.size)
        self.best = -np.inf
        self.elite: Array = np.empty((0, policies.size))
        self.worth: Array = np.empty(0)

    def drawn(self, random: np.random.Generator) -> Array:
        return self.mean + self.spread * random.normal(size=(GENERATION, self.policies.size))

    def learn(self, numbers: Array, values: Array) -> None:
        """From a generation; the best ones of before still count."""
        numbers, values = np.concatenate([self.elite, numbers]), np.concatenate([self.worth, values])
        order = np.argsort(-values, kind="stable")[:ELITE]
        self.elite, self.worth = numbers[order], values[order]
        self.best = float(self.worth.mean())
        self.mean = STAYING * self.mean + (1.0 - STAYING) * self.elite.mean(axis=0)
        spread = STAYING * self.spread + (1.0 - STAYING) * self.elite.std(axis=0)
        self.spread = np.maximum(spread, NARROWEST)


class Generation(NamedTuple):
    """Policies to try."""

    kind: int
    numbers: Array
    """(GENERATION, size)."""
    policies: tuple[PolicyFunction, ...]
    """One episode each."""


class Breeding:
    """Draws policies; is told what each was worth, and draws the next ones around the best."""

    def __init__(self, space: spaces.Space[Any], seen: Seen, limit: int, seed: int) -> None:
        """`limit`: steps of an episode. Policies that answer the state are tried where that is not of too many numbers."""
        self._random = np.random.default_rng(seed)
        ways = (False, True) if len(seen.middle) <= LONGEST_ANSWER else (False,)
        self._kinds = [_Kind(SimplePolicies(space, seen, limit, answers)) for answers in ways]
        self._count = 0

    def draw(self) -> Generation:
        """The next generation."""
        best = max(range(len(self._kinds)), key=lambda i: self._kinds[i].best)
        turn = self._count < len(self._kinds) or self._count % TURN == TURN - 1
        which = self._count % len(self._kinds) if turn else best
        self._count += 1
        kind = self._kinds[which]
        numbers = kind.drawn(self._random)
        return Generation(which, numbers, tuple(kind.policies.policy(row) for row in numbers))

    def learn(self, generation: Generation, values: Sequence[float]) -> None:
        """What the first policies of a generation were worth: all of them, or as many as there was time for."""
        self._kinds[generation.kind].learn(generation.numbers[: len(values)], np.asarray(values, dtype=np.float64))
