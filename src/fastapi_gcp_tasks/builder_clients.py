"""The clients of one builder's calls: those that its users give, and the default one."""

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

from gcptasks.base.stand_ins import StandIn, replaceable
from gcptasks.client.api import Api
from gcptasks.client.default_clients import AsyncClients, DefaultClient

Client = TypeVar("Client")
AsyncClient = TypeVar("AsyncClient")


class BuilderClients(Generic[Client]):
    """The clients of a sync builder."""

    def __init__(self, api: Api[Client, Any], builder: str) -> None:
        self.default = DefaultClient(api)
        self.replaced: Client | None = None
        """The client of a test that is under way: it takes the place of all others."""
        self._api = api
        self._builder = builder
        replaceable(self)

    def stand_in(self, service: StandIn | None) -> None:
        """Use the client of that service for all calls; or one's own again."""
        self.replaced = None if service is None else service.client(self._api)

    def check(self, client: object) -> None:
        """`TypeError` unless it is None or a client that this builder can use."""
        sync, twin = self._api.client, self._api.async_client
        if client is not None and not sync.owns(client):
            raise TypeError(
                f"{self._builder} takes a {sync.name} itself, not {client!r}; "
                f"a {twin.name}, or a factory of one, is for Async{self._builder}"
            )

    def get(self, given: Client | None) -> Client:
        """The client of a call that was given this one, or none."""
        if self.replaced is not None:
            return self.replaced
        return self.default.get() if given is None else given


class AsyncBuilderClients(Generic[AsyncClient]):
    """The clients of the async builder that is the twin of this builder."""

    def __init__(self, api: Api[Any, AsyncClient], builder: str) -> None:
        self._clients = AsyncClients(api)
        self._replaced: AsyncClient | None = None
        self._api = api
        self._builder = builder
        replaceable(self)

    def stand_in(self, service: StandIn | None) -> None:
        """Use the client of that service for all calls; or one's own again."""
        self._replaced = None if service is None else service.async_client(self._api)
        self._clients.stand_in(self._replaced)

    def check(self, client: object) -> None:
        """`TypeError` unless it is None, a client, or what may be a factory of one, that this builder can use."""
        sync, twin = self._api.client, self._api.async_client
        # Asked before "is it a factory": a mock of the wrong client is callable as well.
        if sync.owns(client) or not (client is None or twin.owns(client) or callable(client)):
            raise TypeError(
                f"Async{self._builder} takes a {twin.name} or a factory of one, not {client!r}; "
                f"a {sync.name} is for {self._builder}"
            )

    def getter(self, given: Any) -> Callable[[], AsyncClient]:
        """What gets the running loop's client of calls that were given this one, or this factory, or none."""
        if self._api.async_client.owns(given):
            return lambda: given if self._replaced is None else self._replaced
        return partial(self._clients.get, given)
