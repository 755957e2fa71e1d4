"""The table of methods: for each RPC its message, its verb, and how the one becomes the other.

gRPC, the in-process transports and later REST all call through this table; none of them holds a rule.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gcptasks.base.errors import Unimplemented
from gcptasks.engine.model import Queue, Task
from gcptasks.service import queues, tasks
from gcptasks.service.policy import Policy
from gcptasks.store.tx import Tx
from gcptasks.wire import common
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks import queues as queue_wire
from gcptasks.wire.cloud_tasks import tasks as task_wire

SERVICE = "google.cloud.tasks.v2.CloudTasks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One RPC. Messages are raw protobuf; what is between `decode` and `encode` is the verb's own."""

    message: type[Any]
    decode: Callable[[Any], Any]
    verb: Callable[[Tx, Any, datetime, Policy], Any]
    encode: Callable[[Any, Any], Any]
    """The answer's message, from the verb's answer and the request's message."""
    writes: bool


def method(path: str) -> Method:
    """The method of a path such as `/google.cloud.tasks.v2.CloudTasks/CreateTask`, or of its last part."""
    service, _, name = path.strip("/").rpartition("/")
    found = METHODS.get(name) if service in ("", SERVICE) else None
    if found is None:
        raise Unimplemented(f"The local service does not serve {path} yet; it serves {', '.join(sorted(METHODS))}.")
    return found


def _queue(answer: Queue, request: Any) -> messages.Queue:
    return queue_wire.queue_message(answer)


def _queue_page(answer: queues.QueuePage, request: Any) -> messages.ListQueuesResponse:
    return queue_wire.queue_list(answer.queues, answer.next_token)


def _task(answer: Task, request: Any) -> messages.Task:
    return task_wire.task_message(answer, task_wire.view(request.response_view))


def _task_page(answer: tasks.TaskPage, request: Any) -> messages.ListTasksResponse:
    return task_wire.task_list(answer.tasks, answer.next_token, answer.view)


def _nothing(answer: None, request: Any) -> common.Empty:
    return common.Empty()


METHODS = {
    "CreateQueue": Method(
        message=messages.CreateQueueRequest,
        decode=queue_wire.new_queue,
        verb=queues.create_queue,
        encode=_queue,
        writes=True,
    ),
    "GetQueue": Method(
        message=messages.GetQueueRequest,
        decode=queue_wire.queue_name,
        verb=queues.get_queue,
        encode=_queue,
        writes=False,
    ),
    "ListQueues": Method(
        message=messages.ListQueuesRequest,
        decode=queue_wire.list_queues,
        verb=queues.list_queues,
        encode=_queue_page,
        writes=False,
    ),
    "DeleteQueue": Method(
        message=messages.DeleteQueueRequest,
        decode=queue_wire.queue_name,
        verb=queues.delete_queue,
        encode=_nothing,
        writes=True,
    ),
    "PauseQueue": Method(
        message=messages.PauseQueueRequest,
        decode=queue_wire.queue_name,
        verb=queues.pause_queue,
        encode=_queue,
        writes=True,
    ),
    "ResumeQueue": Method(
        message=messages.ResumeQueueRequest,
        decode=queue_wire.queue_name,
        verb=queues.resume_queue,
        encode=_queue,
        writes=True,
    ),
    "PurgeQueue": Method(
        message=messages.PurgeQueueRequest,
        decode=queue_wire.queue_name,
        verb=queues.purge_queue,
        encode=_queue,
        writes=True,
    ),
    "CreateTask": Method(
        message=messages.CreateTaskRequest,
        decode=task_wire.new_task,
        verb=tasks.create_task,
        encode=_task,
        writes=True,
    ),
    "GetTask": Method(
        message=messages.GetTaskRequest,
        decode=task_wire.task_name,
        verb=tasks.get_task,
        encode=_task,
        writes=False,
    ),
    "ListTasks": Method(
        message=messages.ListTasksRequest,
        decode=task_wire.list_tasks,
        verb=tasks.list_tasks,
        encode=_task_page,
        writes=False,
    ),
    "DeleteTask": Method(
        message=messages.DeleteTaskRequest,
        decode=task_wire.task_name,
        verb=tasks.delete_task,
        encode=_nothing,
        writes=True,
    ),
    "RunTask": Method(
        message=messages.RunTaskRequest,
        decode=task_wire.task_name,
        verb=tasks.run_task,
        encode=_task,
        writes=True,
    ),
}
