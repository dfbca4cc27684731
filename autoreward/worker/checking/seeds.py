"""Whether the same seeds give the same episodes, whatever came before and whatever is played beside."""

import math
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.utils.env_checker import data_equivalence
from numpy.typing import NDArray

from autoreward.records import EnvRow
from autoreward.worker.checking.subject import Env, Subject
from autoreward.worker.envs.border import copied

_STEPS = 50
_SEED, _OTHER_SEED = 7, 8
_SECONDS = 5.0
"""Seconds after which the episode of an environment that is slow is compared no further."""
_DIGITS = 1e-6
"""Share of a number that is its last digits, and the number itself where it is smaller."""


class _Moment(NamedTuple):
    """What one call gave."""

    observation: Any
    rest: tuple[Any, ...]


def repeatable(subject: Subject) -> Iterator[EnvRow]:
    """The same seed and actions in one environment, in another one, and again after an episode of others."""
    state, drawn, torches = np.random.get_state(), random.getstate(), torch.get_rng_state()
    try:
        yield from _repeated(subject)
    finally:
        np.random.set_state(state)
        random.setstate(drawn)
        torch.set_rng_state(torches)


def _repeated(subject: Subject) -> Iterator[EnvRow]:
    actions, others = _actions(subject.env, _SEED), _actions(subject.env, _OTHER_SEED)
    # new ones: what the environment itself remembers of earlier checks is no fault of its seeds
    env, beside = (subject.another(), subject.another()) if subject.another else (subject.env, subject.env)
    first = _played(env, _SEED, actions, time.monotonic() + _SECONDS)
    actions, others = actions[: len(first) - 1], others[: len(first) - 1]
    second = _played(beside, _SEED, actions)
    place = _parted(first, second)
    if place is not None and _alike(first, second):
        yield _other_digits(place)
        return
    if place is not None and subject.another is None:
        yield EnvRow(
            name="seed",
            gravity="warn",
            found="the second time, the same seed and actions give something else, "
            f"from {'the start' if place == 0 else f'step {place}'} on",
            advice="Draw from self.np_random after super().reset(seed=seed), and set everything anew in reset: scores on the same "
            "seeds differ by chance otherwise.",
        )
        return
    if place is not None:
        call = "reset" if place == 0 else "step"
        yield EnvRow(
            name=f"seed, {call}",
            gravity="warn",
            found="reset(seed=7) gives another start the second time"
            if place == 0
            else f"after the same seed and actions, step {place} gives something else",
            advice="Draw from self.np_random after super().reset(seed=seed), and keep nothing in classes or modules: until then "
            "scores on the same seeds differ by chance (more episodes help), and a resumed training goes another way.",
        )
        return
    _played(env, _OTHER_SEED, others)
    again = _played(env, _SEED, actions)
    place = _parted(first, again)
    if place is not None and _alike(first, again):
        yield _other_digits(place)
    elif place is not None:
        yield EnvRow(
            name="leak",
            gravity="warn",
            found="an episode depends on the one before: the same seed and actions give something else after another episode, "
            f"from {'its start' if place == 0 else f'step {place}'} on",
            advice="Set everything anew in reset: scores depend on the order of episodes otherwise.",
        )
    elif subject.another:  # a new one, as the first was: what changes with its age is not its neighbour's doing
        accompanied = _played(subject.another(), _SEED, actions, meanwhile=_Neighbour(beside, others))
        yield from _side_by_side(first, accompanied)


def _side_by_side(alone: Sequence[_Moment], accompanied: Sequence[_Moment]) -> Iterator[EnvRow]:
    place = _parted(alone, accompanied)
    if place is not None and not _alike(alone, accompanied):
        yield EnvRow(
            name="side by side",
            gravity="fail",
            found="two of them in one process change each other's episodes, from "
            f"{'the start' if place == 0 else f'step {place}'} on",
            advice="Keep what reset and step change in self, and in no class or module: trainings and scores play several side by "
            "side, which would all be wrong.",
        )


class _Neighbour:
    """Plays beside another environment, a call each time, and draws from no generator that the other one draws from."""

    def __init__(self, env: Env, actions: Sequence[Any]) -> None:
        self._env, self._actions, self._over = env, iter(actions), True

    def __call__(self) -> None:
        state, drawn, torches = np.random.get_state(), random.getstate(), torch.get_rng_state()
        try:
            if self._over:
                self._env.reset(seed=_OTHER_SEED)
                self._over = False
            elif (action := next(self._actions, None)) is not None:
                _, _, ended, cut, _ = self._env.step(action)
                self._over = bool(ended or cut)
        finally:
            np.random.set_state(state)
            random.setstate(drawn)
            torch.set_rng_state(torches)


def _other_digits(place: int) -> EnvRow:
    return EnvRow(
        name="seed",
        gravity="note",
        found=f"the same seed and actions give other last digits, from {'the start' if place == 0 else f'step {place}'} on",
        advice="Nothing to do: scores on the same seeds may differ a little, and a resumed training goes another way.",
    )


def _actions(env: Env, seed: int) -> list[Any]:
    env.action_space.seed(seed)
    return [env.action_space.sample() for _ in range(_STEPS)]


def _played(
    env: Env,
    seed: int,
    actions: Sequence[Any],
    deadline: float = math.inf,
    meanwhile: Callable[[], None] = lambda: None,
) -> list[_Moment]:
    """One episode, or its first steps; none is begun after the deadline. `meanwhile` is done before each step."""
    np.random.seed(seed)  # as for trainings: what it draws from the generators of everybody is seeded, too
    random.seed(seed)
    torch.manual_seed(seed)
    observation, _ = env.reset(seed=seed)
    moments = [_Moment(_declared(observation, env.observation_space), ())]
    for action in actions:
        meanwhile()
        observation, reward, ended, cut, _ = env.step(action)
        observed = _declared(observation, env.observation_space)
        moments.append(_Moment(observed, (copied(reward), bool(ended), bool(cut))))
        if ended or cut or time.monotonic() > deadline:
            break
    return moments


def _declared(observation: Any, space: Any) -> Any:
    """What its space says of an observation; what else an environment put into it is read by nobody."""
    if isinstance(space, spaces.Dict) and isinstance(observation, Mapping):
        return {key: _declared(observation[key], part) for key, part in space.items() if key in observation}
    return copied(observation)


def _parted(one: Sequence[_Moment], two: Sequence[_Moment]) -> int | None:
    """The first call whose results differ, 0 for reset; None where all are the same."""
    for place, (a, b) in enumerate(zip(one, two, strict=False)):
        if not (_same(a.observation, b.observation) and _same(a.rest, b.rest)):
            return place
    return None if len(one) == len(two) else min(len(one), len(two))


def _alike(one: Sequence[_Moment], two: Sequence[_Moment]) -> bool:
    """Whether two episodes are the same but for their last digits."""
    numbers = [[_numbers((m.observation, m.rest)) for m in moments] for moments in (one, two)]
    return len(one) == len(two) and all(
        a.shape == b.shape and np.allclose(a, b, rtol=_DIGITS, atol=_DIGITS, equal_nan=True)
        for a, b in zip(*numbers, strict=True)
    )


def _numbers(value: Any) -> NDArray[np.float64]:
    """All numbers in it, in one vector; what is none counts by its hash."""
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return np.concatenate([np.zeros(0), *map(_numbers, value)])
    array = np.asarray(value)
    return array.astype(np.float64).reshape(-1) if array.dtype.kind in "biuf" else np.array([hash(str(value)) % 2**31])


def _same(one: Any, two: Any) -> bool:
    """Whether values are the same; NaN is the same as NaN, and what can't be compared is taken for the same."""
    if isinstance(one, np.ndarray) and isinstance(two, np.ndarray) and one.dtype.kind == "f":
        return one.shape == two.shape and np.array_equal(one, two, equal_nan=True)
    if isinstance(one, float) and isinstance(two, float) and one != one:
        return two != two
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_same(one[key], two[key]) for key in one)
    if isinstance(one, tuple | list) and isinstance(two, tuple | list):
        return len(one) == len(two) and all(map(_same, one, two))
    try:
        return data_equivalence(one, two, exact=True)
    except Exception:  # objects of the environment's own may refuse it in any way
        return True


def global_state(subject: Subject) -> Iterator[EnvRow]:
    """What reset and step change that is not the environment's: generators for everybody, and how NumPy warns."""
    state, drawn = np.random.get_state(), random.getstate()
    changed = _errors()
    left: list[list[tuple[bool, Any]]] = []
    try:
        for start in (101, 202):
            np.random.seed(start)
            random.seed(start)
            begun = _generators()
            subject.env.reset(seed=_SEED)
            left.append([(a != b, b) for a, b in zip(begun, _generators(), strict=True)])
        for action in _actions(subject.env, _SEED):
            _, _, ended, cut, _ = subject.env.step(action)
            changed |= {k: v for k, v in _errors().items() if v != subject.errors[k]}
            if ended or cut:
                break
    finally:
        np.random.set_state(state)
        random.setstate(drawn)
    touched = [(one, two) for (was, one), (_, two) in zip(*left, strict=True) if was]
    if touched:
        yield EnvRow(
            name="global seed",
            gravity="note",
            found="reset sets the seed of random or np.random for everybody"
            if any(one == two for one, two in touched)
            else "reset draws from random or np.random, which everybody shares",
            advice="Handled: the algorithm draws from others. self.np_random is safer for those who use it elsewhere.",
        )
    if changed != subject.errors:
        how = ", ".join(f"{k}={v!r}" for k, v in changed.items() if v != subject.errors[k])
        yield EnvRow(
            name="NumPy",
            gravity="note",
            found=f"it changes how NumPy treats errors for everybody ({how})",
            advice="Handled: it holds for the environment alone. Elsewhere write `with np.errstate(...):` around what needs it.",
        )


def _errors() -> dict[str, str]:
    return {kind: str(treated) for kind, treated in np.geterr().items()}


def _generators() -> tuple[Any, Any]:
    """The state of NumPy's and of Python's own."""
    name, keys, *rest = np.random.get_state()
    return (name, np.asarray(keys).tolist(), rest), random.getstate()
