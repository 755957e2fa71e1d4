"""What keeps the records of tasks: the protocol of all stores, also of users' own.

A store applies the rules of `engine.task_records` to what it has, each change at once and whole, whatever else happens
to the record at that moment, and by its own clock. What it answers is a record as `as_seen` shows it. A record that has
expired is not there any more.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple, Protocol, runtime_checkable

from gcptasks.engine.task_records import Event, TaskRecord, TaskStatus

MAX_BYTES = 1024 * 1024
KEEP = timedelta(days=7)
SHORTEST = timedelta(seconds=1)
"""A record that is shorter there may be gone before its store can answer with it."""
LONGEST = timedelta(days=36_500)
"""For longer there is no time that could be stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """The options that every store takes."""

    expires_after: timedelta = KEEP
    """How long a record stays after it was made, started anew or finished."""
    max_bytes: int = MAX_BYTES
    """Of a result. A larger one makes its task fail."""
    tracebacks: bool = False
    """Whether errors are kept with their tracebacks."""

    def __post_init__(self) -> None:
        if not isinstance(self.expires_after, timedelta):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a checker
            raise TypeError(f"expires_after must be a timedelta, such as timedelta(days=7), not {self.expires_after!r}")
        if not SHORTEST <= self.expires_after <= LONGEST:
            raise ValueError(
                f"expires_after must be a second or more and at most {LONGEST}, not {self.expires_after!r}"
            )
        if not isinstance(self.max_bytes, int) or isinstance(self.max_bytes, bool):  # pyright: ignore[reportUnnecessaryIsInstance]  # as above
            raise TypeError(f"max_bytes must be an int, not {self.max_bytes!r}")
        if self.max_bytes < 1:
            raise ValueError(f"max_bytes must be 1 or more, not {self.max_bytes}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """A record as it is asked for. The store sets its times."""

    id: str
    endpoint: str
    task_name: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    arguments: bytes = b""
    confirmed: bool = True


class Attempt(NamedTuple):
    """An attempt at the task of a record."""

    id: str
    run: int
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which records, the newest first."""

    endpoint: str | None = None
    status: TaskStatus | None = None
    """As `as_seen` shows it."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """A record has all of these, and may have more."""
    limit: int = 50
    after: str | None = None
    """`next` of the page before."""


@dataclass(frozen=True, slots=True)
class Page:
    records: list[TaskRecord]
    """Without their results."""
    next: str | None
    """Where the next page begins; None after the last one."""


class Change(NamedTuple):
    """What came of an event."""

    record: TaskRecord
    """As it is now."""
    made: bool
    """Whether the event changed it: of two cancels at once only one does."""


class BlockingStore(Protocol):
    """The calls of a store, for code that blocks."""

    def add(self, record: NewRecord) -> TaskRecord:
        """The record: a new one, or what is there already under its id."""
        ...

    def add_many(self, records: Collection[NewRecord]) -> None:
        """Add all of them, whose ids are new.

        Later calls of this store see them, though they may be written only with what comes next.
        """
        ...

    def get(self, id: str) -> TaskRecord | None: ...

    def change(self, id: str, run: int, event: Event) -> Change | None:
        """The record after the event; None if there is none."""
        ...

    def hear(self, attempts: Collection[Attempt]) -> None:
        """Those attempts still run."""
        ...

    def cancelled(self, attempts: Collection[Attempt]) -> set[Attempt]:
        """Which of them are of a task that is cancelled, was begun anew since, or is not there."""
        ...

    def find(self, query: Query) -> Page: ...

    def remove(self, id: str) -> bool:
        """True if it was there."""
        ...

    def wait(self, id: str, version: int, timeout: float) -> None:
        """Return when the record has another version, or is not there; or, in seconds, when the time is over."""
        ...

    def close(self) -> None:
        """Let go of connections; those that a user gave stay open. A later call opens new ones."""
        ...


class AsyncStore(Protocol):
    """The same, awaited."""

    async def add(self, record: NewRecord) -> TaskRecord: ...
    async def add_many(self, records: Collection[NewRecord]) -> None: ...
    async def get(self, id: str) -> TaskRecord | None: ...
    async def change(self, id: str, run: int, event: Event) -> Change | None: ...
    async def hear(self, attempts: Collection[Attempt]) -> None: ...
    async def cancelled(self, attempts: Collection[Attempt]) -> set[Attempt]: ...
    async def find(self, query: Query) -> Page: ...
    async def remove(self, id: str) -> bool: ...
    async def wait(self, id: str, version: int, timeout: float) -> None: ...
    async def close(self) -> None: ...


@runtime_checkable
class DeliveringStore(Protocol):
    """A store of a service that delivers, which may do so into this process."""

    @property
    def recorded_here(self) -> set[str]:
        """Endpoints of which workers in this process record the attempts in this store.

        The service records these as it leases and acknowledges them, and leaves a `LeasedRecord` to the worker.
        """
        ...

    def add_soon(self, records: Collection[NewRecord]) -> None:
        """`AsyncStore.add_many` of the running event loop, which waits for nothing here."""
        ...


class ResultStore(Protocol):
    """Where the records of tasks are."""

    @property
    def settings(self) -> StoreSettings: ...

    @property
    def remote(self) -> bool:
        """Whether its calls may hang, as those over a network do: then whoever can do without it waits a second."""
        ...

    def blocking(self) -> BlockingStore:
        """The store for code that blocks; `TypeError` where it can only be awaited."""
        ...

    def awaiting(self) -> AsyncStore:
        """The store for coroutines of the running loop; `TypeError` where it can only block."""
        ...
