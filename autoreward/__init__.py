"""autoreward: an LLM writes the reward function, and you get a policy that does what you meant.

Importing this package does nothing: no printing, no folders, no torch. docs/api.md has what notebooks and scripts call.
"""

from typing import TYPE_CHECKING, Any

from autoreward.version import __version__

if TYPE_CHECKING:
    from autoreward.api import (
        CardQuestion,
        EnvCheck,
        EnvRow,
        LoadedCandidate,
        LoadedRun,
        Task,
        Verdict,
        card,
        check,
        check_env,
        improve,
        init,
        load,
        tighten,
        train,
    )

__all__ = [
    "CardQuestion",
    "EnvCheck",
    "EnvRow",
    "LoadedCandidate",
    "LoadedRun",
    "Task",
    "Verdict",
    "__version__",
    "card",
    "check",
    "check_env",
    "improve",
    "init",
    "load",
    "tighten",
    "train",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from autoreward import api

        return getattr(api, name)
    raise AttributeError(f"module 'autoreward' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
