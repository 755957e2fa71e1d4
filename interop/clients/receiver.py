"""Takes tasks, and says what came."""

import json
import threading
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_PATIENCE = 20
"""Seconds that a client waits for a task."""


@contextmanager
def receiving() -> Generator[str]:
    """The URL of a receiver that runs inside of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler() -> type[BaseHTTPRequestHandler]:
    came: dict[str, list[dict[str, Any]]] = defaultdict(list)
    more = threading.Condition()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            kind, _, token = self.path.strip("/").partition("/")
            if kind != "seen":
                return self._take()
            with more:
                more.wait_for(lambda: came[token], _PATIENCE)
                return self._answer(json.dumps(came[token]).encode())

        def do_POST(self) -> None:
            self._take()

        do_PUT = do_DELETE = do_PATCH = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with more:
                token = self.path.strip("/").partition("/")[2]
                came[token].append({"method": self.command, "headers": headers, "body": body.decode()})
                more.notify_all()
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
