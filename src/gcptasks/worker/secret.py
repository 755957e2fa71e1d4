"""Whether a caller knows the secret."""

import hmac

from gcptasks.worker.refusal import FORBIDDEN, Refusal


class SecretCheck:
    """Compares a header with the secret, in a time that tells nothing of it."""

    def __init__(self, value: str) -> None:
        if not value.strip():
            raise ValueError("the secret is blank, so everybody would know it: give verify_secret a value")
        self._value = value.encode()

    def check(self, sent: str | None) -> None:
        """`Refusal` unless this is the secret."""
        if sent is None:
            raise Refusal(FORBIDDEN, "the header with the secret is missing")
        # Headers come as Latin-1; the secret was given as text.
        try:
            given = sent.encode("latin-1")
        except UnicodeEncodeError:
            given = b""  # no header can be that
        if not hmac.compare_digest(given, self._value):
            raise Refusal(FORBIDDEN, "the header has another secret")
