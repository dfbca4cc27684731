"""Hostile and broken reward files: what must happen to each in the product, and what each wall alone holds back."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from batches import practice

from autoreward.checks.controllers import fault_sentence, review_controller
from autoreward.checks.review import review
from autoreward.core.contract import CONTROLLER_SIGNATURE
from autoreward.core.transitions import Transitions
from autoreward.records import Candidate, Verdict
from autoreward.rewards.gate.gate import examine
from autoreward.sandbox.client import RewardFailed
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.processes.fork_client import clean_environment

HERE = Path(__file__).parent
FILES = sorted((HERE / "redteam").glob("*.py"))
CONTROLLERS = sorted((HERE / "redteam" / "controllers").glob("*.py"))
SECRET = "canary-7f3a91"
NOBODY = 65534
SLOW = ("023", "025", "027", "032", "264")
EXTERNAL = ("file-read", "file-write", "network", "process", "disk", "secrets")
"""Categories whose success is felt outside the process."""


def must(file: Path) -> str:
    return next(line for line in file.read_text().splitlines() if line.startswith("# must:")).removeprefix("# must: ")


def category(file: Path) -> str:
    return file.read_text().splitlines()[0].removeprefix("# category: ")


def samples() -> Transitions:
    rng = np.random.default_rng(0)
    steps, envs = 40, 4
    clock = np.tile((np.arange(steps) % 10 + 1)[:, None], (1, envs))
    return Transitions(
        state={"x": rng.normal(size=(steps, envs, 4))},
        action={"push": rng.integers(0, 3, (steps, envs))},
        next_state={"x": rng.normal(size=(steps, envs, 4))},
        step=clock,
        terminated=clock == 10,
    )


def judged(jail: Jail, source: str) -> Verdict:
    return review(
        Candidate(id="given", source=source, thought="", origin="model", how="given"), jail, practice(samples())
    )


@pytest.mark.parametrize(
    "file", [pytest.param(f, marks=pytest.mark.slow if f.name.startswith(SLOW) else (), id=f.stem) for f in FILES]
)
def test_no_sample_is_accepted_and_each_gets_advice(jail: Jail, file: Path) -> None:
    source = file.read_text()
    refused = examine(source).problems
    if must(file) == "rejected statically":
        assert refused
    verdict = judged(jail, source)
    assert not verdict.accepted
    assert verdict.outcome.advice
    said = " ".join(f.message for f in verdict.findings)
    assert said.isprintable()
    assert len(said) <= 300
    assert "LEAK" not in said


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(f, marks=pytest.mark.slow if f.name.startswith(("c06", "c07")) else (), id=f.stem)
        for f in CONTROLLERS
    ],
)
def test_no_hostile_controller_may_play_and_each_gets_advice(jail: Jail, file: Path) -> None:
    """They meet the gate, the room and the dry run that rewards meet."""
    outcome, findings = review_controller(file.read_text(), jail, practice(samples()))
    assert not outcome.ok
    said = fault_sentence(findings, outcome)
    assert said.isprintable()
    assert len(said) <= 320


@pytest.mark.parametrize("file", CONTROLLERS, ids=lambda file: file.stem)
def test_the_room_refuses_a_controller_by_itself(jail: Jail, file: Path) -> None:
    """The room looks again at what it is given: that the host has looked is not what holds."""
    if examine(file.read_text(), signature=CONTROLLER_SIGNATURE).problems:
        with pytest.raises(RewardFailed):
            jail.open(file.read_text(), signature=CONTROLLER_SIGNATURE)


@pytest.mark.slow
@pytest.mark.alone
def test_nothing_is_left_behind(jail: Jail) -> None:
    judged(jail, "def compute_reward(state, action, next_state, memory):\n    return {'a': next_state.x[..., 0]}\n")
    before = left(jail)
    for file in FILES:
        judged(jail, file.read_text())
    assert left(jail) == before


def left(jail: Jail) -> tuple[int, int, int, list[str]]:
    """Descriptors, threads and processes of this program, and shared memory of the machine."""
    servers = [k.pid for k in jail._fork_servers.values() if k.pid]
    children = sum(
        len(Path(f"/proc/{p}/task/{p}/children").read_text().split()) for p in servers if Path(f"/proc/{p}").exists()
    )
    shared = sorted(p.name for p in Path("/dev/shm").iterdir()) if Path("/dev/shm").is_dir() else []
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), children, shared


class Canaries:
    """Things to read, write, reach and kill, each watched."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("secret.txt", "home/.ssh/id_canary", "project/.env", "victim.txt"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(SECRET)
            (folder / name).chmod(0o666)
        (folder / "drop").mkdir()
        for path in (folder, *(p for p in folder.rglob("*") if p.is_dir())):
            path.chmod(0o777)
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        port = self.tcp.getsockname()[1]
        self.unix = socket.socket(socket.AF_UNIX)
        self.unix.bind(f"\0sbx-canary-{port}")
        self.unix.listen()
        for watched in (self.tcp, self.udp, self.unix):
            watched.settimeout(0.02)
        self.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        self.before = self.files()

    def fill_in(self, source: str) -> str:
        for mark, value in {
            "@CANARY_DIR@": str(self.folder),
            "@TCP_PORT@": str(self.tcp.getsockname()[1]),
            "@UDP_PORT@": str(self.udp.getsockname()[1]),
            "@CANARY_PID@": str(self.process.pid),
        }.items():
            source = source.replace(mark, value)
        return source

    def files(self) -> dict[str, tuple[int, int]]:
        return {
            str(p): (p.lstat().st_mode, p.lstat().st_size) for p in sorted(self.folder.rglob("*")) if not p.is_dir()
        }

    def touched(self) -> list[str]:
        """What was done to them since the last call."""
        found = []
        if self.files() != self.before:
            found.append("files changed")
        for name, listener in (("tcp", self.tcp), ("unix", self.unix)):
            try:
                listener.accept()[0].close()
                found.append(f"{name} reached")
            except TimeoutError:
                pass
        try:
            self.udp.recv(100)
            found.append("udp reached")
        except TimeoutError:
            pass
        if self.process.poll() is not None:
            found.append("process killed")
        return found

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for watched in (self.tcp, self.udp, self.unix):
            watched.close()


@contextmanager
def fresh_canaries() -> Iterator[Canaries]:
    """Canaries in a folder that anybody may enter: those of pytest are closed to other users."""
    with tempfile.TemporaryDirectory(prefix="canaries-") as folder:
        made = Canaries(Path(folder))
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
def canaries() -> Iterator[Canaries]:
    with fresh_canaries() as made:
        yield made


def ungated(file: Path, canaries: Canaries, locked: bool) -> tuple[list[str], bool]:
    """What a sample gets at without the gate, as evidence from outside the process, and whether it claims success."""
    request = {"source": canaries.fill_in(file.read_text()), "locked": locked, "uid": NOBODY, "seconds": 3.0}
    done = subprocess.run(
        [sys.executable, "-P", "-s", "-B", str(HERE / "ungated.py")],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(),
        cwd=canaries.folder / "drop",
        check=False,
    )
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    found = canaries.touched()
    if SECRET in done.stdout or "root:" in done.stdout:
        found.append("secret read")
    if "LEAK" in answer["said"] and category(file) in EXTERNAL:
        found.append(answer["said"][:80])
    if answer["strays"]:
        found.append(f"{answer['strays']} processes left")
    return found, "LEAK" in answer["said"]


hostile = pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="runs hostile code as nobody, which needs root on Linux"
)


@hostile
@pytest.mark.slow
def test_the_kernel_alone_holds_every_sample(canaries: Canaries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AR_CANARY_KEY", SECRET)
    leaks = {file.name: found for file in FILES if (found := ungated(file, canaries, locked=True)[0])}
    assert leaks == {}


@hostile
@pytest.mark.nightly
@pytest.mark.alone
def test_without_any_wall_the_samples_do_harm() -> None:
    """The positive control: were these samples harmless, the tests above would prove nothing."""
    harmed = []
    for file in FILES:
        with fresh_canaries() as fresh:
            outside, claimed = ungated(file, fresh, locked=False)
            if outside or claimed:
                harmed.append(file.name)
        if len(harmed) > 25:
            return
    pytest.fail(f"only {harmed} did harm")
