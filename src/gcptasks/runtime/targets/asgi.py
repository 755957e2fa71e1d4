"""Attempts straight into an ASGI app of this process, with the scope that uvicorn would build."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from datetime import timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from gcptasks.base.errors import Unreachable
from gcptasks.runtime.targets.address import parse_url
from gcptasks.runtime.targets.fields import body_of, fields_of
from gcptasks.runtime.targets.target import Answer, Outgoing, late, plain, retry_after, unusable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("gcptasks")


class AsgiTarget:
    """Calls the app. The answer is final with its last body message; what the app does after it goes on by itself.

    `state` is what its lifespan yielded; each request gets a copy.
    """

    def __init__(
        self, app: AsgiApp, state: Mapping[str, Any] | None = None, *, grace: timedelta = timedelta(seconds=10)
    ) -> None:
        self._app = app
        self._state: Mapping[str, Any] = {} if state is None else state
        self._grace = grace
        self._running: set[asyncio.Task[None]] = set()

    async def send(self, request: Outgoing) -> Answer:
        """The app's answer; 500, and a traceback in the log, if it raised; 504 if it was cancelled at the deadline."""
        body = body_of(request)
        try:
            scope = self._scope(request, len(body))
        except Unreachable as error:
            return unusable(error)
        loop = asyncio.get_running_loop()
        call = _Call(scope, body, loop.create_future())
        task = loop.create_task(call.run(self._app))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        timer = loop.call_later(request.deadline.total_seconds(), call.expire, task, request.deadline)
        try:
            await call.over
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            timer.cancel()
        return call.answer()

    async def close(self) -> None:
        """Wait for what the app still does after its answers (background tasks), then cancel it."""
        for patience in (self._grace.total_seconds(), 1.0):
            if self._running:
                _, unfinished = await asyncio.wait(self._running, timeout=patience)
                for task in unfinished:
                    task.cancel()

    def _scope(self, request: Outgoing, length: int) -> Scope:
        address = parse_url(request.url)
        path, raw_path, query = _parts(address.target)
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": (address.origin.host, address.origin.port),
            "client": ("127.0.0.1", 0),
            "scheme": address.origin.scheme,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in fields_of(request, address, length)],
            "state": dict(self._state),
            "method": request.method,
            "path": path,
            "raw_path": raw_path,
            "query_string": query,
        }


@lru_cache(maxsize=1024)
def _parts(target: str) -> tuple[str, bytes, bytes]:
    """The path with its escapes resolved, the path as it came, and the query."""
    path, _, query = target.partition("?")
    return unquote(path), path.encode("ascii"), query.encode("ascii")


class _Call:
    """One call of the app."""

    __slots__ = ("_body", "_ended", "_gone", "_headers", "_reason", "_scope", "_started", "_status", "over")

    def __init__(self, scope: Scope, body: bytes, over: asyncio.Future[None]) -> None:
        self._scope = scope
        self._body: bytes | None = body
        self._started = False
        self._status = 500
        self._headers: Iterable[tuple[bytes, bytes]] = ()
        self._reason = ""
        self._ended: asyncio.Event | None = None
        self._gone = False
        self.over = over
        """Done once the answer is final."""

    async def run(self, app: AsgiApp) -> None:
        try:
            await app(self._scope, self._receive, self._send)
        except (Exception, SystemExit) as error:
            # A `sys.exit` in an endpoint is that endpoint's failure, as under uvicorn.
            _log.error("exception in the app on %s %s", self._scope["method"], self._scope["path"], exc_info=error)
            self._fail(f"{type(error).__name__}: {error}")
        finally:
            if not self.over.done():
                self._fail("the app ended without a whole answer")
                _log.error("no whole answer from the app on %s %s", self._scope["method"], self._scope["path"])

    def expire(self, task: asyncio.Task[None], deadline: timedelta) -> None:
        if not self.over.done():
            answer = late(deadline)
            self._status, self._headers, self._reason = answer.status, (), answer.reason
            self._gone = True
            self._finish()
            task.cancel()

    def answer(self) -> Answer:
        # Only now: an app that answers 500 on its own, as Starlette does, raises the reason right after.
        if self._status < 300:
            return plain(self._status)
        location = retry = None
        for name, value in self._headers:
            match name.lower():
                case b"location":
                    location = value.decode("utf-8", "replace")
                case b"retry-after":
                    retry = retry_after(value)
                case _:
                    pass
        reason = self._reason if self._status >= 500 else ""
        return Answer(status=self._status, reason=reason, retry_after=retry, location=location)

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        if not self.over.done():
            if self._ended is None:
                self._ended = asyncio.Event()
            await self._ended.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if self._gone or self.over.cancelled():
            # As uvicorn: a client that is gone is no error. But let the app notice that it was cancelled.
            await asyncio.sleep(0)
        elif self.over.done():
            raise RuntimeError(f"Unexpected ASGI message '{kind}' sent, after response already completed.")
        elif not self._started:
            _expect("http.response.start", kind)
            self._started = True
            self._status = int(message["status"])
            self._headers = message.get("headers", ())
        else:
            _expect("http.response.body", kind)
            if not message.get("more_body", False):
                self._finish()
            else:
                # No socket slows this app down, and one that answers without end must not hold the loop.
                await asyncio.sleep(0)

    def _fail(self, reason: str) -> None:
        if not self.over.done():
            self._status, self._headers = 500, ()
            self._finish()
        self._reason = self._reason or reason

    def _finish(self) -> None:
        self.over.set_result(None)
        if self._ended is not None:
            self._ended.set()


def _expect(expected: str, kind: str) -> None:
    if kind != expected:
        raise RuntimeError(f"Expected ASGI message '{expected}', but got '{kind}'.")
