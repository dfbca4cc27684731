"""Hands pages out over HTTP, to this machine alone: Python's own server, since there is little to take in and little to send.

It listens on the loopback interface. Whoever asks must know the key in the address, which is chosen anew at each start, and must
have asked for this machine by name: a page elsewhere whose own name was made to lead here (DNS rebinding) has neither. What only
looks answers GET alone. What takes something in does so from its own pages: they say where they come from, and send JSON, which a
page from elsewhere may not without asking first, and nobody answers that.
"""

import json
import secrets
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, runtime_checkable

from autoreward.errors import UsageError
from autoreward.report.templates import rules, whole_template
from autoreward.report.view.site import SELF, Response

HOST = "127.0.0.1"
_KEY_BYTES = 24
_PATIENCE = 30.0
"""Seconds that a connection may say nothing."""
_LONGEST = 4_096
"""Most bytes that are taken in at once."""
NOBODY = "'none'"
"""Who may show a page in a frame, if it is nobody; in the words of a policy."""
HEADERS = {
    "Content-Security-Policy": rules(whole_template("script"), reaches=SELF),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Sent with every answer. All pages have one script, which is named by its hash."""
_NO_KEY = "This page has a key in its address: open the address that was printed when it was started.\n"
ONLY_GET = Response(405, "Only GET is answered here.\n", html=False)
"""Where nothing is taken in."""


class Pages(Protocol):
    """What is served, below an address. Called from several threads."""

    def answer(self, asked: str) -> Response:
        """The page at a path below the address, with its query."""
        ...


@runtime_checkable
class PagesThatHear(Pages, Protocol):
    """Pages by which a person says something, too."""

    def take(self, asked: str, told: dict[str, Any]) -> Response:
        """What comes of what a page said to a path below the address."""
        ...


class PageServer(ThreadingHTTPServer):
    """Listens, and answers each request in a thread of its own. A context manager; `serve_forever` until it is interrupted."""

    daemon_threads = True

    def __init__(self, make: Callable[[str], Pages], port: int, framed_by: str = NOBODY) -> None:
        """Raises UsageError.

        Args:
            make: what makes the pages below a path such as `/KEY/`.
            port: 0 for any that is free.
            framed_by: who may show the pages in a frame.
        """
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", "") or error
            raise UsageError(f"port {port} can't be listened on: {why}. Choose another one.") from None
        self.key = secrets.token_urlsafe(_KEY_BYTES)
        self.framed_by = framed_by
        self.pages = make(f"/{self.key}/")
        self.pages.answer("")  # what is loaded for the first page is not waited for in the browser

    @property
    def address(self) -> str:
        """What to open."""
        return f"http://{HOST}:{self.server_port}/{self.key}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no fault; anything else is ours, and is shown."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def answer(self, path: str, host: str) -> Response:
        """The answer to a GET of that path, asked for under that name."""
        rest = self._below(path, host)
        return rest if isinstance(rest, Response) else self.pages.answer(rest)

    def take(self, path: str, host: str, origin: str, kind: str, body: bytes) -> Response:
        """The answer to a POST: of `body`, of that `kind`, by a page that came from `origin`."""
        rest = self._below(path, host)
        if isinstance(rest, Response):
            return rest
        if not isinstance(self.pages, PagesThatHear):
            return ONLY_GET
        if origin != f"http://{host}":
            return Response(403, "Only a page that came from here may say something.\n", html=False)
        if kind.partition(";")[0].strip().lower() != "application/json":
            return Response(415, "Only JSON is taken in here.\n", html=False)
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            return Response(400, "That is not one JSON object.\n", html=False)
        return self.pages.take(rest, told)

    def _below(self, path: str, host: str) -> str | Response:
        """What is asked for below the key, or why nothing is."""
        if host not in (f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"):
            return Response(421, "This is not the machine that you asked for.\n", html=False)
        key, slash, rest = path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(key.encode("latin-1", "replace"), self.key.encode()):
            return Response(403, _NO_KEY, html=False)
        return rest


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "autoreward", ""
    timeout = _PATIENCE

    def do_GET(self) -> None:
        self._send(self.server.answer(self.path, self.headers.get("Host", "")))

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal() and int(length[:9]) <= _LONGEST):
            self.close_connection = True  # what it may have sent is not read
            self._send(Response(413, f"At most {_LONGEST} bytes are taken in, and their number is said.\n", html=False))
            return
        host, origin, kind = (self.headers.get(name, "") for name in ("Host", "Origin", "Content-Type"))
        answer = self.server.take(self.path, host, origin, kind, self.rfile.read(int(length)))
        self._send(answer)
        answer.then()

    def _refuse(self) -> None:
        self.close_connection = True  # what it may have sent besides is not read
        self._send(ONLY_GET)

    do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _refuse

    def _send(self, answer: Response) -> None:
        data = answer.text.encode()
        self.send_response(answer.status)
        kind = "text/html" if answer.html else "text/plain"
        rules = f"{HEADERS['Content-Security-Policy']}; frame-ancestors {self.server.framed_by}"
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(data)),
            **HEADERS,
            "Content-Security-Policy": rules,
        }.items():
            self.send_header(name, value)
        if answer.status == 405:
            self.send_header("Allow", "GET")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: what is looked at is nobody's business."""
