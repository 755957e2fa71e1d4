"""What the handle of a task tells, and what it does: the blocking one and its awaited twin."""

import asyncio
import copy
import inspect
import json
import pickle
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from google.api_core.exceptions import NotFound
from google.cloud.tasks_v2 import GetTaskRequest

from fastapi_gcp_tasks import LocalService
from gcptasks.client.handles import AsyncTaskHandle, TaskHandle
from gcptasks.engine.task_records import (
    AttemptFailed,
    ErrorInfo,
    Heard,
    ProgressInfo,
    Succeeded,
    TaskStatus,
)
from gcptasks.results.errors import (
    ResultMismatch,
    ResultTooLarge,
    TaskCancelled,
    TaskFailed,
    TaskNotFound,
)
from results.results_app import HOWS, QUEUE, App, Squared, all_of, done, started

pytestmark = pytest.mark.parametrize("how", HOWS)

NINE = b'{"number":3,"square":9}'
HALF = ProgressInfo(1, of=2, note="half")


@pytest.fixture
def local() -> LocalService:
    return LocalService("memory:", app_url="http://app.local")


@pytest.fixture
def app(how: str, local: LocalService) -> App:
    return App(how, local)


async def failed(app: App, error: ErrorInfo) -> Any:
    handle = await done(app.square.submit, number=3)
    await app.happen(handle.id, started(), AttemptFailed(1, error, for_good=True))
    return handle


async def test_a_new_task_is_queued(app: App, how: str) -> None:
    handle = await done(app.square.options(labels={"owner": "ada"}).submit, number=3)
    assert type(handle) is (AsyncTaskHandle if how == "awaited" else TaskHandle)
    assert await done(handle.status) is TaskStatus.QUEUED
    info = await done(handle.info)
    assert (info.id, info.endpoint, info.labels) == (handle.id, started().endpoint, {"owner": "ada"})
    assert (info.attempt, info.started_at, info.finished_at, info.progress, info.error) == (0, None, None, None, None)
    assert await done(handle.progress) is None


async def test_a_running_task_tells_how_far_it_is(app: App) -> None:
    handle = await done(app.square.submit, number=3)
    await app.happen(handle.id, started(), Heard(1, HALF))
    info = await done(handle.info)
    assert (info.status, info.attempt, info.progress) == (TaskStatus.RUNNING, 1, HALF)
    assert isinstance(info.started_at, datetime)
    assert await done(handle.progress) == HALF


async def test_the_result_is_what_the_endpoint_returns(app: App) -> None:
    handle = await done(app.square.submit, number=3)
    await app.succeed(handle.id, NINE)
    assert await done(handle.result) == Squared(number=3, square=9)
    assert await done(handle.result, timeout=0) == Squared(number=3, square=9)


async def test_an_endpoint_that_returns_nothing_has_none_as_its_result(app: App) -> None:
    for result in (None, b"null"):
        handle = await done(app.nothing.submit)
        await app.succeed(handle.id, result, "nothing")
        assert await done(handle.result) is None


async def test_an_endpoint_that_does_not_say_what_it_returns_has_json_as_its_result(app: App) -> None:
    handle = await done(app.anything.submit)
    await app.succeed(handle.id, NINE, "anything")
    assert await done(handle.result) == json.loads(NINE)


async def test_who_waits_for_a_result_gets_it_once_it_is_there(app: App) -> None:
    handle = await done(app.square.submit, number=3)
    waiting = asyncio.create_task(done(handle.result, timeout=30))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    await app.happen(handle.id, started())
    await app.happen(handle.id, Succeeded(1, NINE))
    assert await waiting == Squared(number=3, square=9)


async def test_waiting_ends_with_its_time(app: App) -> None:
    handle = await done(app.square.submit, number=3)
    with pytest.raises(TimeoutError, match=r"is queued still, after 0\.05 seconds"):
        await done(handle.result, timeout=0.05)
    with pytest.raises(TimeoutError):
        await done(handle.result, timeout=0)
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match="timeout must be 0 seconds or more"):
            await done(handle.result, timeout=wrong)
    for no_number in ("5", timedelta(seconds=5)):
        with pytest.raises(TypeError, match="timeout must be a number of seconds, or None, not "):
            await done(handle.result, timeout=no_number)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ErrorInfo("shop.errors.NoSuchUser", "7" * 201), f"shop.errors.NoSuchUser: {'7' * 200}"),
        (ErrorInfo("", "the worker answered with 503"), "the worker answered with 503"),
    ],
)
async def test_waiting_in_vain_tells_why_the_task_is_tried_again(app: App, error: ErrorInfo, told: str) -> None:
    handle = await done(app.square.submit, number=3)
    await app.happen(handle.id, started(), AttemptFailed(1, error, for_good=False))
    why = re.escape(f"is waiting still, after 0 seconds; the last error was {told}") + "$"
    with pytest.raises(TimeoutError, match=why):
        await done(handle.result, timeout=0)


async def test_the_result_of_a_task_that_failed_for_good_raises(app: App) -> None:
    handle = await failed(app, ErrorInfo("shop.errors.NoSuchUser", "7"))
    with pytest.raises(TaskFailed, match=r"shop\.errors\.NoSuchUser: 7") as raised:
        await done(handle.result)
    assert (raised.value.error_type, raised.value.message, raised.value.attempts) == ("shop.errors.NoSuchUser", "7", 1)
    assert (await done(handle.info)).error == ErrorInfo("shop.errors.NoSuchUser", "7")


async def test_a_result_that_was_too_large_says_so(app: App) -> None:
    error = ErrorInfo(f"{ResultTooLarge.__module__}.{ResultTooLarge.__qualname__}", "it has 2,000,000 bytes")
    handle = await failed(app, error)
    with pytest.raises(ResultTooLarge, match="2,000,000 bytes"):
        await done(handle.result)


@pytest.mark.parametrize("raw", [b'{"number":"x","square":9}', b"<html>", b"\xff"])
async def test_a_result_that_the_endpoint_does_not_return_any_more_is_kept(app: App, raw: bytes) -> None:
    handle = await done(app.square.submit, number=3)
    await app.succeed(handle.id, raw)
    with pytest.raises(ResultMismatch, match=r"does not fit what .*square returns now") as raised:
        await done(handle.result)
    assert raised.value.raw == raw


async def test_a_result_that_nobody_recorded_is_not_taken_for_another_type(app: App) -> None:
    handle = await done(app.square.submit, number=3)
    await app.succeed(handle.id, None)
    with pytest.raises(ResultMismatch, match=r"no stored result, .* or the router at its worker has no results=$"):
        await done(handle.result)


async def test_a_cancelled_task_has_no_result_and_leaves_its_queue(app: App, local: LocalService) -> None:
    handle = await done(app.square.submit, number=3)
    client = local.tasks_client()
    assert client.get_task(name=handle.name).name == handle.name
    assert await done(handle.cancel) is True
    assert await done(handle.status) is TaskStatus.CANCELLED
    with pytest.raises(TaskCancelled):
        await done(handle.result)
    with pytest.raises(NotFound):
        client.get_task(name=handle.name)


async def test_only_one_of_many_cancels_is_the_one(app: App) -> None:
    handle = await done(app.square.submit, number=3)
    answers = await asyncio.gather(*[done(handle.cancel) for _ in range(20)])
    assert sorted(answers) == [False] * 19 + [True]
    assert await done(handle.cancel) is False


async def test_what_has_ended_is_not_cancelled(app: App) -> None:
    handle = await done(app.square.submit, number=3)
    await app.succeed(handle.id, NINE)
    assert await done(handle.cancel) is False
    assert await done(handle.status) is TaskStatus.SUCCEEDED


async def test_a_task_is_cancelled_though_it_cannot_be_deleted(
    how: str, local: LocalService, caplog: pytest.LogCaptureFixture
) -> None:
    app = App(how, local)
    handle = await done(app.square.submit, number=3)

    def no_client() -> Any:
        raise OSError("no way\nto Google")

    elsewhere = App("awaited", local, client=no_client).square.handle(handle.id)
    assert await elsewhere.cancel()
    assert await done(handle.status) is TaskStatus.CANCELLED
    assert r"stays in its queue: no way\nto Google" in caplog.text


async def test_a_handle_is_found_again_by_its_id(app: App, local: LocalService, how: str) -> None:
    handle = await done(app.square.submit, number=3)
    await app.succeed(handle.id, NINE)
    again = App(how, local).square.handle(handle.id)
    assert again.name == ""
    assert await done(again.result) == Squared(number=3, square=9)
    assert await done(again.status) is TaskStatus.SUCCEEDED
    assert again.name == handle.name


@pytest.mark.parametrize("id", ["", "0" * 32, "x", "\0", "\ud800", "0" * 31 + "A", "../x"])
async def test_an_id_that_nobody_knows_is_not_found(app: App, id: str) -> None:
    handle = app.square.handle(id)
    for call in (handle.status, handle.info, handle.result, handle.progress, handle.cancel, handle.forget):
        with pytest.raises(TaskNotFound, match="has no task"):
            await done(call)
    with pytest.raises(TaskNotFound):
        await all_of(handle.updates())


@pytest.mark.parametrize("id", [None, 5, b"0" * 32, ["0"] * 32])
def test_an_id_that_is_no_text_is_refused_at_once(app: App, id: Any) -> None:
    with pytest.raises(TypeError, match="the id of a task must be a string, not "):
        app.square.handle(id)


def test_a_handle_can_be_copied_but_not_sent_away(app: App) -> None:
    handle = app.square.handle("0" * 32)
    assert copy.deepcopy({"task": handle}) == {"task": copy.copy(handle)} == {"task": handle}
    with pytest.raises(TypeError, match=r"pass its id on, and call \.handle"):
        pickle.dumps(handle)


async def test_a_task_of_another_endpoint_is_not_found(app: App) -> None:
    handle = await done(app.square.submit, number=3)
    with pytest.raises(TaskNotFound):
        await done(app.nothing.handle(handle.id).cancel)
    assert await done(handle.status) is TaskStatus.QUEUED


async def test_a_forgotten_task_is_not_found_any_more(app: App, local: LocalService) -> None:
    handle = await done(app.square.submit, number=3)
    await done(handle.forget)
    with pytest.raises(TaskNotFound):
        await done(handle.status)
    request = GetTaskRequest(name=f"{QUEUE}/tasks/{handle.id}")
    assert local.tasks_client().get_task(request).name == handle.name


async def test_updates_tell_each_change_until_the_end(app: App) -> None:
    handle = await done(app.square.submit, number=3)
    seen: list[Any] = []
    if isinstance(handle, AsyncTaskHandle):
        updates = handle.updates()
        seen.append(await anext(updates))
        await app.happen(handle.id, started())
        seen.append(await anext(updates))
        await app.happen(handle.id, Heard(1, HALF), Succeeded(1, NINE))
    else:
        iterator = handle.updates()
        seen.append(await asyncio.to_thread(next, iterator))
        await app.happen(handle.id, started())
        seen.append(await asyncio.to_thread(next, iterator))
        await app.happen(handle.id, Heard(1, HALF), Succeeded(1, NINE))
        updates = iterator
    seen += await all_of(updates)
    assert [one.status for one in seen] == [TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.SUCCEEDED]
    assert seen[-1].progress == HALF


async def test_what_is_not_told_is_no_update(app: App) -> None:
    handle = await done(app.square.submit, number=3)
    await app.happen(handle.id, started())
    waiting = asyncio.create_task(all_of(handle.updates()))
    await app.happen(handle.id, Heard(1), Heard(1), Heard(1))
    await app.happen(handle.id, Succeeded(1, NINE))
    seen = [one.status for one in await waiting]
    assert seen in ([TaskStatus.SUCCEEDED], [TaskStatus.RUNNING, TaskStatus.SUCCEEDED])


async def test_a_handle_shows_whose_it_is(app: App) -> None:
    handle = await done(app.square.submit, number=3)
    assert repr(handle) == f"<{type(handle).__name__} {handle.id} of {started().endpoint}>"


def test_the_twins_are_the_same_but_for_awaiting(how: str) -> None:
    for name in ("status", "info", "progress", "result", "updates", "cancel", "forget"):
        blocking, awaited = getattr(TaskHandle, name), getattr(AsyncTaskHandle, name)
        assert blocking.__doc__ == awaited.__doc__
        assert inspect.signature(blocking).parameters == inspect.signature(awaited).parameters


async def test_a_handle_can_be_awaited(how: str, app: App) -> None:
    handle = await done(app.square.submit, number=3)
    await app.succeed(handle.id, NINE)
    if how == "awaited":
        assert await handle == Squared(number=3, square=9)
    else:
        with pytest.raises(TypeError, match="await"):
            await handle
