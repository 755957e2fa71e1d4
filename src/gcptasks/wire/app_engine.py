"""App Engine's routing as a message and back: each API has a class of its own for it, with the same members."""

from typing import Protocol

from gcptasks.base.names import LocationName
from gcptasks.engine import app_engine
from gcptasks.engine.model import AppEngineRouting


class RoutingMessage(Protocol):
    """The `AppEngineRouting` of any API."""

    service: str
    version: str
    instance: str
    host: str


def routing(message: RoutingMessage) -> AppEngineRouting:
    """The routing as sent; its `host` is for the service to fill in."""
    return AppEngineRouting(service=message.service, version=message.version, instance=message.instance)


def put_routing(message: RoutingMessage, routing: AppEngineRouting, location: LocationName) -> None:
    """Set the message to that routing, with the host that it leads to (CT-123)."""
    message.service = routing.service
    message.version = routing.version
    message.instance = routing.instance
    message.host = app_engine.host(routing, location)
