"""Google's clients on the service of this process: no network, and no thread between."""

from typing import Any, TypeVar

from gcptasks.client.api import Api
from gcptasks.client.transport import async_client_over, client_over
from gcptasks.service.calls import Calls

Client = TypeVar("Client")
AsyncClient = TypeVar("AsyncClient")

_HOST = "in-process"


def client(api: Api[Client, Any], calls: Calls) -> Client:
    """Google's client of that API. It may be used from any thread."""
    return client_over(api, calls.call_sync, _HOST)


def async_client(api: Api[Any, AsyncClient], calls: Calls) -> AsyncClient:
    """Google's async client of that API. It may be used on any event loop."""
    return async_client_over(api, calls.call, _HOST)
