"""Fields of what the environment says in `info`: its own word on success, and others as comments for people to take in."""

import json
import keyword
from collections.abc import Callable

from autoreward.records import InfoValue, Survey
from autoreward.tasks.tables import StateField

_SUCCESS = ("is_success", "success")
"""Where environments say that the goal is reached, Gymnasium's goal environments the first."""
_OF_REWARDS = ("reward", "return")
"""In keys: part of the environment's own reward, which whoever writes one must not read."""


def info_source(value: InfoValue) -> str:
    """The formula of a value."""
    plain = all(key.isidentifier() and not keyword.iskeyword(key) for key in value.keys)
    return "info" + "".join(f".{key}" if plain else f"[{key!r}]" for key in value.keys)


def success_value(survey: Survey) -> InfoValue | None:
    """The environment's own word on whether the goal is reached, 0 or 1; None where it says none at every step."""
    flags = {value.keys[0]: value for value in survey.info if value.flag and not value.size and len(value.keys) == 1}
    return next((flags[key] for key in _SUCCESS if key in flags), None)


def success_field(value: InfoValue) -> StateField:
    """A field of it."""
    about = "1 where the environment itself says that the goal is reached"
    at_reset = None if value.at_reset else 0.0
    return StateField(source=info_source(value), about=about, range=(0.0, 1.0), policy=False, at_reset=at_reset)


def proposed_fields(survey: Survey, fresh: Callable[[str], str]) -> list[str]:
    """Lines of a card, to be commented out, with a field for every other value; `fresh` makes a free name of a key."""
    success = success_value(survey)
    lines = []
    for value in survey.info:
        if value == success or any(word in key.lower() for key in value.keys for word in _OF_REWARDS):
            continue
        what = f"{value.size} numbers" if value.size else "a number"
        seen = f"from {value.low:.3g} to {value.high:.3g} by random actions"
        lines += [
            f"[state.{fresh('_'.join(value.keys))}]",
            f"source = {json.dumps(info_source(value))}",
            f'about = "{what}, {seen}"',
            "policy = false",
            *([] if value.at_reset else ["at_reset = 0.0"]),
        ]
    if not lines:
        return []
    return ["In info at every step; a field of it is read by rule and rewards, and the policy does not see it:", *lines]
