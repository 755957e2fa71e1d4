"""What a worker's endpoint learns of its attempt: api.md section 3."""

import logging
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from hypothesis import given
from hypothesis import strategies as st

from fastapi_gcp_tasks import CloudSchedulerHeaders, CloudTasksHeaders, as_delayed_task, max_retries
from routes.routes_fakes import FakeClient, ask, delayed_router


async def seen_with(headers: dict[str, str]) -> dict[str, Any]:
    """The attributes of CloudTasksHeaders in an endpoint that is asked with these headers."""
    app, seen = FastAPI(), dict[str, Any]()

    @app.post("/task")
    async def task(headers: Annotated[CloudTasksHeaders, Depends()]) -> None:
        seen.update(vars(headers))

    status, answer = await ask(app, "POST", "/task", headers)
    assert status == 200, answer
    return seen


async def run_seen_with(headers: dict[str, str]) -> tuple[int, CloudSchedulerHeaders | None]:
    """The status, and the CloudSchedulerHeaders of an endpoint that is asked with these headers."""
    app, seen = FastAPI(), list[CloudSchedulerHeaders]()

    @app.post("/job")
    async def job(headers: Annotated[CloudSchedulerHeaders, Depends()]) -> None:
        seen.append(headers)

    status, _ = await ask(app, "POST", "/job", headers)
    return status, seen[0] if seen else None


@pytest.mark.parametrize(
    ("sent", "time"),
    [
        ("2026-10-05T01:45:00-07:00", datetime(2026, 10, 5, 8, 45, tzinfo=UTC)),
        ("2026-12-31T16:00:00-08:00", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-10-05T01:45:01.416739-07:00", datetime(2026, 10, 5, 8, 45, 1, 416739, tzinfo=UTC)),
        ("2026-10-05T01:45:01.4-07:00", datetime(2026, 10, 5, 8, 45, 1, 400000, tzinfo=UTC)),
        ("2026-10-05T08:45:00Z", datetime(2026, 10, 5, 8, 45, tzinfo=UTC)),
        ("2026-10-05t08:45:00z", datetime(2026, 10, 5, 8, 45, tzinfo=UTC)),
        ("2026-10-05T14:30:00+05:45", datetime(2026, 10, 5, 8, 45, tzinfo=UTC)),
        ("2026-10-05T08:45:00.123456789Z", datetime(2026, 10, 5, 8, 45, 0, 123456, tzinfo=UTC)),
    ],
)
async def test_a_run_shows_its_job_and_when_it_was_due(sent: str, time: datetime) -> None:
    """In RFC 3339, in the time of Los Angeles, with a fraction or without (CS-157 to CS-159)."""
    status, seen = await run_seen_with(
        {"X-CloudScheduler": "true", "X-CloudScheduler-JobName": "my-job", "X-CloudScheduler-ScheduleTime": sent}
    )
    assert status == 200
    assert seen is not None
    assert (seen.job_name, seen.schedule_time, seen.schedule_time.tzinfo) == ("my-job", time, UTC)


@given(
    st.datetimes(datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2200-01-01")),
    st.integers(-14 * 60, 14 * 60),
)
async def test_any_offset_is_read(time: datetime, minutes: int) -> None:
    sent = time.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    _, seen = await run_seen_with({"X-CloudScheduler-ScheduleTime": sent.isoformat()})
    assert seen is not None
    assert seen.schedule_time == sent


async def test_a_request_that_no_scheduler_sent_is_a_run_that_is_due_now() -> None:
    before = datetime.now(UTC)
    _, seen = await run_seen_with({})
    assert seen is not None
    assert seen.job_name == ""
    assert before <= seen.schedule_time <= datetime.now(UTC)


@pytest.mark.parametrize("sent", ["2026-10-05T01:45:00", "yesterday", ""])
async def test_a_time_without_an_offset_or_none_at_all_is_no_time(sent: str) -> None:
    assert (await run_seen_with({"X-CloudScheduler-ScheduleTime": sent}))[0] == 422


async def test_a_retry_shows_all_that_the_queue_says() -> None:
    """The headers are those of a recorded retry (CT-162 to CT-169)."""
    seen = await seen_with(
        {
            "X-CloudTasks-QueueName": "my-queue",
            "X-CloudTasks-TaskName": "my-task",
            "X-CloudTasks-TaskRetryCount": "3",
            "X-CloudTasks-TaskExecutionCount": "2",
            "X-CloudTasks-TaskETA": "1721236265.266817",
            "X-CloudTasks-TaskPreviousResponse": "503",
            "X-CloudTasks-TaskRetryReason": "",
        }
    )
    assert seen == {
        "queue_name": "my-queue",
        "task_name": "my-task",
        "retry_count": 3,
        "execution_count": 2,
        "eta": datetime(2024, 7, 17, 17, 11, 5, 266817, tzinfo=UTC),
        "previous_response": 503,
        "retry_reason": "",
    }


@pytest.mark.parametrize(
    ("sent", "eta"),
    [
        ("1721236265.12", datetime(2024, 7, 17, 17, 11, 5, 120000, tzinfo=UTC)),
        ("1721236265", datetime(2024, 7, 17, 17, 11, 5, tzinfo=UTC)),
        ("0.000001", datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)),
    ],
)
async def test_eta_is_aware_and_in_utc(sent: str, eta: datetime) -> None:
    """Google writes seconds with up to six decimals, trailing zeros left out (CT-169)."""
    seen = await seen_with({"X-CloudTasks-TaskETA": sent})
    assert seen["eta"] == eta
    assert seen["eta"].utcoffset() == timedelta(0)
    assert seen["eta"].tzinfo is UTC


async def test_a_request_that_no_queue_sent_is_a_first_attempt_that_is_due_now() -> None:
    before = datetime.now(UTC)
    seen = await seen_with({})
    assert before <= seen.pop("eta") <= datetime.now(UTC)
    assert seen == {
        "queue_name": "",
        "task_name": "",
        "retry_count": 0,
        "execution_count": 0,
        "previous_response": None,
        "retry_reason": "",
    }


def test_eta_in_another_zone_is_the_same_instant_in_utc() -> None:
    """By a direct call."""
    tokyo = datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))
    assert CloudTasksHeaders(x_cloudtasks_tasketa=tokyo).eta.isoformat() == "2026-01-01T00:00:00+00:00"


def limited(count: int | None = None) -> tuple[FastAPI, list[str]]:
    app, ran = FastAPI(), list[str]()
    dependency = max_retries() if count is None else max_retries(count)

    @app.post("/task", dependencies=[Depends(dependency)])
    async def task() -> None:
        ran.append("ran")

    return app, ran


@pytest.mark.parametrize(
    ("count", "retry", "runs"),
    [(2, 0, True), (2, 1, True), (2, 2, False), (2, 7, False), (0, 0, False), (None, 19, True), (None, 20, False)],
)
async def test_max_retries_ends_the_task_once_it_was_retried_that_often(
    count: int | None, retry: int, runs: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app, ran = limited(count)
    headers = {"X-CloudTasks-TaskRetryCount": str(retry), "X-CloudTasks-TaskName": "my-task"}
    status, _ = await ask(app, "POST", "/task", headers)
    assert status == 200
    assert bool(ran) is runs
    warnings = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert warnings == ([] if runs else [f"task my-task is given up after {retry} retries"])


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="must be 0 or more, not -1"):
        max_retries(-1)


async def test_a_task_endpoint_may_ask_for_both() -> None:
    client = FakeClient()
    router = delayed_router(client)
    seen: list[int] = []

    @as_delayed_task
    @router.post("/task/{name}", dependencies=[Depends(max_retries(1))])
    async def task(name: str, headers: Annotated[CloudTasksHeaders, Depends()] = None) -> None:  # type: ignore[assignment]  # FastAPI gives it
        seen.append(headers.retry_count)

    app = FastAPI()
    app.include_router(router)
    task.delay(name="a")
    assert client.requests[0].task.http_request.url.endswith("/task/a")
    for retry in ("0", "1"):
        await ask(app, "POST", "/task/a", {"X-CloudTasks-TaskRetryCount": retry})
    assert seen == [0]
