"""Whether the service is up, for those who start it and for load balancers."""

from collections.abc import Callable, Sequence

from aiohttp import web

from gcptasks import __version__


def health_routes(delivers: Callable[[], bool]) -> Sequence[web.AbstractRouteDef]:
    """`GET /health`, which says among others whether this process `delivers`."""

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "version": __version__, "delivers": delivers()})

    return [web.get("/health", health)]
