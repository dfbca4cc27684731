"""autoreward: an LLM writes the reward function, and you get a policy that does what you meant.

Importing this package does nothing: no printing, no folders, no torch. `improve` and `load` are for notebooks and scripts.
"""

from typing import Any

from autoreward.version import __version__

__all__ = ["__version__", "improve", "load"]


def __getattr__(name: str) -> Any:
    if name in ("improve", "load"):
        from autoreward import api

        return getattr(api, name)
    raise AttributeError(f"module 'autoreward' has no attribute {name!r}")
