"""Hooks change the request before it is sent, in sync and async builders alike: api.md section 3."""

from collections.abc import Callable
from typing import Any

import pytest
from google.cloud import scheduler_v1, tasks_v2
from google.protobuf.duration_pb2 import Duration

from fastapi_gcp_tasks import as_async_delayed_task, as_delayed_task, hooks
from routes.routes_fakes import FakeAsyncClient, FakeClient, async_delayed_router, delayed_router

EMAIL = "worker@p.iam.gserviceaccount.com"
DEADLINE = Duration(seconds=1800)


async def hooked(hook: hooks.DelayedTaskHook) -> tasks_v2.Task:
    """The task that a builder with this hook creates; the same by both builders."""
    client, async_client = FakeClient(), FakeAsyncClient()

    @as_delayed_task
    @delayed_router(client, pre_create_hook=hook).post("/hello")
    def hello() -> None: ...

    @as_async_delayed_task
    @async_delayed_router(async_client, pre_create_hook=hook).post("/hello")
    def async_hello() -> None: ...

    hello.delay()
    await async_hello.delay()
    assert client.requests == async_client.requests
    return client.requests[0].task


def scheduled(hook: hooks.ScheduledHook) -> scheduler_v1.Job:
    job = scheduler_v1.Job(http_target=scheduler_v1.HttpTarget(uri="https://worker.example.com/hello"))
    return hook(scheduler_v1.CreateJobRequest(parent="projects/p/locations/l", job=job)).job


@pytest.mark.parametrize("make", [hooks.oidc_delayed_hook, hooks.oidc_task_hook])
async def test_oidc_token_of_a_task(make: Callable[..., hooks.DelayedTaskHook]) -> None:
    token = tasks_v2.OidcToken(service_account_email=EMAIL, audience="https://worker.example.com")
    assert (await hooked(make(token=token))).http_request.oidc_token == token


@pytest.mark.parametrize("make", [hooks.oauth_delayed_hook, hooks.oauth_task_hook])
async def test_oauth_token_of_a_task(make: Callable[..., hooks.DelayedTaskHook]) -> None:
    token = tasks_v2.OAuthToken(service_account_email=EMAIL, scope="https://www.googleapis.com/auth/cloud-platform")
    assert (await hooked(make(token=token))).http_request.oauth_token == token


async def test_deadline_of_a_task() -> None:
    raw = tasks_v2.Task.pb(await hooked(hooks.deadline_delayed_hook(duration=DEADLINE)))
    assert raw.dispatch_deadline == DEADLINE


def test_oidc_token_of_a_job() -> None:
    token = scheduler_v1.OidcToken(service_account_email=EMAIL)
    assert scheduled(hooks.oidc_scheduled_hook(token=token)).http_target.oidc_token == token


def test_oauth_token_of_a_job() -> None:
    token = scheduler_v1.OAuthToken(service_account_email=EMAIL)
    assert scheduled(hooks.oauth_scheduled_hook(token=token)).http_target.oauth_token == token


def test_deadline_of_a_job() -> None:
    raw = scheduler_v1.Job.pb(scheduled(hooks.deadline_scheduled_hook(duration=DEADLINE)))
    assert raw.attempt_deadline == DEADLINE


async def test_chained_hooks_are_applied_in_order_and_none_is_lost() -> None:
    order: list[str] = []

    def noting(name: str) -> hooks.DelayedTaskHook:
        def hook(request: tasks_v2.CreateTaskRequest) -> tasks_v2.CreateTaskRequest:
            order.append(name)
            request.task.http_request.headers["x-last"] = name
            return request

        return hook

    chain = hooks.chained_hook(noting("first"), hooks.deadline_delayed_hook(DEADLINE), noting("second"))
    task = await hooked(chain)
    assert order == ["first", "second"] * 2
    assert task.http_request.headers["x-last"] == "second"
    assert tasks_v2.Task.pb(task).dispatch_deadline == DEADLINE


async def test_no_hooks_and_the_noop_hook_change_nothing() -> None:
    plain = await hooked(hooks.noop_hook)
    assert plain == await hooked(hooks.chained_hook())
    assert plain.http_request.url == "https://worker.example.com/hello"


def test_hook_types_can_be_written_with_none_at_run_time() -> None:
    annotations: list[Any] = [hooks.DelayedTaskHook | None, hooks.ScheduledHook | None]
    assert all(annotations)
