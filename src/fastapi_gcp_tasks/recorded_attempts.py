"""What a route does for the records of its tasks, around FastAPI's own handling of a request.

An attempt begins when those who call were checked, by dependencies of the route and of routers, and ends with what is
answered: what handlers of exceptions and the exits of dependencies make of it counts.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, unwrap
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.datastructures import DefaultPlaceholder
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from fastapi_gcp_tasks.labels import endpoint_label, endpoint_path
from gcptasks.base.asgi import DELIVERY, LEASED_RECORD, RECORDING, VERIFIED
from gcptasks.base.stand_ins import StandIn, replaceable
from gcptasks.engine.task_records import RECORD_HEADER
from gcptasks.results.errors import TaskCancelled
from gcptasks.results.given import GivenStore
from gcptasks.results.store import DeliveringStore, ResultStore
from gcptasks.worker.recorder import Recorder, recorder
from gcptasks.worker.recording import LastAttempts, NotToRun, Recording

Handle = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("gcptasks")

_HEADER = RECORD_HEADER.lower().encode()
_NOTHING = b"null"


async def begin_attempt(request: Request) -> None:
    """The last dependency of a route whose tasks are recorded: the endpoint's own come after it."""
    recording: Recording | None = request.scope.get(RECORDING)
    if recording is not None:
        try:
            await recording.begin()
        except NotToRun as reason:
            raise HTTPException(200, str(reason)) from reason


def refuse_without_result(route: APIRoute) -> None:
    """`ValueError` for a route whose answers are no results: they are streamed, or declared not to be JSON."""
    endpoint, declared = unwrap(route.endpoint), route.response_class
    kind: Any = declared.value if isinstance(declared, DefaultPlaceholder) else declared
    if isgeneratorfunction(endpoint) or isasyncgenfunction(endpoint):
        reason = "streams its answer"
    elif not issubclass(kind, JSONResponse) and kind is not Response and "json" not in (kind.media_type or ""):
        reason = f"answers with a {kind.__name__}, which is no JSON"
    else:
        return
    name = endpoint_label(route.endpoint)
    raise ValueError(f"{name} {reason}, so it has no result: register it on a router without results=")


class RecordedAttempts:
    """Handles the requests of a route, and records those that are attempts at a recorded task."""

    def __init__(
        self,
        endpoint: Callable[..., Any],
        handle: Handle,
        results: GivenStore,
        *,
        platform_checks: bool,
        last_attempts: LastAttempts | None,
    ) -> None:
        self._handle = handle
        self._results = results
        self._recorder: Recorder | None = None
        self._endpoint = endpoint_path(endpoint)
        _tell(results.known(), self._endpoint)
        self._platform_checks = platform_checks
        self._recording = partial(
            Recording,
            endpoint=self._endpoint,
            is_async=_is_async(endpoint),
            last_attempts=last_attempts,
        )
        replaceable(self)

    def stand_in(self, service: StandIn | None) -> None:
        """Ask anew which store it is."""
        self._recorder = None

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What takes the place of the route's own `handle`."""
        tag = _tag_of(scope)
        to = None if tag is None else self._recorder or self._found_recorder()
        if tag is None or to is None:
            await self._handle(scope, receive, send)
            return
        recording = self._recording(to, tag, headers=Headers(scope=scope))
        scope[RECORDING] = recording
        leased = scope.get(LEASED_RECORD)
        if leased is not None:
            recording.is_here(leased)
        answer = _Answer(recording, scope, send, platform_checks=self._platform_checks)
        try:
            await self._handle(scope, receive, answer.send)
        except BaseException as error:
            if not await answer.stands_for(error):
                raise
        else:
            if not answer.over:  # as of a stream whose client has left
                recording.end_later()

    def _found_recorder(self) -> Recorder | None:
        try:
            store = self._results.get()
            _tell(store, self._endpoint)
            self._recorder = recorder(store)
        except Exception:  # of the user's factory
            _log.exception("the store of results cannot be had, so the task runs unrecorded")
        return self._recorder


class _Answer:
    """The answer to an attempt, which is recorded before it is sent."""

    def __init__(self, recording: Recording, scope: Scope, send: Send, *, platform_checks: bool) -> None:
        self._recording = recording
        self._scope = scope
        self._send = send
        self._platform_checks = platform_checks
        self._start: Message | None = None
        self._streams = False
        self.over = False
        """Whether all of it is sent, or nothing more is."""
        self._replaced = False

    async def send(self, message: Message) -> None:
        """Send what the route sends, or something else in its place."""
        kind = message["type"]
        if self.over or (self._start is None and kind != "http.response.start"):
            if not self._replaced:
                await self._send(message)
        elif kind == "http.response.start":
            self._start = message
        elif message.get("more_body", False):
            await self._stream(message)
        else:
            await self._finish(message)

    async def stands_for(self, error: BaseException) -> bool:
        """Record what the route raised; True if the queue was answered with 200 instead."""
        if self.over:
            return False
        if not await self._recording.caught(error):
            return False
        reason = await self._ended(500, _NOTHING)
        if reason is None:
            return False
        if not isinstance(error, TaskCancelled | asyncio.CancelledError):
            _log.error("an attempt failed that counts no more, as %s", reason, exc_info=error)
        await self._answer_instead(reason)
        return True

    async def _stream(self, message: Message) -> None:
        assert self._start is not None
        if not self._streams:
            self._streams = True
            await self._send(self._start)
        await self._send(message)

    async def _finish(self, message: Message) -> None:
        assert self._start is not None
        reason = await self._ended(self._start["status"], _json_of(self._start, message, streams=self._streams))
        if reason is not None and not self._streams:
            await self._answer_instead(reason)
            return
        self.over = True
        if not self._streams:
            await self._send(self._start)
        await self._send(message)

    async def _ended(self, status: int, result: bytes) -> str | None:
        """Record the end. The reason to answer with 200 instead, if there is one."""
        recording = self._recording
        if not recording.tried and (recording.error is not None or status >= 300):
            # It failed before it began. Of whom the user's own checks refused, nothing is believed.
            if not self._is_trusted():
                return None
            try:
                await recording.begin()
            except NotToRun as reason:
                return str(reason)
        return await recording.end(status, result)

    def _is_trusted(self) -> bool:
        return self._platform_checks or VERIFIED in self._scope or DELIVERY in self._scope

    async def _answer_instead(self, reason: str) -> None:
        self.over = self._replaced = True
        if not self._streams:
            await JSONResponse({"detail": reason})(self._scope, _no_receive, self._send)
        else:
            await self._send({"type": "http.response.body", "body": b""})


def _tell(store: ResultStore | None, endpoint: str) -> None:
    """Let a service that delivers into this process, and keeps the records, record attempts of the endpoint itself."""
    if isinstance(store, DeliveringStore):
        store.recorded_here.add(endpoint)


async def _no_receive() -> Message:
    raise AssertionError("an answer that is known reads nothing")


def _tag_of(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == _HEADER:
            tag: str = value.decode("latin-1")
            return tag
    return None


def _json_of(start: Message, body: Message, *, streams: bool) -> bytes:
    """The JSON that was answered; `null` where there is none."""
    if streams or not body.get("body"):
        return _NOTHING
    kind = next((value for name, value in start.get("headers", ()) if name.lower() == b"content-type"), b"")
    kind = kind.partition(b";")[0].strip().lower()
    if kind != b"application/json" and not kind.endswith(b"+json"):
        return _NOTHING
    json: bytes = body["body"]
    return json


def _is_async(endpoint: Callable[..., Any]) -> bool:
    while isinstance(endpoint, partial):
        endpoint = endpoint.func
    endpoint = unwrap(endpoint)
    return iscoroutinefunction(endpoint) or iscoroutinefunction(getattr(endpoint, "__call__", None))  # noqa: B004  # its kind, not whether there is one
