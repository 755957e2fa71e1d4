"""What handles ask of a store, and in which order: written once for both kinds of them."""

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, Generic, TypeVar

from gcptasks.base.log_text import log_text
from gcptasks.client.api import TASKS
from gcptasks.client.bounded_calls import ClientCalls
from gcptasks.client.call_flows import Call, CallsFlow
from gcptasks.engine.task_records import Cancelled, TaskRecord, TaskStatus, is_record_id
from gcptasks.results.errors import ResultTooLarge, TaskCancelled, TaskFailed, TaskNotFound
from gcptasks.results.store import AsyncStore, BlockingStore, ResultStore
from gcptasks.results.task_info import info_of

R = TypeVar("R")

Store = BlockingStore | AsyncStore

_log = logging.getLogger("gcptasks")

_WAIT = 5.0
"""Seconds after which a waiting handle looks anyway: the silence of a worker is no change of the record."""
_DELETE_TIMEOUT = 5.0
_TOO_LARGE = f"{ResultTooLarge.__module__}.{ResultTooLarge.__qualname__}"


@dataclass(frozen=True, slots=True)
class TaskKind(Generic[R]):
    """What the tasks of one endpoint have in common."""

    endpoint: str
    store: Callable[[], ResultStore]
    read: Callable[[bytes | None], R]
    """Its result, of the JSON that is stored."""
    client: Callable[[], Any] | None = None
    """The client that deletes its tasks."""


def find(store: Store, kind: TaskKind[Any], id: str) -> CallsFlow[TaskRecord]:
    """The record; `TaskNotFound` unless it is there, and is one of these tasks."""
    record: TaskRecord | None = (yield lambda: store.get(id)) if is_record_id(id) else None
    if record is None or record.endpoint != kind.endpoint:
        raise TaskNotFound(f"{kind.endpoint} has no task {id!r:.80}, or its record has expired")
    return record


def result(store: Store, kind: TaskKind[R], id: str, timeout: float | None) -> CallsFlow[R]:
    """The result, once the task has ended."""
    ends = _end(timeout)
    while True:
        record = yield from find(store, kind, id)
        if record.status.final:
            return _outcome(kind, record)
        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError(
                f"the task {id} is {record.status} still, after {timeout:g} seconds{_last_error(record)}"
            )
        yield _wait(store, record, left)


def next_update(store: Store, kind: TaskKind[Any], id: str, seen: TaskRecord | None) -> CallsFlow[TaskRecord]:
    """The record, once something that is told of it differs from what was seen."""
    told = None if seen is None else info_of(seen)
    while True:
        record = yield from find(store, kind, id)
        if info_of(record) != told:
            return record
        yield _wait(store, record, _WAIT)


def cancel(store: Store, kind: TaskKind[Any], id: str) -> CallsFlow[bool]:
    """Cancel the task unless it has ended, and then delete it from its queue; whether this call cancelled it."""
    record = yield from find(store, kind, id)
    change = yield lambda: store.change(id, record.run, Cancelled())
    if change is None or not change.made:
        return False
    if kind.client is not None:
        yield from _delete(kind.client, change.record.task_name)
    return True


def forget(store: Store, kind: TaskKind[Any], id: str) -> CallsFlow[None]:
    """Remove the record."""
    yield from find(store, kind, id)
    yield lambda: store.remove(id)


def _outcome(kind: TaskKind[R], record: TaskRecord) -> R:
    if record.status is TaskStatus.SUCCEEDED:
        return kind.read(record.result)
    if record.status is TaskStatus.CANCELLED:
        raise TaskCancelled(f"the task {record.id} was cancelled")
    type, message = ("", "") if record.error is None else (record.error.type, record.error.message)
    if type == _TOO_LARGE:
        raise ResultTooLarge(message)
    raise TaskFailed(type, message, record.attempt)


def _last_error(record: TaskRecord) -> str:
    """What the last attempt that failed said, as `TaskFailed` would tell it, and no longer than a line."""
    if record.error is None:
        return ""
    return f"; the last error was {TaskFailed(record.error.type, record.error.message[:200], record.attempt)}"


def _delete(client: Callable[[], Any], task_name: str) -> CallsFlow[None]:
    """Delete the task, if that can be: the record alone keeps it from running."""
    from google.api_core.exceptions import NotFound
    from google.cloud.tasks_v2 import DeleteTaskRequest

    request = DeleteTaskRequest(name=task_name)
    try:
        yield lambda: ClientCalls(TASKS, client())(Call("delete_task", request, _DELETE_TIMEOUT))
    except NotFound:
        pass
    except Exception as error:
        _log.warning("the cancelled task %s stays in its queue: %s", log_text(task_name), log_text(error))


def _wait(store: Store, record: TaskRecord, seconds: float) -> Callable[[], Any]:
    return lambda: store.wait(record.id, record.version, min(seconds, _WAIT))


def _end(timeout: float | None) -> float:
    if timeout is None:
        return math.inf
    if not isinstance(timeout, Real):
        raise TypeError(f"timeout must be a number of seconds, or None, not {timeout!r}")
    if not timeout >= 0:
        raise ValueError(f"timeout must be 0 seconds or more, or None, not {timeout!r}")
    return time.monotonic() + timeout
