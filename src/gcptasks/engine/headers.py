"""Which of a caller's headers a task keeps. Google drops and mends without a word; so do we."""

import re
from collections.abc import Mapping
from functools import lru_cache

from gcptasks.base.errors import InvalidArgument

USER_AGENT = "Google-Cloud-Tasks"

MAX_HEADER = 8188
"""The bytes that the name and the value of one header may have together; a longer one is dropped (CT-105)."""

_MAX_TOTAL = 80 * 1024

# Compiled when first needed, as routes import this module for its names alone.
# Google drops a name with a blank, a colon or a letter beyond ASCII (CT-289), we one with a control character too. `/`
# and other separators pass.
_NAME = r"[!-9;-~]+"
_CONTROL = r"[\x00-\x08\x0b-\x1f\x7f]"

# As recorded (CT-249). `user-agent` is put back with Google's value (CT-121, CT-122).
_DROPPED = frozenset(
    [
        "host",
        "content-length",
        "connection",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
        "via",
        "accept-encoding",
        "x-forwarded-for",
        "from",
        "x-google",
        "user-agent",
    ]
)
_DROPPED_PREFIXES = ("x-google-", "x-appengine-")


def is_dropped(name: str) -> bool:
    """Whether a task keeps no header of this name, in any letter case, whatever its value."""
    lower = name.lower()
    return lower in _DROPPED or lower.startswith(_DROPPED_PREFIXES)


def stored(sent: Mapping[str, str], user_agent: str = USER_AGENT, *, of: str = "HttpRequest") -> dict[str, str]:
    """The headers as the task keeps them; `InvalidArgument` if they are over 80 KB in all (CT-105).

    `of` is the message that they are sent in.
    """
    kept: dict[str, str] = {}
    total = 0
    for name, value in sent.items():
        if len(name) > MAX_HEADER or not _is_kept(name):
            continue
        if not (value.isascii() and value.isprintable()):
            value = mended(value)
        size = len(name) + len(value)
        if value and size <= MAX_HEADER:
            kept[name] = value
            total += size
    if total > _MAX_TOTAL:
        raise InvalidArgument(f"{of}.headers must be at most 80KB in total.")
    kept["User-Agent"] = user_agent
    return kept


@lru_cache(maxsize=1024)
def _is_kept(name: str) -> bool:
    return bool(re.fullmatch(_NAME, name)) and not is_dropped(name)


def can_be_sent(name: str, value: str) -> bool:
    """Whether a header of that name, for which the task's own rules were not asked, can arrive with that value."""
    return _is_kept(name) and (not value or bool(mended(value)))


def mended(value: str) -> str:
    """The value as it is kept, cut at NUL and on one line (CT-291); empty if it is dropped (CT-290)."""
    value = value.partition("\0")[0].replace("\r", "_").replace("\n", "_")
    return value if value.isascii() and not re.search(_CONTROL, value) else ""
