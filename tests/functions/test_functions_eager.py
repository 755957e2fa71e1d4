"""Tasks without a queue: run in this process, or posted straight to their worker."""

import asyncio
import contextvars
import pickle
import threading
import traceback
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from fastapi import Depends, Request
from pydantic import BaseModel

from cloudtask import EagerTaskFailed, RetryLater, Task, eager, injected
from fastapi_gcp_tasks.dependencies import CloudTasksHeaders
from functions.functions_shop import make_app, make_client, served


async def by_push(task: Task[Any]) -> Any:
    return await task.push()


async def by_sync_push(task: Task[Any]) -> Any:
    return task.sync_push()


async def by_sync_push_in_a_thread(task: Task[Any]) -> Any:
    return await asyncio.to_thread(task.sync_push)


Push = Callable[[Task[Any]], Coroutine[Any, Any, Any]]

each_way = pytest.mark.parametrize("push", [by_push, by_sync_push, by_sync_push_in_a_thread])
each_kind = pytest.mark.parametrize("is_async", [False, True])


class Order(BaseModel):
    items: list[str]


def of_kind(function: Callable[[Order], None], is_async: bool) -> Callable[..., Any]:
    async def call_later(order: Order) -> Any:
        await asyncio.sleep(0)
        return function(order)

    def call(order: Order) -> Any:
        return function(order)

    return call_later if is_async else call


@each_way
@each_kind
async def test_an_immediate_task_runs_with_what_its_worker_would_read(push: Push, is_async: bool) -> None:
    client, ran = make_client(eager="immediate"), list[Order]()
    declared = client.task(name="buy")(of_kind(ran.append, is_async))
    order = Order(items=["chili"])
    assert await push(declared(order)) is None
    assert ran == [order]
    assert ran[0] is not order


@each_way
@each_kind
@pytest.mark.parametrize("error", [LookupError("this"), RetryLater(3)])
async def test_an_immediate_task_raises_what_it_raises(push: Push, is_async: bool, error: Exception) -> None:
    def fail(order: Order) -> None:
        raise error

    declared = make_client(eager="immediate").task(name="buy")(of_kind(fail, is_async))
    with pytest.raises(type(error)) as raised:
        await push(declared(Order(items=[])))
    assert raised.value is error
    assert "in fail" in "".join(traceback.format_tb(raised.value.__traceback__))


@each_way
@each_kind
async def test_an_immediate_task_sees_the_context_of_its_caller(push: Push, is_async: bool) -> None:
    tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant")
    tenant.set("acme")
    seen: list[str] = []
    declared = make_client(eager="immediate").task(name="buy")(of_kind(lambda _: seen.append(tenant.get()), is_async))
    await push(declared(Order(items=[])))
    assert seen == ["acme"]


async def test_an_immediate_task_that_blocks_does_not_hold_the_event_loop() -> None:
    here, seen = threading.current_thread(), list[threading.Thread]()
    declared = make_client(eager="immediate").task(name="buy")(
        of_kind(lambda _: seen.append(threading.current_thread()), False)
    )
    await declared(Order(items=[])).push()
    declared(Order(items=[])).sync_push()
    assert seen[0] is not here
    assert seen[1] is here


def test_what_no_task_can_carry_is_refused_immediately_unless_that_is_turned_off() -> None:
    ran: list[Any] = []
    for check_eager in (True, False):
        client = make_client(eager="immediate", check_eager=check_eager)
        declared: Any = client.task(name="take")(_take(ran))
        if check_eager:
            with pytest.raises(ValueError, match="share: nan cannot be written"):
                declared(float("nan"))
        else:
            declared(float("nan")).sync_push()
    assert len(ran) == 1


def _take(ran: list[Any]) -> Callable[[float], None]:
    def take(share: float) -> None:
        ran.append(share)

    return take


@each_way
async def test_an_immediate_task_that_needs_fastapi_says_so(push: Push) -> None:
    @make_client(eager="immediate").task(name="work")
    def work(number: int, session: Annotated[str, Depends(lambda: "")] = injected) -> None: ...

    with pytest.raises(TypeError, match=r"^work\(\) needs session, which FastAPI injects\. eager='immediate' runs it"):
        await push(work(1))


@each_way
async def test_a_remote_task_is_posted_as_cloud_tasks_would(push: Push) -> None:
    worker, ran = make_client(), list[Any]()

    @worker.task(name="work")
    def work(number: int, name: Annotated[str, Depends(lambda: "made")] = injected) -> None:
        if number < 0:
            raise ValueError("internal")
        ran.append((number, name))

    async with served(make_app(worker)) as url:
        client = make_client(url=f"{url}/tasks/run", eager="remote")
        declared = client.task(name="work")(work.function)
        assert await push(declared(7)) is None
        assert ran == [(7, "made")]
        said = rf"^<task work>: {url}/tasks/run answered with 500: {{.*}}$"
        with pytest.raises(EagerTaskFailed, match=said) as failed:
            await push(declared(-7))
        assert (failed.value.status, failed.value.body) == (500, b'{"detail":"the task failed"}')
        stranger = make_client(url=f"{url}/tasks/run", eager="remote", secret="other").task(name="work")(work.function)
        with pytest.raises(EagerTaskFailed, match=r'answered with 403: {"detail":"not permitted"}'):
            await push(stranger(7))
    with pytest.raises(EagerTaskFailed, match=f"{url}/tasks/run cannot be reached: "):
        await push(declared(7))
    assert ran == [(7, "made")]


@each_way
async def test_a_remote_task_has_the_headers_of_cloud_tasks(push: Push) -> None:
    worker, seen = make_client(), list[Any]()

    @worker.task(name="work", queue="fast", timeout=20)
    def work(sent: Annotated[CloudTasksHeaders, Depends()] = injected, request: Request = injected) -> None:
        seen.append((sent, dict(request.headers)))

    due = datetime.now(UTC) + timedelta(hours=1)
    async with served(make_app(worker)) as url:
        client = make_client(url=f"{url}/tasks/run", eager="remote")
        task = client.task(name="work", queue="fast", timeout=20)(work.function)()
        task.name = "welcome-1"
        task.headers["X-Trace"] = "abc"
        await asyncio.to_thread(task.sync_push, due) if push is by_sync_push else await task.push(due)
        await push(client.functions["work"]())
    (named, headers), (unnamed, _) = seen
    assert (named.queue_name, named.task_name, named.retry_count, named.execution_count) == ("fast", "welcome-1", 0, 0)
    assert abs(named.eta - due) < timedelta(milliseconds=1)
    assert (named.previous_response, named.retry_reason) == (None, "")
    assert (headers["x-trace"], headers["user-agent"]) == ("abc", "Google-Cloud-Tasks")
    assert headers["content-type"] == "application/json"
    assert unnamed.task_name.isdecimal()


async def test_a_remote_worker_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eager, "_DEADLINE", timedelta(seconds=0.3))

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        declared = make_client(url=f"http://127.0.0.1:{port}/", eager="remote").task(name="take")(_take([]))
        with pytest.raises(EagerTaskFailed, match=r"cannot be reached: timed out$") as failed:
            await declared(1.5).push()
        assert (failed.value.status, failed.value.body) == (None, b"")


def test_a_failed_task_can_be_pickled() -> None:
    copied = pickle.loads(pickle.dumps(EagerTaskFailed("answered with 500", status=500, body=b"x")))
    assert (str(copied), copied.status, copied.body) == ("answered with 500", 500, b"x")


@pytest.mark.parametrize("reply", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n"])
async def test_a_remote_worker_that_talks_nonsense_has_failed(reply: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        declared = make_client(url=f"http://127.0.0.1:{port}/", eager="remote").task(name="take")(_take([]))
        with pytest.raises(EagerTaskFailed):
            await declared(1.5).push()
