"""What is asked and what comes back."""

from typing import Any, Literal, NamedTuple, Protocol

from autoreward.errors import ProviderError
from autoreward.records import Record

Role = Literal["designer", "critic", "analyzer"]


class Prompt(NamedTuple):
    """One question."""

    key: str
    """What the reply is saved under, such as `r000-designer-0`; the same work has the same key in every run."""
    role: Role
    text: str
    schema: dict[str, Any]
    """JSON schema of the answer."""
    max_tokens: int
    """Longest answer, in tokens."""


class Reply(Record):
    """What a model answered, as it came."""

    text: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    finish: Literal["stop", "length", "refusal"] = "stop"


class Busy(Exception):
    """The provider may answer if asked again: rate limit, overload, time-out, a cut connection."""

    def __init__(self, said: str, wait_seconds: float | None = None) -> None:
        super().__init__(said)
        self.wait_seconds = wait_seconds
        """How long the provider asks to wait; None if it does not say."""


class Refused(ProviderError):
    """The provider will not answer, however often it is asked: wrong key, unknown model, bad request."""

    def __init__(self, said: str, status: int = 0) -> None:
        super().__init__(said)
        self.status = status
        """HTTP status; 0 where there was none."""


class LLM(Protocol):
    """Somebody who answers."""

    name: str
    """As given to --model."""

    def ask(self, prompt: Prompt) -> Reply:
        """Answer once. Raises Busy or Refused."""
        ...
