"""The calls of one `delay_many`: in batches where the service has them, one by one otherwise, several at once."""

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from inspect import unwrap
from typing import Any

from fastapi_gcp_tasks.bulk import Bulk, BulkItem, BulkResult, Numbered
from gcptasks.client.call_flows import Flow, call, drive, drive_async


def run_bulk(bulk: Bulk, client: Any, timeout: float | None, concurrency: int) -> BulkResult:
    """The result once all have ended, with so many calls at once, in threads."""
    bulk.in_batches = has_batches(client, "CloudTasksClient")
    with ThreadPoolExecutor(concurrency, thread_name_prefix="delay_many") as pool:
        running: set[Future[list[BulkItem]]] = set()
        for chunk in bulk.chunks():
            if len(running) == concurrency:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                _note(bulk, done)
            flow = send_chunk(bulk, chunk, timeout)
            running.add(pool.submit(drive, flow, lambda step: step.on(client)))
        _note(bulk, wait(running).done)
    return bulk.finish()


async def run_bulk_async(bulk: Bulk, client: Any, timeout: float | None, concurrency: int) -> BulkResult:
    """The same, without blocking the event loop."""
    bulk.in_batches = has_batches(client, "CloudTasksAsyncClient")
    running: set[asyncio.Task[list[BulkItem]]] = set()
    try:
        for chunk in bulk.chunks():
            if len(running) == concurrency:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                _note(bulk, done)
            flow = send_chunk(bulk, chunk, timeout)
            running.add(asyncio.create_task(drive_async(flow, lambda step: step.on(client))))
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


def send_chunk(bulk: Bulk, chunk: list[Numbered], timeout: float | None) -> Flow[list[BulkItem]]:
    """What became of these; nothing that a call raises leaves this."""
    from google.api_core.exceptions import MethodNotImplemented

    if bulk.in_batches:
        try:
            return (yield from _send_batch(chunk, timeout))
        except MethodNotImplemented:
            bulk.in_batches = False
        except Exception as error:
            # Nobody knows which of them are there, if any.
            return [BulkItem(index, request.task.name, error) for index, request in chunk]
    outcomes: list[BulkItem] = []
    for index, request in chunk:
        try:
            task = yield from call("create_task", request, timeout)
        except Exception as error:
            outcomes.append(BulkItem(index, request.task.name, error))
        else:
            outcomes.append(BulkItem(index, _name(task)))
    return outcomes


def _send_batch(chunk: list[Numbered], timeout: float | None) -> Flow[list[BulkItem]]:
    from google.cloud.tasks_v2 import BatchCreateTasksRequest, CreateTaskRequest

    # Raw, since Google's wrapper copies each request twice.
    raw = [CreateTaskRequest.pb(request) for _, request in chunk]
    batch = BatchCreateTasksRequest.wrap(BatchCreateTasksRequest.pb()(parent=raw[0].parent, requests=raw))
    operation = yield from call("batch_create_tasks", batch, timeout)
    return list(_outcomes(chunk, operation))


def _outcomes(chunk: list[Numbered], operation: Any) -> Iterator[BulkItem]:
    """What Google's operation tells of each; it is done in the reply (CT-157)."""
    from google.api_core import exceptions
    from google.cloud.tasks_v2 import BatchCreateTasksMetadata, BatchCreateTasksResponse

    google: Any = exceptions  # not all of it is typed
    metadata = operation.metadata
    if not isinstance(metadata, BatchCreateTasksMetadata):  # an answer that is no message, as a mock gives
        yield from (BulkItem(index, request.task.name) for index, request in chunk)
        return
    failed = metadata.failed_requests
    response = BatchCreateTasksResponse.deserialize(operation.operation.response.value)
    tasks = iter(BatchCreateTasksResponse.pb(response).tasks)
    for number, (index, request) in enumerate(chunk):
        if number in failed:
            status = failed[number]
            yield BulkItem(index, request.task.name, google.from_grpc_status(status.code, status.message))
        else:
            yield BulkItem(index, next(tasks).name)


def _name(task: Any) -> str:
    name = getattr(task, "name", None)
    return name if isinstance(name, str) else ""


def _note(bulk: Bulk, done: "Iterable[Future[list[BulkItem]] | asyncio.Task[list[BulkItem]]]") -> None:
    for one in done:
        bulk.note(one.result())
