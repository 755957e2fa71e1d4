"""The HTTP target of a queue: what is refused, and what it makes of the requests of the queue's tasks (CT-220)."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from gcptasks.base.errors import ErrorInfo, InvalidArgument, Unreachable
from gcptasks.base.http import BODY_METHODS
from gcptasks.engine import headers, requests
from gcptasks.engine.model import EnforceMode, HttpRequest, HttpTarget, OAuthToken, OidcToken, UriOverride

_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"([^@]*@)?(\[[^\]]*\]|[^:]*)(:.*)?", re.DOTALL)
_RESERVED = frozenset(["host", "user-agent", "content-length", "connection", "transfer-encoding", "x-forwarded-for"])
_RESERVED_PREFIXES = ("x-google-", "x-appengine-", "x-cloudtasks-")
_MAX_HEADERS = 80 * 1024
_MAX_TEXTS = 8 * 1024
"""Characters, since each attempt has them in memory (CT-L24)."""


def refusal(what: str) -> InvalidArgument:
    """How Google refuses a target, with what is wrong with it (CT-300)."""
    info = ErrorInfo("INVALID_INPUT_ON_HTTP_TARGET_OVERRIDE", "cloudtasks.googleapis.com", {"invalid_field": what})
    return InvalidArgument(f"Error in parsing HttpTarget. {what}", info)


def check(sent: HttpTarget) -> None:
    """Raise `InvalidArgument` if something is wrong with a target that was sent (CT-300 to CT-305)."""
    if sent.uri_override is not None:
        check_override(sent.uri_override)
    _check_headers(sent.header_overrides)
    if sent.token is not None:
        requests.check_email(sent.token)
    if sum(map(len, _texts(sent))) > _MAX_TEXTS:
        raise InvalidArgument(f"HttpTarget must have at most {_MAX_TEXTS} characters beside its headers.")


def _texts(target: HttpTarget) -> Iterator[str]:
    if (override := target.uri_override) is not None:
        yield from filter(None, (override.host, override.path, override.query))
    match target.token:
        case (
            OidcToken(service_account_email=email, audience=text) | OAuthToken(service_account_email=email, scope=text)
        ):
            yield from (email, text)
        case None:
            pass


def check_override(override: UriOverride) -> None:
    """Raise `InvalidArgument` if nothing is in the override, or something that no URL can have."""
    if override == UriOverride():
        raise refusal("Invalid uri_override.")
    if override.host is not None and not _HOST.fullmatch(override.host):
        raise refusal("Invalid Host.")
    if override.port is not None and override.port < 0:
        raise refusal("Port number should be a positive integer.")


def _check_headers(overrides: tuple[tuple[str, str], ...]) -> None:
    wrong = [name for name, _ in overrides if not name or ":" in name or _is_reserved(name.lower())]
    if wrong:
        raise InvalidArgument(
            "Error in parsing HttpTarget.headers. Header name cannot be empty or start with reserved prefixes. "
            f"Invalid headers found: {', '.join(wrong)}"
        )
    if sum(len(name.encode()) + len(value.encode()) for name, value in overrides) > _MAX_HEADERS:
        raise InvalidArgument("HttpTarget.headers must be at most 80KB in total.")


def _is_reserved(name: str) -> bool:
    return name in _RESERVED or name.startswith(_RESERVED_PREFIXES)


def overridden(request: HttpRequest, target: HttpTarget) -> HttpRequest:
    """The request as it is sent from a queue with that target; `Unreachable` if it is never sent (CT-224)."""
    method = target.method or request.method
    if request.body and method not in BODY_METHODS:
        raise Unreachable(f"the queue's http_target makes it {method}, which has no body, and the task has one")
    override = target.uri_override
    return replace(
        request,
        url=request.url if override is None else _url(request.url, override),
        method=method,
        headers=_headers(request.headers, target.header_overrides),
        # The default audience is the task's own URL (CT-236).
        token=request.token if target.token is None else requests.filled(target.token, request.url),
    )


def buffered_url(target: HttpTarget | None) -> str:
    """The URL of a task that has none itself; `InvalidArgument` if the target has no host (CT-229)."""
    override = None if target is None else target.uri_override
    if override is None or override.host is None:
        raise InvalidArgument("BufferTask needs a queue whose http_target has a uri_override with a host.")
    return _url("https://host/", replace(override, enforce_mode=EnforceMode.ALWAYS))


def _url(url: str, override: UriOverride) -> str:
    found = _URL.match(url)
    # A task's URL has all parts that there have to be, and then this mode leaves it as it is (CT-221).
    if found is None or override.enforce_mode is EnforceMode.IF_NOT_EXISTS:
        return url
    scheme, authority, path, query = found.groups(default="")
    if override.scheme is not None:
        scheme = override.scheme.lower() or "https"
    elif override.host is not None:
        scheme = "https"  # of a host without a scheme (CT-223)
    if override.path is not None:
        path = "/" + override.path.removeprefix("/").replace("?", "%3F").replace("#", "%23")
    if override.query is not None:
        query = override.query.removeprefix("?").replace("#", "%23")
        query = f"?{query}" if query else ""
    return f"{scheme}://{_authority(authority, override)}{path}{query}"


def _authority(authority: str, override: UriOverride) -> str:
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return authority
    user, host, port = found.groups(default="")
    if override.host is not None:
        user, host = "", override.host  # what is for one host is not for another
    if override.port is not None:
        port = f":{override.port}" if override.port else ""
    return f"{user}{host}{port}"


def _headers(sent: Mapping[str, str], overrides: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """The headers with these in place of those of the same names. What no header can have is left out."""
    new = {name: headers.mended(value) for name, value in overrides if headers.can_be_sent(name, value)}
    if not new:
        return sent
    names = {name.lower() for name in new}
    return {name: value for name, value in sent.items() if name.lower() not in names} | new
