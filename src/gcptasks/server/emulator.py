"""The local service on a port, for any client in any language."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from gcptasks.base.errors import AlreadyExists
from gcptasks.base.events import Subscriber
from gcptasks.base.names import QueueName, parse_queue
from gcptasks.engine.quotas import Quotas
from gcptasks.rpc.listener import Listener
from gcptasks.runtime.targets.router import Targets
from gcptasks.server.backend import Backend
from gcptasks.service.policy import Policy
from gcptasks.store.location import parse_location
from gcptasks.web.app import make_app
from gcptasks.web.http1 import protocol_factory
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks.names import SERVICE

_GRACE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """How the service is run."""

    host: str = "localhost"
    port: int = 8123
    """0: any free port."""
    database: str = ":memory:"
    queues: tuple[str, ...] = ()
    """Full names of queues that are there from the start."""
    create_queues: bool = False
    quotas: Quotas = Quotas.GOOGLE


class Emulator:
    """The service that runs in an `emulating` block."""

    def __init__(self, service: Backend, listener: Listener) -> None:
        self._service = service
        self.host = listener.host
        self.port = listener.port

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`; an IPv6 address stands in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def delivers(self) -> bool:
        """Whether this process delivers, or waits until the one that does has ended."""
        return self._service.delivers

    async def stop_delivering(self) -> None:
        """Start no more attempts and finish those under way, within a limit. Calls are still answered."""
        await self._service.stop_delivering(_GRACE)

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call `subscriber` for each event from now on."""
        self._service.events.subscribe(subscriber)


@asynccontextmanager
async def emulating(config: Config) -> AsyncGenerator[Emulator]:
    """Serves gRPC and HTTP at one address, and delivers, inside of the block.

    `ValueError` or `InvalidArgument` for a malformed database or queue, before anything is started; `SetupError` for
    a port that is in use; `StoreError` for a database that cannot be used.
    """
    queues = [parse_queue(name) for name in config.queues]
    policy = Policy(quotas=config.quotas, create_queues=config.create_queues)
    service = Backend(parse_location(config.database), policy)
    await service.start(Targets())
    try:
        for queue in queues:
            await _ensure(service, queue)
        async with protocol_factory(make_app(lambda: service.delivers), grace=_GRACE) as web:
            listener = await Listener.start(config.host, config.port, service.calls.handle, web)
            try:
                yield Emulator(service, listener)
            finally:
                # Before the listener: what is under way may want to enqueue.
                await service.stop_delivering(_GRACE)
                await listener.stop(_GRACE)
    finally:
        await service.stop(_GRACE)


async def _ensure(service: Backend, queue: QueueName) -> None:
    request = messages.CreateQueueRequest(parent=str(queue.location), queue=messages.Queue(name=str(queue)))
    try:
        await service.calls.call(f"/{SERVICE}/CreateQueue", request)
    except AlreadyExists:
        pass
