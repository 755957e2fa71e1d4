"""The APIs over REST: the methods of all tables at Google's own paths, with JSON for their messages."""

import asyncio
import logging
import math
from collections.abc import Sequence

from aiohttp import web
from google.protobuf.message import Message

from gcptasks.base.budget import Budget
from gcptasks.base.errors import DeadlineExceeded, InvalidArgument
from gcptasks.base.log_text import log_text
from gcptasks.service import served
from gcptasks.service.calls import Calls
from gcptasks.web.exchange import BodyLimits, Exchange, exchanging
from gcptasks.web.json_fields import kind_of
from gcptasks.web.json_request import request_message
from gcptasks.web.json_response import refusal_of, response_of
from gcptasks.web.paths import Found, Paths, prefix
from gcptasks.web.query import Form, Parameters, form_of
from gcptasks.web.turns import Turns
from gcptasks.wire.codes import Code, status_of

_log = logging.getLogger("gcptasks.web")

_LARGE = 64 * 1024
"""Bytes of a body that may take a while."""


def rest_routes(calls: Calls, budget: Budget, limits: BodyLimits) -> Sequence[web.AbstractRouteDef]:
    """Every method that is served, over REST; bodies take their memory from the budget."""
    handle = _Rest(calls, budget, limits).handle
    prefixes = dict.fromkeys(prefix(rule) for method in served.METHODS.values() for rule in method.http)
    return [web.route("*", f"{path}{{path:.*}}", handle) for path in prefixes]


def rest_services() -> dict[str, list[str]]:
    """Of each service, what its paths begin with."""
    found: dict[str, dict[str, None]] = {}
    for method in served.METHODS.values():
        found.setdefault(method.service, {}).update(dict.fromkeys(map(prefix, method.http)))
    return {service: list(prefixes) for service, prefixes in found.items()}


class _Rest:
    def __init__(self, calls: Calls, budget: Budget, limits: BodyLimits) -> None:
        self._calls = calls
        self._budget = budget
        self._limits = limits
        self._paths = Paths(served.METHODS.values())
        self._turns = Turns()
        """At large bodies and at lists."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        found = self._paths.find(_http_method(request), request.rel_url.raw_path)
        if found is None:
            raise web.HTTPNotFound
        with exchanging(request, self._budget, self._limits) as exchange:
            return await exchange.send(await self._response(found, request, exchange))

    async def _response(self, found: Found, request: web.Request, exchange: Exchange) -> web.Response:
        form = Form()
        try:
            query = list(request.query.items())
            form = form_of(query, kind_of(found.method.response), request.headers.get("X-Goog-FieldMask", ""))
            message = await self._message(found, query, await exchange.receive())
            async with asyncio.timeout(_seconds(request)):
                response = await self._call(found, message, form)
            exchange.hold(response)
        except TimeoutError:
            return refusal_of(DeadlineExceeded("Deadline Exceeded"), form)
        except Exception as error:
            if status_of(error).code is Code.INTERNAL:
                _log.exception("%s failed", log_text(found.method.path))
            return refusal_of(error, form)
        return response

    async def _message(self, found: Found, query: Parameters, body: bytes) -> Message:
        if len(body) <= _LARGE:
            return request_message(found, query, body)
        async with self._turns.turn():
            return request_message(found, query, body)

    async def _call(self, found: Found, message: Message, form: Form) -> web.Response:
        if found.method.writes:
            return response_of(await self._calls.call(found.method.path, message), form)
        async with self._turns.turn():
            return response_of(await self._calls.call(found.method.path, message), form)


def _http_method(request: web.Request) -> str:
    """The method of HTTP; a POST may say that it stands for another (CT-331)."""
    if request.method == "POST":
        return request.headers.get("X-HTTP-Method-Override", "POST").upper()
    return request.method


def _seconds(request: web.Request) -> float | None:
    """How long the client waits, if it says so; `InvalidArgument` if that is no time."""
    text = request.headers.get("X-Server-Timeout")
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise InvalidArgument("X-Server-Timeout must be a number of seconds.")
    return seconds
