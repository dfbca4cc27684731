"""A local HTTP server that speaks both providers' protocols and misbehaves on request."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What the server does with one request."""

    text: str = ""
    status: int = 200
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    finish: str = "stop"
    raw: bytes | None = None
    """Sent as the body instead of a well-formed answer."""
    cut: bool = False
    """Close the connection in the middle of the body."""
    sleep: float = 0.0
    drip: float = 0.0
    """Seconds between one byte of the answer and the next, of its headers too."""
    plain: bool = False
    """Answer in one body, also where a stream is asked for."""
    usage: dict[str, Any] = {}  # noqa: RUF012 - never changed
    """Further counts of tokens."""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()
    """Tools that are called, with arguments."""
    pauses: float = 0.0
    """Seconds between one event of a stream and the next."""


class Provider:
    """Serves the given answers in order, the last one for ever; `requests` holds what was asked."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self.models: dict[str, Any] = {}
        """What GET answers; nothing: 404."""
        self.decide: Callable[[dict[str, Any]], Answer | None] = lambda asked: None
        """Answers a request instead, if it gives an answer."""
        self.dripped = 0
        """Bytes that were sent one by one."""

    def answer(self, asked: dict[str, Any]) -> Answer:
        """What this request gets."""
        return self.decide(asked) or self.answers[min(len(self.requests), len(self.answers)) - 1]


@contextmanager
def provider(*answers: Answer) -> Iterator[Provider]:
    """A running server on loopback; `url` has no path."""
    made = Provider(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            made.requests.append(body)
            made.paths.append(self.path)
            made.headers.append({k.lower(): v for k, v in self.headers.items()})
            answer = made.answer(body)
            time.sleep(answer.sleep)
            streams = body.get("stream") is True and answer.status == 200 and answer.raw is None and not answer.plain
            pieces = events(answer, body, self.path) if streams else [whole(answer, body, self.path)]
            data = b"".join(pieces)
            self.send_response(answer.status)
            kind = "text/event-stream" if streams else "application/json"
            usual = {"content-type": kind, "content-length": str(len(data))}
            for name, value in {**usual, **answer.headers}.items():
                self.send_header(name, value)
            if answer.drip:
                self._drip(answer.drip, data)
                return
            self.end_headers()
            with suppress(ConnectionError):  # who takes no more of it hangs up
                for piece in [data[: len(data) // 2]] if answer.cut else pieces:
                    self.wfile.write(piece)
                    time.sleep(answer.pauses)
            if answer.cut:
                self.close_connection = True

        def do_GET(self) -> None:
            data = json.dumps(made.models).encode()
            self.send_response(200 if made.models else 404)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _drip(self, seconds: float, data: bytes) -> None:
            self.close_connection = True
            with suppress(OSError):
                for byte in b"".join([*self._headers_buffer, b"\r\n", data]):
                    self.wfile.write(bytes([byte]))
                    made.dripped += 1
                    time.sleep(seconds)

        def log_message(self, *arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def whole(answer: Answer, asked: dict[str, Any], path: str) -> bytes:
    """The answer as one body."""
    return answer.raw if answer.raw is not None else json.dumps(content(answer, asked, path)).encode()


def content(answer: Answer, asked: dict[str, Any], path: str) -> dict[str, Any]:
    """What a well-formed answer says."""
    if answer.status != 200:
        return {"type": "error", "error": {"type": "some_error", "message": answer.text or "no reason"}}
    if path.endswith("/messages"):
        stop = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal"}[answer.finish]
        return {
            "id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"],
            "content": blocks(answer), "stop_reason": "tool_use" if answer.calls else stop, "stop_sequence": None,
            "usage": {"input_tokens": 1000, "output_tokens": 500, **answer.usage},
        }  # fmt: skip
    if path.endswith("/responses"):
        return response(answer, asked)
    stop = {"stop": "stop", "length": "length", "refusal": "content_filter"}[answer.finish]
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if answer.calls:
        stop, message["tool_calls"] = "tool_calls", [
            {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
            for n, (name, given) in enumerate(answer.calls)
        ]  # fmt: skip
    return {
        "id": "c1", "object": "chat.completion", "created": 1, "model": asked["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": stop}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500, **answer.usage},
    }  # fmt: skip


def response(answer: Answer, asked: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's Responses: what it thought, what it says, what it calls."""
    reason = {"stop": None, "length": "max_output_tokens", "refusal": "content_filter"}[answer.finish]
    items: list[dict[str, Any]] = [
        {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "sealed"},
        {
            "id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "phase": "commentary",
            "content": [{"type": "output_text", "text": answer.text, "annotations": []}],
        },
    ]  # fmt: skip
    items += [
        {"id": f"fc_{n}", "type": "function_call", "call_id": f"c{n}", "name": name, "arguments": json.dumps(given)}
        for n, (name, given) in enumerate(answer.calls)
    ]
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": asked["model"], "output": items,
        "status": "incomplete" if reason else "completed", "incomplete_details": {"reason": reason} if reason else None,
        "usage": {
            "input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500,
            "input_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 100},
            "output_tokens_details": {"reasoning_tokens": 300}, **answer.usage,
        },
    }  # fmt: skip


def blocks(answer: Answer) -> list[dict[str, Any]]:
    """Anthropic's content: before calls there is signed thinking."""
    said = {"type": "text", "text": answer.text}
    if not answer.calls:
        return [said]
    uses = [
        {"type": "tool_use", "id": f"c{n}", "name": name, "input": given}
        for n, (name, given) in enumerate(answer.calls)
    ]
    return [{"type": "thinking", "thinking": "Hm.", "signature": "signed"}, said, *uses]


def events(answer: Answer, asked: dict[str, Any], path: str) -> list[bytes]:
    """The same as a stream, its text in two parts."""
    said = content(answer, asked, path)
    half = len(answer.text) // 2
    parts = (answer.text[:half], answer.text[half:])
    if path.endswith("/messages"):
        stop = {"stop_reason": said["stop_reason"], "stop_sequence": None}
        more: list[dict[str, Any]] = []
        for n, block in enumerate(b for b in said["content"] if b["type"] != "text"):
            empty = {"thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}[block["type"]]
            deltas: list[dict[str, Any]] = [
                {"type": "input_json_delta", "partial_json": json.dumps(block.get("input"))}
            ]
            if block["type"] == "thinking":
                deltas = [{"type": f"{name}_delta", name: block[name]} for name in ("thinking", "signature")]
            more.append({"type": "content_block_start", "index": n + 1, "content_block": {**block, **empty}})
            more += [{"type": "content_block_delta", "index": n + 1, "delta": delta} for delta in deltas]
        sent = [
            {"type": "message_start", "message": {**said, "content": [], "stop_reason": None}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "ping"},
            *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": p}} for p in parts),
            {"type": "content_block_stop", "index": 0},
            *more,
            {"type": "message_delta", "delta": stop, "usage": {"output_tokens": said["usage"]["output_tokens"]}},
            {"type": "message_stop"},
        ]
        return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in sent]
    if path.endswith("/responses"):
        end = f"response.{said['status']}"
        sent = [
            {"type": "response.created", "response": {**said, "output": [], "status": "in_progress"}},
            *({"type": "response.output_text.delta", "output_index": 1, "delta": part} for part in parts),
            *(
                {"type": "response.output_item.done", "output_index": n, "item": i}
                for n, i in enumerate(said["output"])
            ),
            {"type": end, "response": said},
        ]
        return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in sent]
    same = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": asked["model"]}
    finish = said["choices"][0]["finish_reason"]
    chunks: list[dict[str, Any]] = [
        {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None},
        *({"index": 0, "delta": {"content": p}, "finish_reason": None} for p in parts),
        *(
            {"index": 0, "delta": {"tool_calls": [{"index": n, **piece}]}, "finish_reason": None}
            for n, call in enumerate(said["choices"][0]["message"].get("tool_calls", ()))
            for piece in (
                {**call, "function": {"name": call["function"]["name"], "arguments": ""}},
                {"function": {"arguments": call["function"]["arguments"]}},
            )
        ),
        {"index": 0, "delta": {}, "finish_reason": finish},
    ]
    sent = [{**same, "choices": [chunk]} for chunk in chunks]
    if asked.get("stream_options"):
        sent.append({**same, "choices": [], "usage": said["usage"]})
    return [f"data: {json.dumps(event)}\n\n".encode() for event in sent] + [b"data: [DONE]\n\n"]
