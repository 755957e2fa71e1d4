"""What a worker records of an attempt."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from pydantic import BaseModel

from fastapi_gcp_tasks.dependencies import DoNotRetry, RetryLater, max_retries, verify_secret
from gcptasks.engine.task_records import Cancelled, ErrorInfo, Succeeded, TaskStatus
from results.results_worker import CANCELLED, FAILED, SUCCEEDED, WAITING, Worker


class Stored(BaseModel):
    name: str
    secret: str = "s"


class Shown(BaseModel):
    name: str


async def test_a_result_is_the_answer_as_fastapi_wrote_it() -> None:
    worker = Worker()

    @worker.tasks.post("/filtered", response_model=Shown)
    async def filtered() -> Any:
        return Stored(name="ü")

    @worker.tasks.post("/text")
    def text() -> str:
        return "ä"

    async with worker.running():
        record = await worker.end(await worker.submit(filtered))
        assert (record.status, record.attempt, record.error) == (SUCCEEDED, 1, None)
        assert record.result == '{"name":"ü"}'.encode()
        assert record.started_at is not None
        assert record.finished_at is not None
        assert record.created_at <= record.started_at <= record.finished_at
        assert (await worker.end(await worker.submit(text))).result == '"ä"'.encode()


async def test_an_answer_without_json_is_recorded_as_null() -> None:
    worker = Worker()

    @worker.tasks.post("/none")
    async def none() -> None: ...

    @worker.tasks.post("/empty", status_code=204)
    async def empty() -> None: ...

    @worker.tasks.post("/plain")
    async def plain() -> Response:
        return PlainTextResponse("hello")

    @worker.tasks.post("/streamed")
    async def streamed() -> Response:
        return StreamingResponse(iter(["[1", ",2]"]), media_type="application/json")

    @worker.tasks.post("/own")
    async def own() -> Response:
        return JSONResponse([1], 201, media_type="application/vnd.own+json")

    async with worker.running():
        for endpoint in (none, empty, plain, streamed):
            assert (await worker.end(await worker.submit(endpoint))).result == b"null"
        assert (await worker.end(await worker.submit(own))).result == b"[1]"


async def test_an_attempt_that_fails_is_recorded_and_the_next_one_ends_it() -> None:
    worker = Worker()
    seen: list[Any] = []

    @worker.tasks.post("/flaky")
    async def flaky(request: Request) -> str:
        if len(seen) < 2:
            seen.append(worker.now(request.headers["x-task-record"].partition(".")[0]))
            raise ValueError("no\0\ud800")
        return "done"

    async with worker.running():
        id = await worker.submit(flaky)
        waiting = await worker.until(id, lambda record: record.status is WAITING)
        assert waiting.error == ErrorInfo("ValueError", "no\ufffd\ufffd")
        record = await worker.end(id)
        assert (record.status, record.attempt, record.result, record.error) == (SUCCEEDED, 3, b'"done"', None)
        assert [one.attempt for one in seen] == [1, 2]
        await worker.gone(id)


async def test_what_a_failed_attempt_says_is_the_exception_or_the_status() -> None:
    worker = Worker(tracebacks=True)

    @worker.tasks.post("/refused")
    async def refused() -> None:
        raise HTTPException(404, "no such video")

    @worker.tasks.post("/answered")
    def answered() -> Response:
        return JSONResponse({"detail": "no"}, 409)

    @worker.tasks.post("/later")
    async def later() -> None:
        raise RetryLater(after=60)

    @worker.tasks.post("/odd")
    async def odd() -> None:
        class Odd(Exception):
            def __str__(self) -> str:
                raise RuntimeError

        raise Odd

    @worker.tasks.post("/deep")
    async def deep(broken: str = Depends(lambda: 1 / 0)) -> None: ...

    worker.app.include_router(worker.tasks)
    errors: dict[int | str, ErrorInfo | None] = {}
    for endpoint in (refused, answered, later):
        id = worker.record(endpoint)
        status = (await worker.attempt(f"/{endpoint.__name__}", id)).status
        assert worker.now(id).status is WAITING
        errors[status] = worker.now(id).error
    for endpoint, error in ((odd, Exception), (deep, ZeroDivisionError)):
        id = worker.record(endpoint)
        with pytest.raises(error):
            await worker.attempt(f"/{endpoint.__name__}", id)
        assert worker.now(id).status is WAITING
        errors[endpoint.__name__] = worker.now(id).error
    assert errors[409] == ErrorInfo("", "the worker answered with 409")
    told = {key: (error.type, error.message) for key, error in errors.items() if error}
    assert told == {
        404: ("fastapi.exceptions.HTTPException", "404: no such video"),
        409: ("", "the worker answered with 409"),
        503: ("fastapi_gcp_tasks.RetryLater", "to be tried again in 60 s"),
        "odd": (f"{__name__}.{odd.__qualname__}.<locals>.Odd", ""),
        "deep": ("ZeroDivisionError", "division by zero"),
    }
    assert errors["deep"] is not None
    traceback = errors["deep"].traceback
    assert traceback is not None
    assert traceback.startswith("Traceback (most recent call last)")
    assert traceback.endswith("division by zero\n")


async def test_what_the_queue_does_not_try_again_has_failed() -> None:
    worker = Worker()

    @worker.tasks.post("/never")
    async def never() -> None:
        raise DoNotRetry("no such user")

    @worker.tasks.post("/counted", dependencies=[Depends(max_retries(0))])
    async def counted() -> None: ...

    @worker.tasks.post("/handled")
    async def handled() -> None:
        raise KeyError("gone")

    @worker.app.exception_handler(KeyError)
    async def handle(request: Request, error: Exception) -> Response:
        return JSONResponse("never mind")

    async with worker.running():
        for endpoint, type, message in (
            (never, "fastapi_gcp_tasks.DoNotRetry", "no such user"),
            (counted, "fastapi.exceptions.HTTPException", "200: given up after 0 retries"),
            (handled, "KeyError", "'gone'"),
        ):
            id = await worker.submit(endpoint)
            record = await worker.end(id)
            assert (record.status, record.error) == (FAILED, ErrorInfo(type, message))
            await worker.gone(id)
            assert worker.now(id).attempt == 1


async def test_a_result_that_is_too_large_fails_for_good_and_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker(max_bytes=100)

    @worker.tasks.post("/large")
    async def large(count: int) -> str:
        return "x" * count

    async with worker.running():
        assert (await worker.end(await worker.submit(large, count=98))).status is SUCCEEDED
        id = await worker.submit(large, count=99)
        record = await worker.end(id)
        assert record.status is FAILED
        assert record.error == ErrorInfo(
            "fastapi_gcp_tasks.results.ResultTooLarge",
            "the result has 101 bytes, and of one 100 are kept: return less, such as where the rest is, or give the "
            "store a larger max_bytes",
        )
        await worker.gone(id)
        assert worker.now(id).attempt == 1
    assert "the result has 101 bytes" in caplog.text


async def test_a_task_that_was_cancelled_never_starts() -> None:
    worker = Worker()
    started: list[str] = []

    @worker.tasks.post("/work")
    async def work() -> None:
        started.append("")

    id = worker.record(work)
    worker.store.blocking().change(id, 1, Cancelled())
    worker.app.include_router(worker.tasks)
    answered = await worker.attempt("/work", id)
    assert (answered.status, json.loads(answered.body)) == (200, {"detail": "the task was cancelled"})
    assert worker.now(id).status is CANCELLED
    assert worker.now(id).attempt == 0
    assert not started


async def failing_exit() -> AsyncIterator[None]:
    try:
        yield
    except Exception as error:
        raise HTTPException(500, "the session was rolled back") from error


async def raising_exit() -> AsyncIterator[None]:
    try:
        yield
    finally:
        raise RuntimeError("the session cannot be closed")


async def answers_500(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 500)


@pytest.mark.parametrize("dependency", [None, failing_exit, raising_exit])
async def test_what_is_over_is_answered_with_200_whatever_is_made_of_it(dependency: Any) -> None:
    worker = Worker()
    tasks = worker.tasks
    if dependency is None:
        worker.app.add_exception_handler(HTTPException, answers_500)
    else:
        tasks = worker.router(dependencies=[Depends(dependency)])

    @tasks.post("/over")
    async def over() -> None:
        raise AssertionError("it runs")

    worker.app.include_router(tasks)
    for event in (Cancelled(), Succeeded(1, b"1")):
        id = worker.record(over)
        await worker.store.awaiting().change(id, 1, event)
        assert (await worker.attempt("/over", id)).status == 200


async def test_of_two_attempts_at_once_the_first_that_ends_decides() -> None:
    worker = Worker()
    inner: list[Any] = []
    id = ""

    @worker.tasks.post("/twice")
    async def twice(request: Request) -> int:
        mine = len(inner)
        inner.append(None)
        if mine == 0:  # while this one runs, the next one does it all
            inner[0] = await worker.attempt("/twice", id, retry_count=1)
            assert (worker.now(id).status, worker.now(id).attempt, worker.now(id).result) == (SUCCEEDED, 2, b"1")
            raise ValueError("too late")
        return mine

    worker.app.include_router(worker.tasks)
    id = worker.record(twice)
    # It would be answered with 500, were there a reason to try again.
    answered = await worker.attempt("/twice", id)
    assert (answered.status, json.loads(answered.body)) == (200, {"detail": "the task has succeeded already"})
    assert inner[0].status == 200
    assert (worker.now(id).status, worker.now(id).result, worker.now(id).error) == (SUCCEEDED, b"1", None)
    # A third one does not run.
    assert (await worker.attempt("/twice", id, retry_count=2)).status == 200
    assert len(inner) == 2


@pytest.mark.parametrize("run", [1, 2])
async def test_what_has_no_record_runs_unrecorded(run: int, caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker()
    ran: list[str] = []

    @worker.tasks.post("/work")
    async def work() -> str:
        ran.append("")
        return "done"

    @worker.tasks.post("/other")
    async def other() -> None: ...

    worker.app.include_router(worker.tasks)
    others = worker.record(other)
    for id, said in (("f" * 32, "has no record"), (others, "is of"), ("", "is no record")):
        caplog.clear()
        assert await worker.attempt("/work", id, run=run) == (200, b'"done"')
        assert said in caplog.text
    assert len(ran) == 3
    assert worker.now(others).attempt == 0


async def test_nothing_is_recorded_for_a_caller_that_is_refused() -> None:
    worker = Worker(verify=verify_secret("x-secret", "s"))

    @worker.tasks.post("/checked")
    async def checked() -> None: ...

    def check_myself(request: Request) -> None:
        if request.headers.get("x-secret") != "s":
            raise HTTPException(403)

    own = worker.router(verify=None, dependencies=[Depends(check_myself), Depends(max_retries(3))])

    @own.post("/own")
    async def checks_itself(number: int) -> None: ...

    worker.app.include_router(worker.tasks)
    worker.app.include_router(own)
    for path, endpoint in (("/checked", checked), ("/own", checks_itself)):
        id = worker.record(endpoint)
        assert (await worker.attempt(path, id, retry_count=99)).status == 403
        assert (worker.now(id).attempt, worker.now(id).error) == (0, None)
    # Whoever is let in is believed, also if it fails before the endpoint runs.
    id = worker.record(checks_itself)
    assert (await worker.attempt("/own", id, headers={"x-secret": "s"})).status == 422
    record = worker.now(id)
    assert record.status is WAITING
    assert record.error is not None
    assert record.error.type == "fastapi.exceptions.RequestValidationError"


async def test_a_route_without_results_records_nothing(caplog: pytest.LogCaptureFixture) -> None:
    from fastapi import APIRouter

    from fastapi_gcp_tasks import AsyncDelayedRouteBuilder
    from server.server_apps import QUEUE, URL

    worker = Worker()
    route = AsyncDelayedRouteBuilder(
        client=worker.local.async_tasks_client, base_url=URL, queue_path=QUEUE, verify=False
    )
    plain = APIRouter(route_class=route)

    @plain.post("/plain")
    async def work() -> str:
        return "done"

    worker.app.include_router(plain)
    id = worker.record(work)
    with caplog.at_level(logging.INFO):
        assert await worker.attempt("/plain", id) == (200, b'"done"')
    assert worker.now(id).attempt == 0
    assert not caplog.records


def test_what_has_no_result_is_refused_when_it_is_registered() -> None:
    worker = Worker()

    async def streams() -> Any:
        yield 1

    def blocks() -> Any:
        yield 1

    async def plain() -> str:
        return "hello"

    for endpoint, more, reason in (
        (streams, {}, "streams streams its answer"),
        (blocks, {}, "blocks streams its answer"),
        (plain, {"response_class": PlainTextResponse}, "plain answers with a PlainTextResponse, which is no JSON"),
        (plain, {"response_class": StreamingResponse}, "plain answers with a StreamingResponse, which is no JSON"),
    ):
        with pytest.raises(ValueError, match=f"^{reason}, so it has no result: register it on a router without") as no:
            worker.tasks.post("/x", **more)(endpoint)  # pyright: ignore[reportArgumentType]  # options of several types
        assert no.value.__cause__ is None
        assert not hasattr(endpoint, "delay")

    class Own(JSONResponse):
        media_type = "application/vnd.own+json"

    worker.tasks.post("/own", response_class=Own)(plain)
    assert hasattr(plain, "submit")


def test_the_header_of_a_record_is_nobody_elses_to_set() -> None:
    worker = Worker()

    @worker.tasks.post("/work")
    async def work() -> None: ...

    endpoint: Any = work
    for name in ("X-Task-Record", "x-task-retry"):
        with pytest.raises(ValueError, match=f"the header '{name.lower()}' is set where tasks are recorded"):
            endpoint.options(headers={name: "1"})


async def test_an_attempt_of_a_forgotten_task_runs_unrecorded_though_its_key_is_used_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = Worker()
    ran: list[str] = []

    @worker.tasks.post("/keyed/{what}")
    async def keyed(what: str) -> None:
        ran.append(what)

    worker.app.include_router(worker.tasks)
    task: Any = keyed
    forgotten = await task.options(key="k").submit(what="old")
    await forgotten.forget()
    handle = await task.options(key="k").submit(what="new")
    assert (handle.id, handle.name != forgotten.name) == (forgotten.id, True)
    before = worker.now(handle.id)
    old, new = ({"X-CloudTasks-TaskName": one.name.rpartition("/")[2]} for one in (forgotten, handle))

    assert (await worker.attempt("/keyed/old", handle.id, headers=old)).status == 200
    assert worker.now(handle.id) == before
    assert "is of another task" in caplog.text
    assert (await worker.attempt("/keyed/new", handle.id, headers=new)).status == 200
    assert (worker.now(handle.id).status, worker.now(handle.id).attempt) == (SUCCEEDED, 1)
    assert (await worker.attempt("/keyed/old", handle.id, headers=old)).status == 200
    assert ran == ["old", "new", "old"]


@pytest.mark.parametrize("fails", [False, True])
async def test_an_attempt_whose_task_is_forgotten_while_it_runs_says_nothing_of_the_next_with_its_key(
    fails: bool,
) -> None:
    worker = Worker()

    @worker.tasks.post("/keyed/{what}")
    async def keyed(what: str) -> None:
        if what == "old":
            await forgotten.forget()
            handles.append(await task.options(key="k").submit(what="new"))
            if fails:
                raise HTTPException(503)

    worker.app.include_router(worker.tasks)
    task: Any = keyed
    handles: list[Any] = []
    forgotten = await task.options(key="k").submit(what="old")
    answered = await worker.attempt("/keyed/old", forgotten.id)
    assert answered.status == (503 if fails else 200)
    record = worker.now(forgotten.id)
    assert (record.task_name, record.status, record.attempt) == (handles[0].name, TaskStatus.QUEUED, 0)
