"""What both sides of a task must know of HTTP: its methods, and which names a header can have."""

import re

METHODS = ("POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS")
"""Those that a task can be sent by, in the order of Google's `HttpMethod`."""

BODY_METHODS = frozenset(("POST", "PUT", "PATCH"))
"""Those whose requests have a body; Google refuses a body with any other (CT-103)."""

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"


def is_token(text: str) -> bool:
    """Whether it can be the name of a header or a cookie (RFC 9110, 5.6.2; RFC 6265, 4.1.1)."""
    return re.fullmatch(_TOKEN, text) is not None
