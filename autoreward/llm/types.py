"""What is asked and what comes back."""

import re
from typing import Annotated, Any, Literal, NamedTuple, Protocol

from pydantic import AfterValidator, Field

from autoreward.core.wording import Phrase
from autoreward.errors import ProviderError
from autoreward.records import Record

ANSWER_SECONDS = 300.0
"""Longest that one answer may take, from the first look for the address to its last byte."""
_HALVES = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with U+FFFD for halves of characters, which no file can hold."""
    return _HALVES.sub("\ufffd", text)


Storable = Annotated[str, AfterValidator(storable)]
Count = Annotated[int, Field(ge=0)]
Role = Literal["designer", "critic", "analyzer"]


class Turn(NamedTuple):
    """A question that was asked earlier in the same conversation, and what the model answered, as it is told of it."""

    question: str
    answer: str


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
    earlier: tuple[Turn, ...] = ()
    """What was said before it."""

    @property
    def messages(self) -> list[dict[str, str]]:
        """The whole conversation, as chat protocols have it."""
        said = [(role, text) for turn in self.earlier for role, text in zip(("user", "assistant"), turn, strict=True)]
        return [{"role": role, "content": text} for role, text in (*said, ("user", self.text))]

    @property
    def whole(self) -> str:
        """The whole conversation as one text, for people and for counting."""
        return "".join(f"{turn.question}\n# You answered\n{turn.answer}\n\n" for turn in self.earlier) + self.text


class Reply(Record):
    """What a model answered, as it came."""

    text: Storable
    model: Storable
    input_tokens: Count = 0
    output_tokens: Count = 0
    """0: nobody counted."""
    finish: Literal["stop", "length", "refusal"] = "stop"


class RetryLater(Exception):
    """The provider may answer if asked again: rate limit, overload, time-out, a cut connection."""

    def __init__(self, message: str, wait_seconds: float | None = None, came: str | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        """How long the provider asks to wait, at least 0; None if it does not say."""
        self.came = came
        """What it sent, where that is no answer but may have been paid for."""


class RequestRefused(ProviderError):
    """The provider will not answer, however often it is asked: wrong key, unknown model, bad request."""

    def __init__(self, *message: Phrase, status: int = 0) -> None:
        super().__init__(*message)
        self.status = status
        """HTTP status; 0 where there was none."""


class LLM(Protocol):
    """Somebody who answers."""

    name: str
    """As the person gave it."""

    def ask(self, prompt: Prompt) -> Reply:
        """Answer once. Raises RetryLater or RequestRefused."""
        ...
