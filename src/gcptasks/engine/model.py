"""What queues and tasks are. Values only: the rules are beside this file, in one module per thing.

Names follow Google's messages (`google.cloud.tasks.v2`). `*_at` is an aware UTC datetime.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum

from gcptasks.base.frozen import frozen
from gcptasks.base.names import LocationName, QueueName, TaskName


class QueueState(StrEnum):
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    DISABLED = "DISABLED"


class View(StrEnum):
    """How much of a task an answer shows: BASIC leaves out the body (CT-125)."""

    UNSPECIFIED = "VIEW_UNSPECIFIED"
    BASIC = "BASIC"
    FULL = "FULL"


@frozen(kw_only=True)
class RateLimits:
    """How fast a queue may send. The defaults are Google's (CT-030)."""

    max_dispatches_per_second: float = 500.0
    max_concurrent_dispatches: int = 1000
    max_burst_size: int = 0
    """That of a queue.yaml; 0: as it follows from the rate (CT-039)."""


@frozen(kw_only=True)
class RetryConfig:
    """When a failed task is tried again. The defaults are Google's (CT-030).

    Spans are whole nanoseconds, since Google keeps backoffs to the nanosecond (CT-049), which `timedelta` cannot.
    """

    max_attempts: int = 100
    """The first attempt counts (CT-202); -1 means no limit (CT-203)."""
    max_retry_duration_ns: int = 0
    """0 means no limit (CT-204)."""
    min_backoff_ns: int = 100_000_000
    max_backoff_ns: int = 3_600_000_000_000
    max_doublings: int = 16


@frozen(kw_only=True)
class OidcToken:
    service_account_email: str
    audience: str = ""


@frozen(kw_only=True)
class OAuthToken:
    service_account_email: str
    scope: str = ""


Token = OidcToken | OAuthToken


class EnforceMode(StrEnum):
    """Whether an override of a URL holds for one that has all parts itself."""

    UNSPECIFIED = "URI_OVERRIDE_ENFORCE_MODE_UNSPECIFIED"
    IF_NOT_EXISTS = "IF_NOT_EXISTS"
    ALWAYS = "ALWAYS"


@frozen(kw_only=True)
class UriOverride:
    """The parts of a URL that a queue sets; None: the task's own."""

    scheme: str | None = None
    """`HTTP` or `HTTPS`, empty if it was sent as unspecified."""
    host: str | None = None
    port: int | None = None
    """0: none."""
    path: str | None = None
    query: str | None = None
    enforce_mode: EnforceMode = EnforceMode.UNSPECIFIED


@frozen(kw_only=True)
class HttpTarget:
    """What a queue sets in every HTTP request of its tasks, as it was sent (CT-299)."""

    uri_override: UriOverride | None = None
    method: str = ""
    """An HTTP method in capitals; empty: the task's own."""
    header_overrides: tuple[tuple[str, str], ...] = ()
    token: Token | None = None


@frozen(kw_only=True)
class Queue:
    name: QueueName
    rate_limits: RateLimits = RateLimits()
    retry_config: RetryConfig = RetryConfig()
    state: QueueState = QueueState.RUNNING
    purged_at: datetime | None = None
    sampling_ratio: float = 0.0
    """Of `stackdriver_logging_config`; kept and shown, used by nothing here."""
    app_engine_routing_override: "AppEngineRouting | None" = None
    """Takes the place of the routing of every App Engine task (CT-047)."""
    http_target: HttpTarget | None = None
    """Overrides parts of every HTTP task (CT-220)."""


@frozen(kw_only=True)
class HttpRequest:
    """What the worker will be sent. `method` is an HTTP method in capitals."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    token: Token | None = None


@frozen(kw_only=True)
class AppEngineRouting:
    """Which part of an App Engine app is meant; what is empty is the app's default."""

    service: str = ""
    version: str = ""
    instance: str = ""


@frozen(kw_only=True)
class AppEngineRequest:
    """What an App Engine app will be sent. `method` is an HTTP method in capitals."""

    relative_uri: str = "/"
    """Path and query."""
    method: str = "POST"
    routing: AppEngineRouting = AppEngineRouting()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


Request = HttpRequest | AppEngineRequest


@frozen(kw_only=True)
class Attempt:
    """The last attempt of a task that failed or is under way."""

    scheduled_at: datetime
    dispatched_at: datetime | None = None
    """None only in the answer of RunTask (CT-148)."""
    responded_at: datetime | None = None
    status: int | None = None
    """The HTTP status; 504 after a passed deadline, 0 without any answer (CT-312, CT-313); None while under way."""


@frozen(kw_only=True)
class Task:
    """A task that is stored: waiting, under way, or waiting to be tried again."""

    name: TaskName
    request: Request
    created_at: datetime
    scheduled_at: datetime
    """When the next attempt is due; while one is under way, when that one was due."""
    dispatch_deadline: timedelta
    """0 in an App Engine task that leaves it to the app (CT-118, CT-197)."""
    retry_config: RetryConfig | None = None
    """The task's own, which takes the place of its queue's (CT-210)."""
    dispatch_count: int = 0
    response_count: int = 0
    first_dispatched_at: datetime | None = None
    last_attempt: Attempt | None = None


@frozen(kw_only=True)
class Reply:
    """How an attempt ended."""

    status: int
    """The HTTP status; 504 after a passed deadline, 0 without any answer."""
    reason: str = ""
    """For people: why there was no usable answer."""
    retry_after: timedelta | datetime | None = None
    """The worker's `Retry-After`, a span or a date, honoured after a 429 or 503 and for that task alone (CT-L7)."""

    @property
    def ok(self) -> bool:
        return 200 <= self.status <= 299


CUT_OFF = Reply(status=0, reason="the service ended while it ran")
"""How an attempt ended whose process was killed or stopped."""


# What callers ask for, as the wire hands it to the verbs. Names are parsed; nothing else is checked yet.


@frozen(kw_only=True)
class NewQueue:
    parent: LocationName
    name: QueueName
    rate_limits: RateLimits
    """As sent: 0 stands for a member left out (CT-044)."""
    retry_config: RetryConfig
    """As sent: 0 stands for a member left out (CT-044)."""
    keeps_doublings: bool = False
    """An update leaves `max_doublings` as it is, which may be a 0 of a queue.yaml (CT-201)."""
    sampling_ratio: float = 0.0
    app_engine_routing_override: AppEngineRouting | None = None
    http_target: HttpTarget | None = None


@frozen(kw_only=True)
class NewTask:
    queue: QueueName
    name: TaskName | None
    """None: the service makes one (CT-113)."""
    request: Request
    """Headers as sent."""
    scheduled_at: datetime | None = None
    scheduled_ns: int = 0
    """Nanoseconds past the microsecond of `scheduled_at`, which only a refusal shows (CT-246)."""
    dispatch_deadline: timedelta | None = None
    retry_config: RetryConfig | None = None
    """As sent: 0 stands for a member left out (CT-295)."""
    view: View = View.UNSPECIFIED


@frozen(kw_only=True)
class BufferedTask:
    """A task whose URL is the queue's (BufferTask)."""

    queue: QueueName
    name: TaskName | None
    """None: the service makes one (CT-231)."""
    headers: Mapping[str, str]
    """As sent."""
    body: bytes


@frozen(kw_only=True)
class GivenQueues:
    """The queues that are there from the start, and again after a reset."""

    names: Sequence[QueueName] = ()
    """Of those that have the defaults if they are new, and stay as they are otherwise."""
    imported: Sequence[Queue] = ()
    """Those of a queue.yaml."""
