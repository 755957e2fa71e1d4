"""UpdateJob: with a mask, without one, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument

from conformance.conformance_world import START, JobApi, has, shown
from service.service_rest import AsOverGrpc

NOT_VALID = "The provided schedule or timezone are invalid."
URI = {"uri": "http://w.test/"}
FULL: dict[str, Any] = {
    "description": "before",
    "http_target": {
        "uri": "http://w.test/a",
        "http_method": "PUT",
        "headers": {"X-A": "1"},
        "body": b"before",
        "oidc_token": {"service_account_email": "a@b.example"},
    },
    "retry_config": {"retry_count": 3, "max_doublings": 7, "min_backoff_duration": timedelta(seconds=9)},
    "attempt_deadline": timedelta(seconds=60),
}


def test_a_mask_changes_what_it_names_alone(api: JobApi) -> None:
    # CS-041, CS-043, CS-045
    before = api.job(**FULL)
    api.at("2026-10-01 00:10")
    job = api.update("description", "schedule", description="after", schedule="0 10 * * *", time_zone="Asia/Tokyo")
    assert (job.description, job.schedule, job.time_zone) == ("after", "0 10 * * *", "UTC")
    assert (shown(job.schedule_time), shown(job.user_update_time)) == ("2026-10-01 10:00:00", "2026-10-01 00:10:00")
    assert (job.http_target, job.retry_config) == (before.http_target, before.retry_config)
    assert job.attempt_deadline == before.attempt_deadline
    assert api.fetch() == job
    job = api.update("time_zone", time_zone="Asia/Tokyo")
    assert shown(job.schedule_time) == "2026-10-01 01:00:00"


def test_the_next_time_stays_if_neither_schedule_nor_zone_changes(api: JobApi) -> None:
    # CS-043
    api.job("every 60 minutes")
    api.at("2026-10-01 00:30")
    assert shown(api.update("description", description="x").schedule_time) == "2026-10-01 01:00:00"
    assert shown(api.update("schedule", schedule="every 60 minutes").schedule_time) == "2026-10-01 01:00:00"
    assert shown(api.update("schedule", schedule="every 61 minutes").schedule_time) == "2026-10-01 01:31:00"


@pytest.mark.parametrize(
    ("path", "sent", "expected"),
    [
        ("http_target.uri", {"http_target": {"uri": "http://w.test/b"}}, {"uri": "http://w.test/b"}),
        ("http_target.body", {"http_target": {}}, {"body": b""}),
        ("http_target.body", {}, {"body": b""}),
        ("http_target.http_method", {}, {"http_method": 1}),
        ("http_target.headers", {"http_target": {"headers": {"X-B": "2"}}}, {"headers": {"X-B": "2"}}),
        ("http_target.headers", {}, {"headers": {}}),
    ],
)
def test_a_mask_may_name_a_part_of_the_target(
    api: JobApi, path: str, sent: dict[str, Any], expected: dict[str, Any]
) -> None:
    # CS-041: what the request leaves out takes its default
    before = api.job(**FULL).http_target
    target = api.update(path, **sent).http_target
    for field in ("uri", "http_method", "body"):
        assert getattr(target, field) == expected.get(field, getattr(before, field))
    headers = expected.get("headers", {"X-A": "1"})
    assert dict(target.headers) == {"User-Agent": "Google-Cloud-Scheduler", **headers}
    assert target.oidc_token.audience == target.uri


@pytest.mark.parametrize("sent", [{"retry_config": {}}, {}, {"retry_config": {"min_backoff_duration": None}}])
def test_a_mask_may_name_a_part_of_the_retry_config(api: JobApi, sent: dict[str, Any]) -> None:
    # CS-041, CS-141
    api.job(**FULL)
    config = api.update("retry_config.retry_count", "retry_config.min_backoff_duration", **sent).retry_config
    assert (config.retry_count, config.max_doublings) == (0, 7)
    assert config.min_backoff_duration == timedelta(seconds=5)


def test_a_mask_may_clear_what_has_a_default(api: JobApi) -> None:
    # CS-023, CS-024, CS-026, CS-041
    api.job("0 9 * * *", **FULL | {"time_zone": "Asia/Tokyo"})
    job = api.update("retry_config", "attempt_deadline", "description", "time_zone")
    assert (job.description, job.time_zone, job.attempt_deadline) == ("", "UTC", timedelta(seconds=180))
    assert not has(job, "retry_config")


def test_an_audience_of_the_caller_stays_when_the_url_changes(api: JobApi) -> None:
    # CS-041, CS-167
    token = {"service_account_email": "a@b.example", "audience": "https://mine.example"}
    api.job(http_target={"uri": "http://w.test/a", "oidc_token": token})
    target = api.update("http_target.uri", http_target={"uri": "http://w.test/b"}).http_target
    assert (target.uri, target.oidc_token.audience) == ("http://w.test/b", "https://mine.example")


@pytest.mark.parametrize("paths", [(), ("*",)])
def test_without_a_mask_the_job_is_that_of_the_request(api: JobApi, paths: tuple[str, ...]) -> None:
    # CS-042
    api.job(**FULL)
    job = api.update(*paths, schedule="0 10 * * *", http_target={"uri": "http://w.test/b"})
    assert (job.schedule, job.time_zone, job.description) == ("0 10 * * *", "UTC", "")
    assert (job.http_target.http_method.name, job.http_target.body) == ("POST", b"")
    assert job.attempt_deadline == timedelta(seconds=180)
    assert not has(job, "retry_config")
    assert "oidc_token" not in job.http_target
    assert api.refuses("update_job", job={"name": api.name(), "http_target": URI}) == (InvalidArgument, NOT_VALID)


@pytest.mark.parametrize(
    "path", ["httpTarget", "timeZone", "nothing", "http_target.nothing", "", "schedule.x", "schedule\0"]
)
def test_a_path_that_is_none_is_refused(api: JobApi, path: str) -> None:
    # CS-039
    if not path and isinstance(api.client, AsOverGrpc):
        pytest.skip("JSON has no mask of one empty path")
    before = api.job()
    refused = api.refuses("update_job", job={"name": api.name(), "description": "x"}, update_mask={"paths": [path]})
    assert refused == (InvalidArgument, f"Invalid mask for Job: {path}")
    assert api.fetch() == before


def test_a_paused_job_can_be_changed_and_stays_paused(api: JobApi) -> None:
    # CS-044
    api.job()
    api.call("pause_job", name=api.name())
    job = api.update("schedule", schedule="0 10 * * *")
    assert (job.state.name, job.schedule, has(job, "schedule_time")) == ("PAUSED", "0 10 * * *", False)
    job = api.call("resume_job", name=api.name())
    assert shown(job.schedule_time) == "2026-10-01 10:00:00"


@pytest.mark.parametrize(
    "fields",
    [
        {"schedule": "0 0 30 2 *"},
        {"schedule": ""},
        {"time_zone": "Asia/Tokio"},
        {"description": "x" * 501},
        {"http_target": {"uri": "ftp://w.test/"}},
        {"http_target": {"uri": "http://w.test/", "http_method": "GET", "body": b"x"}},
        {"retry_config": {"retry_count": 6}},
        {"attempt_deadline": timedelta(seconds=14)},
    ],
)
def test_an_update_that_is_refused_changes_nothing(api: JobApi, fields: dict[str, Any]) -> None:
    # CS-046
    before = api.job(**FULL)
    api.at("2026-10-01 00:10")
    request = {"job": {"name": api.name(), **fields}, "update_mask": {"paths": list(fields)}}
    kind, message = api.refuses("update_job", **request)
    assert kind is InvalidArgument
    assert (message == NOT_VALID) is ("schedule" in fields or "time_zone" in fields)
    assert api.fetch() == before


@pytest.mark.parametrize("paths", [(), ("state", "status", "schedule_time", "last_attempt_time", "status.code")])
def test_what_only_the_service_sets_cannot_be_updated(api: JobApi, paths: tuple[str, ...]) -> None:
    # CS-019, CS-047, CS-062, CS-049 with CS-L15
    api.job()
    for state in ("PAUSED", "DISABLED", "UPDATE_FAILED"):
        fields: dict[str, Any] = {
            "state": state,
            "status": {"code": 5},
            "schedule_time": START,
            "last_attempt_time": START,
        }
        job = api.update(*paths, schedule="0 9 * * *", http_target=URI, **fields)
        assert (job.state.name, job.status.code, shown(job.schedule_time)) == ("ENABLED", -1, "2026-10-01 09:00:00")
        assert not has(job, "last_attempt_time")


def test_the_kind_of_target_can_be_changed(api: JobApi) -> None:
    # CS-018, CS-048
    pubsub = {"topic_name": "projects/p/topics/top", "data": b"x"}
    api.job(**FULL)
    job = api.update("pubsub_target", pubsub_target=pubsub)
    assert (job.pubsub_target.data, has(job, "http_target"), has(job, "attempt_deadline")) == (b"x", False, False)
    job = api.update("http_target", http_target=URI)
    assert (has(job, "pubsub_target"), job.attempt_deadline) == (False, timedelta(seconds=180))
    job = api.update("pubsub_target", "attempt_deadline", pubsub_target=pubsub, attempt_deadline=timedelta(seconds=10))
    assert job.attempt_deadline == timedelta(seconds=10)
    kind, message = api.refuses("update_job", job={"name": api.name()}, update_mask={"paths": ["pubsub_target"]})
    assert (kind, message.partition(":")[0]) == (InvalidArgument, "Job.target is not set")
