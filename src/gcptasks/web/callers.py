"""Which requests are refused because a web page may have made them.

Any page that somebody looks at can send requests to localhost. Its browser names the page's site as Origin, and sends
JSON to another site only if that one agrees, which this service never does. A page can also let the name of its own
site lead here (DNS rebinding): then the Host is that name. So a Host is accepted if nobody can have it as a site's: an
address, a name without a dot, a name that is reserved for local use, or one that was given at the start.
"""

import re
from collections.abc import Iterable
from ipaddress import ip_address
from socket import gethostname
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from gcptasks.base.log_text import log_text

_HOST = re.compile(r"(\[(?P<address>[^\]]+)\]|(?P<name>[^:@/\[\]]+))(:\d+)?")
_LOCAL = re.compile(r"[^.]+|(.+\.)?(localhost|local|internal|test|home\.arpa)")
"""Names that are reserved: by RFC 6761, RFC 6762 and RFC 8375, and by ICANN `internal`."""

_WITHOUT_ASKING = {"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}
"""What a page may send to another site without asking it."""


def refuse_web_pages(names: Iterable[str]) -> Middleware:
    """Refuses what the page of another site may have sent; `names` are accepted as Host as well."""
    accepted = {name.lower() for name in (*names, gethostname())}

    @web.middleware
    async def refuse(request: web.Request, handler: Handler) -> web.StreamResponse:
        return (
            _refused_host(request, accepted)
            or _refused_origin(request)
            or _refused_content(request)
            or await handler(request)
        )

    return refuse


def _refused_host(request: web.Request, accepted: set[str]) -> web.Response | None:
    for host in request.headers.getall("Host", ()):
        found = _HOST.fullmatch(host)
        name = (found["address"] or found["name"]).rstrip(".").lower() if found else ""
        if not (name in accepted or _LOCAL.fullmatch(name) or _is_address(name)):
            what_to_do = f" If it is one, start the service with --allowed-host {name}." if name else ""
            return _refused(403, f"{host!r} is not known to be a name of this service.{what_to_do}")
    return None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _refused_origin(request: web.Request) -> web.Response | None:
    # Not what the request line may have in place of Host: that is not checked, and no browser sends it.
    hosts = {host.lower() for host in request.headers.getall("Host", ())}
    for origin in request.headers.getall("Origin", ()):
        if _authority(origin).lower() not in hosts:
            return _refused(
                403, f"The web page of another site, {origin}, may not use this service. Call it from a program."
            )
    return None


def _authority(origin: str) -> str:
    """The host and port of it; empty if it has none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _refused_content(request: web.Request) -> web.Response | None:
    named = request.headers.get("Content-Type", "") and request.content_type
    if named == "application/json" or not (request.can_read_body or named in _WITHOUT_ASKING):
        return None
    if request.path.endswith(":buffer"):  # the body of a task, in any form for which a page has to ask
        if named and named not in _WITHOUT_ASKING:
            return None
        return _refused(415, "A task's body needs a Content-Type that no web page may send, such as application/json.")
    return _refused(415, "The body of a request must be JSON: send it with Content-Type: application/json.")


def _refused(status: int, sentence: str) -> web.Response:
    # Escaped, since a header may have bytes that no text can be written with.
    return web.Response(status=status, text=f"{log_text(sentence)}\n")
