"""The calls of one `delay_many`: in batches where the service has them, one by one otherwise, several at once."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from inspect import unwrap
from typing import TYPE_CHECKING, Any

from fastapi_gcp_tasks.bulk import Bulk, BulkItem, BulkResult, Request
from gcptasks.base.flows import drive, drive_async
from gcptasks.client.call_flows import CallsFlow, made
from gcptasks.client.request_bytes import batch

if TYPE_CHECKING:
    from fastapi_gcp_tasks.bulk_records import BulkRecords


def run_bulk(
    bulk: Bulk, records: "BulkRecords | None", client: Any, timeout: float | None, concurrency: int
) -> BulkResult:
    """The result once all have ended, with so many calls at once, in threads."""
    bulk.in_batches = has_batches(client, "CloudTasksClient")
    with ThreadPoolExecutor(concurrency, thread_name_prefix="delay_many") as pool:
        running: set[Future[list[BulkItem]]] = set()
        for chunk in bulk.chunks():
            if len(running) == concurrency:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                _note(bulk, done)
            running.add(pool.submit(drive, send_chunk(bulk, records, chunk, client, timeout), made))
        _note(bulk, wait(running).done)
    return bulk.finish()


async def run_bulk_async(
    bulk: Bulk, records: "BulkRecords | None", client: Any, timeout: float | None, concurrency: int
) -> BulkResult:
    """The same, without blocking the event loop."""
    bulk.in_batches = has_batches(client, "CloudTasksAsyncClient")
    running: set[asyncio.Task[list[BulkItem]]] = set()
    try:
        for chunk in bulk.chunks():
            if len(running) == concurrency:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                _note(bulk, done)
            running.add(asyncio.create_task(drive_async(send_chunk(bulk, records, chunk, client, timeout), made)))
        if running:
            done, running = await asyncio.wait(running)
            _note(bulk, done)
    finally:
        for task in running:
            task.cancel()
    return bulk.finish()


def has_batches(client: object, kind: str) -> bool:
    """Whether to try BatchCreateTasks on this client.

    One whose class makes tasks in a way of its own, as users' fakes do, and batches in Google's, has none.
    """
    from google.cloud import tasks_v2

    google: Any = getattr(tasks_v2, kind)
    batch = getattr(google, "batch_create_tasks", None)  # older ones have none
    if batch is None:
        return False
    own_create = unwrap(getattr(type(client), "create_task", google.create_task)) is not google.create_task
    return not (own_create and getattr(type(client), "batch_create_tasks", batch) is batch)


def send_chunk(
    bulk: Bulk, records: "BulkRecords | None", chunk: list[Request], client: Any, timeout: float | None
) -> CallsFlow[list[BulkItem]]:
    """What became of these; nothing that a call raises leaves this."""
    if records is None:
        return (yield from _send(bulk, chunk, client, timeout))
    yield from records.add(chunk)
    outcomes = yield from _send(bulk, chunk, client, timeout)
    return (yield from records.settled(chunk, outcomes))


def _send(bulk: Bulk, chunk: list[Request], client: Any, timeout: float | None) -> CallsFlow[list[BulkItem]]:
    from google.api_core.exceptions import MethodNotImplemented
    from google.cloud.tasks_v2 import CreateTaskRequest

    if bulk.in_batches:
        try:
            return (yield from _send_batch(chunk, client, timeout))
        except MethodNotImplemented:
            bulk.in_batches = False
        except Exception as error:
            # Nobody knows which of them are there, if any.
            return [BulkItem(index, name, error) for index, name, _, _ in chunk]
    outcomes: list[BulkItem] = []
    for index, name, message, _ in chunk:
        request = CreateTaskRequest.deserialize(message)
        try:
            task = yield partial(client.create_task, request=request, timeout=timeout)
        except Exception as error:
            outcomes.append(BulkItem(index, name, error))
        else:
            outcomes.append(BulkItem(index, _name(task)))
    return outcomes


def _send_batch(chunk: list[Request], client: Any, timeout: float | None) -> CallsFlow[list[BulkItem]]:
    from google.cloud.tasks_v2 import BatchCreateTasksRequest

    # Raw, since Google's wrapper copies each request twice.
    raw = BatchCreateTasksRequest.pb().FromString(batch(message for _, _, message, _ in chunk))
    raw.parent = raw.requests[0].parent
    request = BatchCreateTasksRequest.wrap(raw)
    operation = yield partial(client.batch_create_tasks, request=request, timeout=timeout)
    return _outcomes(chunk, operation)


def _outcomes(chunk: list[Request], operation: Any) -> list[BulkItem]:
    """What Google's operation tells of each; it is done in the reply (CT-157)."""
    from google.api_core import exceptions
    from google.cloud.tasks_v2 import BatchCreateTasksMetadata, BatchCreateTasksResponse

    google: Any = exceptions  # not all of it is typed
    metadata = operation.metadata
    if not isinstance(metadata, BatchCreateTasksMetadata):  # an answer that is no message, as a mock gives
        return [BulkItem(index, name) for index, name, _, _ in chunk]
    failed = BatchCreateTasksMetadata.pb(metadata).failed_requests
    tasks = iter(BatchCreateTasksResponse.pb().FromString(operation.operation.response.value).tasks)
    if not failed:
        return [BulkItem(index, task.name) for (index, _, _, _), task in zip(chunk, tasks, strict=True)]
    outcomes: list[BulkItem] = []
    for number, (index, name, _, _) in enumerate(chunk):
        if number in failed:
            status = failed[number]
            outcomes.append(BulkItem(index, name, google.from_grpc_status(status.code, status.message)))
        else:
            outcomes.append(BulkItem(index, next(tasks).name))
    return outcomes


def _name(task: Any) -> str:
    name = getattr(task, "name", None)
    return name if isinstance(name, str) else ""


def _note(bulk: Bulk, done: "Iterable[Future[list[BulkItem]] | asyncio.Task[list[BulkItem]]]") -> None:
    for one in done:
        bulk.note(one.result())
