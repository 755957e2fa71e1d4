"""Handles: by them you ask about a task, wait for its result, and cancel it."""

from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any, Generic, NoReturn, Self, TypeVar

from gcptasks.base.flows import drive, drive_async
from gcptasks.client import handle_flows as flows
from gcptasks.client.call_flows import CallsFlow, made
from gcptasks.client.handle_flows import TaskKind
from gcptasks.engine.task_records import ProgressInfo, TaskRecord, TaskStatus
from gcptasks.results.store import AsyncStore, BlockingStore
from gcptasks.results.task_info import TaskInfo, info_of

R_co = TypeVar("R_co", covariant=True)
T = TypeVar("T")


class _Handle(Generic[R_co]):
    """A task that can be asked about."""

    __slots__ = ("_kind", "id", "name")

    def __init__(self, kind: TaskKind[R_co], id: str, name: str = "") -> None:
        if not isinstance(id, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a checker
            raise TypeError(f"the id of a task must be a string, not {id!r}")
        self._kind = kind
        self.id = id
        """What `endpoint.handle(id)` takes."""
        self.name = name
        """The full name of its task; empty in a handle of `.handle(id)` until it has asked for the first time."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} of {self._kind.endpoint}>"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a handle stays in its process, for it has the store of results: "
            "pass its id on, and call .handle(id) of the endpoint there"
        )

    def _named(self, record: TaskRecord) -> TaskRecord:
        self.name = record.task_name
        return record


class TaskHandle(_Handle[R_co]):
    """A task that can be asked about. Each call raises `TaskNotFound` if there is no record of it, or not any more."""

    __slots__ = ()

    def status(self) -> TaskStatus:
        """What has become of it."""
        return self.info().status

    def info(self) -> TaskInfo:
        """What is known of it."""
        return info_of(self._named(self._drive(flows.find(self._store(), self._kind, self.id))))

    def progress(self) -> ProgressInfo | None:
        """How far it has come, if it says so."""
        return self.info().progress

    def result(self, timeout: float | None = None) -> R_co:
        """What the endpoint returned, once it has, waiting for so many seconds at most.

        Raises `TimeoutError` after them, `TaskFailed` or `TaskCancelled` if that became of it, `ResultTooLarge` if the
        store did not keep what it returned, and `ResultMismatch` if that does not fit what the endpoint returns now.
        """
        return self._drive(flows.result(self._store(), self._kind, self.id, timeout))

    def updates(self) -> Iterator[TaskInfo]:
        """What is known of it: now, and again at each change, until it has ended."""
        record = None
        while record is None or not record.status.final:
            flow = flows.next_update(self._store(), self._kind, self.id, record)
            record = self._named(self._drive(flow))
            yield info_of(record)

    def cancel(self) -> bool:
        """Cancel it: it does not start any more, and where it runs it is told to stop.

        True if this call did; False if it had ended, or was cancelled before.
        """
        return self._drive(flows.cancel(self._store(), self._kind, self.id))

    def forget(self) -> None:
        """Remove its record. The task itself stays where it is."""
        self._drive(flows.forget(self._store(), self._kind, self.id))

    def _store(self) -> BlockingStore:
        return self._kind.store().blocking()

    def _drive(self, flow: CallsFlow[T]) -> T:
        return drive(flow, made)


class AsyncTaskHandle(_Handle[R_co]):
    """A task that can be asked about. Each call raises `TaskNotFound` if there is no record of it, or not any more."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, R_co]:
        """What the endpoint returned, as from `result`."""
        return self.result().__await__()

    async def status(self) -> TaskStatus:
        """What has become of it."""
        return (await self.info()).status

    async def info(self) -> TaskInfo:
        """What is known of it."""
        return info_of(self._named(await self._drive(flows.find(self._store(), self._kind, self.id))))

    async def progress(self) -> ProgressInfo | None:
        """How far it has come, if it says so."""
        return (await self.info()).progress

    async def result(self, timeout: float | None = None) -> R_co:
        """What the endpoint returned, once it has, waiting for so many seconds at most.

        Raises `TimeoutError` after them, `TaskFailed` or `TaskCancelled` if that became of it, `ResultTooLarge` if the
        store did not keep what it returned, and `ResultMismatch` if that does not fit what the endpoint returns now.
        """
        return await self._drive(flows.result(self._store(), self._kind, self.id, timeout))

    async def updates(self) -> AsyncIterator[TaskInfo]:
        """What is known of it: now, and again at each change, until it has ended."""
        record = None
        while record is None or not record.status.final:
            flow = flows.next_update(self._store(), self._kind, self.id, record)
            record = self._named(await self._drive(flow))
            yield info_of(record)

    async def cancel(self) -> bool:
        """Cancel it: it does not start any more, and where it runs it is told to stop.

        True if this call did; False if it had ended, or was cancelled before.
        """
        return await self._drive(flows.cancel(self._store(), self._kind, self.id))

    async def forget(self) -> None:
        """Remove its record. The task itself stays where it is."""
        await self._drive(flows.forget(self._store(), self._kind, self.id))

    def _store(self) -> AsyncStore:
        return self._kind.store().awaiting()

    async def _drive(self, flow: CallsFlow[T]) -> T:
        return await drive_async(flow, made)
