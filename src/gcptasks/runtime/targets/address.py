"""Where a URL leads: read once, the same for every target."""

import re
from base64 import b64encode
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import quote, unquote, unquote_to_bytes

from gcptasks.base.errors import Unreachable

_URL = re.compile(r"(https?)://([^/?#]*)([^#]*)", re.IGNORECASE)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOT_SENDABLE = re.compile(r"[^!-~]+")
_HOST = re.compile(r"[a-z0-9._-]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """A server: what connections are kept for."""

    scheme: str
    host: str
    """Lower-case and ASCII; an IPv6 address without its brackets."""
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Address(NamedTuple):
    origin: Origin
    host_header: bytes
    authorization: bytes | None
    """Basic credentials, from a URL with a user in it."""
    target: str
    """Path and query, as they go into the request line."""
    path: str
    """The path alone."""


class AppUrl(NamedTuple):
    """The URLs that lead into an app: one, and all below it."""

    origin: Origin
    path: str
    """Without a slash at its end."""


@lru_cache(maxsize=1024)
def parse_url(url: str) -> Address:
    """Where `url` leads; the fragment is dropped. `Unreachable` if it leads nowhere (CT-095)."""
    match = _URL.match(url)
    if match is None:
        raise Unreachable(f"the URL {url!r} does not start with http:// or https://")
    scheme, authority, rest = match.groups()
    if _BROKEN_ESCAPE.search(rest):
        raise Unreachable(f"the URL {url!r} has a broken percent escape")
    origin, host_header, authorization = _authority(scheme.lower(), authority)
    target = rest if rest.startswith("/") else "/" + rest
    target = _NOT_SENDABLE.sub(_escaped, target)
    return Address(origin, host_header, authorization, target, target.partition("?")[0])


def parse_app_url(url: str) -> AppUrl:
    """The URLs below `url`; `ValueError` unless it leads somewhere, and has neither query nor fragment."""
    try:
        address = parse_url(url)
        if "?" in address.target or "#" in url:
            raise Unreachable("it has a query or a fragment")
    except Unreachable as error:
        raise ValueError(f"app_url must be a URL such as 'http://app.local', not {url!r}: {error}") from None
    return AppUrl(address.origin, address.path.rstrip("/"))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, whatever the others call it."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def without_user(url: str) -> str:
    """The URL as it may be shown: no user, no password."""
    match = _URL.match(url)
    if match is None:
        return url
    start, end = match.span(2)
    return url[:start] + match[2].rpartition("@")[2] + url[end:]


def _escaped(match: re.Match[str]) -> str:
    return quote(match[0], safe="", errors="replace")


@lru_cache(maxsize=1024)
def _authority(scheme: str, authority: str) -> tuple[Origin, bytes, bytes | None]:
    user, has_user, place = authority.rpartition("@")
    host, shown, port_text = _host_and_port(place)
    default = _DEFAULT_PORTS[scheme]
    port = _port(port_text, place) if port_text else default
    host_header = shown if port == default else f"{shown}:{port}"
    return Origin(scheme, host, port), host_header.encode("ascii"), _basic(user) if has_user else None


def _host_and_port(place: str) -> tuple[str, str, str]:
    """The host to connect to, the host as a header shows it, and the text of the port."""
    if place.startswith("["):
        inside, _, after = place[1:].partition("]")
        return *_ipv6(inside, place), after.removeprefix(":")
    name, _, port = place.partition(":")
    host = _name(name, place)
    return host, host, port


def _ipv6(text: str, place: str) -> tuple[str, str]:
    try:
        address = IPv6Address(unquote(text))
    except ValueError:
        raise Unreachable(f"{place!r} has no valid IPv6 address in its brackets") from None
    # A zone says which of our interfaces to use, so it is nothing to the worker (RFC 6874).
    return str(address), f"[{str(address).partition('%')[0]}]"


def _name(name: str, place: str) -> str:
    try:
        host = name.encode("idna").decode("ascii").lower()
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host):
        raise Unreachable(f"{place!r} has no valid host name")
    return host


def _port(text: str, place: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535):
        raise Unreachable(f"{place!r} has no valid port")
    return int(text)


def _basic(user: str) -> bytes:
    name, _, password = user.partition(":")
    return b"Basic " + b64encode(unquote_to_bytes(name) + b":" + unquote_to_bytes(password))
