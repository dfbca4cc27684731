"""What a task's card may ask for its environment: the table `[process]`."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from autoreward.errors import TaskError
from autoreward.records import Record
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


def modules_near(env: str, places: Sequence[Path]) -> tuple[Path, ...]:
    """The first of some folders in which the module of an environment's id lies; none where no module is named, or not there."""
    module, colon, _ = env.partition(":")
    name = module.partition(".")[0]
    holding = (p for p in places if (p / f"{name}.py").is_file() or (p / name / "__init__.py").is_file())
    return (*islice(holding, 1),) if colon else ()
