"""The clients of those who bring none: real Google, or the emulator that the environment names."""

import asyncio
from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import Any, Generic, TypeVar

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.per_loop import PerLoop
from gcptasks.client.api import Api

Client = TypeVar("Client")
AsyncClient = TypeVar("AsyncClient")


class DefaultClient(Generic[Client]):
    """The client of those who bring none: made when first needed, then kept."""

    def __init__(self, api: Api[Client, Any]) -> None:
        self._api = api
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Have no client yet: gRPC's channels do not work in a child."""
        self._client: Client | None = None
        self._lock = Lock()

    def get(self) -> Client:
        """The client, the same for all threads."""
        with self._lock:
            if self._client is None:
                self._client = self._api.make_client(self._api.emulator())
            return self._client


class _Same(dict[Callable[[], object], AsyncClient]):
    """The same client, whatever factory is asked for."""

    def __init__(self, client: AsyncClient) -> None:
        super().__init__()
        self._client = client

    def __missing__(self, factory: Callable[[], object]) -> AsyncClient:
        return self._client


class AsyncClients(Generic[AsyncClient]):
    """The clients of one builder: for each running loop one of each factory."""

    def __init__(self, api: Api[Any, AsyncClient]) -> None:
        self._api = api
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Have no clients yet: those of the parent's loops do not work in a child."""
        self._made = self._own = PerLoop[dict[Callable[[], object], AsyncClient]](dict)

    def stand_in(self, client: AsyncClient | None) -> None:
        """Give that client to everyone; with None, one's own again."""
        if client is None:
            self._made = self._own
        else:
            self._made = PerLoop[dict[Callable[[], object], AsyncClient]](lambda: _Same(client))

    def get(self, factory: Callable[[], object] | None) -> AsyncClient:
        """The running loop's client of that factory; without one, the default client."""
        made = self._made.get()
        factory = factory or self._default
        try:
            return made[factory]
        except KeyError:
            client = made[factory] = self._of(factory)
            return client

    @cached_property
    def _emulator(self) -> str | None:
        return self._api.emulator()

    def _default(self) -> AsyncClient:
        return self._api.make_async_client(self._emulator)

    def _of(self, factory: Callable[[], object]) -> AsyncClient:
        client = factory()
        kind = self._api.async_client
        if kind.owns(client):
            return client
        if asyncio.iscoroutine(client):
            client.close()
        raise TypeError(f"the client factory returned a {type(client).__name__}, not a {kind.name}")
