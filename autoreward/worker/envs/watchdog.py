"""What an environment is asked to do at this moment: told to the host by a page of memory that both see.

An environment that hangs or crashes in native code can't be asked, and no signal handler of Python's runs. So a worker writes
down each call before it makes it, and the host reads that: which call, and whether it still goes on. Nothing of this waits.
"""

import mmap
import os
from typing import NamedTuple

PAGE_BYTES = mmap.PAGESIZE
"""Bytes of the page."""
CALLS, CALL_KIND, CALL_STEP, CALL_EPISODE, CALL_SEED = range(5)
"""Cells of the page, of 8 bytes each. CALLS grows by one where a call begins and where it ends: it is odd within one."""
MAKING, RESETTING, STEPPING, CLOSING = range(4)
"""Kinds of calls."""
UNSEEDED = -1
"""CALL_SEED of an environment that was given none."""


class Call(NamedTuple):
    """A call of an environment, as the page has it."""

    calls: int
    """Twice those that ended, and one more within one."""
    kind: int
    step: int
    """Of the episode, from 1."""
    episode: int
    """Since the reset with `seed`, from 1."""
    seed: int

    @property
    def going_on(self) -> bool:
        """Whether it has not ended."""
        return self.calls % 2 == 1

    @property
    def words(self) -> str:
        """What it is called in messages: how to get there again."""
        if self.kind in (MAKING, CLOSING):
            return "the call that makes it" if self.kind == MAKING else "its close()"
        began = "a reset without a seed" if self.seed == UNSEEDED else f"reset(seed={self.seed})"
        episode = began if self.episode <= 1 else f"episode {self.episode} after {began}"
        what = f"step {self.step} of" if self.kind == STEPPING else "the reset of"
        return began if self.kind == RESETTING and self.episode <= 1 else f"{what} {_the(episode, began)}"


def _the(episode: str, began: str) -> str:
    return episode if episode != began else f"the episode that began with {began}"


class Beat:
    """The page as its worker writes it; until it is attached, nobody reads it."""

    def __init__(self) -> None:
        self.cells = memoryview(bytearray(PAGE_BYTES)).cast("q")

    def attach(self, descriptor: int) -> None:
        """Write into the page behind a descriptor from now on. Its forks write elsewhere: their calls are not the worker's."""
        self.cells = memoryview(mmap.mmap(descriptor, PAGE_BYTES)).cast("q")
        os.register_at_fork(after_in_child=self.__init__)  # type: ignore[misc]

    def begin(self, kind: int) -> None:
        """A call begins that is no step."""
        self.cells[CALL_KIND] = kind
        self.cells[CALLS] += 1

    def end(self) -> None:
        """It has ended."""
        self.cells[CALLS] += 1


BEAT = Beat()
"""This process's."""


def read(page: bytes) -> Call:
    """The call that a page tells of."""
    return Call(*memoryview(page).cast("q")[: len(Call._fields)].tolist())
