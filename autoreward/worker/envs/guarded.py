"""The border behind which everything is the environment's: what it raises, and what it returns that is no number."""

import math
from collections.abc import Mapping
from typing import Any, NoReturn

import gymnasium
import numpy as np

from autoreward.errors import EnvironmentFault
from autoreward.tasks.card import Task
from autoreward.worker.envs import faults
from autoreward.worker.envs.flatten import layout_of
from autoreward.worker.envs.numeric import UnusableObservation, flag, one_number, real_numbers, value_shown
from autoreward.worker.envs.watchdog import (
    BEAT,
    CALL_EPISODE,
    CALL_KIND,
    CALL_SEED,
    CALL_STEP,
    CALLS,
    CLOSING,
    RESETTING,
    STEPPING,
    UNSEEDED,
    Call,
)


class Guarded(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment whose faults are `EnvironmentFault`, and whose rewards and flags are plain numbers.

    A reward may be an integer, a NumPy number, a bool or an array of one of them; so may the flags. All else is named.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], task: Task) -> None:
        super().__init__(env)
        self._task = task
        self._layout = layout_of(env)
        self._shape = env.observation_space.shape or ()
        self._actions = env.action_space
        self._seed, self._episode, self._steps = UNSEEDED, 0, 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset. Raises EnvironmentFault."""
        if seed is not None:
            self._seed, self._episode = seed, 0
        self._episode, self._steps = self._episode + 1, 0
        self._note(RESETTING)
        try:
            observation, info = self.env.reset(seed=seed, options=options)
        except BaseException as error:
            self._raise(error, RESETTING)
        finally:
            BEAT.end()
        self._demand(observation, info, RESETTING)
        if (now := self.env.action_space) is not self._actions and now != self._actions:
            what = f"with {now} as action_space, which was {self._actions} before; policies choose from one for ever"
            raise faults.returned(self._task, self._words(RESETTING), what)
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Step. Raises EnvironmentFault."""
        self._steps += 1
        cells = BEAT.cells  # written here and not by a call: this is done at every step
        cells[CALL_STEP] = self._steps
        cells[CALL_EPISODE] = self._episode
        cells[CALL_SEED] = self._seed
        cells[CALL_KIND] = STEPPING
        cells[CALLS] += 1
        try:
            observation, reward, terminated, truncated, info = self.env.step(action)
        except BaseException as error:
            self._raise(error, STEPPING)
        finally:
            BEAT.cells[CALLS] += 1
        if type(reward) is not float or not math.isfinite(reward):
            reward = self._number(reward)
        if type(terminated) is not bool:
            terminated = self._flag("terminated", terminated)
        if type(truncated) is not bool:
            truncated = self._flag("truncated", truncated)
        self._demand(observation, info, STEPPING)
        return observation, reward, terminated, truncated, info

    def close(self) -> None:
        """Close. Raises EnvironmentFault."""
        self._note(CLOSING)
        try:
            self.env.close()
        except BaseException as error:
            self._raise(error, CLOSING)
        finally:
            BEAT.end()

    def _note(self, kind: int) -> None:
        cells = BEAT.cells
        cells[CALL_STEP], cells[CALL_EPISODE], cells[CALL_SEED] = self._steps, self._episode, self._seed
        BEAT.begin(kind)

    def _words(self, kind: int) -> str:
        return Call(0, kind, self._steps, self._episode, self._seed).words

    def _raise(self, error: BaseException, kind: int) -> NoReturn:
        faults.raise_as_fault(self._task, self._words(kind), error)

    def _number(self, reward: Any) -> float:
        number = one_number(reward)
        if number is None:
            raise self._returned(f"a reward of {value_shown(reward)}; a reward is one number, 0.0 where there is none")
        if not math.isfinite(number):
            raise self._returned(f"a reward of {number}")
        return number

    def _flag(self, name: str, value: Any) -> bool:
        plain = flag(value)
        if plain is None:
            raise self._returned(f"{name} = {value_shown(value)}; it is True or False")
        return plain

    def _returned(self, what: str) -> EnvironmentFault:
        return faults.returned(self._task, self._words(STEPPING), what)

    def _demand(self, observation: Any, info: Any, kind: int) -> None:
        """Raises EnvironmentFault unless the observation is a finite vector of its size and there is a dict beside it."""
        try:
            # in a fifth of isfinite's time
            quick = observation.shape == self._shape and math.isfinite(observation.dot(observation))
        except (AttributeError, TypeError, ValueError, ArithmeticError):
            quick = False  # no vector of numbers, or of large ones
        if quick and type(info) is dict:
            return
        if not isinstance(info, Mapping):
            raise faults.returned(self._task, self._words(kind), f"{value_shown(info)} as info; it is a dict")
        try:
            numbers = real_numbers(observation).astype(np.float64)
        except UnusableObservation as error:
            raise faults.returned(self._task, self._words(kind), str(error)) from None
        if numbers.shape != self._shape:
            what = f"an observation of shape {numbers.shape}, where its space has {self._shape}"
            raise faults.returned(self._task, self._words(kind), what)
        if not np.isfinite(numbers).all():
            raise faults.not_finite(self._task, self._words(kind), self._layout, numbers)
