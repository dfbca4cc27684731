"""Run one program with the gate and the restricted namespace off, locked by the kernel or not at all.

    python tests/ungated.py   < {"source": ..., "locked": true, "uid": 65534, "seconds": 5}
    > {"said": ..., "strays": 0}

The supervisor adopts whatever the program starts, counts it and kills it, by id.
"""

import atexit  # noqa: F401 - loaded now: after the change of user, Python's own files may be out of reach
import ctypes
import gc  # noqa: F401
import io  # noqa: F401
import json
import math
import multiprocessing.shared_memory  # noqa: F401
import os
import random  # noqa: F401
import re  # noqa: F401
import select
import signal
import site  # noqa: F401
import socket  # noqa: F401
import struct  # noqa: F401
import subprocess  # noqa: F401
import sys
import tempfile  # noqa: F401
import time
import urllib.request  # noqa: F401
import zlib  # noqa: F401
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from autoreward.sandbox.child import namespace
from autoreward.sandbox.kernel import lock

_PR_SET_CHILD_SUBREAPER = 36
STEPS = 5


def main() -> None:
    request = json.load(sys.stdin)
    namespace.warm_numpy()
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _child(request, write)
    os.close(write)
    said = b""
    if select.select([read], [], [], request["seconds"])[0]:
        said = os.read(read, 65_536)
    strays = len([child for child in _descendants() if child != pid])
    while alive := _descendants():
        for child in alive:
            os.kill(child, signal.SIGKILL)
        for child in alive:
            os.waitpid(child, 0)
    sys.stdout.write("\n" + json.dumps({"said": said.decode(errors="replace"), "strays": strays}))


def _descendants() -> list[int]:
    """Living children: adopted ones are children too."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                state, parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[:2]
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(parent) == os.getpid():
                if state == "Z":
                    os.waitpid(int(entry.name), 0)
                else:
                    found.append(int(entry.name))
    return found


def _child(request: dict, write: int) -> None:
    os.setsid()
    if request["uid"]:
        os.setgroups([])
        os.setgid(request["uid"])
        os.setuid(request["uid"])
    said = "nothing"
    try:
        if request["locked"]:
            lock.lock(512)
        said = _run(request["source"])
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
    os.write(write, said.encode(errors="replace")[:60_000])
    # long enough for the supervisor to see what was left running
    time.sleep(0.2) if not request["locked"] else None
    os._exit(0)


def _run(source: str) -> str:
    space = {"__name__": "reward", "np": np, "math": math}
    exec(compile(source, "<reward>", "exec"), space)
    rng = np.random.default_rng(0)
    for step in range(STEPS):
        fields = {"x": rng.normal(size=(3, 4)), "step": np.full(3, step + 1), "terminated": np.zeros(3, dtype=bool)}
        view = SimpleNamespace(**fields)
        space["compute_reward"](view, SimpleNamespace(push=np.zeros(3)), view, {})
    return "returned"


if __name__ == "__main__":
    main()
