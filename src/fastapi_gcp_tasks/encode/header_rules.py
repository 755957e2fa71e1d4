"""What a header of a task can carry to the worker, and what it can't."""

import re

# CT-249: dropped from the stored task. CT-121: User-Agent is replaced. CT-170, CS-156: the service sets its own.
_DROPPED = frozenset(
    (
        *("host", "content-length", "connection", "keep-alive", "proxy-authorization", "proxy-connection", "te", "via"),
        *("transfer-encoding", "upgrade", "accept-encoding", "x-forwarded-for", "from", "x-google"),
    )
)
_DROPPED_PREFIXES = ("x-google-", "x-appengine-")
_OF_THE_SERVICE = ("x-cloudtasks-", "x-cloudscheduler")
# Set by the queue, a token, a hook or `headers=`: a required one need not be an argument.
_FROM_ELSEWHERE = frozenset(("authorization", "content-type", "user-agent", "host"))

# CT-289 refuses less; servers take a token and nothing else.
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# CT-290, CT-291, and edge blanks, which servers strip.
_VALUE = r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?"
_MOST_BYTES = 8188  # of name and value together, CT-105


def from_elsewhere(name: str) -> bool:
    """Whether a required header may be left to the queue, a token, a hook or `headers=`."""
    name = name.lower()
    return name in _FROM_ELSEWHERE or name.startswith(_OF_THE_SERVICE)


def why_not_sent(name: str) -> str | None:
    """Why no caller can set this header, or None."""
    name = name.lower()
    if name == "user-agent":
        return "the queue service replaces the header 'user-agent'"
    if name.startswith(_OF_THE_SERVICE):
        return f"the queue service sets the header {name!r} itself"
    if name in _DROPPED or name.startswith(_DROPPED_PREFIXES):
        return f"the queue service drops the header {name!r}"
    return None


def bad_name(name: str) -> str | None:
    """Why no header can have this name, or None."""
    return None if re.fullmatch(_NAME, name) else f"{name!r} is not a name that a header can have"


def bad_value(name: str, value: str) -> str | None:
    """Why this header can't carry this value, or None."""
    if not re.fullmatch(_VALUE, value):
        return f"the header {name!r} carries printable ASCII without blanks at its ends, at least one character"
    if len(name) + len(value) > _MOST_BYTES:
        return f"the header {name!r} would be dropped: name and value have more than {_MOST_BYTES} bytes together"
    return None


def check_header(name: str, value: str) -> None:
    """Raise ValueError, with the reason, unless the worker would receive this header as it is."""
    reason = bad_name(name) or why_not_sent(name) or bad_value(name, value)
    if reason:
        raise ValueError(reason)
