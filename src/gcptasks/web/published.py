"""What jobs have published, where no emulator of Pub/Sub was configured (CS-L7)."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence

from aiohttp import web

Message = tuple[str, bytes, Mapping[str, str]]
"""Topic, data and attributes."""


def published_routes(messages: Callable[[], Iterable[Message]]) -> Sequence[web.AbstractRouteDef]:
    """The messages, the oldest first, each in the form that Pub/Sub pushes them."""

    async def published(_: web.Request) -> web.Response:
        return web.json_response(
            [
                {"topic": topic, "message": {"data": b64encode(data).decode(), "attributes": dict(attributes)}}
                for topic, data, attributes in messages()
            ]
        )

    return [web.get("/published", published)]
