"""An issuer of OIDC tokens as Google is one: it signs, and publishes its keys over HTTP."""

import json
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

AUDIENCE = "https://worker.example.com/tasks"
ACCOUNT = "tasks@my-project.iam.gserviceaccount.com"


@cache
def private_key(key_id: str) -> rsa.RSAPrivateKey:
    """The private key of that id."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def token(issuer: str, key_id: str = "first", *, signed_by: str | None = None, **claims: Any) -> str:
    """A token as Google makes one; a claim that is None is left out."""
    now = int(time.time())
    given: dict[str, Any] = {
        "iss": issuer,
        "aud": AUDIENCE,
        "email": ACCOUNT,
        "email_verified": True,
        "iat": now,
        "exp": now + 3600,
        **claims,
    }
    payload = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(payload, private_key(signed_by or key_id), algorithm="RS256", headers={"kid": key_id})


class Issuer:
    """Publishes the discovery document and the keys of `key_ids`, and counts how often it was asked for the keys."""

    def __init__(self, *key_ids: str) -> None:
        self.key_ids = list(key_ids)
        self.asked = 0
        self.works = True
        self.calls_itself: str | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += self.path == "/keys"
                body = json.dumps(outer.documents().get(self.path, {})).encode()
                self.send_response(200 if outer.works else 500)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def documents(self) -> dict[str, Any]:
        """What stands at which path."""
        keys = [RSAAlgorithm.to_jwk(private_key(one).public_key(), as_dict=True) | {"kid": one} for one in self.key_ids]
        others = [{"kty": "OKP", "crv": "unknown", "kid": "odd"}, {"kty": "oct", "k": "AAAA", "kid": "shared"}]
        return {
            "/.well-known/openid-configuration": {
                "issuer": self.calls_itself or self.url,
                "jwks_uri": f"{self.url}/keys",
            },
            "/keys": {"keys": [*keys, *others]},
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
