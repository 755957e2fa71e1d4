"""The verbs on tasks."""

import re
from dataclasses import dataclass
from datetime import datetime

from gcptasks.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from gcptasks.base.events import QueueChange, QueueChanged, TaskDeleted, TaskForced
from gcptasks.base.names import TaskName
from gcptasks.engine import app_engine, http_targets, queues, tasks
from gcptasks.engine.model import AppEngineRequest, BufferedTask, HttpRequest, NewTask, Task, View
from gcptasks.service.policy import Policy
from gcptasks.service.queues import existing, is_blocked
from gcptasks.service.task_records import task_deleted
from gcptasks.store.due import BEGINNING, Due
from gcptasks.store.queues import StoredQueue
from gcptasks.store.tasks import StoredTask
from gcptasks.store.tx import Tx
from gcptasks.wire import paging
from gcptasks.wire.cloud_tasks.tasks import ListTasks

_LARGEST_PAGE = 1000
_PAGE_SIZE = 2 * 1024 * 1024
"""Bytes of the requests on a page, whose message has to be below 4 MiB, which is what gRPC's clients take."""
_CURSOR = re.compile(r"(-?[0-9]{1,18}),([0-9]{1,18})")
_GONE = (
    "The task no longer exists, though a task with this name existed recently. "
    "The task either successfully completed or was deleted."
)
_TOO_RECENT = (
    "The task cannot be created because a task with this name existed too recently. For more information about task "
    "de-duplication see https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create"
    "#body.request_body.FIELDS.task."
)


@dataclass(frozen=True, slots=True)
class TaskPage:
    tasks: list[Task]
    next_token: str
    view: View


def create_task(tx: Tx, request: NewTask, now: datetime, policy: Policy) -> Task:
    if policy.app_engine is None and isinstance(request.request, AppEngineRequest):
        raise FailedPrecondition(app_engine.NO_ADDRESS)
    queue = _queue_for(tx, request, now, policy)
    if request.name is not None:
        _refuse_repeated(tx, queue, request.name, now, policy)
    number = tx.tasks.new_number()
    name = request.name or tx.tasks.made_name(queue, number)
    decision = tasks.create(request, name, now, queue.queue.http_target)
    task = decision.task
    assert task is not None
    tx.tasks.insert(queue, number, task, named=request.name is not None)
    tx.arrived(request.queue, number, task.scheduled_at)
    tx.happened(decision.events)
    return task


def buffer_task(tx: Tx, request: BufferedTask, now: datetime, policy: Policy) -> Task:
    url = http_targets.buffered_url(existing(tx, request.queue).queue.http_target)
    sent = HttpRequest(url=url, headers=request.headers, body=request.body)
    return create_task(tx, NewTask(queue=request.queue, name=request.name, request=sent), now, policy)


def get_task(tx: Tx, request: TaskName, now: datetime, policy: Policy) -> Task:
    queue = tx.queues.find(request.queue)
    if queue is None:
        raise NotFound("Requested entity was not found.")
    found = tx.tasks.find(queue, request.task)
    if found is None:
        raise NotFound(_GONE if tx.tasks.existed(queue, request.task, now) else "Requested entity was not found.")
    return found.task


def list_tasks(tx: Tx, request: ListTasks, now: datetime, policy: Policy) -> TaskPage:
    queue = existing(tx, request.parent)
    scope = str(request.parent)
    if request.page_size < 0:
        raise InvalidArgument("ListTasksRequest.pageSize cannot be negative.")
    after = _due_of(paging.cursor_of(request.page_token, "tasks", scope, now)) if request.page_token else BEGINNING
    limit = min(request.page_size or _LARGEST_PAGE, _LARGEST_PAGE)
    found = tx.tasks.page(queue, after, limit, _PAGE_SIZE, bodies=request.view is View.FULL)
    token = paging.token("tasks", scope, _cursor(found[-1].due), now) if found else ""
    return TaskPage([stored.task for stored in found], token, request.view)


def delete_task(tx: Tx, request: TaskName, now: datetime, policy: Policy) -> None:
    number, task = _found(tx, tx.queues.find(request.queue), request, body=False)
    tx.tasks.delete([number], now + tasks.NAME_BLOCK)
    task_deleted(tx, task, now)
    tx.happened([TaskDeleted(request, now)])


def run_task(tx: Tx, request: TaskName, now: datetime, policy: Policy) -> Task:
    number, task = _found(tx, existing(tx, request.queue), request, body=True)
    tx.leases.force(number)
    tx.changes.forced = True
    tx.happened([TaskForced(request, now)])
    return tasks.forced(task)


def _queue_for(tx: Tx, request: NewTask, now: datetime, policy: Policy) -> StoredQueue:
    new = policy.create_queues and tx.queues.find(request.queue) is None
    # One that was deleted a moment ago is refused, as it is without the policy.
    if new and not is_blocked(tx, request.queue, now, policy):
        tx.queues.insert(queues.defaults(request.queue))
        tx.changes.queues.append(request.queue)
        tx.happened([QueueChanged(request.queue, QueueChange.CREATED, now)])
    return existing(tx, request.queue)


def _refuse_repeated(tx: Tx, queue: StoredQueue, name: TaskName, now: datetime, policy: Policy) -> None:
    is_there = tx.tasks.taken(queue, name.task, now)
    if is_there:
        raise AlreadyExists("Requested entity already exists")
    if is_there is False and not policy.reuse_names:
        raise AlreadyExists(_TOO_RECENT)


def _found(tx: Tx, queue: StoredQueue | None, name: TaskName, *, body: bool) -> StoredTask:
    found = None if queue is None else tx.tasks.find(queue, name.task, body=body)
    if found is None:
        raise NotFound("Requested entity was not found.")
    return found


def _cursor(due: Due) -> str:
    return f"{due.at},{due.number}"


def _due_of(cursor: paging.Cursor) -> Due:
    match = _CURSOR.fullmatch(str(cursor))
    if match is None:  # not one of ours, though it looks like one
        raise InvalidArgument("Invalid page_token")
    return Due(int(match[1]), int(match[2]))
