"""What is asked and what comes back."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple, Protocol

from pydantic import AfterValidator, Field

from autoreward.core.wording import Phrase, Setting
from autoreward.errors import ProviderError
from autoreward.records import Record
from autoreward.settings import Effort, Role

_HALVES = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with U+FFFD for halves of characters, which no file can hold."""
    return _HALVES.sub("\ufffd", text)


Storable = Annotated[str, AfterValidator(storable)]
Count = Annotated[int, Field(ge=0)]


class TimeLimits(NamedTuple):
    """How long one answer may take, in seconds."""

    silence: float
    """Longest without a byte, from the first look for the address on."""
    total: float
    """Longest from the first look for the address to the last byte."""


class ChosenLimits(NamedTuple):
    """What a person chose of them; None: the usual."""

    silence: float | None = None
    total: float | None = None


USUAL = ChosenLimits()
CLOUD_LIMITS = TimeLimits(600.0, 3600.0)
"""600 s is what both SDKs wait for a byte. Where thinking is not streamed, all of it is silence."""
OWN_LIMITS = TimeLimits(1800.0, 7200.0)
"""For servers of one's own: one core reads a long prompt for minutes before its first token, and writes for an hour."""


def time_limits(address: str, chosen: ChosenLimits = USUAL) -> TimeLimits:
    """The limits for the server at this address: what was chosen, else the usual ones; silence is part of the total."""
    usual = OWN_LIMITS if address.startswith("http:") else CLOUD_LIMITS
    whole = chosen.total or max(usual.total, chosen.silence or 0.0)
    return TimeLimits(min(chosen.silence or usual.silence, whole), whole)


class Turn(NamedTuple):
    """A question that was asked earlier in the same conversation, and what the model answered, as it is told of it."""

    question: str
    answer: str


class Tool(NamedTuple):
    """What a model may call before it answers."""

    name: str
    about: str
    """All that the model is told of it."""
    parameters: Mapping[str, Any]
    """JSON schema of the arguments, an object."""


class ToolCall(Record):
    """A call as a model wrote it."""

    id: Storable
    name: Storable
    arguments: Storable
    """JSON, if it is any."""


class Exchange(NamedTuple):
    """A turn of a conversation with tools: what the model said and called, and what came of it."""

    said: str
    calls: tuple[ToolCall, ...]
    results: tuple[str, ...]
    """One a call."""
    own: str = ""
    """The turn as its provider has it, which wants it back so."""


class Prompt(NamedTuple):
    """One question."""

    key: str
    """What the reply is saved under, such as `r000-designer-0`; the same work has the same key in every run."""
    role: Role
    text: str
    schema: dict[str, Any]
    """JSON schema of the answer; empty: it is no JSON that is asked for."""
    max_tokens: int
    """Longest answer, in tokens."""
    pictures: tuple[bytes, ...] = ()
    """PNG files, shown after the text in this order."""
    effort: Effort | None = None
    """How much to think; None: what the model does by itself."""
    repeated: int = 0
    """Characters at the beginning that this model was asked before, and may have kept."""
    shortens: bool = False
    """Whether the question can be put in fewer words, so that the answer gets more of a small context."""
    earlier: tuple[Turn, ...] = ()
    """What was said before it."""
    tools: tuple[Tool, ...] = ()
    """What may be called."""
    exchanges: tuple[Exchange, ...] = ()
    """What was called since the question, and what came of it."""
    close: str = ""
    """Said after that, when nothing may be called any more."""

    @property
    def messages(self) -> list[dict[str, str]]:
        """The whole conversation, as chat protocols have it."""
        said = [(role, text) for turn in self.earlier for role, text in zip(("user", "assistant"), turn, strict=True)]
        return [{"role": role, "content": text} for role, text in (*said, ("user", self.text))]

    @property
    def beginning(self) -> str:
        """Its first question."""
        return self.earlier[0].question if self.earlier else self.text

    @property
    def whole(self) -> str:
        """The whole conversation as one text, for people and for counting."""
        before = "".join(f"{turn.question}\n# You answered\n{turn.answer}\n\n" for turn in self.earlier)
        return before + self.text + "".join(map(_shown, self.exchanges)) + ((self.exchanges and self.close) or "")


def _shown(exchange: Exchange) -> str:
    said = f"\n# You said\n{exchange.said}\n" if exchange.said.strip() else ""
    pairs = zip(exchange.calls, exchange.results, strict=True)
    return said + "".join(f"\n# You called {call.name}\n{call.arguments}\n\n{result}\n" for call, result in pairs)


class Reply(Record):
    """What a model answered, as it came."""

    text: Storable
    model: Storable
    input_tokens: Count = 0
    output_tokens: Count = 0
    """0: nobody counted."""
    thinking_tokens: Count = 0
    """Of the output."""
    cache_read_tokens: Count = 0
    """Of the input: those that the provider had kept."""
    cache_write_tokens: Count = 0
    """Of the input: those that it has kept now."""
    finish: Literal["stop", "length", "refusal"] = "stop"
    calls: tuple[ToolCall, ...] = ()
    """Of tools that were offered: it is no answer yet."""
    own: Storable = ""
    """As in `Exchange`."""


Trouble = Literal["away", "loading", "slow", "fault"]
"""Nobody is there, or a model is still being loaded; an answer took too long; overload, a cut connection, an unreadable answer."""


class RetryLater(Exception):
    """The provider may answer if asked again: rate limit, overload, time-out, a cut connection."""

    def __init__(
        self,
        message: str,
        wait_seconds: float | None = None,
        came: str | None = None,
        trouble: Trouble = "fault",
        limit: Setting | None = None,
        status: int = 0,
        said: str = "",
    ) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        """How long the provider asks to wait, at least 0; None if it does not say."""
        self.came = came
        """What it sent, where that is no answer but may have been paid for."""
        self.trouble = trouble
        self.limit = limit
        """The limit that ended it, if it was one of ours; the setting that raises it."""
        self.status, self.said = status, said
        """As in `RequestRefused`."""

    @property
    def may_cost(self) -> bool:
        """Whether the provider may have worked on an answer."""
        return self.trouble == "slow" or self.came is not None


class RequestRefused(ProviderError):
    """The provider will not answer, however often it is asked: wrong key, unknown model, bad request."""

    def __init__(self, *message: Phrase, status: int = 0, said: str = "") -> None:
        super().__init__(*message)
        self.status = status
        """HTTP status; 0 where there was none."""
        self.said = said
        """The provider's own words, whole; empty where there were none."""


class PromptTooLong(RequestRefused):
    """The question leaves no room for an answer; a shorter one might."""

    def __init__(self, *message: Phrase, room: int) -> None:
        super().__init__(*message)
        self.room = room
        """Tokens that the prompt may have, as `cost.tokens` counts them."""


class LLM(Protocol):
    """Somebody who answers."""

    name: str
    """As the person gave it."""

    def ask(self, prompt: Prompt) -> Reply:
        """Answer once. Raises RetryLater or RequestRefused."""
        ...
