"""What a test kit replaces while it is in use, whoever made it, and wherever it is kept.

Clients of Google's, the queues that were created already, stores of results: what holds such a thing adds itself here
when it is made. So a kit finds all of them, and those that are made later find the kit.
"""

import weakref
from typing import Any, Protocol

from gcptasks.base.errors import SetupError


class StandIn(Protocol):
    """The service that a test uses, in the place of whatever was configured."""

    def client(self, api: Any) -> Any:
        """Its client of that `gcptasks.client.api.Api`."""
        ...

    def async_client(self, api: Any) -> Any:
        """The same, async, for any event loop."""
        ...

    def results(self, settings: Any) -> Any:
        """Its store of results, with these `StoreSettings`."""
        ...


class Replaceable(Protocol):
    """What holds something that is replaced."""

    def stand_in(self, service: StandIn | None) -> None:
        """Use what that service has from now on; with None, what was there before."""
        ...


_all: "weakref.WeakSet[Replaceable]" = weakref.WeakSet()
_replaced: "weakref.WeakSet[Replaceable]" = weakref.WeakSet()
_service: StandIn | None = None


def replaceable(one: Replaceable) -> None:
    """Have it use the service of whichever test is under way while it exists."""
    _all.add(one)
    if _service is not None:
        _replace(one, _service)


def in_use() -> bool:
    """Whether a service stands in now."""
    return _service is not None


def use(service: StandIn) -> None:
    """Let this service stand in for everything; `SetupError` if another one does."""
    global _service
    if _service is not None:
        raise SetupError("a test kit is in use already: leave its block before another one begins")
    _service = service
    try:
        for one in list(_all):
            _replace(one, service)
    except BaseException:
        use_none()
        raise


def use_none() -> None:
    """Let everything be as it was."""
    global _service
    _service = None
    while _replaced:
        _replaced.pop().stand_in(None)


def _replace(one: Replaceable, service: StandIn) -> None:
    if one not in _replaced:
        one.stand_in(service)
        _replaced.add(one)
