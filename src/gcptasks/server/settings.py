"""How the local service is run: one record, checked when it is made.

A new setting is a field of `Settings` with its check, an argument of `LocalService`, an option in `cli/commands.py`,
and a test that it arrives. `tests/server/test_server_settings.py` fails as long as one of these two does not have it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from gcptasks.base.clock import Clock, SystemClock
from gcptasks.base.errors import InvalidArgument, Unreachable
from gcptasks.base.manual_clock import FIRST, LAST, ManualClock
from gcptasks.base.names import QueueName, parse_queue
from gcptasks.engine.model import GivenQueues, Queue
from gcptasks.engine.quotas import Quotas
from gcptasks.runtime.targets.address import parse_url
from gcptasks.service.policy import Policy
from gcptasks.store.connection import Synchronous
from gcptasks.store.database import Database, parse_database

QuotasChoice = Literal["google", "none"]
BackoffChoice = Literal["documented", "measured"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The service's own settings, on a port and inside an application alike.

    Raises `ValueError`, naming the setting, for a value that is not accepted.
    """

    database: str = ":memory:"
    """A file, as a path or `sqlite:///` and a path, or `:memory:` or `memory:`."""
    synchronous: Synchronous = "full"
    """Whether an accepted task survives a power cut ("full"), or no more than the end of this process ("normal")."""
    create_queues: bool = False
    """Create a queue that a task names first, instead of refusing the task as Google does."""
    quotas: QuotasChoice = "google"
    """Whose upper limits of rate and concurrency queues keep to."""
    reuse_names: bool = False
    """Let names of deleted queues and of tasks that are gone be used again at once, which Google refuses."""
    issuer: str | None = None
    """Who the tokens say signed them, a URL; None: where this service is."""
    app_engine: str | None = None
    """Where tasks and jobs for App Engine go, as a URL or `host:port`; None: they are not accepted."""
    pubsub: str | None = None
    """Where jobs publish, as host:port of an emulator of Pub/Sub; None: nowhere, the messages are kept in a list."""
    run_paused_jobs: bool = False
    """Let RunJob run a job that is paused, which Google refuses."""
    job_backoff: BackoffChoice = "documented"
    """How the waits between a job's attempts grow, after they were doubled: as Google documents it, or as measured."""
    grace: float = 10.0
    """Seconds that a stop waits for what is under way."""

    def __post_init__(self) -> None:
        _check_text("database", self.database)
        parse_database(self.database)
        _check_choice("synchronous", self.synchronous, Synchronous)
        _check_choice("quotas", self.quotas, QuotasChoice)
        _check_issuer(self.issuer)
        _check_choice("job_backoff", self.job_backoff, BackoffChoice)
        _check_address("pubsub", self.pubsub)
        _check_origin("app_engine", self.app_engine)
        _check_span("grace", self.grace)

    @property
    def parsed_database(self) -> Database:
        """Where the database is."""
        return parse_database(self.database)

    @property
    def policy(self) -> Policy:
        """What of this the verbs must know."""
        return Policy(
            quotas=Quotas(self.quotas),
            create_queues=self.create_queues,
            reuse_names=self.reuse_names,
            run_paused_jobs=self.run_paused_jobs,
            measured_growth=self.job_backoff == "measured",
            app_engine=None if self.app_engine is None else _origin(self.app_engine),
        )

    @property
    def grace_period(self) -> timedelta:
        """The grace, as a span."""
        return timedelta(seconds=self.grace)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSettings(Settings):
    """The same for a service on a port, and what only a port needs.

    Raises `ValueError` for a malformed name of a queue, too.
    """

    host: str = "localhost"
    port: int = 8123
    """0: any free port."""
    queues: tuple[str, ...] = ()
    """Full names of queues that are there from the start."""
    imported_queues: tuple[Queue, ...] = ()
    """Queues of a queue.yaml, which are set to what it says."""
    allowed_hosts: tuple[str, ...] = ()
    """Names by which clients may reach it over HTTP, beside addresses and names that are local."""
    admin_token: str | None = None
    """What opens the paths below `/admin` that need it; None: one is made at the start."""
    manual_clock: datetime | None = None
    """When it is; the clock stands still until it is moved. None: it is that of the machine."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if not self.host:
            raise ValueError("host must not be empty: 0.0.0.0 means every address of this machine")
        self._queue_names()
        for name in self.allowed_hosts:
            _check_host_name(name)
        _check_token(self.admin_token)
        if self.manual_clock is not None and self.manual_clock.tzinfo is None:
            raise ValueError("manual_clock must be a time with its zone, such as 2030-01-01T00:00:00Z")
        if self.manual_clock is not None and not FIRST <= self.manual_clock <= LAST:
            raise ValueError("manual_clock must be a time from the year 1970 to the year 8999")

    @property
    def clock(self) -> Clock:
        """A clock, as it was chosen; another one each time."""
        return SystemClock() if self.manual_clock is None else ManualClock(self.manual_clock.astimezone(UTC))

    def host_names(self) -> list[str]:
        """Its names: those that it was given, where it listens, and that of its issuer."""
        issuer = urlsplit(self.issuer or "").hostname
        return [*self.allowed_hosts, self.host, *([issuer] if issuer else [])]

    @property
    def given_queues(self) -> GivenQueues:
        """The queues that are there from the start."""
        return GivenQueues(names=self._queue_names(), imported=self.imported_queues)

    def _queue_names(self) -> list[QueueName]:
        return [_queue_name(name) for name in self.queues]


def _queue_name(name: str) -> QueueName:
    try:
        return parse_queue(name)
    except InvalidArgument as error:
        raise ValueError(f"queue {name!r}: {error}") from None


def _check_origin(setting: str, text: str | None) -> None:
    if text is None:
        return
    _check_text(setting, text)
    try:
        _origin(text)
    except Unreachable as error:
        example = "http://localhost:8080"
        raise ValueError(f"{setting} must be an address such as {example!r}, not {text!r}: {error}") from None


def _origin(text: str) -> str:
    """The URL of a server, from a URL or `host:port`; `Unreachable` if there is more in it."""
    url = text if "://" in text else f"http://{text}"
    address = parse_url(url)
    if address.target != "/" or address.authorization is not None or "#" in url:
        raise Unreachable("it must have a host and a port, and no more")
    return str(address.origin)


def _check_host_name(name: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name):
        raise ValueError(f"allowed host must be a name such as tasks.example.com, not {name!r}")


def _check_token(token: str | None) -> None:
    if token is not None and not re.fullmatch(r"[!-~]{1,200}", token):
        # The token itself is not shown: what a terminal or a log shows is no secret any more.
        raise ValueError("admin token must be a word of 200 letters, digits and signs at most, without blanks")


def _check_choice(setting: str, value: object, choices: Any) -> None:
    accepted = get_args(choices)
    if value not in accepted:
        raise ValueError(f"{setting} must be {' or '.join(map(repr, accepted))}, not {value!r}")


def _check_text(setting: str, value: object) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{setting} must be a string, not {value!r}")


def _check_issuer(issuer: str | None) -> None:
    if issuer is not None and not re.fullmatch(r"https?://[!-~]+", issuer):
        raise ValueError(f"issuer must be a URL that starts with http:// or https://, not {issuer!r}")


def _check_address(setting: str, text: str | None) -> None:
    if text is None:
        return
    _check_text(setting, text)
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})", text)
    if match is None or not 0 < int(match[2]) < 65536:
        raise ValueError(f"{setting} must be host:port, such as localhost:8085, not {text!r}")


def _check_span(setting: str, seconds: float) -> None:
    try:
        accepted = timedelta(seconds=seconds) >= timedelta(0)
    except (TypeError, ValueError, OverflowError):  # no number, not a number, more than a span can hold
        accepted = False
    if not accepted:
        raise ValueError(f"{setting} must be a number of seconds, 0 or more, not {seconds!r}")
