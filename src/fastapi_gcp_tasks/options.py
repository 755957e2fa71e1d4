"""The options of a task, in layers: the builder's, under the decorator's, under the call's.

A new option is one field of `TaskOptions`, its check in `_CHECKS`, one line in `protocols.DelayOptions`, and one test.
"""

import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from inspect import iscoroutinefunction
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import TASK_ID, parse_queue
from gcptasks.base.unset import UNSET
from gcptasks.client.google import ASYNC_TASKS_CLIENT, TASKS_CLIENT


def _url(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r}")
    return _prefix(name, value)


@lru_cache(maxsize=1024)
def _prefix(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        place = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{name} {url!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not place[0]:
        raise ValueError(f"{name} must begin with http:// or https:// and a host, unlike {url!r}")
    if "?" in url or "#" in url:
        raise ValueError(f"{name} can have neither query nor fragment, unlike {url!r}")
    if not url.isprintable() or " " in url:
        raise ValueError(f"{name} can have neither blanks nor control characters, unlike {url!r}")
    return url.rstrip("/")


def _queue(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r}")
    try:
        return str(parse_queue(value))
    except InvalidArgument as error:
        raise ValueError(f"{name} {value!r}: {error}") from None


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds, not {value!r}")
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} must be 0 seconds or more, not {value!r}")
    return value


def _timeout(name: str, value: Any) -> float | None:
    if value is not None and _seconds(name, value) == 0:
        raise ValueError(f"{name} must be more than 0 seconds")
    return value  # type: ignore[no-any-return]  # a number, or None


def _countdown(name: str, value: Any) -> float | None:
    return None if value is None else _seconds(name, value)


def _task_id(name: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r}")
    if not TASK_ID.fullmatch(value):
        raise ValueError(f"{name} must be 1 to 500 letters, digits, hyphens and underscores, not {value!r}")
    return value


def _hook(name: str, value: Any) -> Any:
    if value is not None and (not callable(value) or iscoroutinefunction(value)):
        raise TypeError(f"{name} must be a plain function that takes and returns a request, not {value!r}")
    return value


def _client(name: str, value: Any) -> Any:
    if value is None or callable(value) or TASKS_CLIENT.owns(value) or ASYNC_TASKS_CLIENT.owns(value):
        return value
    raise TypeError(
        f"{name} must be a CloudTasksClient (with DelayedRouteBuilder), or a CloudTasksAsyncClient "
        f"or a factory of one (with AsyncDelayedRouteBuilder), not {value!r}"
    )


_UNSET: Any = UNSET


class TaskOptions(NamedTuple):
    """One layer of options.

    What nobody set is UNSET, whatever the annotation says: a layer is read once it has been merged over the builder's,
    where everything is set.
    """

    queue_path: str = _UNSET
    callback_base_url: str = _UNSET
    """Without a slash at its end."""
    task_create_timeout: float | None = _UNSET
    pre_create_hook: Callable[[Any], Any] | None = _UNSET
    client: Any = _UNSET
    countdown: float | None = _UNSET
    task_id: str | None = _UNSET


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "queue_path": _queue,
    "callback_base_url": _url,
    "task_create_timeout": _timeout,
    "pre_create_hook": _hook,
    "client": _client,
    "countdown": _countdown,
    "task_id": _task_id,
}
NO_OPTIONS = TaskOptions()


def task_options(given: Mapping[str, Any]) -> TaskOptions:
    """The layer of these options, checked. `TypeError` for one that does not exist."""
    if "base_url" in given:
        given = _with_older_name(given)
    return TaskOptions(**{name: _check(name)(name, value) for name, value in given.items()})


def _check(name: str) -> Callable[[str, Any], Any]:
    try:
        return _CHECKS[name]
    except KeyError:
        known = ", ".join([*_CHECKS, "base_url"])
        raise TypeError(f"there is no option {name!r}; the options are {known}") from None


def _with_older_name(given: Mapping[str, Any]) -> Mapping[str, Any]:
    if "callback_base_url" in given:
        raise TypeError("callback_base_url and base_url are two names of one option: give one of them")
    return {"callback_base_url" if name == "base_url" else name: value for name, value in given.items()}
