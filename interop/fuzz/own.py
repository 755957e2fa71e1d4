"""Random requests to the paths that are not Google's, and to BufferTask, which is no method of gRPC."""

import json
from random import Random
from typing import Any

from interop.fuzz.http import Http
from interop.fuzz.verdict import Verdict
from interop.service import Service
from service.any_message import PARENT, QUEUES, TEXTS

TOKEN = "fuzz"
"""Which the service is started with."""
_KEYS = "/.well-known/jwks.json"
_PATHS = [
    *("/health", "/published", "/.well-known/openid-configuration", _KEYS, "/admin", "/admin/clock", "/admin/status"),
    *(f"/admin/status?queue={QUEUES[0]}", "/admin/status?queue=q", "/admin/wait?timeout=0", "/admin/wait?timeout=soon"),
    *("/admin/wait?timeout=0&until=idle", "/admin/wait?timeout=0&until=x"),
]
_MOVES: list[Any] = [
    *({"advance": "0s"}, {"advance": "1s"}, {"advance": "0.000000001s"}, {"advance": "90000s"}, {"advance": "-1s"}),
    *({"advance": 1}, {"advance": "9" * 12 + "s"}, {"time": "2030-01-01T00:00:00Z"}, {"time": "soon"}, {}, [], None, 1),
    {"advance": "1s", "time": "2030-01-01T00:00:00Z"},
]
_HEADERS = ["Content-Type", "X-A", "Host", "X-CloudTasks-QueueName", "X-Goog-A", "Content-Encoding", "Authorization"]


class Own:
    """Sends random requests to a service."""

    def __init__(self, service: Service, random: Random) -> None:
        self._random = random
        self._http = Http(service)

    def close(self) -> None:
        self._http.close()

    def send(self) -> Verdict:
        """Send one."""
        return self._random.choice([self._buffer, self._buffer, self._look, self._move, self._reset])()

    def _look(self) -> Verdict:
        path = self._random.choice(_PATHS)
        # The key is made when it is first asked for.
        return self._http.ask("GET", path, None, self._token(), writes=path == _KEYS)

    def _move(self) -> Verdict:
        headers = {**self._token(), "Content-Type": "application/json"}
        body = json.dumps(self._random.choice(_MOVES)).encode()
        return self._http.ask("POST", "/admin/clock", body, headers, writes=True)

    def _reset(self) -> Verdict:
        # Seldom, as what is there makes other requests succeed.
        if self._random.random() < 0.98:
            return self._look()
        body = self._random.choice([None, b"{}", b'{"a": 1}', b"["])
        headers = {**self._token(), **({} if body is None else {"Content-Type": "application/json"})}
        return self._http.ask("POST", "/admin/reset", body, headers, writes=True)

    def _buffer(self) -> Verdict:
        random = self._random
        queue = random.choice([*QUEUES, *QUEUES, f"{PARENT}/queues/none", f"{PARENT}/queues/bad_id"])
        task = random.choice(["", "", "/t1", "/t2", "/bad%20id", "/" + "x" * 501])
        body = random.choice([b"", b"{}", b'{"body": "aGk="}', b"\0\xff", b"x" * 20_000])
        headers = {"Content-Type": random.choice(["application/json", "text/plain", "a"])}
        for name in random.sample(_HEADERS, random.choice([0, 0, 1, 3])):
            headers[name] = random.choice([text for text in TEXTS if text.isascii() and text.isprintable()])
        return self._http.ask(
            "POST", f"/{random.choice(['v2', 'v2beta3'])}/{queue}/tasks{task}:buffer", body, headers, writes=True
        )

    def _token(self) -> dict[str, str]:
        said = self._random.choice([f"Bearer {TOKEN}"] * 4 + ["Bearer none", "Basic eDp5", ""])
        return {"Authorization": said} if said else {}
