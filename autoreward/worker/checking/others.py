"""What Gymnasium's and Stable-Baselines3's own checkers say."""

import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import stable_baselines3.common.env_checker
from gymnasium.utils import env_checker

from autoreward.core.visible import visible_line
from autoreward.records import EnvRow
from autoreward.worker.checking.subject import Env, Subject, limited

_LONGEST = 240
"""Letters of what a checker says that a row holds."""
_CALLS = 3
"""How many times the limit of one call a whole checker may take."""
_OURS = re.compile(
    r"symmetric and normalized|different from the unwrapped|infinity|precision lowered|alternative render|dtype|`seed` function"
    r"|render modes|image|unconventional|[Nn]ested observation|space is a Tuple|non-zero start|share an object"
    r"|within the observation space|reward (returned|is)|multidimensional|signal to be|not based off a numpy"
)
"""Warnings about what our own checks look at, too, and say what comes of it here."""
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
    with warnings.catch_warnings(record=True) as heard, limited(_CALLS * subject.patience):
        warnings.simplefilter("always")
        try:
            check(subject.env.unwrapped)
        except AssertionError as error:
            reason = str(error)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
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


def _plain(text: str) -> str:
    return visible_line(_COLOUR.sub("", text).removeprefix("WARN: "), _LONGEST)
