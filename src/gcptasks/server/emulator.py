"""The local service on a port, for any client in any language."""

import secrets
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from aiohttp import web
from google.cloud.location.locations_pb2 import ListLocationsRequest

from gcptasks.base.budget import Budget
from gcptasks.base.clock import Clock
from gcptasks.base.events import Subscriber
from gcptasks.base.names import QueueName
from gcptasks.rpc.limits import ListenerLimits
from gcptasks.rpc.listener import Listener, bind
from gcptasks.runtime.loop import StopLimit
from gcptasks.runtime.targets.address import is_loopback
from gcptasks.runtime.targets.router import Targets
from gcptasks.server.backend import Backend
from gcptasks.server.result_calls import ResultCalls
from gcptasks.server.settings import PortSettings
from gcptasks.web.admin import admin_routes
from gcptasks.web.admin_guard import AdminGuard
from gcptasks.web.app import make_app
from gcptasks.web.buffer import buffer_routes
from gcptasks.web.discovery import discovery_routes
from gcptasks.web.exchange import BodyLimits
from gcptasks.web.health import health_routes
from gcptasks.web.http1 import protocol_factory
from gcptasks.web.published import published_routes
from gcptasks.web.rest import rest_routes, rest_services
from gcptasks.wire import locations
from gcptasks.wire.cloud_scheduler import messages as jobs_messages
from gcptasks.wire.cloud_scheduler import names as jobs_names

_CALLS_HAVE = timedelta(seconds=1)
"""For the calls that run and for clients to close their connections, though the limit of the stop has passed."""


class Emulator:
    """The service that runs in an `emulating` block."""

    def __init__(self, backend: Backend, listener: Listener, limit: StopLimit, admin_token: str) -> None:
        self._backend = backend
        self.admin_token = admin_token
        """What opens the paths below `/admin` that need it."""
        self._limit = limit
        self.host = listener.host
        self.port = listener.port

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`; an IPv6 address stands in brackets."""
        return _address(self.host, self.port)

    @property
    def delivers(self) -> bool:
        """Whether this process delivers, or waits until the one that does has ended."""
        return self._backend.delivers

    async def stop_delivering(self, *, spare: timedelta = timedelta(0)) -> None:
        """Start no more attempts and finish those under way. Calls are still answered.

        They have what is left of the stop's limit, but for what is to be spared for later steps.
        """
        await self._backend.stop_delivering(max(self._limit.left() - spare, timedelta(0)))

    def left_to_stop(self) -> timedelta:
        """What is left of the time that all steps of a stop have together; it begins with the first."""
        return self._limit.left()

    def left_alone(self, limit: int) -> list[QueueName]:
        """Up to `limit` queues that stand where queues were imported, and were not."""
        return self._backend.beside_imported(limit)

    async def list_jobs(self) -> list[jobs_messages.Job]:
        """All jobs that it has."""
        everywhere = ListLocationsRequest(name="projects/-")
        jobs: list[jobs_messages.Job] = []
        async for page in self._pages(f"/{locations.SERVICE}/ListLocations", everywhere):
            for location in page.locations:
                of_location = jobs_messages.ListJobsRequest(parent=location.name)
                async for jobs_page in self._pages(f"/{jobs_names.SERVICE}/ListJobs", of_location):
                    jobs += jobs_page.jobs
        return jobs

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` for each event from now on."""
        self._backend.events.subscribe(subscriber)

    async def _pages(self, path: str, request: Any) -> AsyncGenerator[Any]:
        while True:
            page = await self._backend.calls.call(path, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


@asynccontextmanager
async def emulating(settings: PortSettings, *, clock: Clock | None = None) -> AsyncGenerator[Emulator]:
    """Serves gRPC and HTTP at one address, and delivers, inside of the block, by the machine's clock or by `clock`.

    `SetupError` for a port that is in use; `StoreError` for a database that cannot be used.
    """
    with ExitStack() as opened:
        # Before the database is opened, and before anything is delivered that another service at this port may have.
        sockets = [opened.enter_context(sock) for sock in await bind(settings.host, settings.port)]
        async with _serving(settings, sockets, clock) as emulator:
            yield emulator


@asynccontextmanager
async def _serving(
    settings: PortSettings, sockets: list[socket.socket], clock: Clock | None
) -> AsyncGenerator[Emulator]:
    limit = StopLimit(settings.grace_period)
    if settings.issuer is None:
        settings = replace(settings, issuer=f"http://{_address(settings.host, sockets[0].getsockname()[1])}")
    clock = clock or settings.clock
    admin_token = settings.admin_token or secrets.token_urlsafe(24)
    given = settings.given_queues
    backend = Backend(settings, lambda: Targets(tokens=backend.tokens), clock=clock, given=given)
    await backend.start()
    try:
        guard = AdminGuard(admin_token, asks_always=not is_loopback(settings.host))
        admin = admin_routes(backend.idle_waits, backend.reset, clock, guard)
        limits = ListenerLimits()
        budget = limits.budget()
        results = ResultCalls(backend.results, backend.calls.handle)
        async with protocol_factory(_web_app(backend, settings, admin, limits, budget), grace=limit.left) as http1:
            listener = await Listener.start(
                settings.host, settings.port, results.handle, http1, limits, budget=budget, sockets=sockets
            )
            try:
                yield Emulator(backend, listener, limit, admin_token)
            finally:
                # Before the listener: what is under way may want to enqueue.
                await backend.stop_delivering(limit.left())
                await listener.stop(max(limit.left(), _CALLS_HAVE), backend.settle)
    finally:
        await backend.stop(limit.left())


def _web_app(
    backend: Backend,
    settings: PortSettings,
    admin: Sequence[web.AbstractRouteDef],
    limits: ListenerLimits,
    budget: Budget,
) -> web.Application:
    """What the port serves over HTTP/1.1. Another part is a file in `gcptasks.web`, and its routes are named here."""
    bodies = BodyLimits(request=limits.message, memory_within=limits.memory_within, transfer=limits.request)
    routes = [
        *health_routes(lambda: backend.delivers),
        *discovery_routes(backend.tokens.issuer, backend.tokens.key_set),
        *buffer_routes(backend.buffer_task, budget, bodies),
        *rest_routes(backend.calls, budget, bodies),
        *admin,
        *published_routes(lambda: ((one.topic, one.data, one.attributes) for one in backend.published.messages())),
    ]
    return make_app(routes, services=rest_services(), hosts=settings.host_names())


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
