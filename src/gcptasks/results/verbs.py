"""The calls of a store of records, blocking and awaited, over flows that are written once.

A flow says which steps a call takes on its database (a statement, some commands), and what their answers mean.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Generator, Mapping
from typing import Generic, Protocol, TypeVar

from gcptasks.base.flows import drive, drive_async
from gcptasks.engine.task_records import Event, TaskRecord
from gcptasks.results.store import Attempt, Change, NewRecord, Page, Query
from gcptasks.results.waiting import AwaitedWaits, Waiters, wait_blocking

T = TypeVar("T")
Step = TypeVar("Step")
Answer = TypeVar("Answer")
Step_co = TypeVar("Step_co", covariant=True)
Answer_contra = TypeVar("Answer_contra", contravariant=True)


class RecordFlows(Protocol[Step_co, Answer_contra]):
    """What a database has to be asked, and told, for each call."""

    def add(self, record: NewRecord) -> Generator[Step_co, Answer_contra, TaskRecord]: ...
    def add_many(self, records: Collection[NewRecord]) -> Generator[Step_co, Answer_contra, None]: ...
    def get(self, id: str) -> Generator[Step_co, Answer_contra, TaskRecord | None]: ...
    def change(self, id: str, run: int, event: Event) -> Generator[Step_co, Answer_contra, Change | None]: ...
    def hear(self, attempts: Collection[Attempt]) -> Generator[Step_co, Answer_contra, None]: ...
    def cancelled(self, attempts: Collection[Attempt]) -> Generator[Step_co, Answer_contra, set[Attempt]]: ...
    def find(self, query: Query) -> Generator[Step_co, Answer_contra, Page]: ...
    def remove(self, id: str) -> Generator[Step_co, Answer_contra, bool]: ...

    def versions(self, ids: Collection[str]) -> Generator[Step_co, Answer_contra, Mapping[str, int]]:
        """The versions of those that are there."""
        ...


class BlockingVerbs(Generic[Step, Answer]):
    """A `BlockingStore`."""

    def __init__(
        self,
        flows: RecordFlows[Step, Answer],
        take: Callable[[Step], Answer],
        waiters: Waiters,
        close: Callable[[], None],
    ) -> None:
        self._flows = flows
        self._take = take
        self._waiters = waiters
        self._close = close

    def add(self, record: NewRecord) -> TaskRecord:
        return drive(self._flows.add(record), self._take)

    def add_many(self, records: Collection[NewRecord]) -> None:
        drive(self._flows.add_many(records), self._take)

    def get(self, id: str) -> TaskRecord | None:
        return drive(self._flows.get(id), self._take)

    def change(self, id: str, run: int, event: Event) -> Change | None:
        change = drive(self._flows.change(id, run, event), self._take)
        _tell(self._waiters, change)
        return change

    def hear(self, attempts: Collection[Attempt]) -> None:
        drive(self._flows.hear(attempts), self._take)

    def cancelled(self, attempts: Collection[Attempt]) -> set[Attempt]:
        return drive(self._flows.cancelled(attempts), self._take)

    def find(self, query: Query) -> Page:
        return drive(self._flows.find(query), self._take)

    def remove(self, id: str) -> bool:
        removed = drive(self._flows.remove(id), self._take)
        self._waiters.tell(id, None)
        return removed

    def wait(self, id: str, version: int, timeout: float) -> None:
        wait_blocking(self._versions, self._waiters, id, version, timeout)

    def close(self) -> None:
        self._waiters.close()
        self._close()

    def _versions(self, ids: Collection[str]) -> Mapping[str, int]:
        return drive(self._flows.versions(ids), self._take)


class AwaitedVerbs(Generic[Step, Answer]):
    """An `AsyncStore`, for one event loop, with up to `at_once` calls at a time. The others wait for their turn."""

    def __init__(
        self,
        flows: RecordFlows[Step, Answer],
        take: Callable[[Step], Awaitable[Answer]],
        waiters: Waiters,
        close: Callable[[], Awaitable[None]],
        at_once: int,
    ) -> None:
        self._flows = flows
        self._take = take
        # Whole calls, so that of many each has its end, where all would take their first steps first. And so many may
        # ask at once, as when a task ends that a thousand wait for, that what is to be written has places of its own.
        self._asking, self._telling = asyncio.Semaphore(at_once // 2 or 1), asyncio.Semaphore(at_once // 2 or 1)
        self._waiters = waiters
        self._waits = AwaitedWaits(self._versions, waiters)
        self._close = close

    async def add(self, record: NewRecord) -> TaskRecord:
        return await self._driven(self._telling, self._flows.add(record))

    async def add_many(self, records: Collection[NewRecord]) -> None:
        await self._driven(self._telling, self._flows.add_many(records))

    async def get(self, id: str) -> TaskRecord | None:
        return await self._driven(self._asking, self._flows.get(id))

    async def change(self, id: str, run: int, event: Event) -> Change | None:
        change = await self._driven(self._telling, self._flows.change(id, run, event))
        _tell(self._waiters, change)
        return change

    async def hear(self, attempts: Collection[Attempt]) -> None:
        await self._driven(self._telling, self._flows.hear(attempts))

    async def cancelled(self, attempts: Collection[Attempt]) -> set[Attempt]:
        return await self._driven(self._telling, self._flows.cancelled(attempts))

    async def find(self, query: Query) -> Page:
        return await self._driven(self._asking, self._flows.find(query))

    async def remove(self, id: str) -> bool:
        removed = await self._driven(self._telling, self._flows.remove(id))
        self._waiters.tell(id, None)
        return removed

    async def wait(self, id: str, version: int, timeout: float) -> None:
        await self._waits.wait(id, version, timeout)

    async def close(self) -> None:
        await self._waits.close()
        await self._waiters.async_close()
        await self._close()

    async def _versions(self, ids: Collection[str]) -> Mapping[str, int]:
        return await self._driven(self._asking, self._flows.versions(ids))

    async def _driven(self, places: asyncio.Semaphore, flow: Generator[Step, Answer, T]) -> T:
        async with places:
            return await drive_async(flow, self._take)


def _tell(waiters: Waiters, change: Change | None) -> None:
    if change is not None and change.made:
        waiters.tell(change.record.id, change.record.version)
