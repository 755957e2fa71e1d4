"""What the value of an option may be: `TypeError` or `ValueError`, with the option's name, for anything else."""

import math
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from inspect import iscoroutinefunction
from typing import Any, cast
from urllib.parse import urlsplit

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import is_job_id, is_task_id
from gcptasks.client.api import Api
from gcptasks.engine.task_limits import MAX_DEADLINE, MIN_DEADLINE, MOST_AHEAD

BaseUrl = str | Callable[[], str]
"""What a base URL may be."""

Check = Callable[[str, Any], Any]
"""Takes the option's name and value, and returns the value as it is kept."""


def url(name: str, value: Any) -> BaseUrl:
    """A URL that a path can be appended to, or what returns one, to be asked once it is needed."""
    return cast("BaseUrl", value) if callable(value) else _prefix(name, _string(name, value))


def url_now(name: str, value: BaseUrl) -> str:
    """The URL, asked for now if it is to be asked for."""
    return _prefix(name, _string(name, value())) if callable(value) else value


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
    if "{" in url or "}" in url:
        raise ValueError(f"{name} can have no parameter in braces, unlike {url!r}: the path of the route may")
    if not url.isprintable() or " " in url:
        raise ValueError(f"{name} can have neither blanks nor control characters, unlike {url!r}")
    return url.rstrip("/")


def path(parse: Callable[[str], object]) -> Check:
    """The path of a resource, as this parses it."""

    def check_path(name: str, value: Any) -> str:
        try:
            return str(parse(_string(name, value)))
        except InvalidArgument as error:
            raise ValueError(f"{name} {value!r}: {error}") from None

    return check_path


def client(api: Api[Any, Any], builder: str) -> Check:
    """A client of that API for that builder or its async twin, whichever it is."""
    sync, twin = api.client, api.async_client
    takes = f"a {sync.name} (with {builder}), or a {twin.name} or a factory of one (with Async{builder})"

    def check_client(name: str, value: Any) -> Any:
        if value is None or callable(value) or sync.owns(value) or twin.owns(value):
            return value
        raise TypeError(f"{name} must be {takes}, not {value!r}")

    return check_client


def hook(name: str, value: Any) -> Any:
    """A plain function, or None."""
    return value if value is None else plain_function(name, value)


def plain_function(name: str, value: Any) -> Any:
    """What can be called and returns its result at once."""
    if not callable(value) or iscoroutinefunction(value):
        raise TypeError(f"{name} must be a plain function that takes and returns a request, not {value!r}")
    return value


def timeout(name: str, value: Any) -> float | None:
    """More than 0 seconds; None waits for ever."""
    if value is not None and _seconds(name, value) == 0:
        raise ValueError(f"{name} must be more than 0 seconds")
    return value  # type: ignore[no-any-return]  # a number, or None


def countdown(name: str, value: Any) -> float | None:
    """0 seconds or more, as far ahead as a task can be due, or None."""
    if value is not None and _seconds(name, value) > MOST_AHEAD.total_seconds():
        raise ValueError(f"{name} can be {MOST_AHEAD.days} days at most, not {value!r} seconds")
    return value  # type: ignore[no-any-return]  # a number, or None


def schedule_time(name: str, value: Any) -> datetime | None:
    """A time in UTC, or None. A naive one is taken as UTC. How far ahead it is, the call must check."""
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise TypeError(f"{name} must be a datetime, not {value!r}")
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{name} {value!r} is no time that UTC can show") from None


def dispatch_deadline(name: str, value: Any) -> timedelta | None:
    """How long an attempt may take, of seconds or a `timedelta`; None is the service's default."""
    if value is None:
        return None
    span = value if isinstance(value, timedelta) else timedelta(seconds=min(_seconds(name, value), 1e9))
    if not MIN_DEADLINE <= span <= MAX_DEADLINE:
        least, most = MIN_DEADLINE.total_seconds(), MAX_DEADLINE.total_seconds()
        raise ValueError(f"{name} must be from {least:g} to {most:g} seconds, not {value!r}")
    return span


def headers(name: str, value: Any) -> Mapping[str, str]:
    """Headers that a task can carry, by their names in lower case."""
    # Here, as few tasks have headers of their own.
    from gcptasks.engine.header_rules import check_header

    kept: dict[str, str] = {}
    for key, text in _mapping(name, value).items():
        if not isinstance(text, str):
            raise TypeError(f"{name}: the value of {key!r} must be a string, not {text!r}")
        if key.lower() in kept:
            raise ValueError(f"{name}: there are two headers {key.lower()!r}")
        try:
            check_header(key, text)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
        kept[key.lower()] = text
    return kept


def arguments(name: str, value: Any) -> Mapping[str, Any]:
    """Arguments by name."""
    return dict(_mapping(name, value))


def labels(name: str, value: Any) -> Mapping[str, str]:
    """Labels of a record."""
    # Here, as few tasks have any.
    from gcptasks.results.record_options import checked_labels

    return checked_labels(value)


def key(name: str, value: Any) -> str | None:
    """What a task is known by, so that it is created once, or None."""
    # Here, as few tasks have one.
    from gcptasks.results.record_options import checked_key

    return checked_key(value)


def task_id(name: str, value: Any) -> str | None:
    """A task's own id, or None."""
    if value is None:
        return None
    if not is_task_id(_string(name, value)):
        raise ValueError(f"{name} must be 1 to 500 letters, digits, hyphens and underscores, not {value!r}")
    return value  # type: ignore[no-any-return]  # a string


def job_id(name: str, value: Any) -> str:
    """The last part of a job's full name."""
    text = _string(name, value)
    if not is_job_id(text):
        hint = ", without the location before it" if "/" in text else ""
        raise ValueError(f"{name} must be 1 to 500 letters, digits, hyphens and underscores{hint}, not {text!r}")
    return text


def schedule(name: str, value: Any) -> str:
    """When a job runs, in words that the service knows better than we do: it says whether they are a schedule."""
    text = _string(name, value)
    if not text.strip():
        raise ValueError(f"{name} must be a schedule, such as '0 9 * * mon-fri' or 'every 5 minutes', not {text!r}")
    return text


def retry_config(name: str, value: Any) -> Any:
    """A RetryConfig of Cloud Scheduler."""
    # Nothing is an instance of a class that nobody has imported.
    cls: type | tuple[()] = getattr(sys.modules.get("google.cloud.scheduler_v1"), "RetryConfig", ())
    if not isinstance(value, cls):
        raise TypeError(f"{name} must be a google.cloud.scheduler_v1.RetryConfig, not {value!r}")
    return value


def time_zone(name: str, value: Any) -> str:
    """The name of a time zone that the zone database knows."""
    # Here, as only jobs have time zones.
    from zoneinfo import ZoneInfo

    text = _string(name, value)
    if text == "utc":  # the service knows it (CS-106); the zone database, where letter case counts, may not
        return text
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name} must be the name of a time zone, such as Europe/Paris, not {value!r}") from None
    return text


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return value


def _string(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r}")
    return value


def _mapping(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in cast("Mapping[object, Any]", value)):
        raise TypeError(f"{name} must be a mapping whose keys are strings, not {value!r}")
    return cast("Mapping[str, Any]", value)


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds, not {value!r}")
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{name} must be 0 seconds or more, not {value!r}")
    return value
