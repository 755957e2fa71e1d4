"""Which calls are served: all that Google's client has. What is none says so, and says what is there."""

from typing import Any

import grpc
import grpc.aio
import pytest
from google.cloud.tasks_v2 import ListQueuesRequest
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from gcptasks.base.errors import Unimplemented
from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from gcptasks.service.served import METHODS, method
from service.google_methods import methods_of
from service.service_world import Api

CLOUD_TASKS = "google.cloud.tasks.v2.CloudTasks"
SERVED = {
    CLOUD_TASKS: (
        "BatchCreateTasks, BatchDeleteTasks, CreateQueue, CreateTask, DeleteQueue, DeleteTask, GetCmekConfig, "
        "GetIamPolicy, GetQueue, GetTask, ListQueues, ListTasks, PauseQueue, PurgeQueue, ResumeQueue, RunTask, "
        "SetIamPolicy, TestIamPermissions, UpdateCmekConfig, UpdateQueue"
    ),
    "google.cloud.scheduler.v1.CloudScheduler": (
        "CreateJob, DeleteJob, GetJob, ListJobs, PauseJob, ResumeJob, RunJob, UpdateJob"
    ),
    "google.cloud.location.Locations": "GetLocation, ListLocations",
    "google.longrunning.Operations": "GetOperation",
}
"""The methods that are served, by API."""
ALL_SERVED = "; ".join(f"{api}: {methods}" for api, methods in SERVED.items())


def test_every_call_of_the_api_is_answered(api: Api) -> None:
    """CT-001, CT-002, CT-003."""
    queue, config = api.name(), f"{api.parent}/cmekConfig"
    task = f"{queue}/tasks/t"
    new = {"name": task, "http_request": {"url": "http://worker.test/"}}
    calls: dict[str, dict[str, Any]] = {
        "create_queue": {"parent": api.parent, "queue": {"name": queue}},
        "pause_queue": {"name": queue},
        "get_queue": {"name": queue},
        "list_queues": {"parent": api.parent},
        "update_queue": {"queue": {"name": queue}},
        "get_iam_policy": {"resource": queue},
        "set_iam_policy": {"resource": queue},
        "test_iam_permissions": {"resource": queue, "permissions": ["cloudtasks.queues.get"]},
        "create_task": {"parent": queue, "task": new},
        "get_task": {"name": task},
        "list_tasks": {"parent": queue},
        "delete_task": {"name": task},
        "batch_create_tasks": {
            "parent": queue,
            "requests": [{"parent": queue, "task": {**new, "name": f"{queue}/tasks/u"}}],
            "request_id": "mine",
        },
        "get_operation": {"name": f"{api.parent}/operations/mine"},
        "run_task": {"name": f"{queue}/tasks/u"},
        "batch_delete_tasks": {"parent": queue, "names": [task]},
        "purge_queue": {"name": queue},
        "resume_queue": {"name": queue},
        "get_cmek_config": {"name": config},
        "update_cmek_config": {"cmek_config": {"name": config}},
        "get_location": {"name": api.parent},
        "list_locations": {"name": api.parent.removesuffix("/locations/l")},
        "delete_queue": {"name": queue},
    }
    for name, request in calls.items():
        api.call(name, **request)
    called = {name.replace("_", "") for name in calls}
    assert called >= {path.rpartition("/")[2].lower() for path in METHODS if "scheduler" not in path}


def test_all_that_googles_client_calls_is_served() -> None:
    """CT-001, CT-002, CT-003."""
    assert {called.path for called in methods_of(CloudTasksGrpcTransport)} <= set(METHODS)


async def test_a_call_may_have_any_deadline_and_none() -> None:
    """CT-006, CT-L23."""
    async with emulating(PortSettings(port=0)) as emulator, grpc.aio.insecure_channel(emulator.address) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{CLOUD_TASKS}/ListQueues")
        request = ListQueuesRequest.serialize(ListQueuesRequest(parent="projects/p/locations/l"))
        for timeout in (20, 31, 3600, None):
            assert await call(request, timeout=timeout) == b""


@pytest.mark.parametrize("path", ["google.cloud.tasks.v2.CloudTasks/Bogus", "google.longrunning.Operations/A", "b.B/A"])
async def test_a_method_that_does_not_exist_is_unimplemented(path: str) -> None:
    """CT-004."""
    message = f"The local service does not serve /{path} yet; it serves {SERVED.get(path.split('/')[0], ALL_SERVED)}."
    with pytest.raises(Unimplemented) as unknown:
        method(f"/{path}")
    assert str(unknown.value) == message
    async with emulating(PortSettings(port=0)) as emulator, grpc.aio.insecure_channel(emulator.address) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{path}")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(b"")
        assert (refused.value.code(), refused.value.details()) == (grpc.StatusCode.UNIMPLEMENTED, message)
