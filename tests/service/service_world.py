"""The API as four kinds of callers have it, each with a service that delivers, and a worker to deliver to."""

import asyncio
import itertools
import queue
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import grpc
from aiohttp import web
from anyio.from_thread import BlockingPortal, start_blocking_portal
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport, CloudTasksRestTransport

from gcptasks.base.events import AttemptFailed, AttemptStarted, AttemptSucceeded, Event
from gcptasks.client import inprocess
from gcptasks.client.api import TASKS
from gcptasks.runtime.targets.router import Targets
from gcptasks.server.backend import Backend
from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings, Settings
from service.service_rest import AsOverGrpc

PATIENCE = 30
"""Seconds after which a test fails that waits for something."""

E = TypeVar("E", AttemptStarted, AttemptFailed, AttemptSucceeded)


class Heard:
    """What a service has told so far."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._more = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._more:
            self.events.append(event)
            self._more.notify_all()

    def wait(self, kind: type[E], task: str, count: int = 1) -> E:
        """The event of that kind about the task, once there are so many."""
        event: E = self.nth(count, lambda event: isinstance(event, kind) and str(event.task) == task)
        return event

    def nth(self, count: int, matches: Callable[[Event], bool]) -> Any:
        """The event that is number `count` of those that match, once it was told."""
        found: list[Event] = []

        def enough() -> bool:
            found[:] = filter(matches, self.events)
            return len(found) >= count

        with self._more:
            assert self._more.wait_for(enough, PATIENCE), f"{len(found)} instead of {count} among {self.events}"
        return found[count - 1]


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a call was refused, as the caller sees it."""

    kind: type[GoogleAPICallError]
    message: str
    details: list[Any] = field(default_factory=list[Any])


class Api:
    """Google's client on a service, and a project of one test's own."""

    def __init__(self, client: Any, heard: Heard, parent: str) -> None:
        self.client = client
        self.heard = heard
        self.parent = parent

    def call(self, method: str, **request: Any) -> Any:
        return getattr(self.client, method)(request=request)

    def refused(self, method: str, **request: Any) -> Any:
        """The GoogleAPICallError that the client raises."""
        try:
            answer = self.call(method, **request)
        except GoogleAPICallError as error:
            return error
        raise AssertionError(f"{method} was answered: {answer}")

    def refusal(self, method: str, **request: Any) -> Refusal:
        error = self.refused(method, **request)
        details: list[Any] = list(error.details)
        return Refusal(error.__class__, str(error.message), details)

    def name(self, queue_id: str = "q", /) -> str:
        return f"{self.parent}/queues/{queue_id}"

    def queue(self, queue_id: str = "q", **fields: Any) -> Any:
        """Make a queue."""
        return self.call("create_queue", parent=self.parent, queue={"name": self.name(queue_id), **fields})

    def paused(self, queue_id: str = "q", **fields: Any) -> str:
        """The name of a new queue that sends nothing of itself."""
        name = self.queue(queue_id, **fields).name
        self.call("pause_queue", name=name)
        return str(name)

    def task(self, parent: str, *, view: int = 0, url: str = "http://worker.test/", **fields: Any) -> Any:
        """Make a task; `http` are members of its HttpRequest beside the URL."""
        http = {"url": url, **fields.pop("http", {})}
        task = {"http_request": http, **fields}
        return self.call("create_task", parent=parent, task=task, response_view=view)

    def no_task(self, parent: str, **fields: Any) -> Refusal:
        """How the making of such a task is refused."""
        http = {"url": fields.pop("url", "http://worker.test/"), **fields.pop("http", {})}
        return self.refusal("create_task", parent=parent, task={"http_request": http, **fields})

    def get(self, name: str, view: int = 0) -> Any:
        return self.call("get_task", name=name, response_view=view)

    def failed(self, name: str, count: int = 1) -> Any:
        """The task as stored after so many failed attempts."""
        self.heard.wait(AttemptFailed, name, count)
        return self.get(name)

    def finished(self, name: str) -> None:
        self.heard.wait(AttemptSucceeded, name)


class _Awaited:
    """An async client of Google's whose calls return when they are done."""

    def __init__(self, client: Any, portal: BlockingPortal) -> None:
        self._client = client
        self._portal = portal

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(**arguments: Any) -> Any:
            return self._portal.call(partial(method, **arguments))

        return call


@asynccontextmanager
async def _delivering(path: Path, app_engine: str | None) -> AsyncGenerator[Backend]:
    service = Backend(Settings(database=str(path), app_engine=app_engine), Targets)
    await service.start()
    try:
        yield service
    finally:
        await service.stop(timedelta(seconds=5))


Way = tuple[Any, Heard]
"""A client, and what its service tells."""


@contextmanager
def _in_process(path: Path, app_engine: str | None = None) -> Generator[Way]:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_delivering(path, app_engine)) as service:
        heard = Heard()
        service.events.subscribe(heard)
        yield inprocess.client(TASKS, service.calls), heard


@contextmanager
def _in_process_async(path: Path, app_engine: str | None = None) -> Generator[Way]:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_delivering(path, app_engine)) as service:
        heard = Heard()
        service.events.subscribe(heard)
        yield _Awaited(inprocess.async_client(TASKS, service.calls), portal), heard


@contextmanager
def over_grpc(config: PortSettings) -> Generator[Way]:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(emulating(config)) as emulator:
        heard = Heard()
        emulator.subscribe(heard)
        with grpc.insecure_channel(emulator.address) as channel:
            yield CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel)), heard


@contextmanager
def over_rest(config: PortSettings) -> Generator[Way]:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(emulating(config)) as emulator:
        heard = Heard()
        emulator.subscribe(heard)
        transport = CloudTasksRestTransport(
            host=emulator.address, url_scheme="http", credentials=AnonymousCredentials()
        )
        with CloudTasksClient(transport=transport) as client:
            yield AsOverGrpc(client), heard


def _on_a_port(path: Path, app_engine: str | None = None) -> AbstractContextManager[Way]:
    return over_grpc(PortSettings(port=0, database=str(path), app_engine=app_engine))


def _on_a_port_by_rest(path: Path, app_engine: str | None = None) -> AbstractContextManager[Way]:
    return over_rest(PortSettings(port=0, database=str(path), app_engine=app_engine))


WAYS: Mapping[str, Callable[..., AbstractContextManager[Way]]] = {
    "in process": _in_process,
    "in process, async": _in_process_async,
    "grpc": _on_a_port,
    "rest": _on_a_port_by_rest,
}
"""Each takes a path for the database, and the address of App Engine apps if there is one."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as the worker got it."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def header(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None


class Place:
    """A URL of the worker that one test has to itself."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.gate = threading.Event()
        """Answers wait until it is set."""
        self.gate.set()
        self._answers: deque[tuple[int, dict[str, str]]] = deque()
        self._requests: queue.Queue[Received] = queue.Queue()

    @property
    def server(self) -> str:
        """The worker as host:port."""
        return self.url.split("/")[2]

    def answers(self, *statuses: int, **headers: str) -> None:
        """Answer so in turn, 200 afterwards. With 0 the connection is closed without one."""
        self._answers.extend((status, headers) for status in statuses)

    def received(self) -> Received:
        """The next request, once it is there."""
        return self._requests.get(timeout=PATIENCE)

    @property
    def idle(self) -> bool:
        """Whether there was no other request so far."""
        return self._requests.empty()

    async def handle(self, request: Received) -> web.Response:
        status, headers = self._answers.popleft() if self._answers else (200, {})
        self._requests.put(request)
        await asyncio.to_thread(self.gate.wait, PATIENCE)
        return web.Response(status=status, headers=headers)


class Worker:
    """An HTTP server with places for tests."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._places: dict[str, Place] = {}
        self.address = ""

    def place(self, key: str = "") -> Place:
        """A new place, in the folder of that name."""
        key = key or str(next(self._numbers))
        made = self._places[key] = Place(f"{self.address}/{key}")
        return made

    async def handle(self, request: web.Request) -> web.Response:
        received = Received(request.method, request.path_qs, list(request.headers.items()), await request.read())
        response = await self._handle(received)
        if not response.status and request.transport is not None:
            request.transport.abort()
        return response

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        """The same worker as an ASGI app, with the same places."""
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
        body = (await receive())["body"]
        response = await self._handle(Received(scope["method"], (scope["raw_path"] + query).decode(), headers, body))
        own = [(name.lower().encode(), value.encode()) for name, value in response.headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": own})
        await send({"type": "http.response.body"})

    async def _handle(self, request: Received) -> web.Response:
        return await self._places[request.path.split("?")[0].split("/")[1]].handle(request)


@asynccontextmanager
async def _serving(worker: Worker) -> AsyncGenerator[None]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", worker.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    worker.address = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield
    finally:
        await runner.cleanup()


@contextmanager
def working() -> Generator[Worker]:
    """A worker that serves from a thread."""
    worker = Worker()
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(_serving(worker)):
        yield worker
