"""Hands the pages out over HTTP, to this machine alone: Python's own server, since there is nothing to take in and little to send.

It listens on the loopback interface. Whoever asks must know the key in the address, which is chosen anew at each start, and must
have asked for this machine by name: a page elsewhere whose own name was made to lead here (DNS rebinding) has neither. Only GET is
answered.
"""

import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from autoreward.errors import UsageError
from autoreward.report.templates import rules, whole_template
from autoreward.report.view.site import SELF, Response, Site
from autoreward.report.view.viewed_runs import ViewedRuns

HOST = "127.0.0.1"
_KEY_BYTES = 24
_PATIENCE = 30.0
"""Seconds that a connection may say nothing."""
HEADERS = {
    "Content-Security-Policy": f"{rules(whole_template('script'), reaches=SELF)}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Sent with every answer. All pages have one script, which is named by its hash."""
_NO_KEY = "This page has a key in its address: open the address that was printed when it was started.\n"


class PageServer(ThreadingHTTPServer):
    """Listens, and answers each request in a thread of its own. A context manager; `serve_forever` until it is interrupted."""

    daemon_threads = True

    def __init__(self, runs: ViewedRuns, port: int) -> None:
        """`port`: 0 for any that is free. Raises UsageError."""
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", "") or error
            raise UsageError(f"port {port} can't be listened on: {why}. Choose another one.") from None
        self.key = secrets.token_urlsafe(_KEY_BYTES)
        self.site = Site(runs, f"/{self.key}/")
        self.site.answer("")  # what is loaded for the first page is not waited for in the browser

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
        if host not in (f"{HOST}:{self.server_port}", f"localhost:{self.server_port}"):
            return Response(421, "This is not the machine that you asked for.\n", html=False)
        key, slash, rest = path.removeprefix("/").partition("/")
        if not slash or not secrets.compare_digest(key.encode("latin-1", "replace"), self.key.encode()):
            return Response(403, _NO_KEY, html=False)
        return self.site.answer(rest)


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "autoreward", ""
    timeout = _PATIENCE

    def do_GET(self) -> None:
        self._send(self.server.answer(self.path, self.headers.get("Host", "")))

    def _refuse(self) -> None:
        self.close_connection = True  # what it may have sent besides is not read
        self._send(Response(405, "Only GET is answered here.\n", html=False))

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _refuse

    def _send(self, answer: Response) -> None:
        data = answer.text.encode()
        self.send_response(answer.status)
        kind = "text/html" if answer.html else "text/plain"
        for name, value in {
            "Content-Type": f"{kind}; charset=utf-8",
            "Content-Length": str(len(data)),
            **HEADERS,
        }.items():
            self.send_header(name, value)
        if answer.status == 405:
            self.send_header("Allow", "GET")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: what is looked at is nobody's business."""
