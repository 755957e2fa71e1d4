"""The service's own calls, for tests and scripts: wait until all is done, drop everything, move the clock (CT-L10)."""

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from aiohttp import web

from gcptasks.base.clock import Clock
from gcptasks.base.errors import DeadlineExceeded, FailedPrecondition, InvalidArgument
from gcptasks.base.log_text import log_text
from gcptasks.base.manual_clock import ManualClock
from gcptasks.base.names import QueueName, parse_queue
from gcptasks.service.outstanding import Left, Until
from gcptasks.web.admin_guard import AdminGuard
from gcptasks.web.json_fields import is_object
from gcptasks.web.json_response import json_response, refusal_body
from gcptasks.web.left import account_of, members_of
from gcptasks.web.rfc3339 import rfc3339
from gcptasks.wire.codes import Code, status_of

_log = logging.getLogger("gcptasks.web")

_LONGEST_WAIT = 600.0
"""Seconds."""
_USUAL_WAIT = 30.0
_LARGEST_BODY = 64 * 1024
_TOO_LARGE = f"The body is larger than {_LARGEST_BODY} bytes."
_SPAN = re.compile(r"\d{1,12}(\.\d{1,9})?s")
_OWN_CLOCK = "The clock is that of the machine. Start the service with --manual-clock to move it."

Handler = Callable[[web.Request], Awaitable[web.Response]]


class IdleWaits(Protocol):
    """What tells what is left, and waits."""

    def left(self, queue: QueueName | None) -> Left:
        """What is left in that queue, or at all."""
        ...

    async def wait(self, queue: QueueName | None, until: Until, seconds: float, wanted: Callable[[], bool]) -> Left:
        """What is left once that is reached, or that time is over, or it is not `wanted` any more."""
        ...


def admin_routes(
    idle_waits: IdleWaits, reset: Callable[[], Awaitable[None]], clock: Clock, guard: AdminGuard
) -> Sequence[web.AbstractRouteDef]:
    """The paths below `/admin`; `reset` drops everything."""
    calls = _Admin(idle_waits, reset, clock)

    def answering(call: Handler, *, harmful: bool) -> Handler:
        async def answer(request: web.Request) -> web.Response:
            try:
                guard.check(request, harmful=harmful)
                return await call(request)
            except Exception as error:
                return _refusal(request, error)

        return answer

    return [
        web.get("/admin/status", answering(calls.status, harmful=False)),
        web.get("/admin/wait", answering(calls.wait, harmful=False)),
        web.post("/admin/reset", answering(calls.reset, harmful=True)),
        web.get("/admin/clock", answering(calls.show_clock, harmful=True)),
        web.post("/admin/clock", answering(calls.move_clock, harmful=True)),
    ]


class _Admin:
    def __init__(self, idle_waits: IdleWaits, reset: Callable[[], Awaitable[None]], clock: Clock) -> None:
        self._idle_waits = idle_waits
        self._reset = reset
        self._clock = clock

    async def status(self, request: web.Request) -> web.Response:
        left = self._idle_waits.left(_queue(_query(request, "queue")))
        return json_response(200, {"time": rfc3339(self._clock.now()), **members_of(left)})

    async def wait(self, request: web.Request) -> web.Response:
        query = _query(request, "queue", "until", "timeout")
        until, seconds = _until(query), _seconds(query)
        # aiohttp lets go of the transport when the client leaves, and goes on with the call.
        left = await self._idle_waits.wait(_queue(query), until, seconds, lambda: request.transport is not None)
        members = members_of(left)
        if left.reached:
            return json_response(200, {"reached": True, **members})
        error = DeadlineExceeded(f"It is not {until} after {seconds:g} s: {account_of(members)}.")
        return json_response(504, {**refusal_body(error), "reached": False, **members})

    async def reset(self, request: web.Request) -> web.Response:
        _query(request)
        if await _body(request):
            raise InvalidArgument("A reset takes no members: it drops everything.")
        await self._reset()
        return json_response(200, {})

    async def show_clock(self, request: web.Request) -> web.Response:
        _query(request)
        return json_response(200, self._time())

    async def move_clock(self, request: web.Request) -> web.Response:
        _query(request)
        body = await _body(request)
        if not isinstance(self._clock, ManualClock):
            raise FailedPrecondition(_OWN_CLOCK)
        try:
            self._clock.advance(_span(body, self._clock.now()))
        except OverflowError:
            raise InvalidArgument("The clock ends with the year 8999.") from None
        return json_response(200, self._time())

    def _time(self) -> dict[str, Any]:
        return {"time": rfc3339(self._clock.now()), "manual": isinstance(self._clock, ManualClock)}


def _refusal(request: web.Request, error: Exception) -> web.Response:
    status = status_of(error)
    if status.code is Code.INTERNAL:
        _log.exception("%s failed", log_text(request.path))
    body = refusal_body(error)
    response = json_response(body["error"]["code"], body)
    if status.code is Code.UNAUTHENTICATED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _query(request: web.Request, *known: str) -> Mapping[str, str]:
    for name in request.query:
        if name not in known:
            there_are = f"there are {', '.join(known)}" if known else "there are none"
            raise InvalidArgument(f"There is no parameter {name!r} here; {there_are}.")
    return request.query


def _queue(query: Mapping[str, str]) -> QueueName | None:
    return parse_queue(query["queue"]) if query.get("queue") else None


def _until(query: Mapping[str, str]) -> Until:
    text = query.get("until", Until.EMPTY)
    try:
        return Until(text)
    except ValueError:
        raise InvalidArgument(f"until must be empty or idle, not {text!r}.") from None


def _seconds(query: Mapping[str, str]) -> float:
    text = query.get("timeout", str(_USUAL_WAIT))
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_WAIT:
        raise InvalidArgument(f"timeout must be a number of seconds from 0 to {_LONGEST_WAIT:g}, not {text!r}.")
    return seconds


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        sent = await request.read()
    except web.RequestPayloadError as error:
        raise InvalidArgument(f"The body is broken: {error}") from None
    except web.HTTPRequestEntityTooLarge:
        raise InvalidArgument(_TOO_LARGE) from None
    if len(sent) > _LARGEST_BODY:
        raise InvalidArgument(_TOO_LARGE)
    try:
        body = json.loads(sent or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"The body is no JSON: {error}") from None
    if not is_object(body):
        raise InvalidArgument("The body must be an object of JSON.")
    return body


def _span(body: Mapping[str, Any], now: datetime) -> timedelta:
    """How far the clock is to be moved."""
    match body:
        case {"advance": str(text)} if len(body) == 1 and _SPAN.fullmatch(text):
            return timedelta(seconds=float(text.removesuffix("s")))
        case {"time": str(text)} if len(body) == 1:
            span = _time(text) - now
            if span < timedelta(0):
                raise FailedPrecondition(f"The clock does not go back: it is {rfc3339(now)}.")
            return span
        case _:
            raise InvalidArgument(
                'The body must be {"advance": "90s"}, with a number of seconds, or {"time": "2030-01-01T00:00:00Z"}.'
            )


def _time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidArgument(f"{text!r} is no time such as 2030-01-01T00:00:00Z.")
