"""What a server can be asked for: found out from what it says when it refuses, and kept for the questions that follow.

Servers that speak the same protocol differ in what they know of it (JSON mode, names of the limit, streaming), and in how much they
hold. What one names is the cause and is left out, nothing else; where it names nothing, see `alternatives`.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from autoreward.llm.types import Prompt

OLD_LIMIT, NEW_LIMIT = "max_tokens", "max_completion_tokens"
MENDABLE = (400, 413, 422, 500, 501)
"""Statuses of refusals that another form of the same question may mend."""
SHORTEST_ANSWER = 256
"""Tokens that an answer is given at least; where they don't fit, the prompt is too long."""
_MARGIN = 64
"""Tokens that a server adds around a prompt."""
_LEAST_NUMBER = 600
"""No context is smaller, so that a number below it in a message is something else, such as a status."""
_SIZES = re.compile(r"context|token|n_ctx|too long|too large")
_EXCEEDS = re.compile(
    r"exceed|maximum|too (?:large|long|many)|at most|must be|less than|greater|longer|larger|limit|range|reduce|increas|only"
)
_UNKNOWN = re.compile(
    r"unsupported|unknown|unrecogni|unexpected|extra|not (?:supported|permitted|allowed|available)|forbidden|no such|instead"
)
_OF_INPUT = re.compile(r"context|prompt|input|n_ctx|messages|conversation")
_NUMBER = re.compile(r"(?<![\w./-])\d{1,3}(?:,\d{3})+(?![\w])|(?<![\w./-])\d+(?![\w])")
_JSON_MODE = re.compile(
    r"response_format|json[ _](?:schema|mode|object)|structured|guided|grammar|output_config|output_format|\bformat\b"
)
_ADAPTIVE = re.compile(r"adaptive|output_config\.effort|effort parameter")
_TOOLS = re.compile(r"\btools?\b|tool[_ -](?:choice|call)|function[_ -]?call|\bfunctions\b")
_RESPONSES = re.compile(r"/responses\b|responses api")
_CACHE = re.compile(r"cache_control")
_USAGE = re.compile(r"stream_options|include_usage")
_STREAM = re.compile(r"\bstream(?:ing|ed)?\b")


@dataclass(frozen=True)
class Form:
    """The form in which one server is asked."""

    limit_name: str = ""
    """Of the longest answer: `max_tokens`, or `max_completion_tokens`; empty where the protocol has one name."""
    structured: bool = True
    """With the answer's JSON schema."""
    streamed: bool = True
    usage: bool = True
    """With the count of tokens at the end of a stream."""
    adaptive: bool = True
    """How much to think is said in words; else in tokens, for models that know no other way."""
    kept: bool = True
    """With marks for the provider's cache."""
    tools: bool = True
    """With what may be called, where the question has such."""
    responses: bool = False
    """A question with tools goes to OpenAI's Responses; else to Chat Completions."""
    context: int | None = None
    """Tokens that question and answer may have together; None: not known."""
    scale: float = 1.0
    """Its tokens in a text, as a share of those that we expect."""
    most: int | None = None
    """Tokens that an answer may have at most; None: not known."""

    def with_context(self, told: int) -> "Form":
        """With the context that the server tells of; 0: it tells of none."""
        return replace(self, context=told or self.context)

    def answer_room(self, prompt: Prompt, sent: int) -> int:
        """Tokens that are asked for: what the prompt wants, within what this server holds; `sent`: about those of the question."""
        room = min(prompt.max_tokens, self.most or prompt.max_tokens)
        if self.context is not None:
            room = min(room, max(self.context - math.ceil(sent * self.scale) - _MARGIN, SHORTEST_ANSWER))
        return room

    def too_long(self, prompt: Prompt, sent: int) -> "TooLong | None":
        """What is wrong with a question that could be shorter, where its answer would get less than a quarter of the context."""
        if self.context is None or not prompt.shortens:
            return None
        wanted = min(prompt.max_tokens, self.context // 4, self.most or prompt.max_tokens)
        counted = math.ceil(sent * self.scale)
        return TooLong(self.context, counted) if self.answer_room(prompt, sent) < wanted else None


@dataclass(frozen=True)
class TooLong:
    """The question leaves no room for an answer."""

    context: int | None
    """Tokens that there is room for; None: the server did not say."""
    sent: int
    """Tokens of the question."""


@dataclass(frozen=True)
class Refusal:
    """What a server was asked for, and what it said to that."""

    said: str
    prompt: Prompt
    sent: int
    """About how many tokens the question has."""
    status: int


def after_refusal(form: Form, refusal: Refusal) -> Form | TooLong | None:
    """The form to ask in next; None if what it said names nothing that could be changed."""
    said = refusal.said.lower()
    other = OLD_LIMIT if form.limit_name == NEW_LIMIT else NEW_LIMIT
    if form.limit_name and _UNKNOWN.search(said) and re.search(rf"\b{form.limit_name}\b", said) and not _numbers(said):
        return replace(form, limit_name=other)
    if form.adaptive and refusal.prompt.effort not in (None, "none") and _ADAPTIVE.search(said):
        return replace(form, adaptive=False)
    if form.kept and (refusal.prompt.repeated or refusal.prompt.exchanges) and _CACHE.search(said):
        return replace(form, kept=False)
    if form.limit_name and refusal.prompt.tools and not form.responses and _RESPONSES.search(said):
        return replace(form, responses=True)
    if form.tools and refusal.prompt.tools and _TOOLS.search(said):
        return replace(form, tools=False)
    if form.structured and _JSON_MODE.search(said):
        return replace(form, structured=False)
    if form.streamed and form.usage and _USAGE.search(said):
        return replace(form, usage=False)
    if form.streamed and _STREAM.search(said):
        return replace(form, streamed=False)
    if refusal.status == 413 or (_SIZES.search(said) and _EXCEEDS.search(said)):
        return _smaller(form, refusal, said)
    return None


def alternatives(form: Form, tools: bool = False) -> Iterator[Form]:
    """Other forms, each with one thing left out, for a server that does not say what it dislikes: what mends it is the cause.

    `tools`: the question has some.
    """
    if form.tools and tools:
        yield replace(form, tools=False)
    if form.structured:
        yield replace(form, structured=False)
    if form.limit_name:
        yield replace(form, limit_name=OLD_LIMIT if form.limit_name == NEW_LIMIT else NEW_LIMIT)
    if form.streamed and form.usage:
        yield replace(form, usage=False)
    if form.streamed:
        yield replace(form, streamed=False)
    yield replace(form, structured=False, streamed=False)


def told_context(models: Any, model: str) -> int | None:
    """Tokens of context that a list of models (`GET /v1/models`) gives for one of them; None where it says nothing of it.

    vLLM says `max_model_len`, llama.cpp `meta.n_ctx`, LM Studio `loaded_context_length`, routers `context_length`.
    """
    entries = models.get("data") if isinstance(models, dict) else None
    listed = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    entry = next((e for e in listed if e.get("id") == model), listed[0] if len(listed) == 1 else {})
    meta = inner if isinstance(inner := entry.get("meta"), dict) else {}
    found = (
        entry.get("loaded_context_length"), meta.get("n_ctx"), entry.get("n_ctx"), entry.get("max_model_len"),
        entry.get("context_length"), entry.get("context_window"), entry.get("max_context_length"), entry.get("max_input_tokens"),
    )  # fmt: skip
    return next((n for n in found if isinstance(n, int) and not isinstance(n, bool) and n >= _LEAST_NUMBER), None)


def _smaller(form: Form, refusal: Refusal, said: str) -> Form | TooLong | None:
    """The form that fits into what the server says it holds; half of the answer where it says no number."""
    asked = form.answer_room(refusal.prompt, refusal.sent)
    held, counted = _holds(said, asked, max(refusal.sent, 1))
    sent = counted or math.ceil(refusal.sent * form.scale)
    half = asked // 2 if asked // 2 >= SHORTEST_ANSWER else None
    if refusal.status == 413:
        return TooLong(held, sent)
    if held is not None and not _OF_INPUT.search(said):  # the longest answer that it gives to any question
        most = held if held < asked else half
        return None if most is None else replace(form, most=most)
    if held is None:
        return TooLong(form.context, sent) if half is None else replace(form, most=half)
    if sent + SHORTEST_ANSWER > held:
        return TooLong(held, sent)
    again = 1.5 if held == form.context else 1.0  # our count was too low
    fitted = replace(form, context=held, scale=counted / refusal.sent if counted else form.scale * again)
    if tight := fitted.too_long(refusal.prompt, refusal.sent):
        return tight
    if fitted.answer_room(refusal.prompt, refusal.sent) < asked:
        return fitted
    return TooLong(held, sent) if half is None else replace(fitted, most=half)


def _holds(said: str, asked: int, expected: int) -> tuple[int | None, int | None]:
    """What a message says that there is room for, and how many tokens the question has; None for what it does not say.

    `asked`: tokens that the answer was to have; `expected`: about those of the question.
    """
    numbers = _numbers(said)
    sums = {n for n in numbers if n - asked in numbers}
    rest = sorted(numbers - sums - {asked})
    if len(rest) < 2:
        return (rest[0] if rest else None), None
    if asked not in numbers:  # the question alone is the trouble
        return rest[0], rest[-1]
    sent = next(iter({n for n in rest if n + asked in sums}), None) or min(
        rest, key=lambda n: abs(math.log(n / expected))
    )
    return max(n for n in rest if n != sent), sent


def _numbers(said: str) -> set[int]:
    found = (int(number.replace(",", "")) for number in _NUMBER.findall(said))
    return {n for n in found if _LEAST_NUMBER <= n < 10**9}


def without_echo(body: Any) -> Any:
    """The body of a refusal without what it says again of the question: FastAPI shows the input that it dislikes."""
    if isinstance(body, Mapping):
        return {k: without_echo(v) for k, v in body.items() if k not in ("input", "url", "ctx", "code")}
    return [without_echo(item) for item in body] if isinstance(body, list) else body
