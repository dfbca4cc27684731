"""An answer that comes as a stream of events (text/event-stream) -> the one body that it would have been without streaming.

Both providers' events are put together here and not by their SDKs: a key that a server says again may be spread over many events,
and is blotted out of the whole; servers differ in what they leave out; and what came before a break is kept.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_BEGINS = (b"data:", b"event:", b"id:", b"retry:", b":")
_MOST_BLOCKS = 1000


class Streamed(NamedTuple):
    """What a stream held."""

    body: bytes
    """A chat completion or a message, as JSON; what there was of it, if it is not whole."""
    whole: bool
    """Whether it ended as its protocol ends."""
    error: Mapping[str, Any] | None
    """What the server said went wrong after it had begun."""


def is_stream(body: bytes | bytearray) -> bool:
    """Whether this is the beginning of a stream of events, whatever its headers say."""
    return bytes(body[:64]).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_BEGINS)


def joined(body: bytes | bytearray) -> Streamed:
    """The events of a stream as one answer; nothing that a server sends raises anything."""
    completion, message, response = _Completion(), _Message(), _Response()
    error: Mapping[str, Any] | None = None
    readable = True
    for event in _events(bytes(body)):
        if event is None:
            readable = False
        elif event.get("error"):
            error = event
        elif event.get("type") == "error":  # of Responses, which has its words beside the type
            error = {"error": {"type": event.get("code"), "message": event.get("message")}}
        elif isinstance(event.get("type"), str) and event["type"].startswith("response."):
            response.add(event)
        elif isinstance(event.get("type"), str) and "choices" not in event:
            message.add(event)
        else:
            completion.add(event)
    made = message if message.begun else response if response.begun else completion
    return Streamed(json.dumps(made.answer()).encode(), readable and made.done and error is None, error)


def _events(body: bytes) -> Iterator[dict[str, Any] | None]:
    """What each event says; None for one that can't be read. `[DONE]` is an event of that name."""
    lines: list[str] = []
    for line in (*body.decode("utf-8-sig", "replace").splitlines(), ""):
        if line.startswith("data:"):
            lines.append(line[5:].removeprefix(" "))
        elif not line and lines:
            text, lines = "\n".join(lines), []
            if text.strip() == "[DONE]":
                yield {"done": True}
                continue
            try:
                event = json.loads(text)
            except (ValueError, RecursionError):
                event = None
            yield event if isinstance(event, dict) else None


class _Completion:
    """OpenAI's chunks."""

    begun = False

    def __init__(self) -> None:
        self.done = False
        self._said: dict[str, list[str]] = {"content": [], "reasoning_content": [], "refusal": []}
        self._calls: dict[int, dict[str, list[str]]] = {}
        self._rest: dict[str, Any] = {}
        self._finish: object = None

    def add(self, event: Mapping[str, Any]) -> None:
        """One chunk: what it adds to the first choice, and what it says of the whole."""
        self.done = self.done or event.get("done") is True
        self._rest |= {key: event[key] for key in ("id", "model", "usage") if event.get(key)}
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict) or choice.get("index") not in (None, 0):
            return
        if choice.get("finish_reason"):
            self._finish, self.done = choice["finish_reason"], True
        delta = choice.get("delta") or choice.get("message")
        if not isinstance(delta, dict):
            return
        for name, value in (
            ("content", delta.get("content")),
            ("reasoning_content", delta.get("reasoning_content") or delta.get("reasoning")),
            ("refusal", delta.get("refusal")),
        ):
            self._said[name].append(_words(value))
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict):
                number = call.get("index") if isinstance(call.get("index"), int) else 0
                made = self._calls.setdefault(number, {"id": [], "name": [], "arguments": []})
                said = (
                    ("id", call.get("id")),
                    ("name", function.get("name")),
                    ("arguments", function.get("arguments")),
                )
                for name, value in said:
                    made[name] += [_words(value)] if name == "arguments" or not made[name] else []

    def answer(self) -> dict[str, Any]:
        """A chat completion."""
        message: dict[str, Any] = {name: "".join(pieces) for name, pieces in self._said.items()}
        calls = [{name: "".join(pieces) for name, pieces in call.items()} for call in self._calls.values()]
        message["tool_calls"] = [
            {"id": c["id"], "function": {"name": c["name"], "arguments": c["arguments"]}} for c in calls
        ]
        return {**self._rest, "choices": [{"index": 0, "message": message, "finish_reason": self._finish}]}


class _Message:
    """Anthropic's events."""

    def __init__(self) -> None:
        self.begun = self.done = False
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._input: dict[int, list[str]] = {}

    def add(self, event: Mapping[str, Any]) -> None:
        """One event, such as `content_block_delta`."""
        kind, index = event["type"], event.get("index")
        delta = event.get("delta") if isinstance(event.get("delta"), dict) else {}
        assert isinstance(delta, dict)
        if kind == "message_start" and isinstance(event.get("message"), dict):
            self.begun, self._message = True, dict(event["message"])
        elif kind == "message_stop":
            self.done = True
        elif kind == "message_delta":
            self._message |= {k: delta[k] for k in ("stop_reason", "stop_sequence") if k in delta}
            usage, before = event.get("usage"), self._message.get("usage")
            if isinstance(usage, dict):  # totals by now; what is left out stays as it was at the start
                counted = {k: v for k, v in usage.items() if v is not None}
                self._message["usage"] = {**(before if isinstance(before, dict) else {}), **counted}
        elif isinstance(index, int) and len(self._blocks) < _MOST_BLOCKS:
            if kind == "content_block_start" and isinstance(event.get("content_block"), dict):
                self._blocks[index] = dict(event["content_block"])
            elif kind == "content_block_delta":
                self._grow(index, delta)

    def _grow(self, index: int, delta: Mapping[str, Any]) -> None:
        block = self._blocks.setdefault(index, {"type": "text", "text": ""})
        self._input.setdefault(index, []).append(_words(delta.get("partial_json")))
        for name in ("text", "thinking", "signature"):
            if isinstance(delta.get(name), str):
                pieces = block.setdefault(f"{name} pieces", [_words(block.get(name))])
                pieces.append(delta[name])

    def answer(self) -> dict[str, Any]:
        """A message."""
        blocks = []
        for index, block in sorted(self._blocks.items()):
            whole = {name: value for name, value in block.items() if not name.endswith(" pieces")}
            whole |= {
                name: "".join(block[f"{name} pieces"])
                for name in ("text", "thinking", "signature")
                if f"{name} pieces" in block
            }
            if whole.get("type") == "tool_use" and (written := "".join(self._input.get(index, ()))):
                try:
                    whole["input"] = json.loads(written)
                except (ValueError, RecursionError):
                    whole["input"] = written
            blocks.append(whole)
        return {**self._message, "content": blocks}


class _Response:
    """Events of OpenAI's Responses: the last one has all of it."""

    def __init__(self) -> None:
        self.begun = self.done = False
        self._response: dict[str, Any] = {}
        self._items: list[Any] = []
        self._text: list[str] = []

    def add(self, event: Mapping[str, Any]) -> None:
        """One event, such as `response.output_text.delta`."""
        self.begun, kind = True, event["type"]
        if isinstance(event.get("response"), dict):
            self._response = dict(event["response"])
            self.done = kind in ("response.completed", "response.incomplete", "response.failed")
        elif kind == "response.output_item.done" and len(self._items) < _MOST_BLOCKS:
            self._items.append(event.get("item"))
            self._text = []
        elif kind == "response.output_text.delta":
            self._text.append(_words(event.get("delta")))

    def answer(self) -> dict[str, Any]:
        """A response; of one that broke off, what had come."""
        rest = (
            [{"type": "message", "content": [{"type": "output_text", "text": "".join(self._text)}]}]
            if self._text
            else []
        )
        return {**self._response, "output": self._response.get("output") or [*self._items, *rest]}


def _words(value: object) -> str:
    """The text of a string or of a list of parts; parts of other kinds, such as thinking, have none."""
    if isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else ()
    return "".join(_words(part.get("text")) for part in parts if isinstance(part, dict))
