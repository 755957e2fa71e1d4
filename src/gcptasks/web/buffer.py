"""BufferTask: what is sent to a queue becomes a task with that body, to where the queue's HTTP target leads.

Google has it over REST alone, at the paths of two versions (CT-005, CT-228).
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from gcptasks.base.budget import Budget
from gcptasks.base.errors import InvalidArgument
from gcptasks.base.log_text import log_text
from gcptasks.base.names import parse_queue, parse_task
from gcptasks.engine.model import BufferedTask, Task, View
from gcptasks.web.exchange import BodyLimits, Exchange, exchanging
from gcptasks.web.json_fields import kind_of
from gcptasks.web.json_response import refusal_of, response_of
from gcptasks.web.query import Form, fields_of, form_of
from gcptasks.web.violations import echo
from gcptasks.wire.cloud_tasks.messages import CreateTaskRequest
from gcptasks.wire.cloud_tasks.tasks import task_message
from gcptasks.wire.codes import Code, status_of

_log = logging.getLogger("gcptasks.web")

_VERSIONS = ("v2", "v2beta3")
_QUEUE = "{queue:projects/[^/]+/locations/[^/]+/queues/[^/]+}"
_TASK = "{task:[^/:]+}"

_OF_THE_CALL = frozenset(
    [
        "accept",
        "accept-charset",
        "accept-language",
        "authorization",
        "content-encoding",
        "cookie",
        "expect",
        "origin",
        "referer",
        "x-http-method-override",
        "x-server-timeout",
    ]
)
_OF_THE_CALL_PREFIXES = ("sec-", "x-goog-")

Buffer = Callable[[BufferedTask], Awaitable[Task]]
"""Makes the task."""


def buffer_routes(buffer: Buffer, budget: Budget, limits: BodyLimits) -> Sequence[web.AbstractRouteDef]:
    """The paths of BufferTask; they go before those of the APIs, which take all others."""
    handle = _Buffer(buffer, budget, limits).handle
    ends = (f"{_QUEUE}/tasks:buffer", f"{_QUEUE}/tasks/{_TASK}:buffer")
    return [web.post(f"/{version}/{end}", handle) for version in _VERSIONS for end in ends]


class _Buffer:
    def __init__(self, buffer: Buffer, budget: Budget, limits: BodyLimits) -> None:
        self._buffer = buffer
        self._budget = budget
        self._limits = limits

    async def handle(self, request: web.Request) -> web.StreamResponse:
        with exchanging(request, self._budget, self._limits) as exchange:
            return await exchange.send(await self._response(request, exchange))

    async def _response(self, request: web.Request, exchange: Exchange) -> web.Response:
        form = Form()
        try:
            form = _form(request)
            task = await self._buffer(_asked(request, await exchange.receive()))
        except Exception as error:
            if status_of(error).code is Code.INTERNAL:
                _log.exception("BufferTask failed at %s", log_text(request.path))
            return refusal_of(error, form)
        # The response has one member, the task, as this request has it.
        return response_of(CreateTaskRequest(task=task_message(task, View.BASIC)), form)


def _form(request: web.Request) -> Form:
    query = list(request.query.items())
    for name, _ in fields_of(query):
        raise InvalidArgument(f"BufferTask has no parameter {echo(name)}: what is sent is the body of the task.")
    return form_of(query, kind_of(CreateTaskRequest()), request.headers.get("X-Goog-FieldMask", ""))


def _asked(request: web.Request, body: bytes) -> BufferedTask:
    queue = parse_queue(request.match_info["queue"])
    task = request.match_info.get("task")
    return BufferedTask(
        queue=queue,
        name=None if task is None else parse_task(f"{queue}/tasks/{task}"),
        headers=_headers(request),
        body=body,
    )


def _headers(request: web.Request) -> Mapping[str, str]:
    """Those that are for the worker: not what a client says to this service, as who it is and what it accepts."""
    found: dict[str, str] = {}
    for name in request.headers:
        lower = name.lower()
        if lower not in _OF_THE_CALL and not lower.startswith(_OF_THE_CALL_PREFIXES):
            found[name] = ", ".join(request.headers.getall(name))
    return found
