"""Which jobs `.schedule` writes: what the service fills in counts for nothing, all else counts."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud.scheduler_v1 import (
    AppEngineHttpTarget,
    CreateJobRequest,
    HttpMethod,
    HttpTarget,
    Job,
    OAuthToken,
    OidcToken,
    PubsubTarget,
    RetryConfig,
)
from google.protobuf.duration_pb2 import Duration
from google.rpc.status_pb2 import Status
from hypothesis import given, settings
from hypothesis import strategies as st

from fastapi_gcp_tasks import LocalService, ScheduledRouter
from fastapi_gcp_tasks.job_changes import needs_update
from routes.scheduled_fakes import EACH_MORNING, LOCATION

NOW = datetime(2026, 11, 27, tzinfo=UTC)
GOOGLE = "AppEngine-Google; (+http://code.google.com/appengine)"
ACCOUNT = "jobs@p.iam.gserviceaccount.com"


def wanted() -> Job:
    return Job(
        name=f"{LOCATION}/jobs/j",
        schedule=EACH_MORNING,
        time_zone="UTC",
        http_target=HttpTarget(
            uri="https://worker.example.com/greet?a=1",
            http_method=HttpMethod.POST,
            headers={"content-type": "application/json"},
            body=b"{}",
            oidc_token=OidcToken(service_account_email=ACCOUNT),
        ),
        retry_config=RetryConfig(retry_count=2),
    )


def change(**fields: Any) -> Callable[[Job], None]:
    def apply(job: Job) -> None:
        for name, value in fields.items():
            setattr(job, name, value)

    return apply


def change_target(**fields: Any) -> Callable[[Job], None]:
    def apply(job: Job) -> None:
        for name, value in fields.items():
            setattr(job.http_target, name, value)

    return apply


FULL_RETRY = RetryConfig(
    retry_count=2,
    max_retry_duration=Duration(),
    min_backoff_duration=Duration(seconds=5),
    max_backoff_duration=Duration(seconds=3600),
    max_doublings=5,
)


@pytest.mark.parametrize(
    "filled_in",
    [
        change(state=Job.State.ENABLED, status=Status(code=-1), schedule_time=NOW, user_update_time=NOW),  # CS-021
        change(state=Job.State.PAUSED, status=Status(code=13), last_attempt_time=NOW),
        change(state=Job.State.DISABLED),
        change(retry_config=FULL_RETRY),  # CS-025
        change(attempt_deadline=Duration(seconds=180)),  # CS-026
        change(attempt_deadline=Duration()),
        change(time_zone=""),  # CS-023
        change(time_zone="Etc/UTC"),
        change(time_zone="utc"),  # CS-106
        change_target(http_method=HttpMethod.HTTP_METHOD_UNSPECIFIED),  # CS-028
        change_target(headers={"Content-Type": "application/json", "User-Agent": "Google-Cloud-Scheduler"}),  # CS-029
        change_target(headers={"content-type": "application/json", "Content-Length": "2", "X-CloudScheduler": "true"}),
        change_target(
            oidc_token=OidcToken(
                service_account_email=ACCOUNT, audience="https://worker.example.com/greet?a=1"
            )  # CS-167
        ),
    ],
)
def test_what_the_service_fills_in_is_no_change(filled_in: Callable[[Job], None]) -> None:
    current = wanted()
    filled_in(current)
    assert not needs_update(current, wanted())
    assert not needs_update(wanted(), current)


@pytest.mark.parametrize(
    "changed",
    [
        change(description="by hand"),
        change(schedule="0 9  * * *"),
        change(time_zone="Europe/London"),
        change(attempt_deadline=Duration(seconds=181)),
        change(retry_config=RetryConfig()),
        change(retry_config=RetryConfig(retry_count=3)),
        change(retry_config=RetryConfig(retry_count=2, max_retry_duration=Duration(seconds=1))),
        change(retry_config=RetryConfig(retry_count=2, min_backoff_duration=Duration(seconds=6))),
        change(retry_config=RetryConfig(retry_count=2, max_backoff_duration=Duration(seconds=3601))),
        change(retry_config=RetryConfig(retry_count=2, max_doublings=16)),
        change_target(uri="https://worker.example.com/greet?a=2"),
        change_target(http_method=HttpMethod.PUT),
        change_target(body=b"{} "),
        change_target(headers={}),
        change_target(headers={"content-type": "application/json; charset=utf-8"}),
        change_target(headers={"content-type": "application/json", "x-mine": "1"}),
        change_target(oidc_token=OidcToken(service_account_email="other@p.iam.gserviceaccount.com")),
        change_target(oidc_token=OidcToken(service_account_email=ACCOUNT, audience="https://worker.example.com")),
        change_target(oauth_token=OAuthToken(service_account_email=ACCOUNT)),
        change_target(oidc_token=None),
        change(pubsub_target=PubsubTarget(topic_name="projects/p/topics/t", data=b"x")),
        change(state=Job.State.UPDATE_FAILED),  # CS-049
    ],
)
def test_what_somebody_changed_is_a_change(changed: Callable[[Job], None]) -> None:
    current = wanted()
    changed(current)
    assert needs_update(current, wanted())


def test_what_a_newer_service_says_is_no_change() -> None:
    field_99: Any = b"\x98\x06\x01"
    assert not needs_update(Job.deserialize(Job.serialize(wanted()) + field_99), wanted())


@pytest.mark.parametrize("answer", [None, object(), {"name": "j"}])
def test_an_answer_that_is_no_job_is_not_known_to_be_right(answer: object) -> None:
    assert needs_update(answer, wanted())


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (
            Job(pubsub_target=PubsubTarget(topic_name="projects/p/topics/t", data=b"x")),
            Job(pubsub_target=PubsubTarget(topic_name="projects/p/topics/t", data=b"x"), retry_config=RetryConfig()),
        ),
        (  # CS-027
            Job(
                pubsub_target=PubsubTarget(topic_name="projects/p/topics/t", data=b"x"),
                attempt_deadline=Duration(seconds=10),
            ),
            Job(pubsub_target=PubsubTarget(topic_name="projects/p/topics/t", data=b"x")),
        ),
        (  # CS-029, CS-178
            Job(app_engine_http_target=AppEngineHttpTarget(body=b"x")),
            Job(
                app_engine_http_target=AppEngineHttpTarget(
                    body=b"x",
                    http_method=HttpMethod.POST,
                    relative_uri="/",
                    headers={
                        "Content-Type": "application/octet-stream",
                        "Content-Length": "1",
                        "User-Agent": GOOGLE,
                    },
                    app_engine_routing={"host": "p.appspot.com"},
                )
            ),
        ),
    ],
)
def test_other_targets_that_a_hook_sets_are_compared_too(sent: Job, shown: Job) -> None:
    assert not needs_update(shown, sent)


@pytest.mark.parametrize(
    ("shown", "sent", "changed"),
    [
        (f"mine {GOOGLE}", "mine", False),
        (f"mine {GOOGLE}", f"mine {GOOGLE}", False),
        (f"mine {GOOGLE}", "other", True),
        (f"mine {GOOGLE}", "", True),
        (GOOGLE, "", False),
        (GOOGLE, "mine", True),
        (GOOGLE, "é", False),
        (f"a_b {GOOGLE}", "a\nb", False),
    ],
)
def test_a_user_agent_counts_for_app_engine_alone(shown: str, sent: str, changed: bool) -> None:
    """CS-182."""

    def job(agent: str) -> Job:
        return Job(app_engine_http_target=AppEngineHttpTarget(headers={"User-Agent": agent} if agent else {}))

    assert needs_update(job(shown), job(sent)) is changed


nanos = st.sampled_from([0, 0, 0, 1, 999, 1_500])
seconds = st.builds(Duration, seconds=st.integers(0, 99), nanos=nanos)
tokens: "st.SearchStrategy[dict[str, Any]]" = st.sampled_from(
    [
        {},
        {"oidc_token": OidcToken(service_account_email=ACCOUNT)},
        {"oidc_token": OidcToken(service_account_email=ACCOUNT, audience="https://a")},
        {"oauth_token": OAuthToken(service_account_email=ACCOUNT)},
        {"oauth_token": OAuthToken(service_account_email=ACCOUNT, scope="https://scope")},
    ]
)
fields: "st.SearchStrategy[dict[str, Any]]" = st.fixed_dictionaries(
    {},
    optional={
        "description": st.sampled_from(["", "what it is for"]),
        "time_zone": st.sampled_from(["", "UTC", "utc", "Etc/UTC", "Europe/Paris"]),
        "attempt_deadline": st.builds(Duration, seconds=st.integers(15, 1799), nanos=nanos),
        "retry_config": st.builds(
            RetryConfig,
            retry_count=st.integers(0, 5),
            max_retry_duration=st.integers(0, 100).map(lambda count: Duration(seconds=count)),
            min_backoff_duration=seconds,
            max_backoff_duration=st.sampled_from([Duration(), Duration(seconds=100)]),
            max_doublings=st.integers(0, 16),
        ),
    },
)
names = st.sampled_from(
    [
        *("X-Mine", "x-mine", "x-other", "user-agent", "Host", "X-Google-A", "X-CloudScheduler-JobName", "Accept"),
        *("Content-Type", "Authorization", "", "x y", "x:", "é"),
    ]
)
header_sets = st.dictionaries(
    names,
    st.sampled_from(["a", "b c", "", " ", " a ", "é", "\x01", "a\tb", "a\r\nb", "a\0b", "\0", "a" * 8183, "a" * 8185]),
)


@settings(max_examples=50)
@given(fields, tokens, header_sets, st.sampled_from(["GET", "POST", "PUT", "DELETE"]))
def test_whatever_a_hook_makes_of_a_job_the_second_schedule_writes_nothing(
    job: dict[str, Any], token: dict[str, Any], headers: dict[str, str], method: str
) -> None:
    def hook(request: CreateJobRequest) -> CreateJobRequest:
        for name, value in job.items():
            setattr(request.job, name, value)
        for name, value in token.items():
            setattr(request.job.http_target, name, value)
        request.job.http_target.headers.update(headers)
        return request

    client = LocalService("memory:", app_url="http://app.local").scheduler_client()
    router = ScheduledRouter(client=client, base_url="http://app.local", location_path=LOCATION, pre_create_hook=hook)

    @router.api_route("/greet", methods=[method])
    def greet(number: int = 1) -> None: ...

    task: Any = greet
    greeting = task.scheduler(name="greet", schedule=EACH_MORNING)
    first = greeting.schedule(number=2)
    assert greeting.schedule(number=2).user_update_time == first.user_update_time
    changed = greeting.schedule(number=3)
    assert changed.user_update_time > first.user_update_time
    assert changed.http_target.uri == "http://app.local/greet?number=3"
