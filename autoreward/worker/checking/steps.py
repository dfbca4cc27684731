"""What random steps show: what comes back, how long episodes are, how long a step takes."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoreward.records import EnvRow, Gravity
from autoreward.worker.checking import values
from autoreward.worker.checking.subject import Subject, Watched
from autoreward.worker.envs.rounding import Rounding
from autoreward.worker.envs.stated import own_limit
from autoreward.worker.envs.time_limits import cut_after

_SECONDS = 5.0
"""Seconds after which slow environments are stepped no further."""
_PRINTED = 64 << 20
"""Bytes printed after which it is stepped no further."""
_SLOW = 0.02
"""Seconds of a step from which a training takes long."""
_TRAINING = 200_000
"""Environment steps of a drafted card's training."""
_LONG = 10_000
"""Steps of an episode from which even scoring takes long."""
_UNLIMITED = 1_000
"""Most steps that a drafted card gives where nothing limits an episode."""


class _Seen:
    """What is wrong with what came back, the first time of each kind."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], EnvRow] = {}

    def digits(self, rounding: Rounding) -> None:
        """What the declared precision loses."""
        if loss := rounding.loss():
            self.note(EnvRow(name="float32", gravity="fail", found=loss.found, advice=loss.advice))
        elif finer := rounding.finer:
            found = f"{', '.join(finer[:3])} in float64, declared as float32"
            advice = "Handled: it is read as declared, which changes less than a thousandth of what it varies by."
            self.note(EnvRow(name="float32", gravity="note", found=found, advice=advice))

    def note(self, row: EnvRow, kind: str = "") -> None:
        """Keep it, unless there is one of its kind."""
        self.rows.setdefault((row.name, kind), row)


def random_steps(subject: Subject) -> Iterator[EnvRow]:
    """Steps of random actions, in whole episodes."""
    env, space = subject.env, subject.env.observation_space
    assert isinstance(env, Watched)
    env.action_space.seed(0)
    seen, lengths, cuts, length = _Seen(), list[int](), list[bool](), 0
    began, printed, so_far = time.monotonic(), 0, subject.printed()
    observation, info = env.reset(seed=0)
    _look_at(observation, info, "reset", subject, seen)
    shared: list[NDArray[Any]] = values.arrays(observation, space)
    rounding = Rounding(space)
    rounding.note(observation)
    steps = 0
    while steps < subject.steps and time.monotonic() - began < _SECONDS and printed < _PRINTED:
        observation, reward, ended, cut, info = env.step(env.action_space.sample())
        steps, length = steps + 1, length + 1
        before, so_far = so_far, subject.printed()
        printed += max(so_far - before, 0)  # what was printed is thrown away now and then
        where = f"step {length} of episode {len(lengths) + 1}"
        rounding.note(observation)
        _look_at(observation, info, where, subject, seen)
        _look_at_reward(reward, ended, cut, where, seen)
        arrays = values.arrays(observation, space)
        if any(np.may_share_memory(a, b) for a, b in zip(shared, arrays, strict=False)):
            seen.note(
                EnvRow(
                    name="same array",
                    gravity="note",
                    found="an observation is written into the array of the one before",
                    advice="Handled: it is copied as it comes.",
                )
            )
        shared = arrays
        if ended or cut:
            lengths.append(length)
            cuts.append(bool(cut and not ended))
            length = 0
            observation, info = env.reset()
            _look_at(observation, info, f"the start of episode {len(lengths) + 1}", subject, seen)
            shared = values.arrays(observation, space)
    seen.digits(rounding)
    yield from seen.rows.values()
    yield from _limits(subject, lengths, cuts, steps)
    yield from _speed(env, printed, steps)


def _look_at(observation: Any, info: Any, where: str, subject: Subject, seen: _Seen) -> None:
    space = subject.env.observation_space
    if wrong := values.misshapen(observation, space):
        advice = "Return what observation_space declares, or declare what is returned."
        seen.note(EnvRow(name="observation", gravity="fail", found=f"{wrong} ({where})", advice=advice), "shape")
    elif wrong := values.nan_or_infinite(observation, space):
        advice = "Mend it, or end the episode before: one now and then may be lost to it, more end a training."
        seen.note(EnvRow(name="observation", gravity="fail", found=f"{wrong} ({where})", advice=advice), "finite")
    elif wrong := values.not_held(observation, space):
        found, _, advice = wrong.partition("; ")
        advice = f"{advice[:1].upper()}{advice[1:] or 'return what observation_space declares'}."
        seen.note(EnvRow(name="observation", gravity="fail", found=f"{found} ({where})", advice=advice), "held")
    elif wrong := values.beyond(observation, space):
        advice = "Declare the true bounds: a drafted card takes its ranges from them."
        seen.note(EnvRow(name="observation", gravity="warn", found=f"{wrong} ({where})", advice=advice), "bounds")
    else:
        doubles, large = values.wide(observation, space)
        if doubles:
            advice = "Handled: fields keep every digit, policies get float32."
            seen.note(EnvRow(name="float64", gravity="note", found=f"{doubles} in float64", advice=advice))
        if large:
            advice = "Policies get float32 and see no difference of 1: scale it down, or count from a nearer start."
            found = f"{large} has whole numbers beyond {values.EXACT:,} ({where})"
            seen.note(EnvRow(name="large integers", gravity="warn", found=found, advice=advice))
    if not isinstance(info, Mapping):
        found = f"{'reset' if where == 'reset' else 'step'} returns {type(info).__name__}, not a dict"
        seen.note(
            EnvRow(name="info", gravity="fail", found=found, advice="Return a dict, {} if there is nothing to say.")
        )
    elif odd := values.not_plain(info):
        advice = "Nothing to do: it is not read, unless by a state.py or by fields, which need numbers."
        seen.note(EnvRow(name="info", gravity="note", found=odd, advice=advice))


def _look_at_reward(reward: Any, ended: Any, cut: Any, where: str, seen: _Seen) -> None:
    if wrong := values.wrong_number(reward):
        advice = "Return one finite number, 0.0 where there is none: a training ends with it."
        seen.note(EnvRow(name="own reward", gravity="fail", found=f"{wrong} ({where})", advice=advice))
    elif isinstance(reward, np.ndarray) and reward.ndim:
        found = f"it is an array of the shape {reward.shape}"
        seen.note(
            EnvRow(name="own reward", gravity="note", found=found, advice="Handled: it is read as its one number.")
        )
    for name, flag in (("terminated", ended), ("truncated", cut)):
        if wrong := values.wrong_flag(flag):
            advice = f"Return bool({name}): a training ends with it."
            seen.note(EnvRow(name=name, gravity="fail", found=f"{wrong} ({where})", advice=advice))
        elif not isinstance(flag, bool | np.bool_):
            found = f"it is of {type(flag).__name__}, not a bool ({where})"
            seen.note(EnvRow(name=name, gravity="note", found=found, advice="Handled: it is read as True or False."))


def _limits(subject: Subject, lengths: Sequence[int], cuts: Sequence[bool], steps: int) -> Iterator[EnvRow]:
    spec, card = subject.env.spec, subject.task.max_steps
    stated = card or (spec.max_episode_steps if spec else None) or own_limit(subject.env)
    found = cut_after(lengths, cuts)
    name = "time limit"
    if found is not None and (stated is None or found < stated):
        less = f", before the {stated:,} of its {'card' if card else 'registration'}" if stated else ""
        advice = (
            f"Set max_steps = {found} in the card."
            if card
            else f"Nothing to do: a drafted card has max_steps = {found}."
        )
        said = f"it cuts every episode after {found:,} steps itself{less}"
        yield EnvRow(name=name, gravity="note", found=said, advice=advice)
    elif stated is None:
        ended = (
            f"; random ones ended after at most {max(lengths):,} steps" if lengths else f" in {steps:,} random steps"
        )
        guess = min(10 * max(lengths, default=steps), _UNLIMITED)
        advice = (
            f"Register it with max_episode_steps, or write max_steps into the card; a drafted one guesses {guess:,}."
        )
        yield EnvRow(name=name, gravity="warn", found=f"nothing limits an episode{ended}", advice=advice)
    elif stated > _LONG:
        whole = _duration(stated * subject.env.median("step")) if isinstance(subject.env, Watched) else ""
        advice = "Write a smaller max_steps into the card if the goal can be met sooner: a score plays whole episodes."
        yield EnvRow(name=name, gravity="warn", found=f"{stated:,} steps, of {whole} an episode", advice=advice)
    else:
        yield EnvRow(name=name, gravity="note", found=f"{stated:,} steps")
    if lengths and max(lengths) == 1:
        advice = 'Nothing to do: rewards then judge one choice; write the success rule for it (within = "last step").'
        yield EnvRow(name="one step", gravity="note", found="every episode has one step", advice=advice)


def _speed(env: Watched, printed: int, steps: int) -> Iterator[EnvRow]:
    step, reset = env.median("step"), env.median("reset")
    slow = step >= _SLOW
    found = f"{1000 * step:.2g} ms a step, {1000 * reset:.2g} ms a reset (medians)"
    advice = (
        f"{_TRAINING:,} steps, the training of a drafted card, take {_duration(_TRAINING * step)}: fewer [train] steps, or a "
        "faster simulation."
    )
    yield EnvRow(name="speed", gravity="warn" if slow else "note", found=found, advice=advice if slow else "")
    if printed and steps:
        a_step = printed / steps
        advice = "Nobody reads it: workers throw it away. Switch it off, it costs time."
        gravity: Gravity = "warn" if a_step >= 1000 else "note"  # a thousand bytes: some ten lines
        yield EnvRow(name="output", gravity=gravity, found=f"it prints {a_step:,.0f} bytes a step", advice=advice)


def _duration(seconds: float) -> str:
    """About how long, for people."""
    for size, unit in ((3600.0, "h"), (60.0, "min"), (1.0, "s")):
        if seconds >= size:
            return f"{seconds / size:.2g} {unit}"
    return f"{seconds:.1g} s"
