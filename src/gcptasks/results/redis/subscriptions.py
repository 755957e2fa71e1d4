"""Redis tells of changes on a channel."""

from collections.abc import Iterable
from typing import Any

import redis
import redis.asyncio

from gcptasks.results.listening import AsyncSubscription, Heard

_SUBSCRIBES_WITHIN = 5.0


class Subscribed:
    """A subscription that blocks."""

    def __init__(self, client: redis.Redis, channel: str) -> None:
        self._pubsub = client.pubsub()
        try:
            self._pubsub.subscribe(channel)
            # Only what is published after it has answered is told.
            _check_answered(self._pubsub.get_message(timeout=_SUBSCRIBES_WITHIN))
        except BaseException:
            self.close()
            raise

    def heard(self, seconds: float) -> Iterable[Heard]:
        return _heard(self._pubsub.get_message(timeout=seconds))

    def close(self) -> None:
        self._pubsub.close()


async def subscribe(client: redis.asyncio.Redis, channel: str) -> AsyncSubscription:
    """A subscription of the running loop."""
    subscribed = _AsyncSubscribed(client)
    try:
        await subscribed.start(channel)
    except BaseException:
        await subscribed.close()
        raise
    return subscribed


class _AsyncSubscribed:
    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._pubsub: Any = client.pubsub()

    async def start(self, channel: str) -> None:
        await self._pubsub.subscribe(channel)
        _check_answered(await self._pubsub.get_message(timeout=_SUBSCRIBES_WITHIN))

    async def heard(self, seconds: float) -> Iterable[Heard]:
        return _heard(await self._pubsub.get_message(timeout=seconds))

    async def close(self) -> None:
        await self._pubsub.aclose()


def _check_answered(message: Any) -> None:
    if message is None or message["type"] != "subscribe":
        raise TimeoutError("Redis did not answer to a subscription")


def _heard(message: Any) -> Iterable[Heard]:
    if message is None or message["type"] != "message":
        return ()
    data = message["data"]
    id, _, version = (data.decode() if isinstance(data, bytes) else data).partition(" ")
    return [(id, int(version) if version.isdecimal() else None)]
