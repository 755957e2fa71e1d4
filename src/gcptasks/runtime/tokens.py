"""The tokens that attempts carry, signed by this service in place of Google."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import OAuthToken, OidcToken, Token
from gcptasks.runtime.own_thread import in_own_thread
from gcptasks.service.signing_keys import keep_signing_key, signing_key
from gcptasks.store.store import Store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_ALGORITHM = "RS256"
_LIFETIME = 3600
"""Seconds that a token is valid, as Google's are."""
_REUSED = 300
"""Seconds for which the same token is sent again, as a signature costs more than an attempt does otherwise."""
_REMEMBERED = 1000
"""How many tokens are kept: one for each account and audience, and by default each URL is an audience."""


class Key(NamedTuple):
    """The key of this service, and its id."""

    private: "RSAPrivateKey"
    key_id: str


class Tokens:
    """Signs OIDC tokens of any service account (CT-L1, CT-L2). OAuth tokens are texts without a meaning (CT-L12).

    The key is made when it is first needed, and kept in the database. `public_keys` has it, by its id, from then on.
    """

    def __init__(self, store: Store, issuer: str) -> None:
        self.issuer = issuer
        self.public_keys: dict[str, Any] = {}
        self._store = store
        self._key: Key | None = None
        self._making: asyncio.Task[Key] | None = None
        self._signed: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

    async def authorize(self, request: Outgoing, token: Token) -> Outgoing:
        """The request with this token, in place of a header that the task has itself (CT-172)."""
        text = await self._id_token(token) if isinstance(token, OidcToken) else _access_token(token)
        headers = [header for header in request.headers if header[0].lower() != "authorization"]
        return replace(request, headers=[*headers, ("Authorization", f"Bearer {text}")])

    async def key_set(self) -> dict[str, Any]:
        """The public key, as a JSON Web Key Set."""
        from jwt.algorithms import RSAAlgorithm

        key = await self._ready_key()
        public = RSAAlgorithm.to_jwk(key.private.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": key.key_id, "alg": _ALGORITHM, "use": "sig"}]}

    async def _id_token(self, token: OidcToken) -> str:
        key = self._key or await self._ready_key()
        # The time of this machine, which those who check the token go by, whatever clock the service goes by.
        now = time.time()
        who = token.service_account_email, token.audience
        text, signed_at = self._signed.get(who, ("", 0.0))
        if not 0 <= now - signed_at < _REUSED:
            text = _signed(key, _claims(self.issuer, token, int(now)))
            self._signed[who] = text, now
        self._signed.move_to_end(who)
        if len(self._signed) > _REMEMBERED:
            self._signed.popitem(last=False)
        return text

    async def _ready_key(self) -> Key:
        if self._key is not None:
            return self._key
        # One makes it, and all who need it wait for that one, also when their own attempt ends before.
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._load_key())
        key = await asyncio.shield(self._making)
        self.public_keys[key.key_id] = key.private.public_key()
        self._key = key
        return key

    async def _load_key(self) -> Key:
        pem = self._store.read(signing_key)
        if pem is None:
            pem = await self._store.write(keep_signing_key, await in_own_thread(_new_pem, "gcptasks-key"))
        return _read_key(pem)


def _claims(issuer: str, token: OidcToken, now: int) -> dict[str, Any]:
    """As in Google's ID tokens of service accounts."""
    email = token.service_account_email
    # Google's number of the account: any number that is always the same.
    subject = str(int.from_bytes(hashlib.sha256(email.encode()).digest()[:8], "big") + 10**20)
    return {
        "iss": issuer,
        "aud": token.audience,
        "azp": subject,
        "sub": subject,
        "email": email,
        "email_verified": True,
        "iat": now,
        "exp": now + _LIFETIME,
    }


def _signed(key: Key, claims: dict[str, Any]) -> str:
    import jwt

    return jwt.encode(claims, key.private, algorithm=_ALGORITHM, headers={"kid": key.key_id})


def _access_token(token: OAuthToken) -> str:
    return "local-" + hashlib.sha256(f"{token.service_account_email} {token.scope}".encode()).hexdigest()


def _new_pem() -> str:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _read_key(pem: str) -> Key:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Key(key, hashlib.sha256(public).hexdigest()[:40])
