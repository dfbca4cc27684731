"""Environments that fail, and those that disturb the process they run in."""

import logging
import os
import signal
import sys
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces

from zoo.kit import Plain, register


class FailsAtStep(Plain):
    """Has a mistake that shows where it has gone far."""

    def ended(self) -> Any:
        return {}["far"] if self.x > 1.0 else False


class FailsAtReset(Plain):
    """Can't begin."""

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        raise OSError("scene.xml: no such file")


class FailsInLines(Plain):
    """Raises a text of many lines."""

    def ended(self) -> Any:
        raise ValueError("line one\nline two\n" + "x" * 5000)


class Exits(Plain):
    """Leaves by the front door."""

    def ended(self) -> Any:
        return sys.exit("bye") if self.x > 1.0 else False


class Interrupts(Plain):
    """Raises what Ctrl-C does."""

    def ended(self) -> Any:
        if self.x > 1.0:
            raise KeyboardInterrupt
        return False


class ClosesFiles(Plain):
    """Closes what it has not opened, as daemons do, and goes on."""

    def ended(self) -> Any:
        os.closerange(3, 256)
        return False


class Recursive(Plain):
    """Calls itself for ever."""

    def ended(self) -> Any:
        return self.ended()


class Asserts(Plain):
    """Fails without a word."""

    def ended(self) -> Any:
        assert self.x < 1.0
        return False


class Hoards(Plain):
    """Asks for more memory than there is."""

    def ended(self) -> Any:
        return np.zeros((10**6, 10**7)).any() if self.x > 1.0 else False


class MovesOn(Plain):
    """Makes a folder for its files and changes into it, at every reset."""

    def reset(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        Path("scene").mkdir(exist_ok=True)
        os.chdir("scene")
        Path("mesh").write_text("1")
        return super().reset(**given)

    def ended(self) -> Any:
        return not Path("mesh").exists()


class Prints(Plain):
    """Prints at every step, in bytes that are no text, too."""

    def ended(self) -> Any:
        sys.stdout.write("stepped\x1b[31m\n")
        sys.stderr.write("stepped\n")
        return False


class Logs(Plain):
    """Logs at every step."""

    def ended(self) -> Any:
        logging.getLogger("zoo").warning("stepped to %s %s", self.x, "." * 200)
        return False


class Warns(Plain):
    """Warns at every step."""

    def ended(self) -> Any:
        warnings.warn("this is deprecated", DeprecationWarning, stacklevel=1)
        return False


class Moves(Plain):
    """Changes the working folder."""

    def ended(self) -> Any:
        os.chdir(tempfile.gettempdir())
        return False


class Seterr(Plain):
    """Has NumPy raise."""

    def ended(self) -> Any:
        np.seterr(all="raise")
        return False


class Reseeds(Plain):
    """Seeds NumPy's global generator at each step."""

    def ended(self) -> Any:
        np.random.seed(0)
        return False


class Handles(Plain):
    """Takes Ctrl-C for itself."""

    def __init__(self) -> None:
        super().__init__()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)


class Threads(Plain):
    """Keeps a thread of its own that never ends."""

    def __init__(self) -> None:
        super().__init__()
        threading.Thread(target=threading.Event().wait, daemon=True).start()


class Caches(Plain):
    """Writes into the person's cache and into the temporary folder."""

    def __init__(self) -> None:
        super().__init__()
        folder = Path.home() / ".cache" / "zoo"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "table").write_text("1")
        tempfile.mkdtemp(prefix="zoo-litter-")


class Mutates(Plain):
    """Changes the action that it was given."""

    action_space = spaces.Box(-1, 1, (1,), np.float32)

    def moved(self, action: Any) -> float:
        move = 0.5 * float(action[0])
        action[:] = 0
        return move


for kind in (
    FailsAtStep,
    FailsAtReset,
    FailsInLines,
    Exits,
    ClosesFiles,
    Interrupts,
    Recursive,
    Asserts,
    Hoards,
    MovesOn,
    Prints,
    Logs,
    Warns,
    Moves,
    Seterr,
    Reseeds,
    Handles,
    Threads,
    Caches,
    Mutates,
):
    register(kind.__name__, kind)
