"""What the labels and the key of a record can be: `TypeError` or `ValueError` for anything else."""

from collections.abc import Mapping
from typing import Any, cast

MOST_LABELS = 50
_LONGEST_NAME = 100
_LONGEST_VALUE = 1000


def checked_labels(labels: Any) -> Mapping[str, str]:
    """The labels, short texts by short names."""
    if not isinstance(labels, Mapping):
        raise TypeError(f"labels must be a mapping whose keys are strings, not {labels!r}")
    kept: dict[str, str] = {}
    for name, value in cast("Mapping[object, object]", labels).items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"labels: names and values must be strings, not {name!r}: {value!r}")
        if not 0 < len(name) <= _LONGEST_NAME or len(value) > _LONGEST_VALUE:
            raise ValueError(
                f"labels: {name!r} must have 1 to {_LONGEST_NAME} characters, and its value at most {_LONGEST_VALUE:,}"
            )
        _check_stored("labels", name + value)
        kept[name] = value
    if len(kept) > MOST_LABELS:
        raise ValueError(f"labels: a task can have at most {MOST_LABELS} labels, not {len(kept)}")
    return kept


def checked_key(key: Any) -> str | None:
    """What a task is known by, so that it is created once, or None."""
    if key is None:
        return None
    if not isinstance(key, str):
        raise TypeError(f"key must be a string, not {key!r}")
    if not key:
        raise ValueError("key must not be empty")
    _check_stored("key", key)
    return key


def _check_stored(name: str, text: str) -> None:
    if "\0" in text or any("\ud800" <= one <= "\udfff" for one in text):
        raise ValueError(f"{name} can have neither NUL nor halves of surrogate pairs, unlike {text!r}")
