"""What a CloudTaskClient is made with, checked once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, cast, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import LocationName, QueueName, is_task_id, parse_location, parse_queue, parse_task
from gcptasks.engine.header_rules import check_header
from gcptasks.engine.task_limits import MAX_DEADLINE, MIN_DEADLINE

Eager = Literal["immediate", "remote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a client, as they are used."""

    location: LocationName
    queue: str
    url: str
    service_account: str | None
    timeout: timedelta | None
    secret: str = field(repr=False)
    secret_header: str
    zone: ZoneInfo
    force_to_queue: str | None
    eager: Eager | None
    check_eager: bool

    def queue_name(self, queue: str) -> QueueName:
        """The queue of a task that is for that one; the forced one, if there is one."""
        return QueueName(self.location, self.force_to_queue or queue)


def location_of(project: str, location: str) -> LocationName:
    """The location; `ValueError` if it is not one."""
    try:
        return parse_location(f"projects/{text('project', project)}/locations/{text('location', location)}")
    except InvalidArgument as error:
        raise ValueError(f"project {project!r} and location {location!r}: {error}") from None


def queue_id(name: str, value: Any) -> str:
    """The id of a queue; `ValueError` if it is none."""
    given = text(name, value)
    if "/" in given:
        raise ValueError(
            f"{name} must be the id of a queue, such as high-priority, without project and location: {given!r}"
        )
    try:
        return parse_queue(f"projects/p/locations/l/queues/{given}").queue
    except InvalidArgument as error:
        raise ValueError(f"{name}: {error}") from None


def task_name(name: str, value: Any) -> str:
    """The id of a task, or its full name; `ValueError` if it is neither."""
    given = text(name, value)
    if "/" in given:
        try:
            parse_task(given)
        except InvalidArgument as error:
            raise ValueError(f"{name} {given!r}: {error}") from None
    elif not is_task_id(given):
        raise ValueError(f"{name} must be 1 to 500 letters, digits, hyphens and underscores, not {given!r}")
    return given


def url(name: str, value: Any) -> str:
    """A URL that tasks are sent to; `ValueError` if it is none."""
    given = text(name, value)
    try:
        parts = urlsplit(given)
        host = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{name} {given!r} is not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host[0]:
        raise ValueError(f"{name} must begin with http:// or https:// and a host, unlike {given!r}")
    if not given.isascii() or not given.isprintable() or " " in given:
        raise ValueError(f"{name} can have neither blanks nor other characters than ASCII, unlike {given!r}")
    return given


def timeout(name: str, value: Any) -> timedelta | None:
    """How long an attempt may take, in seconds or as a timedelta; `ValueError` if Google would not accept it."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        raise TypeError(f"{name} must be seconds or a timedelta, not {value!r}")
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if not MIN_DEADLINE.total_seconds() <= seconds <= MAX_DEADLINE.total_seconds():
        raise ValueError(f"{name} must be from 15 seconds to 30 minutes, not {value!r}")
    return timedelta(seconds=seconds)


def headers(name: str, value: Mapping[str, str] | None) -> dict[str, str]:
    """Headers that a task can carry; `ValueError` for one that it cannot."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a checker
        raise TypeError(f"{name} must be a mapping of names to values, not {value!r}")
    return {text(name, key).lower(): _carried(name, key, one) for key, one in value.items()}


def zone(value: Any) -> ZoneInfo:
    """The zone; `ValueError` if there is none of that name."""
    if value is None:
        return ZoneInfo("UTC")
    if isinstance(value, ZoneInfo):
        return value
    if not isinstance(value, str):
        raise TypeError(f"timezone must be a ZoneInfo or the name of a zone, not {value!r}")
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"timezone must be the name of a time zone, such as Europe/Paris, not {value!r}") from None


def eager(value: Any) -> Eager | None:
    """Whether, and how, tasks run without a queue."""
    if value is None or value in get_args(Eager):
        return cast("Eager | None", value)
    raise ValueError(f"eager must be 'immediate', 'remote' or None, not {value!r}")


def secret(value: Any, header: Any, account: str | None) -> tuple[str, str]:
    """The secret and its header; `ValueError` if no task can carry them. An empty secret is none."""
    given, name = text("secret", value), text("secret_header_name", header)
    if given and not given.strip():
        raise ValueError("secret is blank, so everybody would know it")
    check_header(name, given or "x")
    if name.lower() == "content-type" or (account is not None and name.lower() == "authorization"):
        raise ValueError(f"secret_header_name cannot be {name!r}: tasks carry something else in that header")
    return given, name


def service_account(value: Any) -> str | None:
    """The email of the service account whose OIDC token tasks carry; None for no token."""
    if value is None:
        return None
    given = text("sae", value)
    if not given.partition("@")[2] or given.startswith("@"):
        raise ValueError(f"sae must be the email of a service account, not {given!r}")
    return given


def _carried(name: str, key: str, value: Any) -> str:
    given = text(name, value)
    check_header(key, given)
    return given


def text(name: str, value: Any) -> str:
    """The string; `TypeError` if it is none."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r}")
    return value
