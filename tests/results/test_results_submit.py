"""What `.submit`, and `.delay` where tasks are recorded, leave in the queue and in the store."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from fastapi import APIRouter
from google.api_core.exceptions import (
    AlreadyExists,
    DeadlineExceeded,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
)
from google.cloud.tasks_v2 import CreateTaskRequest, Task

from fastapi_gcp_tasks import DelayedRouteBuilder, LocalService
from gcptasks.engine.task_records import RECORD_HEADER, TaskStatus
from results.results_app import HOWS, QUEUE, URL, App, Refusing, done, records_of, tasks_of
from results.results_down import HangingStore, RefusingStore

each_twin = pytest.mark.parametrize("how", HOWS)


@pytest.fixture
def local() -> LocalService:
    return LocalService("memory:", app_url=URL)


@each_twin
async def test_a_submitted_task_is_named_by_its_record_and_finds_it_by_a_header(how: str, local: LocalService) -> None:
    app = App(how, local)
    handle = await done(app.square.submit, 3)
    assert handle.name == f"{QUEUE}/tasks/{handle.id}"
    task = tasks_of(local)[handle.name]
    assert task.http_request.url == f"{URL}/square/3"
    assert task.http_request.headers[RECORD_HEADER] == f"{handle.id}.1"


@each_twin
async def test_ids_cannot_be_guessed(how: str, local: LocalService) -> None:
    app = App(how, local)
    ids = [(await done(app.square.submit, number=3)).id for _ in range(20)]
    assert len({id[place] + str(place) for id in ids for place in range(32)}) > 32 * 8


@each_twin
async def test_a_delayed_task_is_recorded_as_well(how: str, local: LocalService) -> None:
    app = App(how, local)
    task = await done(app.square.options(labels={"a": "b"}).delay, number=3)
    assert isinstance(task, Task)
    handle = app.square.handle(task.name.rpartition("/")[2])
    assert (await done(handle.info)).labels == {"a": "b"}
    assert handle.name == task.name
    assert tasks_of(local)[task.name].http_request.headers[RECORD_HEADER] == f"{handle.id}.1"


@each_twin
async def test_many_tasks_are_recorded_at_once(how: str, local: LocalService) -> None:
    app = App(how, local)
    result = await done(
        app.square.options(labels={"a": "b"}).delay_many, [{"number": n} for n in [*range(250), "x"]], concurrency=3
    )
    assert len(result.created) == 250
    assert [item.id for item in result.failed] == [""]
    tasks = tasks_of(local)
    for item in result.created[::50]:
        handle = app.square.handle(item.id)
        assert (await done(handle.info)).labels == {"a": "b"}
        assert handle.name == item.name == f"{QUEUE}/tasks/{item.id}"
        assert tasks[item.name].http_request.headers[RECORD_HEADER] == f"{item.id}.1"
    assert len({item.id for item in result.created}) == 250


@each_twin
@pytest.mark.parametrize("batches", [True, False])
async def test_of_many_tasks_those_that_are_not_created_leave_no_record(
    how: str, local: LocalService, batches: bool
) -> None:
    options = {} if batches or how == "awaited" else {"client": Refusing(local.tasks_client())}
    app = App(how, local, **options)
    many = app.square.delay_many
    first = await done(many, [{"number": n} for n in range(2)], task_ids=["a", "b"])
    second = await done(many, [{"number": n} for n in range(2)], task_ids=["c", "a"], concurrency=1)
    assert ([item.id for item in second.existing], second.failed) == ([""], [])
    assert sorted(records_of(app)) == [f"{QUEUE}/tasks/{name}" for name in "abc"]
    for item in (*first.created, *second.created):
        assert await done(app.square.handle(item.id).status) is TaskStatus.QUEUED


@each_twin
async def test_a_task_id_of_the_callers_names_the_task_alone(how: str, local: LocalService) -> None:
    app = App(how, local)
    named = app.square.options(task_id="mine")
    handle = await done(named.submit, number=3)
    assert handle.name == f"{QUEUE}/tasks/mine"
    assert handle.id != "mine"
    for verb in (named.submit, named.delay):
        with pytest.raises(AlreadyExists):
            await done(verb, number=3)
    assert records_of(app) == [handle.name]
    assert await done(handle.status) is TaskStatus.QUEUED


def test_the_hook_sees_the_name_and_the_header_and_may_change_the_name(local: LocalService) -> None:
    seen: list[tuple[str, str]] = []

    def hook(request: CreateTaskRequest) -> CreateTaskRequest:
        seen.append((request.task.name, request.task.http_request.headers[RECORD_HEADER]))
        request.task.name = f"{QUEUE}/tasks/of-the-hook"
        return request

    app = App("blocking", local, pre_create_hook=hook)
    handle = app.square.submit(number=3)
    assert seen == [(f"{QUEUE}/tasks/{handle.id}", f"{handle.id}.1")]
    assert handle.name == f"{QUEUE}/tasks/of-the-hook"
    with pytest.raises(AlreadyExists):
        app.square.submit(number=3)
    assert app.square.delay_many([{"number": 1}]).existing[0].name == handle.name
    assert records_of(app) == [handle.name]
    with pytest.raises(ValueError, match="the key names the task, so pre_create_hook cannot"):
        app.square.options(key="k").submit(number=3)


@pytest.mark.parametrize("refusal", [PermissionDenied("no"), NotFound("no queue"), TypeError("no client")])
def test_a_task_that_is_refused_leaves_no_record(local: LocalService, refusal: Exception) -> None:
    app = App("blocking", local, client=Refusing(local.tasks_client(), refusal, refusal, refusal))
    for verb in (app.square.submit, app.square.delay, app.square.options(key="k").submit):
        with pytest.raises(type(refusal)):
            verb(number=3)
        assert records_of(app) == []
    assert app.square.options(key="k").submit(number=4).status() is TaskStatus.QUEUED


@pytest.mark.parametrize("lost", [ServiceUnavailable("?"), DeadlineExceeded("?"), ConnectionError("?")])
def test_a_task_of_which_nobody_knows_keeps_its_record(local: LocalService, lost: Exception) -> None:
    app = App("blocking", local, client=Refusing(local.tasks_client(), lost, after=True))
    with pytest.raises(type(lost)):
        app.square.submit(number=3)
    (name,) = records_of(app)
    assert name in tasks_of(local)


def test_a_create_that_the_client_repeats_is_one_task(local: LocalService) -> None:
    class Repeating(Refusing):
        def create_task(self, request: Any = None, **options: Any) -> Any:
            self.inside.create_task(request=request, **options)
            return self.inside.create_task(request=request, **options)

    app = App("blocking", local, client=Repeating(local.tasks_client()))
    handle = app.square.submit(number=3)
    task = app.square.delay(number=3)
    assert sorted([handle.name, task.name]) == sorted(tasks_of(local))
    assert sorted(records_of(app)) == sorted(tasks_of(local))


@each_twin
@pytest.mark.parametrize("make", [RefusingStore, HangingStore])
async def test_a_store_that_is_down_stops_no_task(
    how: str, local: LocalService, make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gcptasks.results.guarded.LIMIT", 0.05)  # not a second a call, which would make a slow test
    store = make()
    app = App(how, local, results=store)
    try:
        handle = await done(app.square.submit, number=3)
        task = await done(app.square.delay, number=3)
        many = await done(app.square.delay_many, [{"number": n} for n in range(3)], concurrency=1)
        assert {handle.name, task.name, *(item.name for item in many.created)} == set(tasks_of(local))
        if make is RefusingStore:
            with pytest.raises(ConnectionRefusedError):
                await done(handle.status)
            with pytest.raises(ConnectionRefusedError):
                await done(app.square.options(key="k").submit, number=3)
            assert len(tasks_of(local)) == 5
    finally:
        if isinstance(store, HangingStore):
            store.freed.set()


@each_twin
async def test_a_wrong_argument_leaves_nothing(how: str, local: LocalService) -> None:
    app = App(how, local)
    for verb in (app.square.submit, app.square.options(key="k").submit, app.square.delay):
        with pytest.raises(ValueError, match="number"):
            await done(verb, number="3")
        with pytest.raises(TypeError, match="nope"):
            await done(verb, number=3, nope=1)
    assert (records_of(app), tasks_of(local)) == ([], {})


def test_without_a_store_there_is_no_handle() -> None:
    router = APIRouter(route_class=DelayedRouteBuilder(queue_path=QUEUE, base_url=URL))

    @router.post("/")
    def plain() -> None: ...

    task: Any = plain
    with pytest.raises(TypeError, match=r"plain\.submit needs a store of results: give the builder results="):
        task.submit()
    with pytest.raises(TypeError, match=r"plain\.handle needs a store of results"):
        task.handle("0" * 32)
    with pytest.raises(TypeError, match=r"plain\.delay: labels are kept in the record .* must have results="):
        task.options(labels={"a": "b"}).delay()
    with pytest.raises(TypeError, match=r"plain\.delay_many: labels are kept"):
        task.options(labels={"a": "b"}).delay_many([{}])


@pytest.mark.parametrize(
    ("verb", "options", "message"),
    [
        ("delay", {"key": "k"}, r"square\.delay: key and rerun are options of \.submit"),
        ("delay_many", {"key": "k"}, r"square\.delay_many: key and rerun are options of \.submit"),
        ("delay", {"rerun": True}, r"square\.delay: key and rerun are options of \.submit"),
        ("submit", {"rerun": True}, r"rerun starts the task of a key anew: give it the key"),
        ("submit", {"key": "k", "task_id": "a"}, r"a key names the task, so it can have no task_id"),
    ],
)
@each_twin
async def test_options_that_do_not_go_together(
    how: str, local: LocalService, verb: str, options: dict[str, Any], message: str
) -> None:
    app = App(how, local)
    arguments: list[Any] = [[{"number": 3}]] if verb == "delay_many" else [3]
    with pytest.raises(TypeError, match=message):
        await done(getattr(app.square.options(**options), verb), *arguments)
    assert (records_of(app), tasks_of(local)) == ([], {})


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"key": ""}, ValueError, "key must not be empty"),
        ({"key": 7}, TypeError, "key must be a string"),
        ({"key": "\ud800"}, ValueError, "key can have neither NUL nor halves"),
        ({"key": "a\0"}, ValueError, "key can have neither NUL nor halves"),
        ({"rerun": 1}, TypeError, "rerun must be True or False"),
        ({"labels": {"a": 1}}, TypeError, "names and values must be strings, not 'a': 1"),
        ({"labels": ["a"]}, TypeError, "labels must be a mapping"),
        ({"labels": {"": "a"}}, ValueError, "must have 1 to 100 characters"),
        ({"labels": {"a": "b" * 1001}}, ValueError, "at most 1,000"),
        ({"labels": {"a": "\0"}}, ValueError, "labels can have neither NUL"),
        ({"labels": {str(n): "" for n in range(51)}}, ValueError, "at most 50 labels, not 51"),
    ],
)
def test_options_that_are_not_accepted(
    local: LocalService, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        App("blocking", local).square.options(**options)


class OnlyAwaits:
    """A store that code that blocks cannot use."""

    remote = True

    def __init__(self, local: LocalService) -> None:
        self.inside = local.results()
        self.settings = self.inside.settings

    def blocking(self) -> Any:
        raise TypeError("this store has an async engine alone")

    def awaiting(self) -> Any:
        return self.inside.awaiting()


async def test_a_builder_takes_stores_that_its_calls_can_use(local: LocalService) -> None:
    store = OnlyAwaits(local)
    with pytest.raises(TypeError, match="an async engine alone"):
        App("blocking", local, results=store)
    handle = await App("awaited", local, results=store).square.submit(3)
    assert await handle.status() is TaskStatus.QUEUED
    for wrong in ("redis://", 7, local):
        with pytest.raises(TypeError, match="results must be a store of results, or a function that makes one"):
            App("blocking", local, results=wrong)


@each_twin
async def test_a_store_may_be_made_when_it_is_needed(how: str, local: LocalService) -> None:
    made: list[Any] = []

    def make() -> Any:
        made.append(local.results())
        return made[-1]

    app = App(how, local, results=make)
    assert made == []
    handles = await asyncio.gather(*[done(app.square.submit, n) for n in range(5)])
    assert len(made) == 1
    assert await done(handles[0].status) is TaskStatus.QUEUED
    wrong = App(how, local, results=lambda: "redis://")
    with pytest.raises(TypeError, match="returned 'redis://', which is no store"):
        await done(wrong.square.submit, 1)


@each_twin
async def test_a_store_that_cannot_be_made_stops_no_task(
    how: str, local: LocalService, caplog: pytest.LogCaptureFixture
) -> None:
    down = True

    def make() -> Any:
        if down:
            raise ConnectionRefusedError("create_tables() cannot connect")
        return local.results()

    app = App(how, local, results=make)
    handle = await done(app.square.submit, number=3)
    task = await done(app.square.delay, number=3)
    many = await done(app.square.delay_many, [{"number": 3}])
    assert {handle.name, task.name, many.created[0].name} == set(tasks_of(local))
    for call in (handle.status, partial(app.square.options(key="k").submit, number=3)):
        with pytest.raises(ConnectionRefusedError, match="cannot connect"):
            await call() if how == "awaited" else await asyncio.to_thread(call)
    assert len(tasks_of(local)) == 3
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    down = False
    recorded = await done(app.square.submit, number=3)
    assert await done(recorded.status) is TaskStatus.QUEUED
    assert caplog.messages[1].endswith("answers again: tasks are recorded")
