"""Default clients, factories, and the emulator's address: api.md sections 1 and 5."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import google.auth
import google.auth.exceptions
import grpc
import pytest
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, CreateTaskRequest, Task

from fastapi_gcp_tasks import AsyncDelayedTask, DelayedTask, as_async_delayed_task, as_delayed_task
from fastapi_gcp_tasks.utils import async_emulator_client, emulator_client
from gcptasks.client.api import TASKS
from routes.routes_fakes import QUEUE, FakeAsyncClient, FakeClient, async_delayed_router, delayed_router

VARIABLE = "CLOUD_TASKS_EMULATOR_HOST"


def make_task(client: Any = None) -> DelayedTask[[], None]:
    @as_delayed_task
    @delayed_router(client, auto_create_queue=False).post("/hello")
    def hello() -> None: ...

    return hello


def make_async_task(client: Any = None) -> AsyncDelayedTask[[], None]:
    @as_async_delayed_task
    @async_delayed_router(client).post("/hello")
    def hello() -> None: ...

    return hello


class Emulator:
    """A gRPC server that answers CreateTask alone."""

    def __init__(self) -> None:
        self.requests: list[Any] = []
        create = grpc.unary_unary_rpc_method_handler(self._create, CreateTaskRequest.deserialize, Task.serialize)
        handler = grpc.method_handlers_generic_handler("google.cloud.tasks.v2.CloudTasks", {"CreateTask": create})
        self.server = grpc.server(ThreadPoolExecutor(2), handlers=[handler])
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"

    def _create(self, request: CreateTaskRequest, context: grpc.ServicerContext) -> Task:
        self.requests.append((request, dict(context.invocation_metadata())))
        return Task(name=f"{request.parent}/tasks/from-emulator")


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A running emulator that the environment names, with nothing that could be credentials."""
    running = Emulator()
    running.server.start()
    monkeypatch.setenv(VARIABLE, running.address)
    monkeypatch.setattr(google.auth, "default", _no_credentials)
    yield running
    running.server.stop(None).wait()


def _no_credentials(*_: Any, **__: Any) -> Any:
    raise google.auth.exceptions.DefaultCredentialsError("there are none")


async def test_builders_without_a_client_talk_to_the_emulator_that_the_environment_names(emulator: Emulator) -> None:
    assert make_task().delay().name == f"{QUEUE}/tasks/from-emulator"
    assert (await make_async_task().delay()).name == f"{QUEUE}/tasks/from-emulator"
    for request, metadata in emulator.requests:
        assert request.parent == QUEUE
        assert "authorization" not in metadata


async def test_an_explicit_client_always_wins(emulator: Emulator) -> None:
    client, async_client = FakeClient(), FakeAsyncClient()
    make_task(client).delay()
    await make_async_task(async_client).delay()
    make_task().options(client=client).delay()
    await make_async_task().options(client=async_client).delay()
    assert (len(client.requests), len(async_client.requests), emulator.requests) == (2, 2, [])


async def test_the_emulators_address_is_read_at_first_need_and_kept(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "localhost:1")
    task, async_task = make_task(), make_async_task()
    monkeypatch.setenv(VARIABLE, emulator.address)
    task.delay()
    await async_task.delay()
    monkeypatch.setenv(VARIABLE, "localhost:1")
    task.delay()
    await async_task.delay()
    await asyncio.to_thread(asyncio.run, _awaited(async_task.delay()))
    assert len(emulator.requests) == 5


async def _awaited(made: Awaitable[Task]) -> Task:
    return await made


@pytest.mark.parametrize(
    "address",
    [
        "localhost",
        "8123",
        ":8123",
        "http://localhost:8123",
        "localhost:0",
        "localhost:65536",
        "localhost:8123/",
        "a b:1",
    ],
)
async def test_a_malformed_address_is_refused_naming_the_variable(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv(VARIABLE, address)
    message = f"{VARIABLE} must be host:port, such as localhost:8123, not "
    with pytest.raises(ValueError, match=message):
        make_task().delay()
    with pytest.raises(ValueError, match=message):
        await make_async_task().delay()


@pytest.mark.parametrize("address", ["localhost:8123", "127.0.0.1:1", "[::1]:65535", "tasks_emulator.local:8123"])
def test_host_and_port_are_an_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv(VARIABLE, address)
    assert TASKS.emulator() == address


@pytest.mark.parametrize("unset", [None, ""])
async def test_without_the_variable_it_is_google_with_default_credentials(
    monkeypatch: pytest.MonkeyPatch, unset: str | None
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if unset is not None:
        monkeypatch.setenv(VARIABLE, unset)
    monkeypatch.setattr(google.auth, "default", _no_credentials)
    with pytest.raises(google.auth.exceptions.DefaultCredentialsError, match="there are none") as sync:
        make_task().delay()
    with pytest.raises(google.auth.exceptions.DefaultCredentialsError, match="there are none") as twin:
        await make_async_task().delay()
    for caught in (sync, twin):
        (note,) = caught.value.__notes__
        assert f"set {VARIABLE} to its address" in note


async def test_the_utilities_make_clients_for_an_address(emulator: Emulator) -> None:
    sync, twin = emulator_client(emulator.address), async_emulator_client(host=emulator.address)
    assert isinstance(sync, CloudTasksClient)
    assert isinstance(twin, CloudTasksAsyncClient)
    assert make_task(sync).delay().name.endswith("from-emulator")
    assert (await make_async_task(twin).delay()).name.endswith("from-emulator")
    for make in (emulator_client, async_emulator_client):
        with pytest.raises(ValueError, match="host must be host:port"):
            make("localhost")


def test_threads_share_one_default_client(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    open_channel = grpc.insecure_channel

    def channel(target: str, **options: Any) -> grpc.Channel:
        opened.append(target)
        return open_channel(target, **options)

    monkeypatch.setattr(grpc, "insecure_channel", channel)
    task = make_task()
    ready = threading.Barrier(4)

    def delay() -> Task:
        ready.wait(30)
        return task.delay()

    with ThreadPoolExecutor(4) as pool:
        assert len([call.result() for call in [pool.submit(delay) for _ in range(4)]]) == 4
    assert opened == [emulator.address]


class Factory:
    def __init__(self) -> None:
        self.made: list[FakeAsyncClient] = []

    def __call__(self) -> FakeAsyncClient:
        self.made.append(FakeAsyncClient())
        return self.made[-1]


def test_a_factory_is_called_once_for_each_loop_on_that_loop() -> None:
    factory = Factory()
    task = make_async_task(factory)
    assert factory.made == []
    loops: list[asyncio.AbstractEventLoop] = []

    async def many() -> None:
        loops.append(asyncio.get_running_loop())
        await asyncio.gather(*(task.delay() for _ in range(20)))
        await task.delay()

    asyncio.run(many())
    asyncio.run(many())
    assert [client.loop for client in factory.made] == loops
    assert [len(client.requests) for client in factory.made] == [21, 21]


def test_the_client_of_a_loop_that_was_closed_is_let_go_when_another_loop_asks() -> None:
    made: list[weakref.ref[FakeAsyncClient]] = []

    def factory() -> FakeAsyncClient:
        client = FakeAsyncClient()
        made.append(weakref.ref(client))
        return client

    task = make_async_task(factory)
    for _ in range(3):
        asyncio.run(_awaited(task.delay()))
    gc.collect()
    assert [one() is not None for one in made] == [False, False, True]


def test_loops_in_several_threads_have_a_client_each() -> None:
    factory = Factory()
    task = make_async_task(factory)
    with ThreadPoolExecutor(4) as pool:
        for call in [pool.submit(asyncio.run, _awaited(task.delay())) for _ in range(8)]:
            call.result()
    assert len(factory.made) == len({id(client) for client in factory.made}) == 8


async def test_a_factory_of_a_call_is_called_once_as_well() -> None:
    factory = Factory()
    task = make_async_task(FakeAsyncClient())
    for _ in range(3):
        await task.options(client=factory).delay()
    assert [len(client.requests) for client in factory.made] == [3]


async def test_a_factory_may_be_the_class() -> None:
    assert (await make_async_task(FakeAsyncClient).delay()).name == f"{QUEUE}/tasks/1"


async def test_a_factory_that_makes_something_else_is_refused() -> None:
    async def coroutine() -> FakeAsyncClient:
        return FakeAsyncClient()

    factories: list[Any] = [FakeClient, dict, coroutine, lambda: None]
    for factory in factories:
        with pytest.raises(TypeError, match=r"the client factory returned a .*, not a CloudTasksAsyncClient"):
            await make_async_task(factory).delay()


async def test_a_factory_that_fails_is_asked_again() -> None:
    answers: list[Any] = [OSError("not yet"), FakeAsyncClient()]

    def factory() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    task = make_async_task(factory)
    with pytest.raises(OSError, match="not yet"):
        await task.delay()
    assert (await task.delay()).name
