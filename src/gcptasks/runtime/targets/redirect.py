"""Where a redirect leads (CT-178)."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urljoin

from gcptasks.base.errors import Unreachable
from gcptasks.engine.delivery import Outgoing
from gcptasks.runtime.targets.address import parse_url
from gcptasks.runtime.targets.target import HopReply

MOST_REDIRECTS = 5
_CODES = {301, 302, 303, 307, 308}
_KEEPING = {307, 308}
_CREDENTIALS = {"authorization", "cookie"}


def next_request(request: Outgoing, response: HopReply) -> Outgoing | None:
    """The request that follows a redirect; None when the response is no redirect that can be followed.

    As HTTP clients do (RFC 9110, 15.4): a POST becomes a GET after 301 and 302, and anything but HEAD after 303;
    307 and 308 keep method and body. Credentials do not follow to another origin.
    """
    if response.status not in _CODES or response.location is None or not request.follows_redirects:
        return None
    url = _target(request.url, response.location)
    if url is None:
        return None
    if parse_url(url).origin != parse_url(request.url).origin:
        request = replace(_without(request, lambda name: name in _CREDENTIALS), host="")
    if response.status in _KEEPING or not _becomes_get(request.method, response.status):
        return replace(request, url=url)
    request = _without(request, lambda name: name.startswith("content-"))
    return replace(request, url=url, method="GET", body=b"")


def _target(url: str, location: str) -> str | None:
    try:
        target = urljoin(url, location)
        parse_url(target)
    except (Unreachable, ValueError):
        return None
    return target


def _becomes_get(method: str, status: int) -> bool:
    return method == "POST" or (status == 303 and method not in ("GET", "HEAD"))


def _without(request: Outgoing, dropped: Callable[[str], bool]) -> Outgoing:
    return replace(request, headers=[(name, value) for name, value in request.headers if not dropped(name.lower())])
