"""OpenAI's Responses, where a question has tools: models that think take none in Chat Completions (its 400 says so).

Nothing is stored there (`store: false`): what the model thought comes back encrypted in its items, and is sent again with the calls
that it led to. Everything else is asked in Chat Completions, which other servers speak, too.
"""

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from autoreward.llm.conversation import arguments_of
from autoreward.llm.forms import Form
from autoreward.llm.pictures import encoded, sent_tokens
from autoreward.llm.responses import (
    Finish,
    NotAnAnswer,
    items_of,
    made_reply,
    object_at,
    read_json,
    text_of,
    token_count,
)
from autoreward.llm.types import Exchange, Prompt, Reply, ToolCall, storable

_ITEMS = "responses"
"""Key of a turn's items in `Reply.own`: other protocols must not take them for theirs."""


def responses_request(prompt: Prompt, form: Form) -> dict[str, Any]:
    """What `responses.create` is given for a question with tools, but for model and cache."""
    asked: dict[str, Any] = {
        "input": _input(prompt),
        "max_output_tokens": form.answer_room(prompt, sent_tokens(prompt)),
        "store": False,
        "tools": [
            {
                "type": "function",
                "name": t.name,
                "description": t.about,
                "parameters": dict(t.parameters),
                "strict": False,
            }
            for t in prompt.tools
        ],
        "tool_choice": "none" if prompt.close else "auto",
    }
    if prompt.effort:
        asked["reasoning"] = {"effort": prompt.effort}
    if form.structured and prompt.schema:
        shape = {"type": "json_schema", "name": prompt.role, "strict": True, "schema": prompt.schema}
        asked["text"] = {"format": shape}
    if form.streamed:
        asked["stream"] = True
    return asked


def _input(prompt: Prompt) -> list[Any]:
    *before, last = prompt.messages
    if prompt.pictures:
        shown = [
            {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{encoded(picture)}"}
            for picture in prompt.pictures
        ]
        last = {"role": "user", "content": [{"type": "input_text", "text": prompt.text}, *shown]}  # type: ignore[dict-item]
    after = [item for exchange in prompt.exchanges for item in _exchanged(exchange)]
    if prompt.exchanges and prompt.close:
        after.append({"role": "user", "content": prompt.close})
    return [*before, last, *after]


def _exchanged(exchange: Exchange) -> list[dict[str, Any]]:
    """The model's own items as they came, and an output for each call; of another protocol's turn, its calls alone."""
    own = json.loads(exchange.own) if exchange.own else None
    items = own.get(_ITEMS) if isinstance(own, dict) else None
    if not isinstance(items, list):
        items = [{"role": "assistant", "content": exchange.said}] if exchange.said else []
        items += [
            {"type": "function_call", "call_id": c.id, "name": c.name, "arguments": json.dumps(arguments_of(c))}
            for c in exchange.calls
        ]
    outputs = [
        {"type": "function_call_output", "call_id": call.id, "output": result}
        for call, result in zip(exchange.calls, exchange.results, strict=True)
    ]
    return [*items, *outputs]


def responses_reply(body: str, asked: str, offered: AbstractSet[str]) -> Reply:
    """The reply in a response; `asked` is the model's name where it gives none, `offered` the tools. Raises NotAnAnswer."""
    answer = read_json(body)
    if not isinstance(answer.get("output"), list):
        raise NotAnAnswer("there is no output in it")
    if answer.get("status") == "failed":
        error = object_at(answer, "error")
        raise NotAnAnswer(f"it failed: {text_of(error.get('code'))} {text_of(error.get('message'))}")
    items = [object_at(item) for item in items_of(answer.get("output"))]
    written = [_call(item, number) for number, item in enumerate(items) if item.get("type") == "function_call"]
    calls = tuple(call for call in written if call.name in offered)
    parts = [
        object_at(part) for item in items if item.get("type") == "message" for part in items_of(item.get("content"))
    ]
    said = "".join(text_of(part.get("text")) for part in parts)
    refusal = "".join(text_of(part.get("refusal")) for part in parts)
    called = "\n".join(call.arguments for call in written if call.name not in offered)
    reply = made_reply(
        "\n".join(filter(None, (said, called))) or refusal, _finish(answer, refusal), answer, asked, _counts(answer)
    )
    if not calls:
        return reply
    return reply.model_copy(update={"calls": calls, "own": storable(json.dumps({_ITEMS: answer["output"]}))})


def _finish(answer: Mapping[str, Any], refusal: str) -> Finish:
    reason = object_at(answer, "incomplete_details").get("reason")
    if reason == "max_output_tokens":
        return "length"
    return "refusal" if reason == "content_filter" or refusal else "stop"


def _call(item: Mapping[str, Any], number: int) -> ToolCall:
    identity = text_of(item.get("call_id")) or f"call-{number}"
    return ToolCall(id=identity, name=text_of(item.get("name")), arguments=text_of(item.get("arguments")))


def _counts(answer: Mapping[str, Any]) -> dict[str, int]:
    usage = object_at(answer, "usage")
    read, thought = object_at(usage, "input_tokens_details"), object_at(usage, "output_tokens_details")
    return {
        "input_tokens": token_count(usage.get("input_tokens")),
        "output_tokens": token_count(usage.get("output_tokens")),
        "thinking_tokens": token_count(thought.get("reasoning_tokens")),
        "cache_read_tokens": token_count(read.get("cached_tokens")),
        "cache_write_tokens": token_count(read.get("cache_write_tokens")),
    }
