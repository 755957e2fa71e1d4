"""`delay_many`: many tasks, in batches where the service has them, and what became of each."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Annotated, Any, cast
from unittest.mock import Mock, create_autospec

import pytest
from fastapi import Body, Header
from google.api_core import exceptions
from google.cloud.tasks_v2 import BatchCreateTasksRequest, CloudTasksAsyncClient, CloudTasksClient, CreateTaskRequest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_gcp_tasks import (
    AsyncDelayedRouter,
    AsyncDelayedTask,
    BulkResult,
    DelayedRouter,
    DelayedTask,
    LocalService,
)
from fastapi_gcp_tasks.exception import MissingParamError
from fastapi_gcp_tasks.hooks import deadline_delayed_hook
from routes.routes_fakes import QUEUE, URL, FakeAsyncClient, FakeClient, Payload


def task_of(client: CloudTasksClient) -> DelayedTask[..., None]:
    router = DelayedRouter(queue_path=QUEUE, base_url=URL, client=client)

    @router.post("/task")
    def task(number: int, note: str = "") -> None: ...

    return task


def async_task_of(client: Any) -> AsyncDelayedTask[..., Any]:
    router = AsyncDelayedRouter(queue_path=QUEUE, base_url=URL, client=client)

    @router.post("/task")
    async def task(number: int, note: str = "") -> None: ...

    return task


async def both(local: LocalService, items: list[dict[str, Any]], **options: Any) -> list[BulkResult]:
    """What the sync and the async form say of the same items, each under task ids of its own."""
    ids = options.pop("task_ids")
    sync, twin = task_of(local.tasks_client()), async_task_of(local.async_tasks_client)
    return [
        sync.delay_many(items, task_ids=[f"sync-{one}" for one in ids], **options),
        await twin.delay_many(items, task_ids=[f"async-{one}" for one in ids], **options),
    ]


def places(result: BulkResult) -> tuple[list[int], list[int], list[int]]:
    return (
        [item.index for item in result.created],
        [item.index for item in result.existing],
        [item.index for item in result.failed],
    )


async def test_each_item_becomes_a_task_in_the_order_of_the_input() -> None:
    local = LocalService("memory:", app_url=URL)
    numbers = range(250)
    for result in await both(local, [{"number": one} for one in numbers], task_ids=[str(one) for one in numbers]):
        assert places(result) == (list(numbers), [], [])
        assert [item.name.rpartition("-")[2] for item in result.created] == [str(one) for one in numbers]
    tasks = list(local.tasks_client().list_tasks(parent=QUEUE))
    assert len(tasks) == 500
    assert {task.http_request.url for task in tasks} == {f"{URL}/task?number={one}" for one in numbers}


async def test_a_second_run_with_the_same_ids_finishes_the_work() -> None:
    local = LocalService("memory:", app_url=URL)
    await both(local, [{"number": 1}, {"number": 3}], task_ids=["1", "3"])
    items = [{"number": one} for one in range(5)]
    for result in await both(local, items, task_ids=["0", "1", "2", "3", "4"]):
        assert places(result) == ([0, 2, 4], [1, 3], [])
        assert [item.name.rpartition("-")[2] for item in result.existing] == ["1", "3"]
        assert isinstance(result.existing[0].error, exceptions.AlreadyExists)


async def test_an_item_that_does_not_fit_fails_alone() -> None:
    local = LocalService("memory:", app_url=URL)
    items: list[dict[str, Any]] = [{"number": 1}, {"number": "2"}, {}, {"number": 4, "nota": "a"}, {"number": 5}]
    for result in await both(local, items, task_ids=["a", "b", "c", "d", "not an id"]):
        assert places(result) == ([0], [], [1, 2, 3, 4])
        wrong, missing, unknown, no_id = [item.error for item in result.failed]
        assert isinstance(wrong, ValueError)
        assert isinstance(missing, MissingParamError)
        assert isinstance(unknown, TypeError)
        assert "task_ids must be 1 to 500 letters" in str(no_id)


@pytest.mark.parametrize("item", [(1,), 1, None, "number"])
async def test_an_item_that_is_no_mapping_fails_alone(item: Any) -> None:
    local = LocalService("memory:", app_url=URL)
    for result in await both(local, [{"number": 1}, item, {"number": 3}], task_ids=["a", "b", "c"]):
        assert places(result) == ([0, 2], [], [1])
        assert isinstance(result.failed[0].error, TypeError)
        assert "an item must be a mapping of arguments by name" in str(result.failed[0].error)


async def test_items_are_taken_while_tasks_are_created_and_progress_is_told() -> None:
    local, told, taken = LocalService("memory:", app_url=URL), list[int](), list[int]()

    def items() -> Iterator[dict[str, Any]]:
        for number in range(1000):
            taken.append(len(told))
            yield {"number": number}

    task_of(local.tasks_client()).delay_many(items(), concurrency=1, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1000
    # Not all were taken before the first batch was told of.
    assert taken[-1] > 0


async def test_items_are_taken_while_tasks_are_created_without_blocking_the_loop_too() -> None:
    local, told, taken = LocalService("memory:", app_url=URL), list[int](), list[int]()

    def items() -> Iterator[dict[str, Any]]:
        for number in range(1000):
            taken.append(len(told))
            yield {"number": number}

    await async_task_of(local.async_tasks_client).delay_many(items(), concurrency=2, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1000
    assert taken[-1] > 0


def test_no_more_calls_run_at_once_than_concurrency_says() -> None:
    """All of them do, and no item is taken ahead for a call that cannot start."""

    class Counting(FakeClient):
        def create_task(self, request: Any = None, **options: Any) -> Any:
            with room:
                running.add(threading.get_ident())
                most.append(len(running))
                number = len(most)
            if number <= 12:
                together.wait(10)
            created = super().create_task(request=request, **options)
            with room:
                running.discard(threading.get_ident())
            return created

    def items() -> Iterator[dict[str, Any]]:
        for number in range(24):
            ahead.append(number - len(client.requests))
            yield {"number": number}

    room, together = threading.Lock(), threading.Barrier(3)
    running, most, ahead = set[int](), list[int](), list[int]()
    client = Counting()
    task_of(client).delay_many(items(), concurrency=3)
    assert max(most) == 3
    # One more is at hand, and one is asked for to know that this one is ready to go.
    assert max(ahead) <= 3 + 1


async def test_no_more_calls_are_awaited_at_once_than_concurrency_says() -> None:
    class Counting(FakeAsyncClient):
        async def create_task(self, request: Any = None, **options: Any) -> Any:
            running.append(request)
            most.append(len(running))
            for _ in range(5):
                await asyncio.sleep(0)
            running.remove(request)
            return await super().create_task(request=request, **options)

    def items() -> Iterator[dict[str, Any]]:
        for number in range(24):
            ahead.append(number - len(client.requests))
            yield {"number": number}

    running, most, ahead = list[Any](), list[int](), list[int]()
    client = Counting()
    await async_task_of(client).delay_many(items(), concurrency=3)
    assert max(most) == 3
    assert max(ahead) <= 3 + 1


async def test_the_queue_is_created_once_before_all_of_them() -> None:
    client, async_client = FakeClient(), FakeAsyncClient()
    async_router = AsyncDelayedRouter(queue_path=QUEUE, base_url=URL, client=async_client, auto_create_queue=True)

    @async_router.post("/task")
    async def async_task(number: int) -> None: ...

    items = [{"number": one} for one in range(5)]
    task_of(client).delay_many(items)
    await async_task.delay_many(items)
    for one in (client, async_client):
        assert [request.queue.name for request in one.queues] == [QUEUE]
        assert len(one.requests) == 5


def test_a_batch_is_no_larger_than_grpc_takes() -> None:
    sizes: list[int] = []

    class Watching(CloudTasksClient):
        def batch_create_tasks(self, request: Any = None, **options: Any) -> Any:
            sizes.append(BatchCreateTasksRequest.pb(request).ByteSize())
            return super().batch_create_tasks(request=request, **options)

    client = LocalService("memory:", app_url=URL).tasks_client()
    router = DelayedRouter(queue_path=QUEUE, base_url=URL, client=Watching(transport=client.transport))

    @router.post("/task")
    def task(p: Payload) -> None: ...

    result = task.delay_many({"p": Payload(message="x" * 900_000)} for _ in range(10))
    assert places(result) == (list(range(10)), [], [])
    assert max(sizes) < 4 << 20
    assert len(sizes) == 4


class Old(CloudTasksClient):
    """Google's client on a service that has no batches."""

    def __init__(self, local: LocalService) -> None:
        super().__init__(transport=local.tasks_client().transport)

    def batch_create_tasks(self, request: Any = None, **options: Any) -> Any:
        raise exceptions.MethodNotImplemented("no batches here")


async def test_where_there_are_no_batches_tasks_are_created_one_by_one() -> None:
    local = LocalService("memory:", app_url=URL)
    result = task_of(Old(local)).delay_many([{"number": one} for one in range(250)])
    assert places(result) == (list(range(250)), [], [])
    assert len(list(local.tasks_client().list_tasks(parent=QUEUE))) == 250


async def test_a_users_own_client_is_asked_for_one_task_at_a_time() -> None:
    client, async_client = FakeClient(), FakeAsyncClient()
    items = [{"number": one} for one in range(20)]
    for result in (
        task_of(client).delay_many(items, concurrency=1),
        await async_task_of(async_client).delay_many(items, concurrency=1),
    ):
        assert places(result) == (list(range(20)), [], [])
    assert [len(client.requests), len(async_client.requests)] == [20, 20]


async def test_a_mock_is_asked_as_documented() -> None:
    client, async_client = create_autospec(CloudTasksClient), create_autospec(CloudTasksAsyncClient)
    results = [
        task_of(client).delay_many([{"number": 1}]),
        await async_task_of(async_client).delay_many([{"number": 1}]),
    ]
    assert [places(result) for result in results] == [([0], [], [])] * 2
    for mock, calls in ((client, ["create_queue", "batch_create_tasks"]), (async_client, ["batch_create_tasks"])):
        assert [name for name, _, _ in mock.method_calls] == calls
        for _, positional, named in mock.method_calls:
            assert (positional, named.keys()) == ((), {"request", "timeout"})


async def test_a_call_that_fails_leaves_its_items_failed_and_the_others_go_on() -> None:
    class Shaky(FakeClient):
        def create_task(self, request: Any = None, **options: Any) -> Any:
            if "number=3" in request.task.http_request.url:
                raise exceptions.ServiceUnavailable("down")
            return super().create_task(request=request, **options)

    result = task_of(Shaky()).delay_many([{"number": one} for one in range(6)])
    assert places(result) == ([0, 1, 2, 4, 5], [], [3])
    assert isinstance(result.failed[0].error, exceptions.ServiceUnavailable)


async def test_a_batch_of_which_nobody_knows_has_failed() -> None:
    class Down(CloudTasksClient):
        def batch_create_tasks(self, request: Any = None, **options: Any) -> Any:
            raise exceptions.DeadlineExceeded("too late")

    client = Down(transport=LocalService("memory:", app_url=URL).tasks_client().transport)
    result = task_of(client).delay_many([{"number": 1}, {"number": 2}], task_ids=["a", "b"])
    assert places(result) == ([], [], [0, 1])
    assert [item.name for item in result.failed] == [f"{QUEUE}/tasks/a", f"{QUEUE}/tasks/b"]


async def test_options_and_hooks_count_for_each() -> None:
    client, seen = FakeClient(), list[str]()

    def hook(request: CreateTaskRequest) -> CreateTaskRequest:
        seen.append(request.task.name)
        return request

    task = task_of(client).options(headers={"x-a": "1"}, pre_create_hook=hook)
    task.delay_many([{"number": 1}], task_ids=["a"])
    assert seen == [f"{QUEUE}/tasks/a"]
    assert client.requests[0].task.http_request.headers["x-a"] == "1"


class Batches(FakeClient):
    """Keeps the requests of batches."""

    def batch_create_tasks(self, request: Any = None, **_: Any) -> Any:
        assert request.parent == QUEUE
        self.requests += request.requests
        return Mock()


notes = DelayedRouter(queue_path=QUEUE, base_url=URL, auto_create_queue=False)


@notes.post("/{number}")
def note_down(number: int, note: Annotated[str, Body()] = "", x_trace: Annotated[str, Header()] = "none") -> None: ...


@given(
    items=st.lists(
        st.fixed_dictionaries(
            {"number": st.integers()},
            optional={
                "note": st.text(st.characters(exclude_categories=["Cs"])) | st.just("é" * 20_000),
                "x_trace": st.text("abc ", min_size=1).map(str.strip).filter(bool) | st.just("a" * 300),
            },
        ),
        min_size=1,
        max_size=5,
    ),
    with_ids=st.booleans(),
    with_hook=st.booleans(),
    options=st.fixed_dictionaries(
        dict[str, st.SearchStrategy[Any]](),
        optional={
            "headers": st.dictionaries(st.sampled_from(["x-a", "x-b"]), st.just("text")),
            "dispatch_deadline": st.integers(15, 1800),
            "countdown": st.sampled_from([0, 0.5, 3600, 30 * 86400]),
        },
    ),
)
def test_a_batch_has_the_requests_that_single_calls_make(
    items: list[dict[str, Any]], with_ids: bool, with_hook: bool, options: dict[str, Any]
) -> None:
    if with_hook:
        options["pre_create_hook"] = deadline_delayed_hook(Duration(seconds=77))
    single, batches = FakeClient(), Batches()
    task = cast("DelayedTask[..., None]", note_down)
    ids = [f"id-{number}" for number in range(len(items))]
    many = task.options(**options, client=batches)
    result = many.delay_many(items, task_ids=ids if with_ids else None, concurrency=1)
    assert places(result) == (list(range(len(items))), [], [])
    for item, one_id in zip(items, ids, strict=True):
        one_task: dict[str, Any] = {**options, "task_id": one_id} if with_ids else options
        task.options(**one_task, client=single).delay(**item)
    for one, other in zip(batches.requests, single.requests, strict=True):
        raw, other_raw = [CreateTaskRequest.pb(request) for request in (one, other)]
        # Each is due so long from the moment in which it was made.
        due = [request.task.schedule_time.ToNanoseconds() for request in (raw, other_raw)]
        assert bool(due[0]) == bool(options.get("countdown"))
        assert abs(due[1] - due[0]) < 60 * 10**9
        for request in (raw, other_raw):
            request.task.ClearField("schedule_time")
        assert raw == other_raw


def test_a_hook_that_fails_for_an_item_fails_that_item() -> None:
    def hook(request: CreateTaskRequest) -> Any:
        number = request.task.http_request.url.rpartition("=")[2]
        if number == "2":
            raise ValueError("the hook does not like 2")
        return {"1": None, "3": "a text"}.get(number, request)

    client = FakeClient()
    result = task_of(client).options(pre_create_hook=hook).delay_many([{"number": one} for one in range(5)])
    assert places(result) == ([0, 4], [], [1, 2, 3])
    nothing, raised, text = [str(item.error) for item in result.failed]
    assert nothing.startswith("pre_create_hook must return the request: ")
    assert nothing.endswith(" returned None")
    assert raised == "the hook does not like 2"
    assert text.endswith(" returned 'a text'")
    assert len(client.requests) == 2


def test_what_cannot_work_is_refused_before_anything_happens() -> None:
    client = FakeClient()
    with pytest.raises(TypeError, match="the option task_id names one task: give delay_many task_ids"):
        task_of(client).options(task_id="a").delay_many([{"number": 1}])
    with pytest.raises(ValueError, match="concurrency must be 1 or more, not 0"):
        task_of(client).delay_many([{"number": 1}], concurrency=0)
    with pytest.raises(TypeError, match="concurrency must be a whole number, not '3'"):
        task_of(client).delay_many([{"number": 1}], concurrency=cast("int", "3"))
    assert client.queues == []
    assert client.requests == []


def test_what_the_callers_iterator_raises_comes_back() -> None:
    def items() -> Iterator[dict[str, Any]]:
        yield {"number": 1}
        raise ValueError("the file is cut off")

    client = FakeClient()
    with pytest.raises(ValueError, match="the file is cut off"):
        task_of(client).delay_many(items(), task_ids=["a", "b"], concurrency=1)


@pytest.mark.parametrize("ids", [["a"], ["a", "b", "c"]])
def test_items_and_ids_are_equally_many(ids: list[str]) -> None:
    with pytest.raises(ValueError, match="items and task_ids are not equally many"):
        task_of(FakeClient()).delay_many([{"number": 1}, {"number": 2}], task_ids=ids)


@settings(max_examples=30)
@given(
    known=st.sets(st.integers(0, 30)),
    bad=st.sets(st.integers(0, 30)),
    count=st.integers(0, 30),
    concurrency=st.integers(1, 4),
    batches=st.booleans(),
)
def test_every_item_is_in_one_list_and_every_list_tells_the_truth(
    known: set[int], bad: set[int], count: int, concurrency: int, batches: bool
) -> None:
    local = LocalService("memory:", app_url=URL)
    task = task_of(local.tasks_client() if batches else Old(local))
    for one in known:
        task.options(task_id=f"t{one}").delay(number=one)
    items = [{"number": "bad" if one in bad else one} for one in range(count)]
    result = task.delay_many(items, task_ids=[f"t{one}" for one in range(count)], concurrency=concurrency)
    wanted = set(range(count))
    assert places(result) == (
        sorted(wanted - known - bad),
        sorted((wanted & known) - bad),
        sorted(wanted & bad),
    )
    there = local.tasks_client().list_tasks(parent=QUEUE)
    assert {one.name.rpartition("/t")[2] for one in there} == {str(one) for one in known | (wanted - bad)}
