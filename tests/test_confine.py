"""What an environment and a state.py can't do, tried by ones that try: from their first line on, in every job of a worker."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from autoreward.config import RunConfig
from autoreward.core.resources import envs_folder
from autoreward.errors import AutorewardError, TaskError
from autoreward.records import TrialJob
from autoreward.sandbox.jail import Jail
from autoreward.sandbox.kernel import landlock
from autoreward.sandbox.kernel.syscalls import NUMBERS, machine
from autoreward.sandbox.processes import scratch
from autoreward.tasks.card import Task
from autoreward.tasks.files import find_task, parse_task
from autoreward.tasks.process import Process
from autoreward.training.workers import Workers

TASK = find_task("mountain-car", (envs_folder(),))
linux = pytest.mark.skipif(sys.platform != "linux" or machine() not in NUMBERS, reason="needs Linux and a table")
HOSTILE = """
import os, socket, subprocess, sys, tempfile
import numpy
HOME = {home!r}
done = []

def attempt(name, do):
    try:
        do()
        done.append(name)
    except OSError:
        pass

def fork():
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)

def put(folder):
    with tempfile.NamedTemporaryFile(dir=folder):
        pass

def everything():
    done.clear()
    attempt("connect", lambda: socket.socket().close())
    attempt("datagram", lambda: socket.socket(type=socket.SOCK_DGRAM).close())
    attempt("Unix socket", lambda: socket.socket(socket.AF_UNIX).close())
    attempt("program", lambda: subprocess.run(["true"], check=True))
    attempt("fork", fork)
    attempt("home", lambda: open(os.path.join(HOME, ".ssh", "id_test")).read())
    attempt("list", lambda: os.listdir(HOME))
    attempt("users", lambda: open("/etc/passwd").read())
    attempt("parent's variables", lambda: open("/proc/%d/environ" % os.getppid(), "rb").read())
    attempt("host's variables", lambda: open("/proc/{host}/environ", "rb").read())
    attempt("host's memory", lambda: open("/proc/{host}/mem", "rb").close())
    attempt("host's command line", lambda: open("/proc/{host}/cmdline", "rb").read())
    attempt("signal parent", lambda: os.kill(os.getppid(), 0))
    attempt("signal host", lambda: os.kill({host}, 0))
    attempt("write home", lambda: put(HOME))
    attempt("write for all", lambda: put("/var/tmp"))
    attempt("write packages", lambda: put(os.path.dirname(numpy.__file__)))
    attempt("mode", lambda: os.chmod(os.path.join(HOME, ".ssh", "id_test"), 0o644))
    attempt("packages", lambda: open(numpy.__file__).read())
    attempt("own folder", lambda: put(None))
    return ", ".join(done)
"""
KEPT = "packages, own folder"
MODULE = HOSTILE + "\nraise RuntimeError('did: ' + everything())\n"
LATER = (
    HOSTILE
    + """
calls = [0]
def observe(env, observation, info):
    calls[0] += 1
    if calls[0] == {after}:
        raise RuntimeError("did: " + everything())
    return {{"position": observation[0], "velocity": observation[1]}}
"""
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("home")
    (made / ".ssh").mkdir()
    (made / ".ssh" / "id_test").write_text("canary")
    before = os.environ.get("HOME")
    os.environ["HOME"] = str(made)
    yield made
    if before is None:
        del os.environ["HOME"]
    else:
        os.environ["HOME"] = before


@pytest.fixture(scope="module")
def workers(home: Path) -> Iterator[Workers]:
    with Jail() as jail, Workers(jail) as made:
        yield made


def hostile(source: str, home: Path, after: int = 1, **process: object) -> Task:
    text = source.format(home=str(home), host=os.getpid(), after=after)
    return TASK.model_copy(update={"state_program": text, "process": Process.model_validate(process)})


def did(error: BaseException) -> str:
    found = re.search(r"did: ([^.]*)", str(error))
    assert found, str(error)
    return found[1]


@linux
@pytest.mark.slow
def test_a_module_can_do_nothing_from_its_first_line_on_in_any_job(workers: Workers, home: Path) -> None:
    task = hostile(MODULE, home)
    job = TrialJob(id="t-s0", candidate_id="", reward="native", seed=1, steps=1000)
    for do in (
        lambda: workers.describe(task, 0),
        lambda: workers.survey(task),
        lambda: workers.audit(task),
        lambda: workers.package(task, b""),
        lambda: workers.graph(task, b""),
        lambda: workers.film(task, b"", 0),
        lambda: workers.train(task, job, RunConfig(), lambda *_: None),
    ):
        with pytest.raises(AutorewardError) as caught:
            do()
        assert did(caught.value) == KEPT


@linux
@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 2, 400])
def test_nor_can_what_it_does_when_it_observes_resets_and_steps(workers: Workers, home: Path, after: int) -> None:
    with pytest.raises(AutorewardError) as caught:
        workers.describe(hostile(LATER, home, after), 0)
    assert did(caught.value) == KEPT


@linux
@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "more"),
    [
        ({"network": True}, "connect, datagram"),
        ({"programs": True}, "program, fork"),
        ({"read": ("HOME",)}, "home, list"),
        ({"write": ("HOME",)}, "home, list, write home"),
    ],
)
def test_a_card_can_ask_for_more_and_gets_that_alone(
    workers: Workers, home: Path, asked: dict[str, object], more: str
) -> None:
    process = {key: (str(home),) if value == ("HOME",) else value for key, value in asked.items()}
    with pytest.raises(TaskError) as caught:
        workers.describe(hostile(MODULE, home, **process), 0)
    assert did(caught.value) == f"{more}, {KEPT}"


@linux
@pytest.mark.slow
def test_with_the_walls_off_nearly_everything_works(home: Path, tmp_path: Path) -> None:
    script = tmp_path / "free.py"
    script.write_text(HOSTILE.format(home=str(home), host=os.getpid()) + "\nprint(everything())\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=60)
    assert len(done.stdout.split(", ")) >= 17


PACKAGE = (
    HOSTILE
    + """
AT_IMPORT = everything()
import gymnasium
class Hostile(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Discrete(2)
    def __init__(self):
        self.told = [AT_IMPORT, everything()]
    def reset(self, *, seed=None, options=None):
        self.told.append(everything())
        return numpy.zeros(1, numpy.float32), {{}}
    def step(self, action):
        self.told.append(everything())
        return numpy.zeros(1, numpy.float32), 0.0, False, False, {{}}
gymnasium.register("Hostile-v0", Hostile, disable_env_checker=True)
"""
)
WORKER = """
import os, sys
from pathlib import Path
from autoreward.sandbox.processes import scratch
from autoreward.worker.confine import confine_all, confine_one
from autoreward.worker.reach import Walls
sys.path.append({checkout!r})
walls = Walls(network=False, programs=False, read=(), write=(), folder=scratch.make_scratch(), home={home!r})
pid = os.fork()
if pid:
    os.waitpid(pid, 0)
    scratch.remove(walls.folder)
    os._exit(0)
held, granted = confine_all(walls)
worker = os.fork()
if worker:
    os.waitpid(worker, 0)
    os._exit(0)
confine_one(walls, held, granted)
import gymnasium
env = gymnasium.make("hostile_package:Hostile-v0").unwrapped
env.reset()
env.step(0)
print(*env.told, sep="\\n")
secret = Path({checkout!r}, "notes.txt")
try:
    print(secret.read_text())
except PermissionError:
    print("no notes")
sys.stdout.flush()
os._exit(0)
"""


@linux
@pytest.mark.slow
def test_an_environment_in_a_checkout_under_the_home_is_importable_and_confined(home: Path) -> None:
    """As an editable install: its folder is on the path, the package can be read, what lies beside it can't."""
    checkout = home / "checkout"
    (checkout / "hostile_package").mkdir(parents=True)
    (checkout / "notes.txt").write_text("notes")
    package = PACKAGE.format(home=str(home), host=os.getpid())
    (checkout / "hostile_package" / "__init__.py").write_text(package)
    script = WORKER.format(checkout=str(checkout), home=str(home))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == [*[KEPT] * 4, "no notes"], done.stderr


@linux
@pytest.mark.slow
def test_everything_that_a_worker_tries_is_held_back(workers: Workers) -> None:
    found = workers.protection()
    assert [a.name for a in found.attempts if not a.held] == []
    assert len(found.attempts) >= 40
    assert found.filtered
    assert found.landlock == landlock.version()


FREE = """
import os
from autoreward.sandbox.processes import scratch
from autoreward.worker.attempts import attempt_in_worker
from autoreward.worker.confine import COMMON, Held
from autoreward.worker.reach import Walls
folder = scratch.make_scratch()
os.mkdir(os.path.join(folder, COMMON))
os.setsid()
if os.fork() == 0:
    import signal
    walls = Walls(network=False, programs=False, read=(), write=(), folder=folder, home={home!r})
    found = attempt_in_worker(Held(0, False), walls)
    print(sum(not a.held for a in found.attempts), len(found.attempts), flush=True)
    os._exit(0)
os.wait()
scratch.remove(folder)
"""


@linux
@pytest.mark.slow
def test_the_attempts_succeed_where_nothing_holds(home: Path) -> None:
    script = FREE.format(home=str(home))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    free, all_of_them = map(int, done.stdout.split())
    assert free >= all_of_them - 8, done.stdout  # some need rights that this user may not have


@linux
@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("open(HOME + '/.ssh/id_test')", r'\[process\] read = \[".*id_test"\]'),
        ("socket.socket()", r"\[process\] network = true"),
        ("subprocess.run(['true'])", r"\[process\] programs = true"),
        ("raise_(ValueError('XML error: no file ' + HOME + '/.ssh/id_test'))", r'\[process\] read = \[".*id_test"\]'),
    ],
)
def test_what_is_refused_says_which_line_of_a_card_allows_it(
    workers: Workers, home: Path, line: str, says: str
) -> None:
    source = HOSTILE + "\ndef raise_(error):\n    raise error\n" + line + "\n"
    with pytest.raises(TaskError, match=says):
        workers.describe(hostile(source, home), 0)


@linux
@pytest.mark.slow
def test_a_worker_leaves_no_folder_however_it_ends(home: Path) -> None:
    leaves = HOSTILE + "import time\nput_here = open(os.path.join(os.environ['HOME'], 'left'), 'w')\n{end}\n"
    with Jail() as jail, Workers(jail) as workers:
        for end in (
            "raise ValueError('over')",
            "os.kill(os.getpid(), 9)",
            "os.makedirs(os.environ['HOME'] + '/d' * 500)",
        ):
            with pytest.raises(TaskError):
                workers.describe(hostile(leaves.replace("{end}", end), home), 0)
        (server,) = workers._local._servers.values()
        folder = Path(server._folder)
        until = time.monotonic() + 5
        while len(list(folder.iterdir())) > 1 and time.monotonic() < until:
            time.sleep(0.01)
        assert [p.name for p in folder.iterdir()] == ["common"]
        servers = [p for p in psutil.Process().children() if "autoreward.worker.server" in " ".join(p.cmdline())]
        for process in servers:
            process.kill()
    assert not folder.exists()


ALONE = """
import time
from autoreward.sandbox.jail import Jail
from autoreward.training.workers import Workers
workers = Workers(Jail())
workers.protection()
(server,) = workers._local._servers.values()
print(server._folder, flush=True)
time.sleep(60)
"""


@linux
@pytest.mark.slow
def test_a_killed_host_leaves_an_empty_folder_that_the_next_one_removes(home: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ALONE], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout
        folder = Path(host.stdout.readline().strip())
        assert (folder / "common").is_dir()
        host.kill()
    until = time.monotonic() + 5
    while list(folder.iterdir()) and time.monotonic() < until:
        time.sleep(0.01)
    assert list(folder.iterdir()) == []
    os.utime(folder, (0, 0))
    scratch.remove(scratch.make_scratch())
    assert not folder.exists()


def test_a_folder_is_removed_whatever_is_in_it_and_links_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "kept"
    outside.mkdir()
    (outside / "file").write_text("kept")
    folder = Path(scratch.make_scratch())
    at = folder
    for _ in range(300):
        at = at / "d"
        at.mkdir()
    (at / "deep").write_text("x")
    (folder / "link").symlink_to(outside)
    (folder / "d" / "link").symlink_to(outside / "file")
    os.mkfifo(folder / "pipe")
    (folder / "closed").mkdir(mode=0o000)
    scratch.remove(str(folder))
    assert not folder.exists()
    assert (outside / "file").read_text() == "kept"


def test_paths_of_a_card_are_seen_from_its_folder(tmp_path: Path) -> None:
    written = (envs_folder() / "mountain-car" / "task.toml").read_text()
    card = tmp_path / "own" / "task.toml"
    (card.parent / "maps").mkdir(parents=True)
    task = parse_task(written + '\n[process]\nread = ["maps"]\nwrite = ["."]\n', card)
    assert task.process.read == (str(card.parent / "maps"),)
    assert task.process.write == (str(card.parent),)
    assert task.process.sentence == (
        f"By its card, this task's environment may read {card.parent / 'maps'}, change {card.parent}."
    )
    with pytest.raises(TaskError, match=r"\[process\] read = '.*nowhere': there is no such file"):
        parse_task(written + '\n[process]\nread = ["nowhere"]\n', card)


FORGER = """
import fcntl, json, os, socket, stat, struct
def frame(kind, data):
    return struct.pack("<cQ", kind, len(data)) + data
for number in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            host = socket.socket(fileno=number)
            break
    except OSError:
        pass
for data in {frames}:
    host.sendall(frame(*data))
{then}
"""
STAYS, ENDS = "import time\ntime.sleep(30)", "os._exit(0)"
"""What a forger does once it has reported: it is waited for as one that closes its environments is."""
SCORE = b'{"trial_id":"%s","candidate_id":"%s","outcome":"completed","success":1.0}'
FORGED_TRIAL = b'{"id":"t-s0","candidate_id":"%s","outcome":"completed","seed":%d,"steps":1000}'


def forging(*frames: tuple[bytes, bytes], then: str = STAYS) -> Task:
    program = FORGER.replace("{frames}", repr(list(frames))).replace("{then}", then)
    return TASK.model_copy(update={"state_program": program})


@linux
@pytest.mark.slow
def test_a_forged_report_is_on_the_work_that_was_given_or_none(workers: Workers) -> None:
    """A task's code is in its worker, so it can say of its own training what it likes; of others it can't."""
    job = TrialJob(id="t-s0", candidate_id="", reward="native", seed=1, steps=1000)
    trials = ((b"", 1, ENDS, True), (b"", 1, STAYS, True), (b"r0c1", 1, ENDS, False), (b"", 2, ENDS, False))
    for candidate, seed, then, taken in trials:
        task = forging((b"F", b"logged.json\n{}"), (b"R", FORGED_TRIAL % (candidate, seed)), then=then)
        trial, _ = workers.train(task, job, RunConfig(), lambda *_: None)
        assert trial.outcome.ok == taken
        assert (trial.candidate_id, trial.seed) == ("", 1)
    trained = trial.model_copy(update={"checkpoints": (1000,)})
    files = {"policy-1000.safetensors": b""}
    scores = ((b"t-s0", b"", ENDS, True), (b"t-s1", b"", STAYS, False), (b"t-s0", b"r0c1", ENDS, False))
    for name, of, then, taken in scores:
        task = forging((b"F", b"episodes.npz\n"), (b"R", SCORE % (name, of)), then=then)
        score, _ = workers.score(task, trained, RunConfig(), files, (1,), (2,))
        assert (score.success == 1.0) == taken
        assert (score.trial_id, score.candidate_id) == ("t-s0", "")


@linux
@pytest.mark.slow
@pytest.mark.parametrize("frames", [
    [(b"R", b"{}")],
    [(b"F", b"run.json\n{}"), (b"R", b"{}")],
    [(b"F", b"../up\n{}"), (b"R", b"{}")],
    [(b"R", b"[" * 100_000)],
    [(b"X", b"[" * 60_000)],
    [(b"P", b"\xff")],
    [(b"?", b"")],
])  # fmt: skip
def test_forged_frames_end_in_one_sentence(workers: Workers, frames: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(AutorewardError) as caught:
        workers.describe(forging(*frames), 0)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600
    with pytest.raises(AutorewardError):
        workers.film(forging(*frames), b"", 0)
