"""What `.schedule`, `.delete` and their kin do to jobs, sync and async: api.md section 1."""

import inspect
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from fastapi import APIRouter
from google.api_core import exceptions
from google.cloud.scheduler_v1 import CloudSchedulerAsyncClient, CloudSchedulerClient, Job, RetryConfig
from google.protobuf.duration_pb2 import Duration

from fastapi_gcp_tasks.scheduled_task import AsyncScheduler
from fastapi_gcp_tasks.scheduled_task import Scheduler as SyncScheduler
from routes.routes_fakes import URL, Payload
from routes.scheduled_fakes import (
    EACH_MORNING,
    LOCATION,
    FakeAsyncClient,
    FakeClient,
    Scheduler,
    async_scheduled_router,
    awaited,
    scheduled_router,
)

Router = Callable[..., APIRouter]
each_kind = pytest.mark.parametrize("router", [scheduled_router, async_scheduled_router], ids=["sync", "async"])
JOB = f"{LOCATION}/jobs/greet"


def greet_of(router: Router, service: Scheduler, **options: Any) -> Any:
    """The job of an endpoint."""

    @router(service).post("/greet/{name}")
    def greet(name: str, p: Payload, loud: bool = False) -> None: ...

    task: Any = greet
    return task.scheduler(**{"name": "greet", "schedule": EACH_MORNING, **options})


ARGUMENTS: dict[str, Any] = {"name": "Zoë", "p": Payload(message="hi")}


@each_kind
async def test_the_first_schedule_creates_the_job(router: Router) -> None:
    service = Scheduler()
    job = await awaited(greet_of(router, service, time_zone="Europe/Paris").schedule(**ARGUMENTS, loud=True))
    assert service.methods == ["get_job", "create_job"]
    request = service.calls[1][1]
    assert request.parent == LOCATION
    assert request.job == Job(
        name=JOB,
        schedule=EACH_MORNING,
        time_zone="Europe/Paris",
        http_target={
            "uri": f"{URL}/greet/Zo%C3%AB?loud=true",
            "http_method": "POST",
            "headers": {"content-type": "application/json"},
            "body": b'{"message":"hi"}',
        },
        retry_config=RetryConfig(
            retry_count=5,
            min_backoff_duration=Duration(seconds=5),
            max_backoff_duration=Duration(seconds=120),
            max_doublings=5,
        ),
    )
    assert job is service.jobs[JOB]


@each_kind
async def test_an_equal_job_is_left_as_it_is(router: Router) -> None:
    service = Scheduler()
    greet = greet_of(router, service)
    await awaited(greet.schedule(**ARGUMENTS))
    service.jobs[JOB].state = Job.State.PAUSED
    service.calls.clear()
    assert await awaited(greet.schedule(**ARGUMENTS)) is service.jobs[JOB]
    assert service.methods == ["get_job"]
    assert service.jobs[JOB].state is Job.State.PAUSED


@each_kind
@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ({"loud": True}, {}),
        ({"name": "Zoe"}, {}),
        ({"p": Payload(message="ho")}, {}),
        ({}, {"schedule": "0 10 * * *"}),
        ({}, {"time_zone": "Europe/Paris"}),
        ({}, {"retry_config": RetryConfig(retry_count=5)}),
        ({}, {"base_url": "https://other.example.com"}),
    ],
)
async def test_another_job_is_updated_in_its_place(
    router: Router, arguments: dict[str, Any], options: dict[str, Any]
) -> None:
    service = Scheduler()
    await awaited(greet_of(router, service).schedule(**ARGUMENTS))
    service.calls.clear()
    other = greet_of(router, service, **options)
    for _ in range(2):
        assert await awaited(other.schedule(**ARGUMENTS | arguments)) is service.jobs[JOB]
    assert service.methods == ["get_job", "update_job", "get_job"]


@each_kind
async def test_force_writes_an_equal_job_too(router: Router) -> None:
    service = Scheduler()
    greet = greet_of(router, service, force=True)
    for _ in range(2):
        await awaited(greet.schedule(**ARGUMENTS))
    assert service.methods == ["get_job", "create_job", "get_job", "update_job"]


@each_kind
async def test_a_job_that_another_worker_created_meanwhile_is_an_existing_one(router: Router) -> None:
    for arguments, then in ((ARGUMENTS, []), (ARGUMENTS | {"loud": True}, ["update_job"])):
        service = Scheduler()
        greet = greet_of(router, service)
        await awaited(greet.schedule(**ARGUMENTS))
        service.calls.clear()
        service.refusals["get_job"] = [exceptions.NotFound("")]
        assert await awaited(greet.schedule(**arguments)) is service.jobs[JOB]
        assert service.methods == ["get_job", "create_job", "get_job", *then]


ERRORS: list[Exception] = [
    exceptions.ServiceUnavailable("failed to connect"),
    exceptions.DeadlineExceeded("too slow"),
    exceptions.PermissionDenied("not yours"),
    exceptions.Aborted("sync mutate calls cannot be queued"),
    exceptions.InvalidArgument("The provided schedule or timezone are invalid."),
    ConnectionResetError("reset"),
]


@each_kind
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("method", ["get_job", "create_job", "update_job"])
async def test_any_other_error_is_raised_and_nothing_more_is_called(
    router: Router, method: str, error: Exception
) -> None:
    service = Scheduler()
    greet = greet_of(router, service)
    if method == "update_job":
        await awaited(greet.schedule(**ARGUMENTS, loud=True))
    service.refusals[method] = [error]
    with pytest.raises(type(error)) as caught:
        await awaited(greet.schedule(**ARGUMENTS))
    assert caught.value is error
    assert caught.value.__context__ is None
    assert error.__notes__.pop() == f"This is about {JOB}, schedule '{EACH_MORNING}', time zone 'UTC'."
    assert service.methods[-1] == method
    assert "delete_job" not in service.methods


@each_kind
async def test_delete_says_whether_there_was_a_job(router: Router) -> None:
    service = Scheduler()
    greet = greet_of(router, service)
    await awaited(greet.schedule(**ARGUMENTS))
    assert await awaited(greet.delete()) is True
    assert await awaited(greet.delete()) is False
    assert service.jobs == {}


@each_kind
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("verb", ["delete", "pause", "resume", "run", "get"])
async def test_the_other_calls_raise_what_the_service_says(router: Router, verb: str, error: Exception) -> None:
    service = Scheduler()
    service.refusals[f"{verb}_job"] = [error]
    with pytest.raises(type(error)) as caught:
        await awaited(getattr(greet_of(router, service), verb)())
    assert caught.value is error
    assert error.__notes__.pop() == f"This is about {JOB}."


@each_kind
async def test_pause_resume_run_and_get_return_the_job(router: Router) -> None:
    service = Scheduler()
    greet = greet_of(router, service)
    await awaited(greet.schedule(**ARGUMENTS))
    assert (await awaited(greet.pause())).state is Job.State.PAUSED
    assert (await awaited(greet.get())).state is Job.State.PAUSED
    assert (await awaited(greet.resume())).state is Job.State.ENABLED
    assert await awaited(greet.run()) is service.jobs[JOB]
    assert {call[1].name for call in service.calls[2:]} == {JOB}


@each_kind
@pytest.mark.parametrize("verb", ["pause", "resume", "run", "get"])
async def test_they_raise_not_found_where_there_is_no_job(router: Router, verb: str) -> None:
    with pytest.raises(exceptions.NotFound, match=r"Job not found\."):
        await awaited(getattr(greet_of(router, Scheduler()), verb)())


@each_kind
async def test_all_calls_of_the_service_have_one_time_together(router: Router) -> None:
    service = Scheduler()
    await awaited(greet_of(router, service, job_create_timeout=2.5).schedule(**ARGUMENTS))
    await awaited(greet_of(router, service, job_create_timeout=None).delete())
    assert service.timeouts[0] == 2.5
    assert service.timeouts[1] <= 2.5
    assert service.timeouts[2] is None


def test_the_twins_say_the_same() -> None:
    for name in ("schedule", "delete", "pause", "resume", "run", "get"):
        sync, twin = getattr(SyncScheduler, name), getattr(AsyncScheduler, name)
        assert sync.__doc__ == twin.__doc__
        assert inspect.signature(sync) == inspect.signature(twin)


async def test_mocks_with_the_clients_spec_are_clients_and_their_answers_pass_through() -> None:
    kinds: list[tuple[Router, Any]] = [
        (scheduled_router, CloudSchedulerClient),
        (async_scheduled_router, CloudSchedulerAsyncClient),
    ]
    for router, kind in kinds:
        for client in (mock.Mock(spec=kind), mock.create_autospec(kind, instance=True)):
            greet = greet_of(router, Scheduler(), client=client)
            assert await awaited(greet.schedule(**ARGUMENTS)) is client.update_job.return_value
            client.get_job.side_effect = exceptions.NotFound("")
            assert await awaited(greet.schedule(**ARGUMENTS)) is client.create_job.return_value
            assert await awaited(greet.run()) is client.run_job.return_value
            assert await awaited(greet.delete()) is True
            assert {frozenset(one.kwargs) for one in client.method_calls} == {frozenset(("request", "timeout"))}


async def test_a_call_may_have_a_client_of_its_own() -> None:
    builders, calls = Scheduler(), Scheduler()
    greet_of(scheduled_router, builders, client=FakeClient(calls)).schedule(**ARGUMENTS)
    await greet_of(async_scheduled_router, builders, client=lambda: FakeAsyncClient(calls)).schedule(**ARGUMENTS)
    assert calls.methods == ["get_job", "create_job", "get_job"]
    assert builders.calls == []
    with pytest.raises(TypeError, match=r"ScheduledRouteBuilder takes a CloudSchedulerClient itself, not "):
        greet_of(scheduled_router, builders, client=FakeAsyncClient(calls))
    with pytest.raises(TypeError, match=r"a CloudSchedulerClient is for ScheduledRouteBuilder"):
        greet_of(async_scheduled_router, builders, client=FakeClient(calls))
