"""What a test is told of attempts that ran."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """What became of a task, or of an execution of a job, by one attempt."""

    SUCCEEDED = "succeeded"
    RETRYING = "retrying"
    """It failed, and another attempt comes."""
    GIVEN_UP = "given up"
    """It failed, and no other attempt comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One attempt that ran."""

    endpoint: str
    """The name of the endpoint or function."""
    arguments: Mapping[str, Any] | None
    """What it was called with; None if that cannot be read."""
    name: str
    """The full name of the task, or of the job."""
    attempt: int
    """1 for the first."""
    status: int
    """The HTTP status: 504 if no response came in time, 0 if none can come."""
    reason: str
    """Why it failed, so far as the service knows."""
    outcome: Outcome
    next_at: datetime | None
    """When the next attempt is due."""
    error: BaseException | None
    """What the endpoint raised."""
    ran_at: datetime
    """When, by the clock of the test."""

    @property
    def succeeded(self) -> bool:
        return self.outcome is Outcome.SUCCEEDED

    def __str__(self) -> str:
        return f"{call_text(self.endpoint, self.arguments)}: attempt {self.attempt}, {self.status}, {self.outcome}"


def call_text(endpoint: str, arguments: Mapping[str, Any] | None) -> str:
    """A call as one would write it."""
    if arguments is None:
        return f"{endpoint}(…)"
    return f"{endpoint}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"
