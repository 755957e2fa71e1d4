"""What jobs are. Values only: the rules are beside this file.

Names follow Google's messages (`google.cloud.scheduler.v1`). `*_at` is an aware UTC datetime.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from gcptasks.base.names import JobName
from gcptasks.engine.model import AppEngineRequest, HttpRequest


class JobState(StrEnum):
    ENABLED = "ENABLED"
    PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRetryConfig:
    """When a failed attempt of a job is made again. The defaults are Google's (CS-025).

    Spans are whole nanoseconds, as those of tasks.
    """

    retry_count: int = 0
    """The first attempt does not count (CS-134)."""
    max_retry_duration_ns: int = 0
    """0 means no limit, and no retries if the count is 0 as well (CS-133)."""
    min_backoff_ns: int = 5_000_000_000
    max_backoff_ns: int = 3_600_000_000_000
    max_doublings: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PubsubMessage:
    """What a job publishes, and on which topic."""

    topic: str
    """`projects/P/topics/T`."""
    data: bytes = b""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])


JobTarget = HttpRequest | AppEngineRequest | PubsubMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job as it is asked for. Names are parsed; nothing else is checked yet."""

    name: JobName | None
    """None: the service makes one (CS-013)."""
    target: JobTarget | None
    schedule: str
    time_zone: str
    """Empty: UTC (CS-023)."""
    description: str = ""
    retry_config: JobRetryConfig | None = None
    """As sent: 0 stands for a member left out (CS-025, CS-141, CS-142)."""
    attempt_deadline: timedelta | None = None
    size: int = 0
    """Bytes of the message (CS-017)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that is stored."""

    name: JobName
    target: JobTarget
    schedule: str
    time_zone: str
    description: str = ""
    retry_config: JobRetryConfig | None = None
    """None if it was left out, which Google shows as such (CS-024)."""
    attempt_deadline: timedelta | None = None
    """None for the default of its target."""
    state: JobState = JobState.ENABLED
    updated_at: datetime
    """When a user changed it last."""
    interval: timedelta | None = None
    """Of a plain interval such as `every 5 minutes`: from the end of one execution to the next (CS-087)."""
    next_at: datetime | None
    """The next scheduled time; None while it is paused (CS-050)."""
    retry_at: datetime | None = None
    """When a retry is made that is waited for."""
    last_attempt_at: datetime | None = None
    status_code: int = -1
    """The gRPC code that stands for how the last attempt ended; -1 before any (CS-022)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run of a job: at a scheduled time, or forced by RunJob; its attempts, until one succeeds or no more come."""

    scheduled_at: datetime
    """What its worker is told; of a forced one the time of the next scheduled (CS-059)."""
    forced: bool = False
    attempts: int = 0
    """How many began."""
    first_attempt_at: datetime | None = None
