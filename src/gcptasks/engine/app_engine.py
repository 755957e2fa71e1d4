"""Requests to an App Engine app: what may be sent, how it is kept, and which host it has.

There is no App Engine here. Whoever runs the service says at which address the app is (CT-L8); the app is sent the
`Host` that it would have on App Engine, so that it can tell its services apart.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import LocationName
from gcptasks.engine import headers
from gcptasks.engine.model import AppEngineRequest, AppEngineRouting

USER_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"

DEADLINE = timedelta(minutes=10)
"""How long an attempt may take whose deadline is left to the app, as with automatic scaling (CT-197)."""
MIN_DEADLINE = timedelta(seconds=15)
MAX_DEADLINE = timedelta(hours=24, seconds=15)
"""How long another may take, within these two (CT-098)."""

NO_ADDRESS = (
    "The local service does not know where the App Engine app is: "
    "set --app-engine or APP_ENGINE_EMULATOR_HOST to its address, such as http://localhost:8080."
)

_BODY_METHODS = frozenset(("POST", "PUT"))
_MAX_URI = 2083
_PART = re.compile(r"[A-Za-z0-9-]{0,100}")


def stored(sent: AppEngineRequest, *, of: str = "AppEngineHttpRequest") -> AppEngineRequest:
    """The request as it is kept, defaults filled in; `InvalidArgument` if it could never be sent.

    `of` is the message that it is sent in.
    """
    uri = sent.relative_uri or "/"
    if not uri.startswith("/"):
        raise InvalidArgument(f"{of}.relative_uri must start with '/'.")
    if re.search(r"[\s\x00-\x1f\x7f]", uri):
        raise InvalidArgument(f"{of}.relative_uri must not contain spaces or control characters.")
    if len(uri) > _MAX_URI:
        raise InvalidArgument(f"{of}.relative_uri must be at most {_MAX_URI} characters long.")
    if sent.body and sent.method not in _BODY_METHODS:
        raise InvalidArgument(f"{of}.body can only be set if the http_method is POST or PUT.")
    return replace(
        sent,
        relative_uri=uri,
        routing=stored_routing(sent.routing),
        headers=_stored_headers(sent.headers, sent.body, of),
    )


def stored_routing(sent: AppEngineRouting) -> AppEngineRouting:
    """The routing as it is kept; `InvalidArgument` if a part of it can stand in no host."""
    for name, part in (("service", sent.service), ("version", sent.version), ("instance", sent.instance)):
        if not _PART.fullmatch(part):
            raise InvalidArgument(
                f"AppEngineRouting.{name} can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-), "
                f"and at most 100 of them, not {part!r}."
            )
    return sent


def host(routing: AppEngineRouting, location: LocationName) -> str:
    """The host of that part of the project's app (CT-123): `v1.worker.my-project.us-central1.r.appspot.com`."""
    # A project of a domain is named `example.com:my-project`; hosts have it the other way round.
    project = reversed(location.project.split(":"))
    parts = (routing.instance, routing.version, routing.service, *project, location.location, "r.appspot.com")
    return ".".join(filter(None, parts))


def is_response(status: int) -> bool:
    """Whether the app has responded with that status: 0 and 504 stand for no response in time (CT-312, CT-313)."""
    return status not in (0, 504)


def _stored_headers(sent: Mapping[str, str], body: bytes, of: str) -> dict[str, str]:
    """The headers with those that App Engine adds (CT-122)."""
    kept = headers.stored(sent, _user_agent(sent), of=of)
    if body:
        kept["Content-Length"] = str(len(body))
        if not any(name.lower() == "content-type" for name in kept):
            kept["Content-Type"] = "application/octet-stream"
    return kept


def _user_agent(sent: Mapping[str, str]) -> str:
    """The caller's own, with Google's appended (CT-194): once, as a request may be sent as it was kept."""
    for name, value in sent.items():
        if name.lower() == "user-agent" and (own := headers.mended(value).strip()):
            whole = own if own.endswith(USER_AGENT) else f"{own} {USER_AGENT}"
            return whole if len(whole) <= headers.MAX_HEADER else USER_AGENT
    return USER_AGENT
