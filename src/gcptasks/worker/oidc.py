"""Whether a caller has an OIDC token of a service account that may call."""

import os
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple

from gcptasks.base.asgi import Delivery
from gcptasks.worker.issuer_keys import ALGORITHMS, IssuerKeys
from gcptasks.worker.refusal import FORBIDDEN, INVALID_TOKEN, NO_KEYS, Refusal

GOOGLE = "https://accounts.google.com"

_LEEWAY = 10.0
"""Seconds by which the clocks of two machines may differ."""
_EMULATORS = ("CLOUD_TASKS_EMULATOR_HOST", "CLOUD_SCHEDULER_EMULATOR_HOST")


class Token(NamedTuple):
    """A token as it came, and what it says of itself; nothing of it is proven."""

    text: str
    key_id: str
    issuer: str


class OidcCheck:
    """Checks tokens against the keys of an issuer, of the emulator that the environment names, and of a delivery.

    No check waits for the network: `unfetched` says which keys must be fetched before.
    """

    def __init__(self, *, audience: str | Iterable[str], service_accounts: Iterable[str], issuer: str = GOOGLE) -> None:
        self._audiences = _texts("audience", [audience] if isinstance(audience, str) else audience)
        if isinstance(service_accounts, str):
            raise TypeError("service_accounts is a list of email addresses, not one of them")
        self._accounts = frozenset(_texts("service_accounts", service_accounts))
        if not issuer.startswith(("https://", "http://")):
            raise ValueError(f"issuer must be a URL that starts with https:// or http://, not {issuer!r}")
        self._issuer = issuer

    def unfetched(self, token: Token, delivery: Delivery | None) -> IssuerKeys | None:
        """The keys that must be fetched before this token is checked."""
        if delivery is not None and token.issuer == delivery.issuer:
            return None
        return next((keys for keys in self._sources(token) if keys.wants_fetch(token.key_id)), None)

    def check(self, token: Token, delivery: Delivery | None) -> None:
        """`Refusal` unless it is a valid token of one of the accounts, for one of the audiences."""
        claims = _verified(token, self._key(token, delivery), self._audiences)
        email = claims.get("email")
        if claims.get("email_verified") is not True or email not in self._accounts:
            raise Refusal(FORBIDDEN, f"the token is of another account: {email}")

    def _sources(self, token: Token) -> list[IssuerKeys]:
        # Google's tokens have its name with or without the scheme.
        if token.issuer == self._issuer or (self._issuer == GOOGLE and f"https://{token.issuer}" == GOOGLE):
            return [_keys_at(self._issuer.rstrip("/"), self._issuer)]
        return [keys for keys in _emulators() if not keys.known or keys.issuer == token.issuer]

    def _key(self, token: Token, delivery: Delivery | None) -> Any:
        if delivery is not None and token.issuer == delivery.issuer:
            key, failing = delivery.keys.get(token.key_id), False
        else:
            sources = self._sources(token)
            if not sources:
                raise Refusal(INVALID_TOKEN, f"the token is of another issuer: {token.issuer}")
            key = next((one for keys in sources if (one := keys.get(token.key_id)) is not None), None)
            failing = any(keys.failing for keys in sources)
        if key is not None:
            return key
        if failing:
            raise Refusal(NO_KEYS, f"the keys of {token.issuer} cannot be had now")
        raise Refusal(INVALID_TOKEN, f"no key of {token.issuer} has the id {token.key_id!r}")


def read_token(authorization: str | None) -> Token:
    """The token of an `Authorization` header; `Refusal` if there is none."""
    if authorization is None:
        raise Refusal(INVALID_TOKEN, "there is no Authorization header")
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Refusal(INVALID_TOKEN, "the Authorization header has no bearer token")
    if text.endswith(".SIGNATURE_REMOVED_BY_GOOGLE"):
        raise Refusal(
            INVALID_TOKEN,
            "Cloud Run checked the token and removed its signature: where the platform checks, use verify=False",
        )
    import jwt

    try:
        whole: Mapping[str, Any] = jwt.decode_complete(text, options={"verify_signature": False})
        key_id, issuer = whole["header"]["kid"], whole["payload"]["iss"]
    except (jwt.PyJWTError, KeyError) as error:
        raise Refusal(INVALID_TOKEN, f"what should be a token cannot be read: {error!r}") from error
    if not isinstance(key_id, str) or not isinstance(issuer, str):
        raise Refusal(INVALID_TOKEN, "the token's key id and issuer are not texts")
    return Token(text, key_id, issuer)


def _verified(token: Token, key: Any, audiences: list[str]) -> Mapping[str, Any]:
    import jwt

    try:
        return jwt.decode(
            token.text,
            key,
            algorithms=list(ALGORITHMS),
            audience=audiences,
            leeway=_LEEWAY,
            options={"require": ["exp", "aud", "iss"]},
        )
    except jwt.InvalidAudienceError as error:
        audience = jwt.decode(token.text, options={"verify_signature": False})["aud"]
        allowed = " or ".join(map(repr, audiences))
        raise Refusal(INVALID_TOKEN, f"the token is for the audience {audience!r}, not for {allowed}") from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise Refusal(INVALID_TOKEN, f"the token is not valid: {error}") from error


def _texts(name: str, given: Iterable[Any]) -> list[str]:
    texts = list(given)
    if not texts or not all(isinstance(one, str) and one.strip() for one in texts):
        raise ValueError(f"{name} must not be empty: without it any token that Google signed for anybody would do")
    return texts


def _emulators() -> list[IssuerKeys]:
    hosts = dict.fromkeys(os.environ.get(name, "") for name in _EMULATORS)
    return [_keys_at(f"http://{host}", None) for host in hosts if host]


@cache
def _keys_at(url: str, issuer: str | None) -> IssuerKeys:
    """The keys that all checks of this process share."""
    return IssuerKeys(url, issuer)


if hasattr(os, "register_at_fork"):
    # A thread that fetches does not come along into a child, but its lock would.
    os.register_at_fork(after_in_child=_keys_at.cache_clear)
