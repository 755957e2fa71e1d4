"""The headers and the body of an attempt as they travel, the same over HTTP and by ASGI."""

import re
from functools import lru_cache

from gcptasks.base.errors import Unreachable
from gcptasks.base.http import BODY_METHODS, is_token
from gcptasks.engine.delivery import Outgoing
from gcptasks.runtime.targets.address import Address

# They say how the request is framed, so they are ours alone. The others that Google drops go at create (CT-249).
_OURS = {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "proxy-connection", "te", "upgrade"}
_NOT_SENDABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")


def body_of(request: Outgoing) -> bytes:
    """The body to send: none with a method that carries none (CT-175)."""
    return request.body if request.method in BODY_METHODS else b""


def fields_of(request: Outgoing, address: Address, length: int) -> list[tuple[bytes, bytes]]:
    """The header fields in their order: Host, the task's own, Content-Length (CT-171).

    `Unreachable` for one that would break the request apart.
    """
    fields = [(b"Host", request.host.encode() if request.host else address.host_header)]
    for name, value in request.headers:
        sent = _name(name)
        if sent is None:
            continue
        # `isprintable` answers for nearly all values in a tenth of the time of the pattern.
        if not value.isprintable() and _NOT_SENDABLE.search(value):
            raise Unreachable(f"the header {name} has a control character in its value")
        # Blanks around a value do not survive HTTP (RFC 9112, 5.1), so they are gone by ASGI too.
        fields.append((sent, value.strip(" \t").encode()))
    if address.authorization is not None and not any(name.lower() == b"authorization" for name, _ in fields):
        fields.append((b"Authorization", address.authorization))
    fields.append((b"Content-Length", b"%d" % length))
    return fields


@lru_cache(maxsize=1024)
def _name(name: str) -> bytes | None:
    """The name as it is sent, None for one that is ours to set."""
    if not is_token(name):
        raise Unreachable(f"{name!r} is no header name that can be sent")
    return None if name.lower() in _OURS else name.encode("ascii")
