"""What the port serves over HTTP/1.1: the routes of all its parts in one application.

A part is a file of this room with a function that gives its routes, as `health.py` does. `server/emulator.py` says
which parts there are; nothing here knows any of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gcptasks.web.callers import refuse_web_pages


def make_app(
    routes: Iterable[web.AbstractRouteDef], *, services: Mapping[str, Sequence[str]], hosts: Iterable[str] = ()
) -> web.Application:
    """The application of these routes, at local names and at `hosts`. Where nothing is, it says what there is.

    `services`: what the port serves over gRPC, and what the paths of each begin with over REST.
    """
    app = web.Application()
    app.add_routes(routes)
    app.middlewares.append(refuse_web_pages(hosts))
    app.middlewares.append(_explain_unmapped("\n".join(_what_is_here(app.router, services))))
    return app


def _what_is_here(router: web.UrlDispatcher, services: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield "This port serves over gRPC, and over REST at Google's paths:"
    for service, prefixes in services.items():
        yield f"  {service} ({', '.join(f'{prefix}…' for prefix in prefixes)})"
    yield "and over HTTP:"
    for route in router.routes():
        # Who adds GET has HEAD as well, which goes without saying. REST, with any method, is there already.
        if route.resource is not None and route.method not in (hdrs.METH_HEAD, hdrs.METH_ANY):
            yield f"  {route.method} {route.resource.canonical}"


def _explain_unmapped(what_is_here: str) -> Middleware:
    @web.middleware
    async def explain_unmapped(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Say what is here where nothing is: 404 with a plain text, for a method too that a path does not have.

        Google sends an HTML page, which is not the service's but a gateway's (CT-L14).
        """
        try:
            return await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            text = f"There is nothing at {request.method} {request.path}.\n{what_is_here}\n"
            return web.Response(status=404, text=text)

    return explain_unmapped
