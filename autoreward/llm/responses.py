"""Body of a provider's answer -> Reply. Nothing that a server sends raises anything but NotAnAnswer."""

import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Literal

from autoreward.core.visible import visible_line
from autoreward.llm.types import Reply, ToolCall, storable

Finish = Literal["stop", "length", "refusal"]
MOST_TOKENS = 10**8
"""No call has more: what claims to is no count."""
_SILENT = ("text", "thinking", "redacted_thinking")
"""Kinds of parts that may say nothing, such as where the tokens ran out."""
THOUGHTS = ("reasoning_content", "reasoning")
"""Where servers put what a model thought."""
_DIGITS = len(str(MOST_TOKENS))


class NotAnAnswer(Exception):
    """There is no text of a model in it."""


def openai_reply(body: str, asked: str, offered: AbstractSet[str] = frozenset()) -> Reply:
    """The reply in a chat completion; `asked` is the model's name where it gives none. Raises NotAnAnswer.

    `offered`: names of the tools that might be called; a call of any other is taken for the answer.
    """
    answer = read_json(body)
    choices = answer.get("choices")
    choice = object_at(choices[0]) if isinstance(choices, list) and choices else None
    if choice is None or not isinstance(message := choice.get("message"), dict):
        raise NotAnAnswer("there is no choice in it")
    content = message.get("content")
    text = text_of(content) or _answered(content)
    refusal = text_of(message.get("refusal"))
    if content and not text:
        raise NotAnAnswer("its content is no text")
    written = [_openai_call(object_at(call), number) for number, call in enumerate(items_of(message.get("tool_calls")))]
    written.append(_openai_call({"function": message.get("function_call")}, len(written)))
    calls = tuple(call for call in written if call.name in offered)
    called = "\n".join(call.arguments for call in written if call.name not in offered and call.arguments)
    # some servers take a whole answer for thinking
    thought = "" if choice.get("finish_reason") == "length" else _first_text(message, THOUGHTS)
    finish: Finish = "stop"
    if choice.get("finish_reason") == "length":
        finish = "length"
    elif choice.get("finish_reason") == "content_filter" or refusal:
        finish = "refusal"
    usage = object_at(answer.get("usage"))
    read, thinking = object_at(usage, "prompt_tokens_details"), object_at(usage, "completion_tokens_details")
    counts = {
        "input_tokens": token_count(usage.get("prompt_tokens")),
        "output_tokens": token_count(usage.get("completion_tokens")),
        "thinking_tokens": token_count(thinking.get("reasoning_tokens")),
        "cache_read_tokens": token_count(read.get("cached_tokens")),
        "cache_write_tokens": token_count(read.get("cache_write_tokens")),
    }
    reply = made_reply(_joined(text, called) or refusal or ("" if calls else thought), finish, answer, asked, counts)
    # who thinks between calls may want to be told what it thought
    own = {name: said for name in THOUGHTS if (said := text_of(message.get(name)))}
    return (
        reply.model_copy(update={"calls": calls, "own": storable(json.dumps(own)) if own else ""}) if calls else reply
    )


def anthropic_reply(body: str, asked: str, offered: AbstractSet[str] = frozenset()) -> Reply:
    """The reply in a message; `offered` as in `openai_reply`. Raises NotAnAnswer."""
    answer = read_json(body)
    content = answer.get("content")
    if not isinstance(content, list | str):
        raise NotAnAnswer("there is no content in it")
    parts = [object_at(part) for part in items_of(content)]
    uses = [part for part in parts if part.get("type") == "tool_use"]
    calls = tuple(
        ToolCall(id=str(part.get("id")), name=part["name"], arguments=_written(part.get("input")))
        for part in uses
        if part.get("name") in offered
    )
    called = "\n".join(_written(part.get("input")) for part in uses if part.get("name") not in offered)
    text = _joined(text_of(content), called)
    if content and not text and not any(p.get("type") in _SILENT for p in parts):
        raise NotAnAnswer("its content is no text")
    stop = answer.get("stop_reason")
    finish: Finish = "stop"
    if stop in ("max_tokens", "model_context_window_exceeded"):
        finish = "length"
    elif stop == "refusal":
        finish = "refusal"
    usage = object_at(answer.get("usage"))
    read, written = (token_count(usage.get(f"cache_{what}_input_tokens")) for what in ("read", "creation"))
    counts = {
        "input_tokens": token_count(usage.get("input_tokens"))
        + read
        + written,  # as it says them, each token is in one count alone
        "output_tokens": token_count(usage.get("output_tokens")),
        "thinking_tokens": token_count(object_at(usage, "output_tokens_details").get("thinking_tokens")),
        "cache_read_tokens": read,
        "cache_write_tokens": written,
    }
    reply = made_reply(text, finish, answer, asked, counts)
    # thinking has a signature, and must come back before the calls that it led to
    return reply.model_copy(update={"calls": calls, "own": storable(_written(content))}) if calls else reply


def read_json(body: str) -> Mapping[str, Any]:
    """The JSON object that a body is. Raises NotAnAnswer."""
    try:
        # numbers of any length and constants that JSON has not are the server's affair, and lose no text
        answer = json.loads(body, parse_int=_whole, parse_constant=lambda name: None)
    except (ValueError, RecursionError) as error:
        raise NotAnAnswer(f"it is no JSON ({type(error).__name__})") from None
    if not isinstance(answer, dict):
        raise NotAnAnswer("it is no JSON object")
    return answer


def made_reply(text: str, finish: Finish, answer: Mapping[str, Any], asked: str, counts: Mapping[str, int]) -> Reply:
    """A reply with counts of tokens; `asked` is the model's name where the answer gives none."""
    model = answer.get("model")
    name = (visible_line(model, 100) if isinstance(model, str) else "") or asked
    return Reply(text=storable(text), model=name, finish=finish).model_copy(update=dict(counts))


def text_of(content: object) -> str:
    """The text of a string, of a part, or of a list of parts; whatever is neither is no text."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        return text if isinstance(text := content.get("text"), str) else ""
    return "".join(text_of(part) for part in content if not isinstance(part, list)) if isinstance(content, list) else ""


def _openai_call(call: Mapping[str, Any], number: int) -> ToolCall:
    function = object_at(call, "function")
    arguments = text_of(function.get("arguments")) or _answered(function.get("arguments"))
    identity = call.get("id")
    name = function.get("name")
    return ToolCall(
        id=identity if isinstance(identity, str) and identity else f"call-{number}",
        name=name if isinstance(name, str) else "",
        arguments=arguments,
    )


def _joined(text: str, called: str) -> str:
    """What was said, and what a tool was called with: where there is a call, that is the answer."""
    return f"{text}\n{called}" if text.strip() and called else text or called


def _answered(content: object) -> str:
    """An answer that is given as a table instead of as its text; empty if it is none, or a part of another kind."""
    return _written(content) if isinstance(content, dict) and content and "type" not in content else ""


def _first_text(message: Mapping[str, Any], keys: Sequence[str]) -> str:
    return next((text for key in keys if (text := text_of(message.get(key)))), "")


def _written(tool: object) -> str:
    try:
        return json.dumps(tool)
    except RecursionError:
        raise NotAnAnswer("it is nested too deeply") from None


def object_at(value: object, key: str = "") -> Mapping[str, Any]:
    """The object, or the one under a key of it; empty if there is none."""
    table = value.get(key) if key and isinstance(value, dict) else value
    return table if isinstance(table, dict) else {}


def items_of(value: object) -> Sequence[Any]:
    """A list; empty if it is none."""
    return value if isinstance(value, list) else ()


def token_count(value: object) -> int:
    """A number of tokens; 0, as if it had not been counted, for what can't be one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TOKENS:
        return 0
    return int(value)


def _whole(digits: str) -> int:
    return int(digits) if len(digits) <= _DIGITS + 1 else MOST_TOKENS + 1
