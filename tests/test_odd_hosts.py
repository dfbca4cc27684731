"""Hosts that are not as ours: a reward is checked there as anywhere, or one sentence says what to do; nothing is left behind."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from autoreward.worker.denied import advised

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits, namespaces and filters of Linux")
REWARD = (
    'def compute_reward(state, action, next_state, memory):\n    """Für é."""\n    return {"x": next_state.position}\n'
)
OLD_KERNEL = """
import sys
from autoreward.sandbox.kernel import filters, seccomp
from autoreward.sandbox.kernel.syscalls import machine
seccomp.load_filter(filters.without(machine(), sys.argv[1].split(",")))
sys.argv = ["autoreward", *sys.argv[2:]]
from autoreward.cli import main
main()
"""
"""The command on a kernel, or in a container, that lacks some calls."""
AUTOREWARD = ("{python}", "-m", "autoreward")
MOUNTING = ("unshare", "--mount", "sh", "-c")
SMALL = "mount -t tmpfs -o size=64k,{how} none {tmp} && exec {python} -m autoreward "


class Host(NamedTuple):
    """How the command is started there, and what it comes to."""

    command: tuple[str, ...] = AUTOREWARD
    shell: str = ""
    """Said by a shell before, instead of starting the command itself."""
    variables: tuple[tuple[str, str | None], ...] = ()
    code: int = 0
    says: str = "keeps the contract"
    options: tuple[str, ...] = ()
    privileged: bool = False


HOSTS = {
    "optimised": Host(("{python}", "-OO", "-W", "error", "-m", "autoreward")),
    "optimised by variables": Host(variables=(("PYTHONOPTIMIZE", "2"), ("PYTHONWARNINGS", "error"))),
    "one core": Host(("taskset", "-c", "0", *AUTOREWARD)),
    "few files": Host(shell="ulimit -n 24; exec {python} -m autoreward "),
    "small files": Host(shell="ulimit -f 200; exec {python} -m autoreward "),
    "tiny files": Host(shell="ulimit -f 1; exec {python} -m autoreward ", code=1, says="`ulimit -f unlimited`"),
    "very few files": Host(shell="ulimit -n 10; exec {python} -m autoreward ", code=1, says="`ulimit -n 1024`"),
    "no files": Host(shell="ulimit -f 0; exec {python} -m autoreward ", code=1, says="Set TMPDIR to a folder"),
    "few addresses": Host(shell="ulimit -v 300000; exec {python} -m autoreward ", code=5, says="`ulimit -v unlimited`"),
    "little data": Host(shell="ulimit -d 100000; exec {python} -m autoreward ", code=1, says="`ulimit -d unlimited`"),
    "little stack": Host(shell="ulimit -s 1024; exec {python} -m autoreward "),
    "no input": Host(shell="exec {python} -m autoreward ", options=("<&-",)),
    "no output": Host(shell="exec {python} -m autoreward ", options=(">&-",), says=""),
    "no errors": Host(shell="exec {python} -m autoreward ", options=("2>&-",)),
    "no home": Host(variables=(("HOME", None), ("XDG_CONFIG_HOME", None))),
    "a home that is nowhere": Host(variables=(("HOME", "/proc/nowhere"), ("XDG_CONFIG_HOME", None))),
    "no letters but ASCII": Host(variables=(("LC_ALL", "C"), ("PYTHONIOENCODING", "ascii"), ("PYTHONUTF8", "0"))),
    "no working folder": Host(shell="mkdir gone; cd gone; rmdir ../gone; exec {python} -m autoreward "),
    "no such temporary folder": Host(variables=(("TMPDIR", "/proc/nowhere"),)),
    "a user without a name": Host(("unshare", "--user", *AUTOREWARD)),
    "a small temporary folder": Host(MOUNTING, shell=SMALL.replace("{how}", "mode=1777"), privileged=True),
    "a temporary folder without programs": Host(MOUNTING, shell=SMALL.replace("{how}", "noexec"), privileged=True),
    "no Landlock": Host(("{python}", "-c", OLD_KERNEL, "landlock_create_ruleset")),
    "no seccomp": Host(("{python}", "-c", OLD_KERNEL, "seccomp"), code=5, says="trust-the-model"),
    "neither, and trusted": Host(("{python}", "-c", OLD_KERNEL, "seccomp,landlock_create_ruleset"), options=("--trust-the-model",)),
}  # fmt: skip


def may(*command: str) -> bool:
    """Whether this machine lets us make such a host."""
    try:
        return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def started(host: Host, folder: Path) -> list[str]:
    """The words that start `check` there."""
    places = {"{python}": sys.executable, "{tmp}": str(folder / "tmp")}

    def placed(word: str) -> str:
        for name, place in places.items():
            word = word.replace(name, place)
        return word

    check = ["check", str(folder / "my reward é.py"), "--task", "mountain-car"]
    if not host.shell:
        return [*map(placed, host.command), *check, *host.options]
    words = " ".join([*(f"'{word}'" for word in check), *host.options])
    before = host.command if host.command != AUTOREWARD else ("sh", "-c")
    return [*before, placed(host.shell) + words]


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTS)
def test_a_reward_is_checked_on_any_host(name: str, tmp_path: Path) -> None:
    host = HOSTS[name]
    if host.privileged and not may("unshare", "--mount"):
        pytest.skip("mounting needs privileges")
    if host.command[0] == "unshare" and not host.privileged and not may("unshare", "--user"):
        pytest.skip("user namespaces are off")
    (tmp_path / "my reward é.py").write_text(REWARD, encoding="utf-8")
    (tmp_path / "tmp").mkdir(mode=0o1777)
    (tmp_path / "home").mkdir()
    given = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "XDG_CONFIG_HOME": str(tmp_path / "home")}
    variables = {"PATH": os.environ["PATH"], **given, **dict(host.variables)}
    done = subprocess.run(
        started(host, tmp_path),
        cwd=tmp_path,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=110,
    )
    said = done.stdout + done.stderr
    assert (done.returncode, "Traceback" in said, "Warning" in said) == (host.code, False, False), said
    assert host.says in said
    assert len(said.splitlines()) <= 1
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["home", "my reward é.py", "tmp"]


@pytest.mark.parametrize("number", [28, 122])
def test_a_full_temporary_folder_is_said_with_what_to_do(number: int) -> None:
    error = RuntimeError("the archive could not be written")
    error.__cause__ = OSError(number, os.strerror(number))
    assert advised("it failed", error) == (
        "it failed. The folder for temporary files is full: make room there, or set TMPDIR to a folder that has some, and go on"
    )
    assert advised("it failed", RuntimeError("x")) == "it failed"
