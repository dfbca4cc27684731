"""The fork server: exec'd once with a clean environment, forks one child per request, kills and reaps them.

It is the real parent of its children, so a kill by pid can't hit a stranger. It ends, with all its children, when the
control socket closes: that is, when the host ends, however it ends.
"""

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable

Ended = Callable[[int], None]
Main = Callable[[dict[str, object], socket.socket, list[int]], None]
REQUEST_CAP = 65_536
_PR_SET_PDEATHSIG = 1


def serve(main: Main, ended: Ended = lambda pid: None, over: Callable[[], None] = lambda: None) -> None:
    """Serve fork requests on the control socket given as the last command-line argument, until it closes.

    `main(request, sock, fds)` runs in each child; what it raises is its own business to report. `ended(pid)` is
    called here when a child has ended, however it did, and `over()` when all have, before this process ends.
    """
    control = socket.socket(fileno=int(sys.argv[-1]))
    gc.collect()
    gc.freeze()
    control.send(json.dumps({"event": "ready"}).encode())
    children: dict[int, int] = {}
    poll = select.poll()
    poll.register(control, select.POLLIN)
    wake_read, wake_write = os.pipe()
    for end in (wake_read, wake_write):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll.register(wake_read, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == wake_read:
                os.read(wake_read, 4096)
                _reap(children, control, ended)
            elif not _request(control, children, main):
                for pid in children.values():
                    _kill_group(pid)
                for pid in children.values():
                    os.waitpid(pid, 0)
                    ended(pid)
                over()
                os._exit(0)


def _request(control: socket.socket, children: dict[int, int], main: Main) -> bool:
    """Serve one request; False when the host is gone."""
    try:
        data, fds, _, _ = socket.recv_fds(control, REQUEST_CAP, 8)
    except ConnectionResetError:
        return False
    if not data:
        return False
    message = json.loads(data)
    if message["op"] == "kill":
        if message["id"] in children:
            _kill_group(children[message["id"]])
        return True
    try:
        pid = os.fork()
    except OSError:
        for fd in fds:
            os.close(fd)
        _tell(control, {"event": "unborn", "id": message["id"]})
        return True
    if pid == 0:
        _child(message["request"], fds, main)
    for fd in fds:
        os.close(fd)
    children[message["id"]] = pid
    _tell(control, {"event": "born", "id": message["id"], "pid": pid})
    return True


def _child(request: dict[str, object], fds: list[int], main: Main) -> None:
    """Become a session of one's own, with nothing open but the given descriptors, and run `main`."""
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        die_with_parent()
        _close_all_but(fds)
        main(request, socket.socket(fileno=fds[0]), fds[1:])
        code = 0
    finally:
        os._exit(code)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends (Linux; elsewhere the closed socket ends it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _close_all_but(keep: list[int]) -> None:
    low = 3
    for fd in sorted(keep):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX") if sys.platform != "linux" else 65_536)


def _kill_group(pid: int) -> None:
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _reap(children: dict[int, int], control: socket.socket, ended: Ended) -> None:
    for identity, pid in list(children.items()):
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if not done:
            continue
        del children[identity]
        _kill_group(pid)
        ended(pid)
        _tell(
            control,
            {
                "event": "exit",
                "id": identity,
                "code": os.waitstatus_to_exitcode(status),
                "max_rss_kb": usage.ru_maxrss,
                "cpu_seconds": usage.ru_utime + usage.ru_stime,
            },
        )


def _tell(control: socket.socket, message: dict[str, object]) -> None:
    with contextlib.suppress(OSError):  # the host is gone: the next poll of the socket says so
        control.send(json.dumps(message).encode())
