"""Where those who check the service's tokens find its keys: OpenID discovery (CT-L1)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web

_KEYS = "/.well-known/jwks.json"


def discovery_routes(
    issuer: str, key_set: Callable[[], Awaitable[Mapping[str, Any]]]
) -> Sequence[web.AbstractRouteDef]:
    """The discovery document of that issuer, and its public keys."""

    async def document(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": issuer,
                # At the address by which it was asked: the issuer may have a name that leads nowhere.
                "jwks_uri": str(request.url.origin().with_path(_KEYS)),
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    async def keys(_: web.Request) -> web.Response:
        return web.json_response(await key_set())

    return [web.get("/.well-known/openid-configuration", document), web.get(_KEYS, keys)]
