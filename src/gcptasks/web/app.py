"""What the port serves over HTTP/1.1: the routes of all its parts in one application.

A part is a file of this room with a function that gives its routes, as `health.py` does. `server/emulator.py` says
which parts there are; nothing here knows any of them.
"""

from collections.abc import Iterable, Iterator

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


def make_app(routes: Iterable[web.AbstractRouteDef], *, services: Iterable[str]) -> web.Application:
    """The application of these routes. Where nothing is, it names them, and the `services` of this port's gRPC."""
    app = web.Application()
    app.add_routes(routes)
    app.middlewares.append(_explain_unmapped("\n".join(_what_is_here(app.router, services))))
    return app


def _what_is_here(router: web.UrlDispatcher, services: Iterable[str]) -> Iterator[str]:
    yield "This port serves over gRPC:"
    yield from (f"  {service}" for service in services)
    yield "and over HTTP:"
    for route in router.routes():
        # Who adds GET has HEAD as well, which goes without saying.
        if route.resource is not None and route.method != "HEAD":
            yield f"  {route.method} {route.resource.canonical}"


def _explain_unmapped(what_is_here: str) -> Middleware:
    @web.middleware
    async def explain_unmapped(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Say what is here where nothing is: 404 with a plain text, for a method too that a path does not have.

        Google sends an HTML page, which is not the service's but a gateway's (CT-L14).
        """
        if request.match_info.http_exception is None:
            return await handler(request)
        text = f"There is nothing at {request.method} {request.path}.\n{what_is_here}\n"
        return web.Response(status=404, text=text)

    return explain_unmapped
