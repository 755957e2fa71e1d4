"""Whether two tasks have the same arguments, told by a digest of what carries them."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Set
from dataclasses import is_dataclass
from typing import Any, cast

from pydantic import BaseModel


def argument_digest(values: Mapping[str, Any], carried: Iterable[bytes]) -> bytes:
    """The digest of arguments, and of the parts of the request that carry them.

    The order of a dict's keys and of a set's elements is none: two processes may have another one.
    """
    unordered = _has_set(values)
    digest = hashlib.sha256()
    for part in carried:
        text = _ordered(part, unordered)
        digest.update(b"%d:%b" % (len(text), text))
    return digest.digest()


def _ordered(part: bytes, unordered: bool) -> bytes:
    try:
        value = json.loads(part)
    except ValueError:
        # Text: of repeated keys in a query those of a set have any order.
        return b"&".join(sorted(part.split(b"&"))) if unordered else part
    return _text(_sorted(value) if unordered else value).encode()


def _sorted(value: Any) -> Any:
    """With each array in one order: JSON does not tell which of them are sets."""
    if isinstance(value, list):
        return sorted(map(_sorted, cast("list[object]", value)), key=_text)
    if isinstance(value, dict):
        return {key: _sorted(one) for key, one in cast("dict[str, object]", value).items()}
    return value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _has_set(value: Any) -> bool:
    if isinstance(value, Set):
        return True
    if isinstance(value, Mapping):
        return any(map(_has_set, cast("Mapping[object, object]", value).values()))
    if isinstance(value, list | tuple):
        return any(map(_has_set, cast("Iterable[object]", value)))
    if isinstance(value, BaseModel) or is_dataclass(value):
        return any(map(_has_set, getattr(value, "__dict__", {}).values()))
    return False
