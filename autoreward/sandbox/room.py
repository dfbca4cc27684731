"""A room: one candidate's process."""

import signal
from collections.abc import Mapping

from autoreward.core.closing import Closing
from autoreward.core.contract import REWARD_SIGNATURE, Signature
from autoreward.errors import JailError
from autoreward.sandbox.client import CALL_SECONDS, RewardClient, RewardFailed
from autoreward.sandbox.processes.fork_client import Child, ServerGone

ENDING_SECONDS = 2.0
"""Longest that a room whose socket has closed may take to end."""


class Room(Closing):
    """One candidate's process: locked when it is made, then given a program."""

    def __init__(self, child: Child, seconds_per_call: float = CALL_SECONDS) -> None:
        """Wait until it is locked. Raises JailError if it could not be; the process is gone then."""
        self._child = child
        self.client = RewardClient(child.socket, seconds_per_call)
        try:
            self.lock = self.client.locked()
        except JailError:
            self.close()
            raise

    def allow(self, seconds_per_call: float) -> None:
        """Longest that one call may take from now on."""
        self.client = RewardClient(self._child.socket, seconds_per_call)

    def load(self, program: str | Mapping[str, str], signature: Signature = REWARD_SIGNATURE) -> None:
        """Load a program, or the Python files of an export. Raises RewardFailed; the process is gone then."""
        try:
            if isinstance(program, str):
                self.client.load(program, signature)
            else:
                self.client.load_export(program)
        except RewardFailed:
            self.close()
            raise

    @property
    def lives(self) -> bool:
        """Whether nothing is known of its end."""
        return not self._child.over

    @property
    def fd(self) -> int:
        """The host's end of the room's socket, to be handed to a train worker."""
        return self._child.socket.fileno()

    @property
    def pid(self) -> int:
        """The process."""
        return self._child.pid

    def was_killed(self) -> bool:
        """Whether something outside ended it: no program can send this signal, and its own faults have others."""
        try:
            return self._child.wait(ENDING_SECONDS).code == -signal.SIGKILL
        except TimeoutError:
            return False
        except ServerGone:
            return True

    def close(self) -> None:
        """Kill the process and reap it."""
        self._child.close()
