"""What on this machine decides how a training comes out: versions, and the code that no version tells of."""

import importlib.util
import platform
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from autoreward.tasks.card import Task
from autoreward.version import __version__

_LEARNERS = ("gymnasium", "numpy", "sb3-contrib", "stable-baselines3", "torch")
_PLUGINS = "gymnasium.envs"
"""Where packages say that they bring environments."""
_REQUIRED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
OWN = Path(__file__).parent.parent
"""This package's own code."""


def circumstances(task: Task) -> dict[str, Any] | None:
    """Everything but reward, seed and length that a training of this task depends on, as JSON takes it; None if that can't be told.

    Versions of what trains and of what the environment is made of; and where a version does not tell of a change (the code of this
    package, of a module that the card imports, files that its arguments name) names, sizes and times of the files.
    """
    module = task.env.partition(":")[0] if ":" in task.env else ""
    code = stamp(_source(module)) if module else ""
    if module and not code:
        return None
    return {
        "autoreward": __version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "packages": versions(module),
        "code": [stamp(OWN), code],
        "places": [stamp(path) for path in _named(task.kwargs)],
        "task": _task(task),
    }


def versions(module: str) -> dict[str, str]:
    """Versions of what trains, of packages that bring environments, of the one that has this module, and of what those need."""
    worlds = {"gymnasium", *(e.dist.name for e in metadata.entry_points(group=_PLUGINS) if e.dist)}
    if module:
        worlds |= {*_providers().get(module.partition(".")[0], ())}
    needed = {need for name in worlds for need in _needs(name)}
    found = {name.lower().replace("_", "-"): _version(name) for name in {*_LEARNERS, *worlds, *needed}}
    return {name: version for name, version in sorted(found.items()) if version}


def stamp(path: Path | None) -> str:
    """Names, sizes and times of a file or of all files in a folder; empty without one."""
    if path is None or not path.exists():
        return ""
    files = (
        [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    )
    return "\n".join(f"{p.relative_to(path.parent)} {p.stat().st_size} {p.stat().st_mtime_ns}" for p in files)


def _task(task: Task) -> dict[str, Any]:
    """What of a card a training and its score depend on: not what it is called, nor what it says for people."""
    said = task.model_dump(mode="json", exclude={"name", "goal", "tier", "script", "script_program", "observe"})
    for table in ("state", "action", "constants"):
        said[table] = {
            name: {k: v for k, v in row.items() if k not in ("about", "unit")} for name, row in said[table].items()
        }
    return said


def _source(module: str) -> Path | None:
    """Where a module's code is, found without running it: its folder, or its file."""
    top = module.partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except ValueError:  # a module that was loaded by hand says nothing of where it is from
        return None
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0]) if folders else Path(spec.origin) if spec.origin else None


def _named(value: Any) -> Iterator[Path]:
    """Files and folders that arguments name."""
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list | tuple):
        for inside in value:
            yield from _named(inside)
    elif isinstance(value, str) and value and len(value) < 4096 and "\0" not in value:
        try:
            yield from [Path(value)] if Path(value).exists() else []
        except OSError:  # too long for a file's name: it names none
            return


def _needs(name: str) -> Iterable[str]:
    """Names of what a package asks for, the extras too: physics engines are extras."""
    try:
        lines = metadata.requires(name) or ()
    except metadata.PackageNotFoundError:
        return ()
    return [found[0] for line in lines if "testing" not in line and (found := _REQUIRED.match(line))]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


@cache
def _providers() -> dict[str, list[str]]:
    return {module: list(names) for module, names in metadata.packages_distributions().items()}
