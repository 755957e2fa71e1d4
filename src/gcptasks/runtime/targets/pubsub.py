"""Where jobs publish: an emulator of Pub/Sub, or a list that tests can read (CS-L7)."""

import json
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.job_delivery import PUBSUB
from gcptasks.engine.model import Reply
from gcptasks.runtime.targets.target import IsWanted, Target, always

_KEPT = 10_000
_KEPT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PublishedMessage:
    """A message that a job published."""

    topic: str
    """`projects/P/topics/T`."""
    data: bytes
    attributes: Mapping[str, str]

    @property
    def size(self) -> int:
        """Bytes of its data and attributes."""
        return len(self.data) + sum(len(name) + len(value) for name, value in self.attributes.items())


class Published:
    """The messages that jobs published while no emulator of Pub/Sub was configured.

    The newest 10,000 of them, as far as these have no more than 16 MiB.
    """

    def __init__(self) -> None:
        self._messages: deque[PublishedMessage] = deque()
        self._size = 0

    def add(self, request: Outgoing) -> None:
        """Keep what that request publishes."""
        topic = unquote(request.url.removeprefix(PUBSUB).removesuffix(":publish"))
        for message in json.loads(request.body)["messages"]:
            data, attributes = b64decode(message.get("data", "")), message.get("attributes", {})
            self._keep(PublishedMessage(topic, data, attributes))

    def messages(self) -> list[PublishedMessage]:
        """All that are kept, the oldest first."""
        return list(self._messages)

    def clear(self) -> None:
        """Forget them."""
        self._messages.clear()
        self._size = 0

    def _keep(self, message: PublishedMessage) -> None:
        self._messages.append(message)
        self._size += message.size
        while len(self._messages) > _KEPT or self._size > _KEPT_BYTES:
            self._size -= self._messages.popleft().size


class PubsubTarget:
    """Publishes what is for Pub/Sub, and leaves all else to `others`."""

    def __init__(self, others: Target, emulator: str | None, published: Published) -> None:
        self._others = others
        self._emulator = emulator
        self._published = published

    async def send(self, request: Outgoing, on_reply: Callable[[Reply], None], wanted: IsWanted = always) -> None:
        if not request.url.startswith(PUBSUB):
            await self._others.send(request, on_reply, wanted)
        elif self._emulator is not None:
            url = f"http://{self._emulator}/v1/{request.url.removeprefix(PUBSUB)}"
            await self._others.send(replace(request, url=url), on_reply, wanted)
        else:
            self._published.add(request)
            on_reply(Reply(status=200))

    async def close(self) -> None:
        await self._others.close()
