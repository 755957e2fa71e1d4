"""Which headers a task can carry to the worker, and which values."""

import re

from gcptasks.base.http import is_token
from gcptasks.engine.headers import MAX_HEADER, is_dropped

Headers = tuple[tuple[str, str], ...]
"""Names, in lower case, and values."""

# The service sets its own at each delivery, over those of the task (CT-170, CS-156).
_OF_THE_SERVICE = ("x-cloudtasks-", "x-cloudscheduler")
# By these a task finds its record, and what its worker knows of its retries.
_OF_RECORDS = ("x-task-record", "x-task-retry")
# Set by the queue, a token, a hook or `headers=`: a required one need not be an argument.
_FROM_ELSEWHERE = frozenset(("authorization", "content-type", "user-agent", "host"))

# Google drops the rest, or mends it (CT-290, CT-291), and servers strip blanks at the ends.
_VALUE = r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?"


def from_elsewhere(name: str) -> bool:
    """Whether a required header may be left to the queue, a token, a hook or `headers=`."""
    name = name.lower()
    return name in _FROM_ELSEWHERE or name in _OF_RECORDS or name.startswith(_OF_THE_SERVICE)


def why_not_sent(name: str) -> str | None:
    """Why no caller can set this header, or None."""
    name = name.lower()
    if name == "user-agent":
        return "the queue service replaces the header 'user-agent'"
    if name in _OF_RECORDS:
        return f"the header {name!r} is set where tasks are recorded"
    if name.startswith(_OF_THE_SERVICE):
        return f"the queue service sets the header {name!r} itself"
    return f"the queue service drops the header {name!r}" if is_dropped(name) else None


def bad_name(name: str) -> str | None:
    """Why no header can have this name, or None."""
    # The service refuses less (CT-289), but servers take a token and nothing else.
    return None if is_token(name) else f"{name!r} is not a name that a header can have"


def bad_value(name: str, value: str) -> str | None:
    """Why this header can't carry this value, or None."""
    if not re.fullmatch(_VALUE, value):
        return f"the header {name!r} carries printable ASCII without blanks at its ends, at least one character"
    if len(name) + len(value) > MAX_HEADER:
        return f"the header {name!r} would be dropped: name and value have more than {MAX_HEADER} bytes together"
    return None


def check_header(name: str, value: str) -> None:
    """Raise ValueError, with the reason, unless the worker would receive this header as it is."""
    reason = bad_name(name) or why_not_sent(name) or bad_value(name, value)
    if reason:
        raise ValueError(reason)
