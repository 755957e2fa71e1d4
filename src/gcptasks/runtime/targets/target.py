"""The seam between the dispatcher and whatever carries an attempt to its worker."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Protocol

from gcptasks.base.frozen import frozen
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import Reply


class NotSent(asyncio.CancelledError):
    """The attempt was cancelled before anything of it was sent."""


class NotWanted(Exception):
    """The attempt waited before it was sent, and meanwhile nobody wants it any more."""


IsWanted = Callable[[], bool]


def always() -> bool:
    """An attempt that is wanted in any case."""
    return True


class Target(Protocol):
    """Carries attempts to workers."""

    async def send(self, request: Outgoing, on_reply: Callable[[Reply], None], wanted: IsWanted = always) -> None:
        """Deliver, and tell `on_reply` once how the attempt ended; raises nothing for what the worker did.

        An attempt may wait before it is sent, and count against nothing: cancelled then, this raises `NotSent`. After
        a wait it asks whether the attempt is still `wanted`, and raises `NotWanted` if it is not.
        What a worker of this process does after its response, as background tasks do, goes on until this returns.
        """
        ...

    async def close(self) -> None:
        """Let go of connections. A second call does nothing."""
        ...


@frozen(kw_only=True)
class HopReply(Reply):
    """How one hop of an attempt ended; a redirect is a response of its own here."""

    location: str | None = None
    """The `Location` header."""
    until: float = 0.0
    """When the deadline of the attempt ends, a time of the loop; with a `location` only."""


@lru_cache(maxsize=512)
def plain(status: int) -> HopReply:
    """The response that is nothing but its status, as nearly all are: made once."""
    return HopReply(status=status)


OnReply = Callable[[HopReply], None]


def late(deadline: timedelta) -> HopReply:
    """The response that stands for none within the deadline (CT-312)."""
    return HopReply(status=504, reason=f"no answer within {deadline.total_seconds():.6g} s")


def unusable(error: Exception) -> HopReply:
    """The response that stands for no usable one (CT-313)."""
    return HopReply(status=0, reason=str(error))


def retry_after(value: bytes) -> timedelta | datetime | None:
    """What a `Retry-After` header asks for: a span, or an aware date; None when it is neither."""
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        # timedelta holds nine digits of days, and no one means more seconds than that.
        return timedelta(seconds=int(text)) if len(text) <= 9 else None
    try:
        when = parsedate_to_datetime(text)
        # A date with the zone "-0000" comes back naive, and is UTC.
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except Exception:  # whatever trips the parser over, or lies outside the calendar, is no date
        return None
