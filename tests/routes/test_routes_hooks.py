"""Hooks change the request before it is sent, in sync and async builders alike: api.md section 3."""

from collections.abc import Callable
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import scheduler_v1, tasks_v2
from google.cloud.scheduler_v1 import CloudSchedulerClient
from google.protobuf.duration_pb2 import Duration

from fastapi_gcp_tasks import ScheduledRouter, as_async_delayed_task, as_delayed_task, as_scheduled_task, hooks
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


TOKENS: dict[str, Any] = {"service_account_email": EMAIL}
DELAYED: dict[str, Any] = {
    "oidc": hooks.oidc_delayed_hook(tasks_v2.OidcToken(TOKENS)),
    "oauth": hooks.oauth_delayed_hook(tasks_v2.OAuthToken(TOKENS)),
    "deadline": hooks.deadline_delayed_hook(DEADLINE),
}
SCHEDULED: dict[str, Any] = {
    "oidc": hooks.oidc_scheduled_hook(scheduler_v1.OidcToken(TOKENS)),
    "oauth": hooks.oauth_scheduled_hook(scheduler_v1.OAuthToken(TOKENS)),
    "deadline": hooks.deadline_scheduled_hook(DEADLINE),
}


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("kind", ["oidc", "oauth", "deadline"])
async def test_a_hook_of_the_other_service_names_the_one_to_use(kind: str, chained: bool) -> None:
    scheduled_hook, delayed_hook = SCHEDULED[kind], DELAYED[kind]
    if chained:
        scheduled_hook, delayed_hook = hooks.chained_hook(scheduled_hook), hooks.chained_hook(delayed_hook)
    said = f"^{kind}_scheduled_hook is for jobs, and this is a task: use {kind}_delayed_hook$"
    with pytest.raises(TypeError, match=said):
        await hooked(scheduled_hook)

    @as_scheduled_task
    @ScheduledRouter(
        location_path="projects/p/locations/l",
        base_url="https://a",
        client=CloudSchedulerClient(credentials=AnonymousCredentials()),
        pre_create_hook=delayed_hook,
    ).post("/report")
    def report() -> None: ...

    said = f"^{kind}_delayed_hook is for tasks, and this is a job: use {kind}_scheduled_hook$"
    with pytest.raises(TypeError, match=said):
        report.scheduler(name="daily", schedule="0 9 * * *").schedule()


@pytest.mark.parametrize(
    ("make", "given", "said"),
    [
        (hooks.oidc_delayed_hook, scheduler_v1.OidcToken(), r"an OidcToken of google\.cloud\.tasks_v2, not a Oidc"),
        (hooks.oidc_delayed_hook, tasks_v2.OAuthToken(), r"an OidcToken of google\.cloud\.tasks_v2, not a OAuth"),
        (hooks.oauth_delayed_hook, scheduler_v1.OAuthToken(), r"an OAuthToken of google\.cloud\.tasks_v2, not a OAuth"),
        (hooks.oidc_scheduled_hook, tasks_v2.OidcToken(), r"an OidcToken of google\.cloud\.scheduler_v1, not a Oidc"),
        (hooks.oauth_scheduled_hook, "a@b.c", r"an OAuthToken of google\.cloud\.scheduler_v1, not a str of builtins"),
        (hooks.deadline_delayed_hook, 30, "must be a Duration of google.protobuf.duration_pb2, not 30"),
        (hooks.deadline_scheduled_hook, "30s", "must be a Duration of google.protobuf.duration_pb2, not '30s'"),
        (hooks.chained_hook, 3, "must be a plain function that takes and returns a request, not 3"),
        (hooks.chained_hook, None, "must be a plain function that takes and returns a request, not None"),
    ],
)
def test_what_no_hook_can_be_made_of_is_refused_when_it_is_made(make: Any, given: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        make(given)


@pytest.mark.parametrize("returned", [3, "text", scheduler_v1.CreateJobRequest(), {"parent": "p"}])
async def test_a_hook_returns_a_request(returned: Any) -> None:
    with pytest.raises(TypeError, match=r"^pre_create_hook must return the request: .* returned "):
        await hooked(lambda _: returned)
