"""Tasks of functions with `results=`: the same records, and the same handles."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core.exceptions import AlreadyExists, NotFound
from google.cloud.tasks_v2 import Task

from cloudtask import CloudTaskClient
from fastapi_gcp_tasks import LocalService
from gcptasks.client.handles import AsyncTaskHandle, TaskHandle
from gcptasks.engine.task_records import RECORD_HEADER, Started, Succeeded, TaskStatus
from gcptasks.results.errors import KeyConflict, ResultMismatch, TaskNotFound
from gcptasks.results.store import Query, ResultStore
from results.results_app import URL, Squared, done
from results.results_down import RefusingStore

QUEUE = "projects/p/locations/l/queues/default"
NINE = b'{"number":3,"square":9}'

each_way = pytest.mark.parametrize("how", ["sync_", ""])


class Functions:
    """A client, and its functions."""

    def __init__(self, local: LocalService, **settings: Any) -> None:
        self.results: ResultStore = settings.setdefault("results", local.results())
        self.client = client = CloudTaskClient(
            project="p",
            location="l",
            url=f"{URL}/run",
            secret="known",
            client=local.tasks_client(),
            async_client=local.async_tasks_client,
            **settings,
        )

        @client.task(name="square")
        async def square(number: int, tags: frozenset[str] = frozenset()) -> Squared:
            return Squared(number=number, square=number * number)

        @client.task(name="plain")
        def plain(number: int): ...  # type: ignore[no-untyped-def]  # what it returns is not said

        self.square: Any = square
        self.plain: Any = plain


@pytest.fixture
def local() -> LocalService:
    return LocalService("memory:", app_url=URL)


@pytest.fixture
def functions(local: LocalService) -> Functions:
    return Functions(local)


def tasks_of(local: LocalService) -> dict[str, Task]:
    request = {"parent": QUEUE, "response_view": Task.View.FULL}
    try:
        return {task.name: task for task in local.tasks_client().list_tasks(request=request)}
    except NotFound:
        return {}


async def submit(how: str, task: Any, *args: Any, **named: Any) -> Any:
    return await done(getattr(task, f"{how}submit"), *args, **named)


async def succeed(functions: Functions, id: str, result: bytes, name: str = "square") -> None:
    for event in (Started(name), Succeeded(1, result)):
        change = await functions.results.awaiting().change(id, 1, event)
        assert change is not None
        assert change.made


@each_way
async def test_a_task_of_a_function_gives_a_handle(functions: Functions, local: LocalService, how: str) -> None:
    handle = await submit(how, functions.square(3), labels={"owner": "ada"})
    kind: type[Any] = TaskHandle if how else AsyncTaskHandle
    assert type(handle) is kind
    assert handle.name == f"{QUEUE}/tasks/{handle.id}"
    assert tasks_of(local)[handle.name].http_request.headers[RECORD_HEADER] == f"{handle.id}.1"
    info = await done(handle.info)
    assert (info.endpoint, info.labels, info.status) == ("square", {"owner": "ada"}, TaskStatus.QUEUED)
    await succeed(functions, handle.id, NINE)
    assert await done(handle.result) == Squared(number=3, square=9)
    again = getattr(functions.square, f"{how}handle")(handle.id)
    assert type(again) is kind
    assert await done(again.result) == Squared(number=3, square=9)
    with pytest.raises(TaskNotFound):
        await done(getattr(functions.plain, f"{how}handle")(handle.id).result)


@each_way
async def test_what_is_pushed_is_recorded_as_well(functions: Functions, how: str) -> None:
    name = await done(getattr(functions.square(3), f"{how}push"))
    assert await functions.square.handle(name.rpartition("/")[2]).status() is TaskStatus.QUEUED


@each_way
async def test_a_result_that_does_not_fit_the_function_any_more_is_kept(functions: Functions, how: str) -> None:
    handle = await submit(how, functions.square(3))
    await succeed(functions, handle.id, b"[]")
    with pytest.raises(ResultMismatch, match="does not fit what square returns now"):
        await done(handle.result)
    plain = await submit(how, functions.plain(3))
    await succeed(functions, plain.id, b"[1]", "plain")
    assert await done(plain.result) == [1]


@each_way
async def test_a_task_of_a_function_is_cancelled(functions: Functions, local: LocalService, how: str) -> None:
    handle = await submit(how, functions.square(3), datetime.now(UTC) + timedelta(hours=1))
    assert await done(handle.cancel)
    assert tasks_of(local) == {}


@each_way
async def test_functions_have_one_task_per_key(functions: Functions, local: LocalService, how: str) -> None:
    handles = await asyncio.gather(*[submit(how, functions.square(3, frozenset("ab")), key="a") for _ in range(5)])
    assert len({one.id for one in handles}) == len(tasks_of(local)) == 1
    by_name = await submit(how, functions.square(tags=frozenset("ba"), number=3), key="a")
    assert by_name.id == handles[0].id
    with pytest.raises(KeyConflict):
        await submit(how, functions.square(4), key="a")
    assert (await submit(how, functions.plain(4), key="a")).id != handles[0].id
    await succeed(functions, handles[0].id, NINE)
    again = await submit(how, functions.square(4), key="a", rerun=True)
    assert again.id == handles[0].id
    assert len(tasks_of(local)) == 3


@each_way
async def test_a_task_with_a_name_keeps_it(functions: Functions, local: LocalService, how: str) -> None:
    def named(name: str) -> Any:
        task = functions.square(3)
        task.name = name
        return task

    handle = await submit(how, named("mine"))
    assert handle.name == f"{QUEUE}/tasks/mine"
    for name in ("mine", f"{QUEUE}/tasks/mine"):
        with pytest.raises(AlreadyExists):
            await submit(how, named(name))
    assert len(functions.results.blocking().find(Query()).records) == 1
    with pytest.raises(TypeError, match="a key names the task"):
        await submit(how, named("other"), key="a")


@each_way
async def test_a_task_keeps_what_was_set_on_it(functions: Functions, local: LocalService, how: str) -> None:
    task = functions.square(3)
    task.headers["x-trace"] = "abc"
    task.queue = "slow"
    handle = await submit(how, task, key="a")
    assert handle.name.startswith("projects/p/locations/l/queues/slow/tasks/")
    created = local.tasks_client().get_task(request={"name": handle.name, "response_view": Task.View.FULL})
    assert created.http_request.headers["x-trace"] == "abc"
    assert created.http_request.headers["x-pyct-secret"] == "known"


@each_way
@pytest.mark.parametrize(
    ("record", "error", "message"),
    [
        ({"key": ""}, ValueError, "key must not be empty"),
        ({"rerun": True}, TypeError, "rerun starts the task of a key anew"),
        ({"labels": {"a": 1}}, TypeError, "names and values must be strings"),
        ({"at": datetime(9000, 1, 1, tzinfo=UTC)}, ValueError, "more than 30 days ahead"),
    ],
)
async def test_what_is_not_accepted_leaves_nothing(
    functions: Functions, local: LocalService, how: str, record: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        await submit(how, functions.square(3), **record)
    assert (tasks_of(local), functions.results.blocking().find(Query()).records) == ({}, [])


@each_way
async def test_without_a_store_or_a_queue_there_is_no_handle(local: LocalService, how: str) -> None:
    plain = Functions(local, results=None)
    with pytest.raises(TypeError, match=r"square: (sync_)?submit needs a store of results: give the CloudTaskClient"):
        await submit(how, plain.square(3))
    with pytest.raises(TypeError, match=r"square\.(sync_)?handle needs a store of results"):
        getattr(plain.square, f"{how}handle")("0" * 32)
    eager = Functions(local, eager="immediate")
    with pytest.raises(TypeError, match="needs a queue: eager='immediate' runs tasks at once, unrecorded"):
        await submit(how, eager.square(3))
    with pytest.raises(TypeError, match="results must be a store of results"):
        Functions(local, results="redis://")


@each_way
async def test_a_store_that_is_down_stops_no_function(local: LocalService, how: str) -> None:
    functions = Functions(local, results=RefusingStore())
    handle = await submit(how, functions.square(3))
    name = await done(getattr(functions.square(3), f"{how}push"))
    assert set(tasks_of(local)) == {handle.name, name}
    with pytest.raises(ConnectionRefusedError):
        await submit(how, functions.square(3), key="a")
    assert len(tasks_of(local)) == 2
