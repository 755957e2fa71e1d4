"""What the URL of a database says about how it can be used."""

from collections.abc import Mapping

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

_CONNECT_SECONDS = {"psycopg": "connect_timeout", "psycopg2": "connect_timeout", "asyncpg": "timeout"}
"""What says it to drivers that would wait for minutes."""


def usable(given: str | URL) -> URL:
    """The URL, read. `ValueError` for one that no results can be kept at."""
    try:
        url = make_url(given)
    except ArgumentError:
        # Its own words would show the password.
        raise ValueError("the URL of the database is not one that SQLAlchemy can read") from None
    try:
        url.get_dialect()
    except NoSuchModuleError as error:
        raise ValueError(f"SQLAlchemy does not know the database or the driver of {url.drivername}") from error
    if url.get_backend_name() == "sqlite" and _in_memory(url):
        raise ValueError(
            f"{url} is a database in memory, of which each connection has its own. Name a file, "
            "as in sqlite:///tasks.db, or take the results of a LocalService"
        )
    return url


def blocks(url: URL) -> bool:
    """Whether its driver can block."""
    return not url.get_dialect().is_async


def awaits(url: URL) -> bool:
    """Whether its driver can be awaited. psycopg can do both."""
    dialect = url.get_dialect()
    return dialect.is_async or dialect.get_async_dialect_cls(url).is_async


def connect_args(url: URL) -> Mapping[str, object]:
    """What a driver is told beside the URL: not to wait for a connection for long, unless the URL says how long."""
    name = _CONNECT_SECONDS.get(url.get_driver_name())
    return {name: 10} if name is not None and name not in url.query else {}


def _in_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:") or url.query.get("mode") == "memory"
