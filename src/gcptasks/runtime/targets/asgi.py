"""Attempts straight into an ASGI app of this process, with the scope that uvicorn would build."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from urllib.parse import unquote

from gcptasks.base.asgi import DELIVERY, LEASED_RECORD, Delivery
from gcptasks.base.deadlines import Deadlines, Expiring
from gcptasks.base.errors import Unreachable
from gcptasks.base.interruptions import came_from_outside
from gcptasks.base.log_text import log_text
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.leased_record import LeasedRecord
from gcptasks.runtime.targets.address import Address, parse_url
from gcptasks.runtime.targets.fields import LOWER_CASE, body_of, fields_of
from gcptasks.runtime.targets.target import HopReply, IsWanted, OnReply, always, late, plain, retry_after, unusable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_Asked = tuple[str | None, timedelta | datetime | None]
"""The `Location` and the `Retry-After` of a response."""

_WITHOUT_KEYS = Delivery("", {})

_log = logging.getLogger("gcptasks")


class AsgiTarget:
    """Calls the app. The response is final with its last body message; what the app does after it is waited for.

    `state` is what its lifespan yielded; each request gets a copy. `delivery` tells the app that it is us who ask.
    """

    def __init__(
        self, app: AsgiApp, state: Mapping[str, Any] | None = None, delivery: Delivery = _WITHOUT_KEYS
    ) -> None:
        self._app = app
        self._delivery = delivery
        self._deadlines = Deadlines()
        self._state: Mapping[str, Any] = {} if state is None else state

    async def send(self, request: Outgoing, on_reply: OnReply, wanted: IsWanted = always) -> None:
        """Tell the app's response: 500 if it raised, with a traceback in the log; 504 if its deadline passed.

        Nothing that the app raises leaves this, whatever its class: it is the app's failure alone, as under uvicorn.
        What is raised into the app from outside does: the cancellation of the caller's task, and Ctrl-C.
        """
        body = body_of(request)
        try:
            scope = self._scope(request, len(body))
        except Unreachable as error:
            on_reply(unusable(error))
            return
        if request.record is not None:
            scope[LEASED_RECORD] = request.record
            on_reply = partial(_over, request.record, on_reply)
        loop = asyncio.get_running_loop()
        # The app runs in the task that calls: one of its own would cost a tenth of the whole attempt.
        task = asyncio.current_task(loop)
        assert task is not None
        call = _Call(loop, task, scope, body, request.deadline, on_reply)
        self._deadlines.add(call)
        try:
            await self._app(scope, call.receive, call.send)
        except BaseException as error:
            if not came_from_outside(error, task):
                call.failed(error)
            elif not (isinstance(error, asyncio.CancelledError) and call.expired and not task.uncancel()):
                raise
        else:
            call.returned()
        finally:
            self._deadlines.remove(call)

    async def close(self) -> None:
        """Nothing is open."""

    def _scope(self, request: Outgoing, length: int) -> Scope:
        address, of_url = _place(request.url)
        return {
            **of_url,
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "headers": fields_of(request, address, length, LOWER_CASE),
            "state": dict(self._state),
            "method": request.method,
            DELIVERY: self._delivery,
        }


@lru_cache(maxsize=1024)
def _place(url: str) -> tuple[Address, Scope]:
    """Where the URL leads, and what the scope of every request to it has."""
    address = parse_url(url)
    query = address.target.partition("?")[2]
    return address, {
        "type": "http",
        "http_version": "1.1",
        "server": (address.origin.host, address.origin.port),
        "client": ("127.0.0.1", 0),
        "scheme": address.origin.scheme,
        "root_path": "",
        "path": unquote(address.path),
        "raw_path": address.path.encode("ascii"),
        "query_string": query.encode("ascii"),
    }


class _Call(Expiring):
    """One call of the app."""

    __slots__ = (
        "_asked",
        "_body",
        "_deadline",
        "_ended",
        "_final",
        "_on_reply",
        "_reason",
        "_scope",
        "_started",
        "_status",
        "_task",
        "_told",
        "expired",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        task: asyncio.Task[Any],
        scope: Scope,
        body: bytes,
        deadline: timedelta,
        on_reply: OnReply,
    ) -> None:
        self.loop = loop
        self.until = loop.time() + deadline.total_seconds()
        self.timer = None
        self.others = None
        self._task = task
        self._scope = scope
        self._body: bytes | None = body
        self._deadline = deadline
        self._on_reply = on_reply
        self._started = False
        self._final = False
        self._told = False
        self._status = 500
        self._asked: _Asked = (None, None)
        self._reason = ""
        self._ended: asyncio.Event | None = None
        self.expired = False

    def returned(self) -> None:
        """The app has ended."""
        if not self._final:
            self._fail("the app ended without a whole answer")
            self._tell()
            _log.error("no whole answer from the app on %s", self._shown())
        self._tell()

    def failed(self, error: BaseException) -> None:
        """The app has raised."""
        # Told first: a handler of the log may fail as well.
        self._fail(_described(error))
        self._tell()
        _log.error("exception in the app on %s", self._shown(), exc_info=error)

    def _shown(self) -> str:
        return log_text(f"{self._scope['method']} {self._scope['path']}")

    def expire(self) -> None:
        if not self._final:
            response = late(self._deadline)
            self._stand_in(response.status)
            self._reason = response.reason
            self.expired = True
            self._tell()
            self._task.cancel()

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._on_reply(self._reply())

    def _reply(self) -> HopReply:
        if self._status < 300:
            return plain(self._status)
        reason = self._reason if self._status >= 500 else ""
        location, retry = self._asked
        return HopReply(status=self._status, reason=reason, retry_after=retry, location=location, until=self.until)

    def _read(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep what a response that is no success may ask for; raises, to the app, as under uvicorn."""
        if not 100 <= status < 600:
            raise RuntimeError(f"{status} is no HTTP status.")
        location = retry = None
        for name, value in headers:
            match name.lower():
                case b"location":
                    location = value.decode("utf-8", "replace")
                case b"retry-after":
                    retry = retry_after(value)
                case _:
                    pass
        self._asked = location, retry

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        if not self._final:
            if self._ended is None:
                self._ended = asyncio.Event()
            await self._ended.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if self.expired:
            # As uvicorn: a client that is gone is no error. But let the app notice that it was cancelled.
            await asyncio.sleep(0)
        elif self._final:
            raise RuntimeError(f"Unexpected ASGI message '{kind}' sent, after response already completed.")
        elif not self._started:
            if kind != "http.response.start":
                raise _unexpected(kind, "http.response.start")
            self._started = True
            status = int(message["status"])
            if not 200 <= status < 300:
                self._read(status, message.get("headers", ()))
            self._status = status
        else:
            if kind != "http.response.body":
                raise _unexpected(kind, "http.response.body")
            if message.get("more_body", False):
                # No socket slows this app down, and one that answers without end must not hold the loop.
                await asyncio.sleep(0)
            else:
                self._finish()
                # An app that answers 5xx on its own, as Starlette does, raises the reason right after.
                self.loop.call_soon(self._tell) if self._status >= 500 else self._tell()

    def _fail(self, reason: str) -> None:
        if not self._final:
            self._stand_in(500)
        self._reason = self._reason or reason

    def _stand_in(self, status: int) -> None:
        """Let this be the response, whatever the app began to answer."""
        self._status, self._asked = status, (None, None)
        self._finish()

    def _finish(self) -> None:
        self._final = True
        if self._ended is not None:
            self._ended.set()


def _over(record: LeasedRecord, on_reply: OnReply, reply: HopReply) -> None:
    record.over = True
    on_reply(reply)


def _described(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:  # of the app's own class
        text = ""
    return f"{name}: {text}" if text else name


def _unexpected(kind: str, expected: str) -> RuntimeError:
    return RuntimeError(f"Expected ASGI message '{expected}', but got '{kind}'.")
