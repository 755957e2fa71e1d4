"""The table of Cloud Tasks: which of its methods are served, and how."""

from google.iam.v1 import iam_policy_pb2
from google.iam.v1.policy_pb2 import Policy
from google.longrunning.operations_pb2 import Operation
from google.protobuf.message import Message

from gcptasks.engine.iam import IamPolicy
from gcptasks.engine.model import Queue, Task
from gcptasks.service import batches, cmek, iam, queues, tasks
from gcptasks.service.method import HttpRule, Method
from gcptasks.wire import common
from gcptasks.wire.cloud_tasks import batches as batch_wire
from gcptasks.wire.cloud_tasks import cmek as cmek_wire
from gcptasks.wire.cloud_tasks import iam as iam_wire
from gcptasks.wire.cloud_tasks import messages
from gcptasks.wire.cloud_tasks import queues as queue_wire
from gcptasks.wire.cloud_tasks import tasks as task_wire
from gcptasks.wire.cloud_tasks.cmek import CmekConfig
from gcptasks.wire.cloud_tasks.names import SERVICE

_ShowsTask = messages.CreateTaskRequest | messages.GetTaskRequest | messages.RunTaskRequest


def _queue(answer: Queue, request: Message) -> messages.Queue:
    return queue_wire.queue_message(answer)


def _queue_page(answer: queues.QueuePage, request: Message) -> messages.ListQueuesResponse:
    return queue_wire.queue_list(answer.queues, answer.next_token)


def _task(answer: Task, request: _ShowsTask) -> messages.Task:
    return task_wire.task_message(answer, task_wire.view(request.response_view))


def _task_page(answer: tasks.TaskPage, request: Message) -> messages.ListTasksResponse:
    return task_wire.task_list(answer.tasks, answer.next_token, answer.view)


def _policy(answer: IamPolicy, request: Message) -> Policy:
    return iam_wire.policy_message(answer)


def _permissions(answer: list[str], request: Message) -> iam_policy_pb2.TestIamPermissionsResponse:
    return iam_wire.permissions_message(answer)


def _cmek_config(answer: CmekConfig, request: Message) -> messages.CmekConfig:
    return cmek_wire.cmek_config_message(answer)


def _operation(answer: Operation, request: Message) -> Operation:
    return answer


def _nothing(answer: None, request: Message) -> common.Empty:
    return common.Empty()


METHODS = (
    Method(
        path=f"/{SERVICE}/CreateQueue",
        http=(HttpRule("POST", "/v2/{parent=projects/*/locations/*}/queues", body="queue"),),
        request=messages.CreateQueueRequest,
        response=messages.Queue,
        decode=queue_wire.new_queue,
        verb=queues.create_queue,
        encode=_queue,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/GetQueue",
        http=(HttpRule("GET", "/v2/{name=projects/*/locations/*/queues/*}"),),
        request=messages.GetQueueRequest,
        response=messages.Queue,
        decode=queue_wire.queue_name,
        verb=queues.get_queue,
        encode=_queue,
        writes=False,
    ),
    Method(
        path=f"/{SERVICE}/ListQueues",
        http=(HttpRule("GET", "/v2/{parent=projects/*/locations/*}/queues"),),
        request=messages.ListQueuesRequest,
        response=messages.ListQueuesResponse,
        decode=queue_wire.list_queues,
        verb=queues.list_queues,
        encode=_queue_page,
        writes=False,
    ),
    Method(
        path=f"/{SERVICE}/UpdateQueue",
        http=(HttpRule("PATCH", "/v2/{queue.name=projects/*/locations/*/queues/*}", body="queue"),),
        request=messages.UpdateQueueRequest,
        response=messages.Queue,
        decode=queue_wire.update_queue,
        verb=queues.update_queue,
        encode=_queue,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/DeleteQueue",
        http=(HttpRule("DELETE", "/v2/{name=projects/*/locations/*/queues/*}"),),
        request=messages.DeleteQueueRequest,
        response=common.Empty,
        decode=queue_wire.queue_name,
        verb=queues.delete_queue,
        encode=_nothing,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/PauseQueue",
        http=(HttpRule("POST", "/v2/{name=projects/*/locations/*/queues/*}:pause", body="*"),),
        request=messages.PauseQueueRequest,
        response=messages.Queue,
        decode=queue_wire.queue_name,
        verb=queues.pause_queue,
        encode=_queue,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/ResumeQueue",
        http=(HttpRule("POST", "/v2/{name=projects/*/locations/*/queues/*}:resume", body="*"),),
        request=messages.ResumeQueueRequest,
        response=messages.Queue,
        decode=queue_wire.queue_name,
        verb=queues.resume_queue,
        encode=_queue,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/PurgeQueue",
        http=(HttpRule("POST", "/v2/{name=projects/*/locations/*/queues/*}:purge", body="*"),),
        request=messages.PurgeQueueRequest,
        response=messages.Queue,
        decode=queue_wire.queue_name,
        verb=queues.purge_queue,
        encode=_queue,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/GetIamPolicy",
        http=(HttpRule("POST", "/v2/{resource=projects/*/locations/*/queues/*}:getIamPolicy", body="*"),),
        request=iam_policy_pb2.GetIamPolicyRequest,
        response=Policy,
        decode=iam_wire.get_iam_policy,
        verb=iam.get_iam_policy,
        encode=_policy,
        writes=False,
    ),
    Method(
        path=f"/{SERVICE}/SetIamPolicy",
        http=(HttpRule("POST", "/v2/{resource=projects/*/locations/*/queues/*}:setIamPolicy", body="*"),),
        request=iam_policy_pb2.SetIamPolicyRequest,
        response=Policy,
        decode=iam_wire.set_iam_policy,
        verb=iam.set_iam_policy,
        encode=_policy,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/TestIamPermissions",
        http=(HttpRule("POST", "/v2/{resource=projects/*/locations/*/queues/*}:testIamPermissions", body="*"),),
        request=iam_policy_pb2.TestIamPermissionsRequest,
        response=iam_policy_pb2.TestIamPermissionsResponse,
        decode=iam_wire.test_iam_permissions,
        verb=iam.test_iam_permissions,
        encode=_permissions,
        writes=False,
    ),
    Method(
        path=f"/{SERVICE}/CreateTask",
        http=(HttpRule("POST", "/v2/{parent=projects/*/locations/*/queues/*}/tasks", body="*"),),
        request=messages.CreateTaskRequest,
        response=messages.Task,
        decode=task_wire.new_task,
        verb=tasks.create_task,
        encode=_task,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/BatchCreateTasks",
        http=(HttpRule("POST", "/v2/{parent=projects/*/locations/*/queues/*}/tasks:batchCreate", body="*"),),
        request=messages.BatchCreateTasksRequest,
        response=Operation,
        decode=batch_wire.new_tasks,
        verb=batches.create_tasks,
        encode=_operation,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/BatchDeleteTasks",
        http=(HttpRule("POST", "/v2/{parent=projects/*/locations/*/queues/*}/tasks:batchDelete", body="*"),),
        request=messages.BatchDeleteTasksRequest,
        response=Operation,
        decode=batch_wire.delete_tasks,
        verb=batches.delete_tasks,
        encode=_operation,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/GetTask",
        http=(HttpRule("GET", "/v2/{name=projects/*/locations/*/queues/*/tasks/*}"),),
        request=messages.GetTaskRequest,
        response=messages.Task,
        decode=task_wire.task_name,
        verb=tasks.get_task,
        encode=_task,
        writes=False,
    ),
    Method(
        path=f"/{SERVICE}/ListTasks",
        http=(HttpRule("GET", "/v2/{parent=projects/*/locations/*/queues/*}/tasks"),),
        request=messages.ListTasksRequest,
        response=messages.ListTasksResponse,
        decode=task_wire.list_tasks,
        verb=tasks.list_tasks,
        encode=_task_page,
        writes=False,
    ),
    Method(
        path=f"/{SERVICE}/DeleteTask",
        http=(HttpRule("DELETE", "/v2/{name=projects/*/locations/*/queues/*/tasks/*}"),),
        request=messages.DeleteTaskRequest,
        response=common.Empty,
        decode=task_wire.task_name,
        verb=tasks.delete_task,
        encode=_nothing,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/RunTask",
        http=(HttpRule("POST", "/v2/{name=projects/*/locations/*/queues/*/tasks/*}:run", body="*"),),
        request=messages.RunTaskRequest,
        response=messages.Task,
        decode=task_wire.task_name,
        verb=tasks.run_task,
        encode=_task,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/GetCmekConfig",
        http=(HttpRule("GET", "/v2/{name=projects/*/locations/*/cmekConfig}"),),
        request=messages.GetCmekConfigRequest,
        response=messages.CmekConfig,
        decode=cmek_wire.cmek_config_location,
        verb=cmek.get_cmek_config,
        encode=_cmek_config,
        writes=False,
    ),
    Method(
        path=f"/{SERVICE}/UpdateCmekConfig",
        http=(HttpRule("PATCH", "/v2/{cmek_config.name=projects/*/locations/*/cmekConfig}", body="cmek_config"),),
        request=messages.UpdateCmekConfigRequest,
        response=messages.CmekConfig,
        decode=cmek_wire.update_cmek_config,
        verb=cmek.update_cmek_config,
        encode=_cmek_config,
        writes=True,
    ),
)
