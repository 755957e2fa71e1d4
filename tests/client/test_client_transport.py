"""Google's client classes over transports of ours."""

import re
from typing import Any, NamedTuple

import pytest
from google.api_core.exceptions import AlreadyExists
from google.cloud import scheduler_v1, tasks_v2

from gcptasks.base import errors
from gcptasks.client.api import SCHEDULER, TASKS, Api
from gcptasks.client.transport import async_client_over, client_over
from gcptasks.wire.cloud_tasks import messages
from service.google_methods import TRANSPORTS, GoogleMethod, methods_of, raw

APIS: list[Api[Any, Any]] = [TASKS, SCHEDULER]
METHODS = [
    pytest.param(api, method, id=f"{api.service}: {method.path}")
    for api in APIS
    for method in methods_of(TRANSPORTS[api.service])
]
QUEUE = "projects/p/locations/l/queues/q"


class Carried(NamedTuple):
    path: str
    request: Any


class Carrier:
    """Takes note of what it is to carry, and answers with `response`."""

    def __init__(self, response: Any) -> None:
        self.carried: list[Carried] = []
        self._response = response

    def carry(self, path: str, request: Any) -> Any:
        self.carried.append(Carried(path, request))
        return self._response

    async def carry_async(self, path: str, request: Any) -> Any:
        return self.carry(path, request)


def attribute(path: str) -> str:
    """`create_task` for `/google.cloud.tasks.v2.CloudTasks/CreateTask`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", path.rpartition("/")[2]).lower()


@pytest.mark.parametrize(("api", "method"), METHODS)
async def test_a_method_goes_by_googles_path_and_returns_what_googles_client_returns(
    api: Api[Any, Any], method: GoogleMethod
) -> None:
    carrier = Carrier(raw(method.response)())
    client, twin = client_over(api, carrier.carry, "h"), async_client_over(api, carrier.carry_async, "h")
    name, request = attribute(method.path), method.request()
    returned = [
        getattr(client.transport, name)(request, timeout=3.0),
        await getattr(twin.transport, name)(request, timeout=3.0),
    ]
    assert carrier.carried == [(method.path, raw(method.request)())] * 2
    assert [type(response) for response in returned] == [method.response] * 2


async def test_the_clients_are_googles_own_and_their_calls_arrive() -> None:
    carrier = Carrier(messages.Task(name="n"))
    client = client_over(TASKS, carrier.carry, "here")
    twin = async_client_over(TASKS, carrier.carry_async, "here")
    assert isinstance(client, tasks_v2.CloudTasksClient)
    assert isinstance(twin, tasks_v2.CloudTasksAsyncClient)
    task = tasks_v2.Task(http_request=tasks_v2.HttpRequest(url="http://worker.test"))
    assert client.create_task(parent=QUEUE, task=task) == tasks_v2.Task(name="n")
    assert await twin.create_task(parent=QUEUE, task=task) == tasks_v2.Task(name="n")
    request = messages.CreateTaskRequest(parent=QUEUE, task=tasks_v2.Task.pb(task))
    assert carrier.carried == [("/google.cloud.tasks.v2.CloudTasks/CreateTask", request)] * 2
    assert client.transport.host == "here:443"


def test_another_api_is_another_record() -> None:
    carrier = Carrier(scheduler_v1.Job.pb()(name="j"))
    client = client_over(SCHEDULER, carrier.carry, "here")
    assert isinstance(client, scheduler_v1.CloudSchedulerClient)
    assert client.pause_job(name="j") == scheduler_v1.Job(name="j")
    assert [carried.path for carried in carrier.carried] == ["/google.cloud.scheduler.v1.CloudScheduler/PauseJob"]


@pytest.mark.parametrize("call", ["sync", "async"])
async def test_what_is_refused_is_raised_as_by_googles_client(call: str) -> None:
    def refuse(path: str, request: Any) -> Any:
        raise errors.AlreadyExists("Queue already exists")

    async def refuse_async(path: str, request: Any) -> Any:
        refuse(path, request)

    with pytest.raises(AlreadyExists, match="Queue already exists"):
        if call == "sync":
            client_over(TASKS, refuse, "h").create_queue(parent="p", queue=tasks_v2.Queue())
        else:
            await async_client_over(TASKS, refuse_async, "h").create_queue(parent="p", queue=tasks_v2.Queue())


async def test_the_clients_can_be_closed_as_googles_own() -> None:
    carrier = Carrier(messages.Task(name="n"))
    with client_over(TASKS, carrier.carry, "h") as client:
        client.get_task(name="n")
    async with async_client_over(TASKS, carrier.carry_async, "h") as twin:
        await twin.get_task(name="n")
    assert len(carrier.carried) == 2
