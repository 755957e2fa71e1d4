"""The HTTP target of a queue as a message and back, member by member as it was sent (CT-299)."""

from gcptasks.engine.http_targets import refusal
from gcptasks.engine.model import EnforceMode, HttpTarget, UriOverride
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks.http_methods import METHOD_NUMBERS, METHODS
from gcptasks.wire.tokens import put_token, token

_SCHEMES = {0: "", 1: "HTTP", 2: "HTTPS"}
_SCHEME_NUMBERS = {name: number for number, name in _SCHEMES.items()}
_MODES = {0: EnforceMode.UNSPECIFIED, 1: EnforceMode.IF_NOT_EXISTS, 2: EnforceMode.ALWAYS}
_MODE_NUMBERS = {mode: number for number, mode in _MODES.items()}


def http_target(message: messages.HttpTarget) -> HttpTarget:
    """The target as sent; `InvalidArgument` if it has a number that means nothing (CT-300d)."""
    method = METHODS.get(message.http_method, "")
    if message.http_method and not method:
        raise refusal("")
    return HttpTarget(
        uri_override=_override(message.uri_override) if message.HasField("uri_override") else None,
        method=method,
        # An entry without a header is dropped (CT-303).
        header_overrides=tuple(
            (one.header.key, one.header.value) for one in message.header_overrides if one.HasField("header")
        ),
        token=token(message),
    )


def put_http_target(message: messages.HttpTarget, target: HttpTarget) -> None:
    """Set the message to that target; there even if nothing is in it."""
    message.SetInParent()
    if target.uri_override is not None:
        _put_override(message.uri_override, target.uri_override)
    if target.method:
        message.http_method = METHOD_NUMBERS[target.method]
    for name, value in target.header_overrides:
        header = message.header_overrides.add().header
        header.SetInParent()
        header.key, header.value = name, value
    put_token(message, target.token)


def _override(message: messages.UriOverride) -> UriOverride:
    mode = _MODES.get(message.uri_override_enforce_mode)
    if mode is None or message.scheme not in _SCHEMES:
        raise refusal("")
    return UriOverride(
        scheme=_SCHEMES[message.scheme] if message.HasField("scheme") else None,
        host=message.host if message.HasField("host") else None,
        port=message.port if message.HasField("port") else None,
        path=message.path_override.path if message.HasField("path_override") else None,
        query=message.query_override.query_params if message.HasField("query_override") else None,
        enforce_mode=mode,
    )


def _put_override(message: messages.UriOverride, override: UriOverride) -> None:
    message.SetInParent()
    if override.scheme is not None:
        message.scheme = _SCHEME_NUMBERS[override.scheme]
    if override.host is not None:
        message.host = override.host
    if override.port is not None:
        message.port = override.port
    if override.path is not None:
        message.path_override.SetInParent()
        message.path_override.path = override.path
    if override.query is not None:
        message.query_override.SetInParent()
        message.query_override.query_params = override.query
    message.uri_override_enforce_mode = _MODE_NUMBERS[override.enforce_mode]
