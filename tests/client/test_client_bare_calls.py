"""The shorter way under Google's client classes: the same goes over the wire, and comes back, as by Google's own."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import AsyncMock, Mock, call

import grpc
import pytest
from google.api_core.exceptions import AlreadyExists, DeadlineExceeded
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, CreateTaskRequest, HttpRequest, Task
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from gcptasks.client.api import TASKS

QUEUE = "projects/p/locations/l/queues/q"
CREATED = f"{QUEUE}/tasks/1"
REQUEST = CreateTaskRequest(
    parent=QUEUE, task=Task(http_request=HttpRequest(url="http://worker.local/%C3%A9", body=b"x"))
)


class Service(grpc.GenericRpcHandler):
    """Takes note of each call, the bytes and what came with them, and answers as it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes, dict[str, Any]]] = []
        self.refuses: grpc.StatusCode | None = None
        self.hangs = False

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        metadata = {
            key: value for key, value in handler_call_details.invocation_metadata or () if key.startswith("x-goog")
        }

        def answer(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls.append((handler_call_details.method, request, metadata))
            if self.hangs:
                while context.is_active():
                    context.time_remaining()
            if self.refuses is not None:
                context.abort(self.refuses, "no")
            return Task.serialize(Task(name=CREATED))

        google: Any = grpc
        return google.unary_unary_rpc_method_handler(answer)


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def address(service: Service) -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([service])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait(10)


def google(address: str) -> CloudTasksClient:
    return CloudTasksClient(transport=CloudTasksGrpcTransport(channel=grpc.insecure_channel(address)))


Create = Callable[..., Task]


@pytest.fixture(params=["sync", "async"])
def create(request: pytest.FixtureRequest, address: str) -> Iterator[Create]:
    """`create_task` of a client of ours."""
    if request.param == "sync":
        client: Any = TASKS.make_client(address)
        yield client.create_task
        client.transport.close()
        return
    with asyncio.Runner() as runner:

        async def make() -> Any:
            return TASKS.make_async_client(address)

        twin = runner.run(make())

        async def call(**options: Any) -> Task:
            created: Task = await twin.create_task(**options)
            return created

        async def close() -> None:
            await twin.transport.close()

        def blocking(**options: Any) -> Task:
            return runner.run(call(**options))

        yield blocking
        runner.run(close())


def test_every_call_sends_the_bytes_and_the_metadata_that_googles_own_sends(
    service: Service, address: str, create: Create
) -> None:
    assert google(address).create_task(request=REQUEST, timeout=10.0).name == CREATED
    for _ in range(3):
        task = create(request=REQUEST, timeout=10.0)
        assert (type(task), task.name) == (Task, CREATED)
    assert len(service.calls) == 4
    assert [(method, sent) for method, sent, _ in service.calls] == [service.calls[0][:2]] * 4
    assert {frozenset(metadata) for *_, metadata in service.calls} == {
        frozenset(["x-goog-request-params", "x-goog-api-client"])
    }
    assert {metadata["x-goog-request-params"] for *_, metadata in service.calls} == {f"parent={QUEUE}"}
    assert {metadata["x-goog-api-client"] for *_, metadata in service.calls} == {
        service.calls[0][2]["x-goog-api-client"]
    }


def test_what_the_service_refuses_is_raised_as_by_googles_own(service: Service, create: Create) -> None:
    for refuses in (None, grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.ALREADY_EXISTS):
        service.refuses = refuses
        if refuses is None:
            create(request=REQUEST, timeout=10.0)
        else:
            with pytest.raises(AlreadyExists, match="no"):
                create(request=REQUEST, timeout=10.0)


def test_its_time_is_limited(service: Service, create: Create) -> None:
    create(request=REQUEST, timeout=10.0)
    service.hangs = True
    with pytest.raises(DeadlineExceeded):
        create(request=REQUEST, timeout=0.05)


@pytest.mark.parametrize(
    "arguments",
    [
        {"parent": QUEUE, "task": REQUEST.task},
        {"request": {"parent": QUEUE, "task": REQUEST.task}},
        {"request": REQUEST},
        {"request": REQUEST, "timeout": 10.0, "metadata": [("x-mine", "1")]},
        {"request": REQUEST, "timeout": 10.0, "retry": None},
    ],
    ids=["fields", "a dict", "no timeout", "metadata", "a retry"],
)
def test_calls_of_every_form_are_googles(service: Service, create: Create, arguments: dict[str, Any]) -> None:
    create(request=REQUEST, timeout=10.0)
    assert create(**arguments).name == CREATED
    assert service.calls[1][:2] == service.calls[0][:2]


def test_what_google_refuses_before_it_calls_is_refused(service: Service, create: Create) -> None:
    create(request=REQUEST, timeout=10.0)
    with pytest.raises(ValueError, match="individual field arguments"):
        create(request=REQUEST, parent=QUEUE, timeout=10.0)
    assert len(service.calls) == 1


@pytest.mark.parametrize("before", [0, 2])
def test_a_patch_of_googles_method_takes_all_calls_while_it_lasts(
    service: Service, create: Create, monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    for _ in range(before):
        create(request=REQUEST, timeout=10.0)
    patches = {CloudTasksClient: Mock(return_value=Task(name="sync")), CloudTasksAsyncClient: AsyncMock()}
    patches[CloudTasksAsyncClient].return_value = Task(name="async")
    for cls, patch in patches.items():
        monkeypatch.setattr(cls, "create_task", patch)
    assert [create(request=REQUEST, timeout=10.0).name for _ in range(2)] in (["sync"] * 2, ["async"] * 2)
    (called,) = [patch for patch in patches.values() if patch.called]
    assert called.call_args_list == [call(request=REQUEST, timeout=10.0)] * 2
    assert len(service.calls) == before
    monkeypatch.undo()
    assert create(request=REQUEST, timeout=10.0).name == CREATED


def test_it_is_googles_class_by_name_and_by_kind(address: str) -> None:
    client = TASKS.make_client(address)
    assert isinstance(client, CloudTasksClient)
    assert type(client).__name__ == "CloudTasksClient"
    assert type(client).create_task.__doc__ == CloudTasksClient.create_task.__doc__
    assert type(client) is type(TASKS.make_client(address))


def test_googles_transport_logs_them_where_it_is_asked_to(caplog: pytest.LogCaptureFixture, create: Create) -> None:
    create(request=REQUEST, timeout=10.0)
    with caplog.at_level(logging.DEBUG, "google.cloud.tasks_v2"):
        create(request=REQUEST, timeout=10.0)
    create(request=REQUEST, timeout=10.0)
    sent = [one.getMessage() for one in caplog.records if one.getMessage().startswith("Sending request")]
    assert len(sent) == 1
    assert "CreateTask" in sent[0]


def test_where_google_traces_calls_they_are_googles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SDK_EXPERIMENTAL_PYTHON_TRACING_ENABLED", "true")
    assert TASKS.client_class() is CloudTasksClient
