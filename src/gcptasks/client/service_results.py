"""The store of results of the local service on its port: the one that `CLOUD_TASKS_EMULATOR_HOST` names."""

import asyncio
import math
import time
from collections.abc import Collection
from datetime import timedelta
from threading import Lock, Semaphore
from typing import TYPE_CHECKING, Any, TypeVar

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.per_loop import PerLoop
from gcptasks.client.api import CHANNEL_OPTIONS, TASKS
from gcptasks.engine.task_records import Event, TaskRecord
from gcptasks.results import messages
from gcptasks.results.store import (
    KEEP,
    MAX_BYTES,
    AsyncStore,
    Attempt,
    BlockingStore,
    Change,
    NewRecord,
    Page,
    Query,
    StoreSettings,
)

if TYPE_CHECKING:
    import grpc
    import grpc.aio

T = TypeVar("T")

_MOST_BYTES = 3_000_000
"""Of a result: a message may have 4 MiB, and in base64 each three bytes are four."""
_TIMEOUT = 20.0
"""Seconds for a call, and for a wait beyond what it waits."""
_LONGEST_WAIT = 20.0
"""Seconds of one call that waits. Whoever waits for longer calls again."""
_AT_ONCE = 100
"""Calls on a connection at a time. It takes 256, among which it still counts what it has just answered, and refuses
what is more."""
_MANY = 200
"""The same of calls that wait; where there are so many, each waits for a second, and the next has its turn."""
_OPTIONS = (
    # A service that was started again is found within a second.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # What an attempt to connect may take, whatever its name says. A busy service needs more than a moment.
    ("grpc.min_reconnect_backoff_ms", 5000),
)


class ServiceResults:
    """What becomes of tasks, kept by the local service on its port: give it to builders as `results=`.

    The service is the one that `CLOUD_TASKS_EMULATOR_HOST` names when this is made; `ValueError` if none is named.
    `expires_after`: how long a task can be asked about after it was made, started anew or finished.
    `max_bytes`: how large a result may be, 3,000,000 at most. A larger one makes its task fail.
    `tracebacks`: keep the tracebacks of errors as well.
    """

    def __init__(
        self, *, expires_after: timedelta = KEEP, max_bytes: int = MAX_BYTES, tracebacks: bool = False
    ) -> None:
        self.settings = StoreSettings(expires_after=expires_after, max_bytes=max_bytes, tracebacks=tracebacks)
        if max_bytes > _MOST_BYTES:
            raise ValueError(
                f"max_bytes of ServiceResults can be {_MOST_BYTES:,} at most, for that is what its port takes of a "
                f"result, not {max_bytes:,}"
            )
        address = TASKS.emulator()
        if address is None:
            raise ValueError(
                f"ServiceResults() is for a local service on a port: set {TASKS.variable} to its address, such as "
                "localhost:8123; fastapi-gcp-tasks dev does so for the application that it runs. With "
                "results=ServiceResults, without parentheses, it is made when it is first needed"
            )
        self._address = address
        self.begin_anew()
        begin_anew_in_children(self)

    @property
    def remote(self) -> bool:
        return True

    def blocking(self) -> BlockingStore:
        return self._blocking

    def awaiting(self) -> AsyncStore:
        return self._loops.get()

    def begin_anew(self) -> None:
        """Have no connections yet: gRPC's channels do not work in a child."""
        self._blocking = _Blocking(self._address, self.settings.expires_after)
        self._loops = PerLoop(lambda: _Awaiting(self._address, self.settings.expires_after))


class _Blocking:
    """The calls that block."""

    def __init__(self, address: str, keep: timedelta) -> None:
        self._keep = keep
        self._calls = _Connection(address, _AT_ONCE)
        self._waits = _Connection(address, _MANY)
        """One of its own, so that calls that wait hold up no others."""
        self._waiting = 0

    def add(self, record: NewRecord) -> TaskRecord:
        return self._calls.call(messages.ADD, record, self._keep)

    def add_many(self, records: Collection[NewRecord]) -> None:
        self._calls.call(messages.ADD_MANY, list(records), self._keep)

    def get(self, id: str) -> TaskRecord | None:
        return self._calls.call(messages.GET, id)

    def change(self, id: str, run: int, event: Event) -> Change | None:
        return self._calls.call(messages.CHANGE, id, run, messages.named(event))

    def hear(self, attempts: Collection[Attempt]) -> None:
        self._calls.call(messages.HEAR, list(attempts))

    def cancelled(self, attempts: Collection[Attempt]) -> set[Attempt]:
        return self._calls.call(messages.CANCELLED, list(attempts))

    def find(self, query: Query) -> Page:
        return self._calls.call(messages.FIND, query)

    def remove(self, id: str) -> bool:
        return self._calls.call(messages.REMOVE, id)

    def wait(self, id: str, version: int, timeout: float) -> None:
        until = time.monotonic() + timeout
        self._waiting += 1
        try:
            while (left := until - time.monotonic()) > 0:
                if self._waits.call(messages.WAIT, id, version, _span(left, self._waiting)):
                    return
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._calls.close()
        self._waits.close()


class _Awaiting:
    """The same, awaited, on one event loop."""

    def __init__(self, address: str, keep: timedelta) -> None:
        self._keep = keep
        self._calls = _AsyncConnection(address, _AT_ONCE)
        self._waits = _AsyncConnection(address, _MANY)
        self._waiting: dict[tuple[str, int], asyncio.Task[bool]] = {}
        """One call for all who wait for the same."""

    async def add(self, record: NewRecord) -> TaskRecord:
        return await self._calls.call(messages.ADD, record, self._keep)

    async def add_many(self, records: Collection[NewRecord]) -> None:
        await self._calls.call(messages.ADD_MANY, list(records), self._keep)

    async def get(self, id: str) -> TaskRecord | None:
        return await self._calls.call(messages.GET, id)

    async def change(self, id: str, run: int, event: Event) -> Change | None:
        return await self._calls.call(messages.CHANGE, id, run, messages.named(event))

    async def hear(self, attempts: Collection[Attempt]) -> None:
        await self._calls.call(messages.HEAR, list(attempts))

    async def cancelled(self, attempts: Collection[Attempt]) -> set[Attempt]:
        return await self._calls.call(messages.CANCELLED, list(attempts))

    async def find(self, query: Query) -> Page:
        return await self._calls.call(messages.FIND, query)

    async def remove(self, id: str) -> bool:
        return await self._calls.call(messages.REMOVE, id)

    async def wait(self, id: str, version: int, timeout: float) -> None:
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            waiting = self._wait(id, version)
            done, _ = await asyncio.wait((waiting,), timeout=left)
            if done and waiting.result():
                return

    async def close(self) -> None:
        waiting = list(self._waiting.values())
        for one in waiting:
            one.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await self._calls.close()
        await self._waits.close()

    def _wait(self, id: str, version: int) -> "asyncio.Task[bool]":
        waiting = self._waiting.get((id, version))
        if waiting is None:
            call = self._waits.call(messages.WAIT, id, version, _span(math.inf, len(self._waiting)))
            waiting = self._waiting[id, version] = asyncio.get_running_loop().create_task(call)
            waiting.add_done_callback(lambda done: self._waited((id, version), done))
        return waiting

    def _waited(self, key: tuple[str, int], waiting: "asyncio.Task[bool]") -> None:
        self._waiting.pop(key, None)
        if not waiting.cancelled():
            waiting.exception()  # those who wait are told; there may be none any more


def _span(seconds: float, waiting: int) -> float:
    """For how long one call waits, if so many do."""
    return min(seconds, _LONGEST_WAIT if waiting < _MANY else 1.0)


class _Connection:
    """A connection to the service, opened by its first call."""

    def __init__(self, address: str, at_once: int) -> None:
        self._address = address
        self._lock = Lock()
        self._places = Semaphore(at_once)
        self._channel: grpc.Channel | None = None

    def call(self, call: messages.Call[T], *arguments: Any) -> T:
        from grpc import RpcError

        channel: Any = self._open()
        rpc = channel.unary_unary(call.path)
        try:
            with self._places:
                answer = rpc(call.write_arguments(*arguments), timeout=_timeout(call))
        except RpcError as error:
            raise _as_google(error) from error
        return call.read_answer(answer)

    def close(self) -> None:
        with self._lock:
            channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _open(self) -> "grpc.Channel":
        import grpc

        with self._lock:
            if self._channel is None:
                self._channel = grpc.insecure_channel(self._address, options=(*CHANNEL_OPTIONS, *_OPTIONS))
            return self._channel


class _AsyncConnection:
    """The same, awaited."""

    def __init__(self, address: str, at_once: int) -> None:
        self._address = address
        self._places = asyncio.Semaphore(at_once)
        self._channel: grpc.aio.Channel | None = None

    async def call(self, call: messages.Call[T], *arguments: Any) -> T:
        from grpc import RpcError

        channel: Any = self._open()
        rpc = channel.unary_unary(call.path)
        try:
            async with self._places:
                answer = await rpc(call.write_arguments(*arguments), timeout=_timeout(call))
        except RpcError as error:
            raise _as_google(error) from error
        return call.read_answer(answer)

    async def close(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    def _open(self) -> "grpc.aio.Channel":
        import grpc.aio

        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self._address, options=(*CHANNEL_OPTIONS, *_OPTIONS))
        return self._channel


def _timeout(call: messages.Call[Any]) -> float:
    return _TIMEOUT + _LONGEST_WAIT if call is messages.WAIT else _TIMEOUT


def _as_google(error: Exception) -> Exception:
    from google.api_core import exceptions

    google: Any = exceptions  # not all of it is typed
    made: Exception = google.from_grpc_error(error)
    # As other stores do: the message itself is well-formed, so it is a value that no store takes.
    return ValueError(str(made)) if isinstance(made, exceptions.InvalidArgument) else made
