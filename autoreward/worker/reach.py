"""What a worker can reach of this machine's files: packages, system libraries and data, a GPU, its own folder.

Standard library only: it is asked before any package is imported. The home is no part of it, but for packages that lie there.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from autoreward.sandbox.kernel.landlock import DEVICE, EXECUTE, READ, READ_DIR, WRITE, Grant

SYSTEM = tuple(
    """/usr /lib /lib32 /lib64 /bin /sbin /nix/store /gnu/store /etc/ld.so.cache /etc/ld.so.conf /etc/ld.so.conf.d
    /etc/ld.so.preload /etc/localtime /etc/timezone /etc/fonts /etc/ssl /etc/pki /etc/ca-certificates /etc/glvnd /etc/vulkan
    /etc/OpenCL /etc/alternatives /etc/mime.types /var/cache/fontconfig /proc/self /proc/cpuinfo /proc/meminfo /proc/stat
    /proc/version /proc/uptime /proc/loadavg /proc/filesystems /proc/sys/kernel /proc/sys/vm /sys/devices/system""".split()
)
"""Of everybody on this machine. /proc/self is the fork server's: the processes that it makes have none."""
DRAWING = ("/sys/class/drm", "/sys/dev/char", "/sys/bus/pci", *map(str, Path("/sys/devices").glob("pci*")))
"""What graphics libraries ask the kernel about a card, where there is one."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_OF_A_PREFIX = ("bin", "lib", "lib64", "libexec", "include", "etc", "ssl", "share")
_SITES = ("site-packages", "dist-packages")
_CODE = (".py", ".pyc", ".so", ".pyd")


class Walls(NamedTuple):
    """What holds the workers of a task, beyond what holds all of them."""

    network: bool
    programs: bool
    read: tuple[str, ...]
    write: tuple[str, ...]
    folder: str
    """Where each worker has its own folder."""
    home: str
    """The person's home: never granted as a whole."""
    modules: tuple[str, ...] = ()
    """Folders to import modules from, after all packages."""
    python_path: tuple[str, ...] = ()
    """The person's PYTHONPATH, which goes before packages."""

    @classmethod
    def from_json(cls, text: str) -> "Walls":
        """As written by `to_json`."""
        data: dict[str, Any] = json.loads(text)
        data |= {key: tuple(value) for key, value in data.items() if isinstance(value, list)}
        return cls(**data)

    def to_json(self) -> str:
        """For a command line."""
        return json.dumps(self._asdict())


def import_from_there(walls: Walls) -> None:
    """Have this process find modules in the folders that it is given; the standard library still comes first."""
    packages = next((i for i, entry in enumerate(sys.path) if os.path.basename(entry) in _SITES), len(sys.path))
    sys.path[packages:packages] = walls.python_path
    sys.path += walls.modules


def grants(walls: Walls) -> list[Grant]:
    """All that the fork server and its workers may reach."""
    reading = READ | (EXECUTE if walls.programs else 0)
    graphics = [*map(str, Path("/dev").glob("nvidia*")), *(("/dev/dri",) if os.path.isdir("/dev/dri") else ())]
    places = [*SYSTEM, *(DRAWING if graphics else ()), *_prefixes(walls.home), *_libraries(walls.home), *walls.read]
    return [
        *(Grant(place, reading) for place in places),
        *(Grant(folder, READ_DIR) for folder in _folders(walls.home)),
        *(Grant(place, reading) for place in _packages(walls.home)),
        *(Grant(device, DEVICE) for device in (*DEVICES, *graphics)),
        *(Grant(place, WRITE | reading) for place in (walls.folder, *walls.write)),
    ]


def _prefixes(home: str) -> Iterator[str]:
    """The interpreter's own folders, and those that packages are installed in."""
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix} - {"/"}:
        own = os.path.join(home, ".local")
        yield from (os.path.join(prefix, name) for name in _OF_A_PREFIX if prefix != own or name != "share")
    yield from (entry for entry in sys.path if os.path.basename(entry.rstrip("/")) in _SITES)


def _libraries(home: str) -> Iterator[str]:
    for entry in os.environ.get("LD_LIBRARY_PATH", "").split(":"):
        if os.path.isabs(entry) and not _holds(entry, home):
            yield entry


def _folders(home: str) -> list[str]:
    """Where else modules are imported from, such as the checkouts of editable installs: their names may be listed."""
    folders = [*sys.path, *(folder for root in _editable() for folder in (root, os.path.join(root, "src")))]
    granted = [*SYSTEM, *_prefixes(home)]
    return [
        folder
        for folder in dict.fromkeys(folders)
        if os.path.isdir(folder) and not _holds(folder, home) and not any(_holds(place, folder) for place in granted)
    ]


def _packages(home: str) -> Iterator[str]:
    """The modules and packages in those folders, and nothing beside them."""
    for folder in _folders(home):
        for entry in _scanned(folder):
            if (entry.is_dir() and entry.name.isidentifier() and _is_package(entry.path)) or entry.name.endswith(_CODE):
                yield entry.path


def _is_package(path: str) -> bool:
    """Whether a folder holds code, or only folders that do, as namespace packages."""
    entries = list(_scanned(path))
    if any(e.name.endswith(_CODE) for e in entries):
        return True
    return any(os.path.isfile(os.path.join(e.path, "__init__.py")) for e in entries if e.is_dir())


def _scanned(folder: str) -> Iterable["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _editable() -> Iterator[str]:
    """Where editable installs lie, also those that an import hook finds."""
    for package in metadata.distributions():
        try:
            origin = json.loads(package.read_text("direct_url.json") or "{}")
            address = urlsplit(origin["url"])
            editable = origin["dir_info"]["editable"] is True
        except (ValueError, KeyError, TypeError, OSError):
            continue
        if editable and address.scheme == "file":
            yield unquote(address.path)


def _holds(folder: str, place: str) -> bool:
    """Whether a folder is that place, or has it within."""
    folder, place = os.path.realpath(folder), os.path.realpath(place)
    return os.path.commonpath([folder, place]) == folder
