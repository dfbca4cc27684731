"""Rules for every test: no network beyond loopback, no variables of the person's, and Ctrl-C stops what a test starts."""

import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoreward.llm.names import KEYS
from autoreward.sandbox.jail import Jail

_CONNECT = socket.socket.connect
LONGEST = """
    zoo exported_envs real_runs export recordings notebook exported_program judging preferences exported_text cli cluster
    confine redteam shared_baselines native_field own_modules keep_or_revert agents cards plan wheel jail single_transitions
    starts curves runners vary goal_readings doctor start play controllers worker_faults llm env_checks spaces
""".split()
"""The files that `make slow` is longest at, by its durations."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin the longest files first: a long one that is begun last keeps one core at work and the others idle."""
    places = {f"test_{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


def _loopback_only(self: socket.socket, address: object) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
        assert address[0] in ("127.0.0.1", "::1", "localhost"), f"a test reached for the network: {address}"
    _CONNECT(self, address)  # type: ignore[arg-type]


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    socket.socket.connect = _loopback_only  # type: ignore[assignment,method-assign]
    yield
    socket.socket.connect = _CONNECT  # type: ignore[method-assign]


@pytest.fixture(autouse=True, scope="session")
def no_keys() -> Iterator[None]:
    """No test may spend money: a run without --model then takes the embedded designer."""
    taken = {name: os.environ.pop(name) for name in KEYS.values() if name in os.environ}
    yield
    os.environ.update(taken)


@pytest.fixture(autouse=True, scope="session")
def no_trust_of_the_persons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a person trusts is neither used nor added to."""
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("config")))
        yield


@pytest.fixture(autouse=True, scope="session")
def no_litter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Stable-Baselines3 makes a folder for the log of every model, else in the host's temporary folder."""
    with pytest.MonkeyPatch.context() as variables:
        variables.setenv("SB3_LOGDIR", str(tmp_path_factory.mktemp("sb3")))
        yield


@pytest.fixture(autouse=True, scope="session")
def control_c_stops_children() -> Iterator[None]:
    """A shell starts what runs in its background with Ctrl-C ignored, and children of the tests would inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def jail() -> Iterator[Jail]:
    with Jail() as room_maker:
        yield room_maker


@pytest.fixture
def memory_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: thousands of synced writes take minutes on a busy disk."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else tmp_path) as folder:
        yield Path(folder)
