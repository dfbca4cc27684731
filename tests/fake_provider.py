"""A local HTTP server that speaks both providers' protocols and misbehaves on request."""

import json
import threading
import time
from collections.abc import Iterator
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


class Provider:
    """Serves the given answers in order, the last one for ever; `requests` holds what was asked."""

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self.dripped = 0
        """Bytes that were sent one by one."""


@contextmanager
def provider(*answers: Answer) -> Iterator[Provider]:
    """A running server on loopback; `url` has no path."""
    made = Provider(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            made.requests.append(body)
            made.headers.append({k.lower(): v for k, v in self.headers.items()})
            answer = made.answers[min(len(made.requests), len(made.answers)) - 1]
            time.sleep(answer.sleep)
            data = answer.raw if answer.raw is not None else json.dumps(self._body(answer, body)).encode()
            self.send_response(answer.status)
            usual = {"content-type": "application/json", "content-length": str(len(data))}
            for name, value in {**usual, **answer.headers}.items():
                self.send_header(name, value)
            if answer.drip:
                self._drip(answer.drip, data)
                return
            self.end_headers()
            with suppress(ConnectionError):  # who takes no more of it hangs up
                self.wfile.write(data[: len(data) // 2] if answer.cut else data)
            if answer.cut:
                self.close_connection = True

        def _drip(self, seconds: float, data: bytes) -> None:
            self.close_connection = True
            with suppress(OSError):
                for byte in b"".join([*self._headers_buffer, b"\r\n", data]):
                    self.wfile.write(bytes([byte]))
                    made.dripped += 1
                    time.sleep(seconds)

        def _body(self, answer: Answer, asked: dict[str, Any]) -> dict[str, Any]:
            if answer.status != 200:
                return {"type": "error", "error": {"type": "some_error", "message": answer.text or "no reason"}}
            if self.path.endswith("/messages"):
                stop = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal"}[answer.finish]
                return {
                    "id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"],
                    "content": [{"type": "text", "text": answer.text}], "stop_reason": stop, "stop_sequence": None,
                    "usage": {"input_tokens": 1000, "output_tokens": 500},
                }  # fmt: skip
            stop = {"stop": "stop", "length": "length", "refusal": "content_filter"}[answer.finish]
            message = {"role": "assistant", "content": answer.text}
            return {
                "id": "c1", "object": "chat.completion", "created": 1, "model": asked["model"],
                "choices": [{"index": 0, "message": message, "finish_reason": stop}],
                "usage": {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500},
            }  # fmt: skip

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
