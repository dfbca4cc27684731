"""What Gymnasium's and Stable-Baselines3's own checkers say."""

import functools
import re
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import stable_baselines3.common.env_checker
from gymnasium.utils import env_checker, passive_env_checker

from autoreward.core.visible import visible_line
from autoreward.records import EnvRow
from autoreward.worker.checking.subject import Env, Subject, limited
from autoreward.worker.envs.handlers import interrupted

_LONGEST = 240
"""Letters of what a checker says that a row holds."""
_OURS = re.compile(
    r"symmetric and normalized|different from the unwrapped|infinity|precision lowered|alternative render|dtype|`seed` function"
    r"|render modes|image|unconventional|[Nn]ested observation|space is a Tuple|non-zero start|share an object"
    r"|within the observation space|reward (returned|is)|multidimensional|signal to be|not based off a numpy"
)
"""Warnings about what our own checks look at, too, and say what comes of it here."""
_FILES = tuple(
    str(module.__file__) for module in (env_checker, passive_env_checker, stable_baselines3.common.env_checker)
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def gymnasium_says(subject: Subject) -> Iterator[EnvRow]:
    """Of the environment within all wrappers."""
    return _asked(
        "Gymnasium", lambda env: env_checker.check_env(env, skip_render_check=True, skip_close_check=True), subject
    )


def sb3_says(subject: Subject) -> Iterator[EnvRow]:
    """Of the same."""
    return _asked("SB3", lambda env: stable_baselines3.common.env_checker.check_env(env, warn=True), subject)


def _asked(who: str, check: Callable[[Env], Any], subject: Subject) -> Iterator[EnvRow]:
    reason = ""
    inner = subject.env.unwrapped
    with warnings.catch_warnings(record=True) as heard, _each_call_limited(inner, subject.patience):
        warnings.simplefilter("always")
        try:
            check(inner)
        except BaseException as error:
            if interrupted(error):
                raise
            # what the environment itself raises is a row of ours
            innermost = traceback.extract_tb(error.__traceback__)[-1].filename
            reason = str(error) if innermost in _FILES else ""
    if reason:
        yield EnvRow(
            name=f"{who}'s checker",
            gravity="warn",
            found=f"it stops at: {_plain(reason)}",
            advice="Training does not ask it: the rows below say what comes of it here.",
        )
    said = dict.fromkeys(_plain(str(warning.message)) for warning in heard)
    for text in said:
        if not _OURS.search(text):
            yield EnvRow(name=f"{who}'s checker", gravity="note", found=text, advice="A recommendation.")


@contextmanager
def _each_call_limited(env: Env, patience: float) -> Iterator[None]:
    """As `Watched` does it, but in the environment itself: a checker looks at its type and its attributes."""

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def within(*given: Any, **named: Any) -> Any:
            with limited(patience):
                return call(*given, **named)

        return within

    names = ("reset", "step") if hasattr(env, "__dict__") else ()
    own = {name: vars(env)[name] for name in names if name in vars(env)}
    vars(env).update({name: watched(getattr(env, name)) for name in names})
    try:
        yield
    finally:
        for name in names:
            del vars(env)[name]
        vars(env).update(own)


def _plain(text: str) -> str:
    return visible_line(_COLOUR.sub("", text).removeprefix("WARN: "), _LONGEST)
