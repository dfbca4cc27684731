"""What a task's card may ask for its environment: the table `[process]`."""

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import get_args

from autoreward.errors import TaskError, UsageError
from autoreward.records import Allowed, Record
from autoreward.records.base import Line


class Process(Record):
    """What the environment itself needs beyond packages and a folder of its own; everything else is taken from its processes."""

    network: bool = False
    """Network connections, for environments that talk to a simulator."""
    programs: bool = False
    """Starting other programs and processes."""
    modules: tuple[Line, ...] = ()
    """Folders to import modules from; in a card, as seen from its folder."""
    read: tuple[Line, ...] = ()
    """Files and folders to read; seen from there, too."""
    write: tuple[Line, ...] = ()
    """Files and folders to read and change."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """What the card asks for, in words."""
        return (
            *(("use the network",) if self.network else ()),
            *(("start programs",) if self.programs else ()),
            *(f"import modules from {path}" for path in self.modules),
            *(f"read {path}" for path in self.read),
            *(f"change {path}" for path in self.write),
        )

    @property
    def sentence(self) -> str:
        """A sentence on what the card asks for; empty if it asks for nothing."""
        return f"By its card, this task's environment may {', '.join(self.allowed)}." if self.allowed else ""

    def seen_from(self, folder: Path) -> "Process":
        """The same with whole paths. Raises TaskError for one that is not there."""
        paths: dict[str, tuple[str, ...]] = {}
        for key in ("modules", "read", "write"):
            places = [(folder.resolve() / Path(path).expanduser()).resolve() for path in getattr(self, key)]
            if missing := [place for place in places if not place.exists()]:
                raise TaskError(f"[process] {key} = {str(missing[0])!r}: there is no such file or folder.")
            if key == "modules" and (files := [place for place in places if not place.is_dir()]):
                raise TaskError(f"[process] modules = {str(files[0])!r}: name the folder that the module lies in.")
            paths[key] = tuple(map(str, places))
        return self.model_copy(update=paths)


def process_of(env: str, allow: Sequence[str], folder: Path) -> Process:
    """What a card in `folder` asks for: the module of its environment's id, in that folder or the current one, and what is allowed.

    Args:
        env: the environment's id.
        allow: `programs`, `network`, `read=PATH` or `write=PATH`, where a path is seen from the current folder.
        folder: the card's folder, which need not be there yet.

    Raises:
        UsageError: nobody can allow such a thing, or nothing is at that path.
    """
    paths: dict[str, list[Path]] = {"modules": list(modules_near(env, (folder, Path.cwd()))), "read": [], "write": []}
    for word in allow:
        kind, equals, path = word.partition("=")
        if equals and kind in ("read", "write"):
            paths[kind].append(_present(word, Path(path)))
        elif word not in get_args(Allowed):
            raise UsageError(
                f"{word!r} is nothing that an environment can be allowed; write {', '.join(get_args(Allowed))}, read=PATH "
                "or write=PATH."
            )
    seen = {key: tuple(os.path.relpath(place, folder.resolve()) for place in places) for key, places in paths.items()}
    return Process(network="network" in allow, programs="programs" in allow, **seen)


def _present(word: str, path: Path) -> Path:
    place = (Path.cwd() / path.expanduser()).resolve()
    if not path.parts or not place.exists():
        raise UsageError(f"{word!r}: there is no such file or folder.")
    return place


def modules_near(env: str, places: Sequence[Path]) -> tuple[Path, ...]:
    """The first of some folders in which the module of an environment's id lies; none where no module is named, or not there."""
    module, colon, _ = env.partition(":")
    name = module.partition(".")[0]
    holding = (p for p in places if (p / f"{name}.py").is_file() or (p / name / "__init__.py").is_file())
    return (*islice(holding, 1),) if colon else ()
