"""What the port serves over HTTP/1.1: an application to which each part adds its routes."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gcptasks import __version__

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(delivers: Callable[[], bool]) -> web.Application:
    """The application, with `GET /health`, which says among others whether this process `delivers`."""

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "version": __version__, "delivers": delivers()})

    app = web.Application(middlewares=[_explain_unmapped])
    app.router.add_get("/health", health)
    return app


@web.middleware
async def _explain_unmapped(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say what is here where nothing is: 404 with a plain text (CT-L14), for a method too that a path does not have."""
    if request.match_info.http_exception is None:
        return await handler(request)
    return web.Response(status=404, text=_UNMAPPED.format(method=request.method, path=request.path))


_UNMAPPED = """\
There is nothing at {method} {path}.
This port serves google.cloud.tasks.v2 over gRPC, and GET /health over HTTP.
"""
