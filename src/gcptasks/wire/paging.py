"""Page tokens: opaque strings that say where a list goes on, which list that is, and when they were made."""

from base64 import b64decode, urlsafe_b64encode
from datetime import datetime, timedelta

from gcptasks.base.errors import InvalidArgument

Cursor = str | int

VALID_FOR = timedelta(hours=2)
"""How long a token may be used (CT-054, CT-138)."""

_LARGEST = 2**63 - 1


def token(kind: str, scope: str, cursor: Cursor, now: datetime) -> str:
    """The token to hand out: `kind` of list (such as `tasks`), `scope` it is of (such as a queue's name)."""
    mark = "i" if isinstance(cursor, int) else "s"
    text = "\n".join((kind, scope, str(_seconds(now)), f"{mark}{cursor}"))
    return urlsafe_b64encode(text.encode()).decode()


def cursor_of(token: str, kind: str, scope: str, now: datetime) -> Cursor:
    """The cursor in a token of `token`; `InvalidArgument` if it is none, another list's, or too old (CT-057)."""
    try:
        found_kind, found_scope, made, cursor = _text(token).split("\n", 3)
        if (found_kind, found_scope) == (kind, scope) and _seconds(now) - _number(made) <= VALID_FOR.total_seconds():
            return _cursor(cursor)
    except ValueError:
        pass
    raise InvalidArgument("Invalid page_token")


def _text(token: str) -> str:
    return b64decode(token, altchars=b"-_", validate=True).decode()


def _cursor(text: str) -> Cursor:
    match text[:1]:
        case "s":
            return text[1:]
        case "i":
            return _number(text[1:])
        case _:
            raise ValueError(text)


def _number(text: str) -> int:
    number = int(text)
    if abs(number) > _LARGEST:  # The store cannot hold it.
        raise ValueError(text)
    return number


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
