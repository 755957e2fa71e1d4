"""The public keys of an issuer of tokens, fetched when needed and kept."""

import json
import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from gcptasks.base.forks import begin_anew_in_children
from gcptasks.base.log_text import log_text

_log = logging.getLogger("gcptasks")

DISCOVERY = "/.well-known/openid-configuration"
ALGORITHMS = ("RS256", "ES256")

_UNKNOWN_KEY = 60.0
"""Seconds after a fetch until a key that it did not bring causes another."""
_OLD = 3600.0
"""Seconds after which keys are fetched again, so that one that was withdrawn is not accepted for good."""
_AFTER_FAILURE = 1.0
"""Seconds after a fetch that failed until the next."""
_TIMEOUT = 5.0
_MAX_BYTES = 1 << 20


class IssuerKeys:
    """The keys that the discovery document of an issuer leads to. Safe to use from any thread.

    `url` is where the issuer publishes. `issuer` is how it calls itself; None takes what the document says.
    """

    def __init__(self, url: str, issuer: str | None, now: Callable[[], float] = time.monotonic) -> None:
        self.issuer = issuer
        self._url = url
        self._now = now
        self._keys: Mapping[str, Any] = {}
        self._fetched_at: float | None = None
        self._failed_at: float | None = None
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Forget that another thread is fetching."""
        self._fetching = threading.Lock()

    @property
    def known(self) -> bool:
        """Whether there was ever an answer."""
        return self._fetched_at is not None

    @property
    def failing(self) -> bool:
        """Whether the last fetch failed."""
        return self._failed_at is not None

    def get(self, key_id: str) -> Any | None:
        """The key of that id, or None."""
        return self._keys.get(key_id)

    def wants_fetch(self, key_id: str) -> bool:
        """Whether `fetch` should be called before a token with this key is checked."""
        now = self._now()
        if self._failed_at is not None and now - self._failed_at < _AFTER_FAILURE:
            return False
        if self._fetched_at is None:
            return True
        return now - self._fetched_at >= (_OLD if key_id in self._keys else _UNKNOWN_KEY)

    def fetch(self, key_id: str) -> None:
        """Fetch the keys, blocking, unless another thread did meanwhile. A failure is logged, and the old ones stay."""
        with self._fetching:
            if not self.wants_fetch(key_id):
                return
            try:
                issuer, keys = self._published()
            except Exception as error:  # whatever the network and the documents may do
                self._failed_at = self._now()
                _log.warning("the keys of %s cannot be fetched: %s", self._url, log_text(error))
            else:
                self.issuer, self._keys = issuer, keys
                self._fetched_at, self._failed_at = self._now(), None

    def _published(self) -> tuple[str, Mapping[str, Any]]:
        document = _read_json(self._url + DISCOVERY)
        issuer = document["issuer"]
        if self.issuer is not None and issuer != self.issuer:
            raise ValueError(f"the discovery document is of another issuer, {issuer}")
        return issuer, public_keys(_read_json(document["jwks_uri"]))


def public_keys(key_set: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys of a JSON Web Key Set that sign tokens as we accept them, by id."""
    from jwt import PyJWK
    from jwt.exceptions import PyJWTError

    found: dict[str, Any] = {}
    for one in key_set["keys"]:
        try:
            key = PyJWK(one)
        except PyJWTError:
            continue  # of a kind that the library does not know
        if key.key_id is not None and key.algorithm_name in ALGORITHMS:
            found[key.key_id] = key.key
    return found


def _read_json(url: str) -> Any:
    if not url.startswith(("https://", "http://")):
        raise ValueError(f"{url!r} is not an HTTP URL")
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as response:
        read = response.read(_MAX_BYTES + 1)
    if len(read) > _MAX_BYTES:
        raise ValueError(f"{url} is longer than {_MAX_BYTES} bytes")
    return json.loads(read)
