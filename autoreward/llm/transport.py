"""The one way to a provider: its own address and nowhere else, within limits on silence, on the whole answer and on its size.

The SDKs make the request; what goes out and what comes in is decided here. They never see a key: it is in a header that is
added to requests for that address alone. Of what comes back they get the status, the body, and how long to wait; a server that
says the key again finds it blotted out, so that it is in no message, reply or file.
"""

import json
import queue
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx2

from autoreward.core.wording import Setting
from autoreward.llm.keys import is_here
from autoreward.llm.streams import is_stream, joined
from autoreward.llm.types import RequestRefused, RetryLater, TimeLimits, storable

_LARGEST_ANSWER = 4 * 2**20
"""Bytes of an answer that are taken, unpacked."""
_LARGEST_STREAM = 64 * 2**20
"""The same for a stream, which says a few hundred bytes around each word."""
_CONNECT_SECONDS = 30.0
_SHORTEST_SECRET = 12
"""Letters of a header's value that is blotted out of answers: what is shorter is no key (`none`, `EMPTY`), but many a word."""
_BLOT = b"[key]"
_PLAIN = {
    "accept", "accept-encoding", "anthropic-version", "connection", "content-length", "content-type", "host", "user-agent",
}  # fmt: skip
"""Headers of the SDKs that go out; theirs for credentials, organisations and statistics don't."""
_OPENED = ("connect_tcp.complete", "start_tls.complete", "connect_unix_socket.complete")
_KEEP = ("TCP_KEEPIDLE", "TCP_KEEPALIVE", "TCP_KEEPINTVL")
_KEEP_SECONDS = 60


class HttpClient(httpx2.Client):
    """The HTTP client that an SDK is given. `name` is the model's, for messages; `headers` go to `address` and nowhere else."""

    def __init__(self, name: str, address: str, headers: Mapping[str, str], limits: TimeLimits) -> None:
        at = httpx2.URL(address)
        # this machine is asked directly: unencrypted as it may be here, the key would be the proxy's
        proxies = at.scheme == "https" or not is_here(at.host)
        alone = httpx2.Limits(max_keepalive_connections=0)
        try:
            super().__init__(timeout=timeouts(limits), follow_redirects=False, limits=alone, trust_env=proxies)
        except (ImportError, ValueError):
            raise RequestRefused(
                f"{name} can't be asked through the proxy that HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names: give it as "
                "http://HOST:PORT, or unset it."
            ) from None
        self._name = name
        self._address = address
        self._own = headers
        values = (value.removeprefix("Bearer ") for value in headers.values())
        self._secrets = [_spellings(value) for value in values if len(value) >= _SHORTEST_SECRET]
        self._limits = limits

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """The whole answer, whatever its status. Raises RetryLater or RequestRefused, and errors of httpx2 where nobody is reached.

        It is waited for in a thread of its own: a server that sends a byte a second, a name server that is silent and a
        handshake that never ends all end by the same two limits.
        """
        if _origin(request.url) != _origin(httpx2.URL(self._address)):
            raise RequestRefused(f"{self._name} is asked at {self._address} alone, not at {request.url.host}.")
        kept = [(name, value) for name, value in request.headers.items() if name.lower() in _PLAIN]
        lines = _Lines()
        sent = httpx2.Request(
            request.method,
            request.url,
            headers=[*kept, *self._own.items()],
            stream=request.stream,
            extensions={**request.extensions, "trace": lines.watch},
        )
        answers: queue.SimpleQueue[httpx2.Response | BaseException | None] = queue.SimpleQueue()
        body = bytearray()

        def work() -> None:
            try:
                answers.put(self._whole(sent, body, lambda: answers.put(None)))
            except BaseException as error:
                answers.put(error)

        threading.Thread(target=work, name="answer", daemon=True).start()
        try:
            answer = self._awaited(answers, body)
        finally:
            lines.cut()
        if isinstance(answer, BaseException):
            raise answer
        answer.request = request
        return answer

    def _awaited(
        self, answers: "queue.SimpleQueue[httpx2.Response | BaseException | None]", body: bytearray
    ) -> httpx2.Response | BaseException:
        """What the thread ends with; None of it says that something came. Raises RetryLater when a limit is reached."""
        end = time.monotonic() + self._limits.total
        while True:
            left = end - time.monotonic()
            try:
                answer = answers.get(timeout=max(min(left, self._limits.silence), 0.0))
            except queue.Empty:
                break
            if answer is not None:
                return answer
            if left <= 0.0:
                break
        came = as_text(self._together(body)) or None
        if left <= self._limits.silence:
            what, setting = f"did not answer within {self._limits.total:g} s", "model_timeout"
        else:
            what, setting = f"said nothing for {self._limits.silence:g} s", "model_silence"
        raise RetryLater(f"{self._name} {what}", came=came, trouble="slow", limit=Setting(setting))

    def _whole(self, request: httpx2.Request, body: bytearray, heard: Callable[[], None]) -> httpx2.Response:
        """The answer, its body in `body` as it comes; `heard` is called for each piece."""
        response = super().send(request, stream=True, follow_redirects=False)
        heard()
        try:
            if 300 <= response.status_code < 400:
                raise RequestRefused(
                    f"{self._name} sends its callers elsewhere ({response.status_code}), and neither keys nor prompts go along. "
                    "Give the address that answers, in the model's name or the provider's BASE_URL.",
                    status=response.status_code,
                )
            for piece in response.iter_bytes():
                body += piece
                heard()
                most = _LARGEST_STREAM if is_stream(body) else _LARGEST_ANSWER
                if len(body) > most:
                    raise self._lost(f"an answer of more than {most // 2**20} MiB", response, body[:most])
        except httpx2.HTTPError as error:
            raise self._lost(f"an answer that breaks off ({type(error).__name__})", response, body) from None
        finally:
            response.close()
        wait = {name: response.headers[name] for name in ("retry-after", "retry-after-ms") if name in response.headers}
        headers = {**wait, "content-type": "application/json"}
        status, content = response.status_code, self._together(body)
        if response.is_success and is_stream(body):
            stream = joined(body)
            if stream.error is not None:  # too late for a status, so it is given the one that it would have had
                status, content = _status(stream.error), self._blotted(json.dumps(stream.error).encode())
            elif not stream.whole:
                raise self._lost("an answer that breaks off (the end of its stream is missing)", response, body)
        return httpx2.Response(status, headers=headers, content=content)

    def _lost(self, what: str, response: httpx2.Response, body: bytearray) -> RetryLater:
        return RetryLater(
            f"{self._name} sent {what}", came=as_text(self._together(body)) if response.is_success else None
        )

    def _together(self, came: bytearray) -> bytes:
        """What came, without keys; of a stream, the answer that it makes."""
        return self._blotted(joined(came).body if is_stream(came) else came)

    def _blotted(self, came: bytes | bytearray) -> bytes:
        body = bytes(came)
        for secret in self._secrets:
            body = secret.sub(_BLOT, body)
        return body


class _Lines:
    """The connections of one request, so that it can be ended from outside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._over = False

    def watch(self, event: str, info: dict[str, Any]) -> None:
        """Told by httpx2 of each thing that it does."""
        if event.endswith(_OPENED) and isinstance(line := info["return_value"].get_extra_info("socket"), socket.socket):
            if event.endswith("connect_tcp.complete"):
                _keep_alive(line)
            with self._lock:
                self._open.append(line)
                if self._over:
                    _shut(line)

    def cut(self) -> None:
        """End them, and any that is made later."""
        with self._lock:
            self._over = True
            for line in self._open:
                _shut(line)


def timeouts(limits: TimeLimits) -> httpx2.Timeout:
    """What httpx2 waits for by itself: a connection is there soon, or not at all; the rest is `HttpClient`'s own."""
    return httpx2.Timeout(None, connect=min(_CONNECT_SECONDS, limits.total))


def as_text(body: bytes) -> str:
    """What came, as text that a file can hold."""
    return storable(body.decode("utf-8-sig", "replace"))


def _spellings(secret: str) -> re.Pattern[bytes]:
    """A secret as it is, or as a text of JSON may have it: any of its letters by number, or behind a backslash."""
    letters = (rf"(?:\\?{re.escape(c)}|\\u{ord(c):04x})" for c in secret)
    return re.compile("".join(letters).encode(), re.IGNORECASE)


def _status(error: Mapping[str, Any]) -> int:
    """The HTTP status that an error would have had; 500 where it does not say."""
    inner = error["error"]
    code = inner.get("code") if isinstance(inner, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 500


def _origin(url: httpx2.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _shut(line: socket.socket) -> None:
    try:
        # not the shutdown of an SSLSocket, which takes the connection apart under the thread that reads it
        socket.socket.shutdown(line, socket.SHUT_RDWR)
    except OSError:
        return  # it is closed


def _keep_alive(line: socket.socket) -> None:
    """A model may think for minutes, and routers forget a connection on which nothing is said."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in (getattr(socket, name) for name in _KEEP if hasattr(socket, name)):
        line.setsockopt(socket.IPPROTO_TCP, option, _KEEP_SECONDS)
