"""run.json: what a run was started with; and what its goal means, where that was asked."""

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from autoreward.config import RunConfig
from autoreward.errors import RunChanged, RunDamaged, TaskError, UsageError, shortened
from autoreward.records import Record
from autoreward.records.base import Said
from autoreward.store.damage import plain_json, unreadable, wrong
from autoreward.store.files import HEADER
from autoreward.store.folder import Folder
from autoreward.store.keys import CLARIFIED
from autoreward.tasks.card import Task
from autoreward.version import __version__

FORMAT = 3
_PACKAGES = ("gymnasium", "mujoco", "numpy", "stable_baselines3", "torch")
_LONGEST = 8 << 20
"""Most bytes of it."""


class RunHeader(Record):
    """run.json: what a run was started with. The file never changes; its task is read as it was clarified."""

    format: int
    autoreward: Said
    task: Task
    card: Said = ""
    """Where its card is, as a command is to be told; empty: its name says it."""
    config: RunConfig
    python: Said
    machine: Said
    packages: dict[Said, Said]

    @classmethod
    def of(cls, task: Task, config: RunConfig, card: str = "") -> Self:
        """The header of a new run on this machine. `card`: see the field."""
        versions = {name: metadata.version(name) for name in _PACKAGES if _installed(name)}
        return cls(
            format=FORMAT,
            autoreward=__version__,
            task=task,
            card=card,
            config=config,
            python=platform.python_version(),
            machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
            packages=versions,
        )

    @property
    def told(self) -> str:
        """The task, as a command is to be told."""
        return self.card or self.task.name


def read_header(folder: Path) -> RunHeader:
    """A run's header, after a walk through its folder; no lock is taken.

    Raises:
        UsageError: there is no run.
        RunChanged: another version made it.
        RunDamaged: the header is damaged, or something in the folder is no plain file or folder.
    """
    path, files = folder / HEADER, Folder(folder)
    files.inspect()
    try:
        data = plain_json(files.read(HEADER, _LONGEST))
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{folder} is not a run folder: it has no {HEADER}.") from None
    except OSError as error:
        raise unreadable(path, error) from None
    except ValueError:
        raise RunDamaged(f"{path} is damaged (it is cut off or not JSON); start a new run.") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT or data.get("autoreward") != __version__:
        version, form = (data.get("autoreward"), data.get("format")) if isinstance(data, dict) else ("?", "?")
        raise RunChanged(
            f"{folder} was made by autoreward {shortened(version)} (format {shortened(form)}); this is {__version__} (format "
            f"{FORMAT}). Start a new run, or install that version."
        )
    try:
        header = RunHeader.model_validate(data)
    except ValidationError as error:
        raise RunDamaged(f"{path} is damaged ({wrong(error)}); start a new run.") from None
    return header.model_copy(update={"task": _clarified(header.task, files)})


def _clarified(task: Task, files: Folder) -> Task:
    """The task as it is meant, where a person was asked. Raises RunDamaged."""
    path = files.path / CLARIFIED.file
    try:
        return CLARIFIED.record.model_validate_json(files.read(CLARIFIED.file, _LONGEST)).of(task)
    except FileNotFoundError:
        return task
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValidationError, TaskError) as error:
        why = wrong(error) if isinstance(error, ValidationError) else str(error).rstrip(".")
        raise RunDamaged(f"{path} is damaged ({why}); delete it, and resume makes it again.") from None


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True
