"""Jobs with an App Engine target: what is kept, refused and sent, and how 503 is tried again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.errors import FailedPrecondition, InvalidArgument
from gcptasks.base.events import JobAttemptFailed
from gcptasks.engine import app_engine
from gcptasks.service.policy import Policy
from gcptasks.wire.cloud_scheduler import messages
from runtime.runtime_jobs import MINUTE, PARENT, JobWorld

HOST = "p.l.r.appspot.com"
USER_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"
NAME = f"{PARENT}/jobs/j"
POLICY = Policy(app_engine="http://localhost:8080")


def create(world: JobWorld, target: dict[str, Any] | None = None, schedule: str = "* * * * *", **fields: Any) -> Any:
    """Make a job with that AppEngineHttpTarget, as JSON has it; what is answered."""
    job = {"name": NAME, "schedule": schedule, "appEngineHttpTarget": target or {}, **fields}
    request = json_format.ParseDict({"parent": PARENT, "job": job}, messages.CreateJobRequest())
    return world.call("CreateJob", request)


def update(world: JobWorld, *paths: str, **job: Any) -> Any:
    request = messages.UpdateJobRequest()
    json_format.ParseDict({"job": {"name": NAME, **job}}, request)
    request.update_mask.paths.extend(paths)
    return world.call("UpdateJob", request)


def target_of(job: Any) -> dict[str, Any]:
    return json_format.MessageToDict(job.app_engine_http_target)


def test_a_target_with_nothing_in_it_is_filled_in() -> None:
    """CS-178, CS-181, CS-182, CS-184."""
    world = JobWorld(policy=POLICY)
    job = create(world)
    assert target_of(job) == {
        "httpMethod": "POST",
        "relativeUri": "/",
        "appEngineRouting": {"host": HOST},
        "headers": {"User-Agent": USER_AGENT},
    }
    assert not job.HasField("attempt_deadline")
    assert world.get(NAME) == job


def test_a_target_comes_back_as_it_was_set_also_after_a_restart(tmp_path: Path) -> None:
    """CS-029, CS-162, CS-181, CS-182."""
    world = JobWorld(tmp_path / "tasks.db", POLICY)
    job = create(
        world,
        {
            "httpMethod": "PUT",
            "relativeUri": "/a?b#c",
            "appEngineRouting": {"service": "s", "version": "v", "instance": "0", "host": "mine"},
            "headers": {"x-One": "1", "user-agent": "mine", "X-CloudScheduler-JobName": "mine", "X-AppEngine-A": "1"},
            "body": "aGVsbG8=",
        },
        attemptDeadline="86400s",
    )
    assert target_of(job) == {
        "httpMethod": "PUT",
        "relativeUri": "/a?b#c",
        "appEngineRouting": {"service": "s", "version": "v", "instance": "0", "host": f"0.v.s.{HOST}"},
        "headers": {
            "x-One": "1",
            "User-Agent": f"mine {USER_AGENT}",
            "Content-Type": "application/octet-stream",
            "Content-Length": "5",
        },
        "body": "aGVsbG8=",
    }
    assert job.attempt_deadline.seconds == 86400
    world.store.close()
    world.open()
    assert world.get(NAME) == job
    world.store.close()


@pytest.mark.parametrize(
    ("target", "fields", "refusal"),
    [
        ({"relativeUri": "a"}, {}, "AppEngineHttpTarget.relative_uri must start with '/'."),
        ({"httpMethod": "PATCH"}, {}, "AppEngineHttpTarget.http_method must not be PATCH or OPTIONS."),
        ({"httpMethod": "OPTIONS"}, {}, "AppEngineHttpTarget.http_method must not be PATCH or OPTIONS."),
        (
            {"httpMethod": "DELETE", "body": "aGVsbG8="},
            {},
            "AppEngineHttpTarget.body can only be set if the http_method is POST or PUT.",
        ),
        ({}, {"attemptDeadline": "14s"}, "Job.attemptDeadline must be between [15s, 24h15s]."),
        ({}, {"attemptDeadline": "86416s"}, "Job.attemptDeadline must be between [15s, 24h15s]."),
    ],
    ids=["CS-178", "CS-179 PATCH", "CS-179 OPTIONS", "CS-180", "CS-184 short", "CS-184 long"],
)
def test_what_no_app_can_be_sent_is_refused(target: dict[str, Any], fields: dict[str, Any], refusal: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        create(JobWorld(policy=POLICY), target, **fields)
    assert refused.value.message == refusal


@pytest.mark.parametrize("deadline", ["0s", "15s", "86415s"])
def test_a_deadline_in_range_is_shown_as_sent_and_0_as_none(deadline: str) -> None:
    """CS-184, CS-188."""
    job = create(JobWorld(policy=POLICY), attemptDeadline=deadline)
    assert json_format.MessageToDict(job).get("attemptDeadline", "0s") == deadline


def test_without_an_address_a_job_is_refused_and_so_is_a_change_to_one() -> None:
    """CS-L8."""
    world = JobWorld()
    with pytest.raises(FailedPrecondition) as refused:
        create(world)
    assert refused.value.message == app_engine.NO_ADDRESS
    world.job("* * * * *")
    before = world.get(NAME)
    with pytest.raises(FailedPrecondition):
        update(world, "app_engine_http_target", appEngineHttpTarget={"relativeUri": "/a"})
    assert world.get(NAME) == before


def test_a_change_of_the_body_changes_its_length_and_nothing_else() -> None:
    """CS-041."""
    world = JobWorld(policy=POLICY)
    before = target_of(create(world, {"headers": {"User-Agent": "mine"}, "body": "aGVsbG8="}))
    after = target_of(update(world, "app_engine_http_target.body", appEngineHttpTarget={"body": "aGk="}))
    assert after == {**before, "body": "aGk=", "headers": {**before["headers"], "Content-Length": "2"}}


def test_a_target_may_become_one_of_app_engine_and_back() -> None:
    """CS-048."""
    world = JobWorld(policy=POLICY)
    world.job("* * * * *")
    changed = update(world, "app_engine_http_target", appEngineHttpTarget={"relativeUri": "/a"})
    assert changed.WhichOneof("target") == "app_engine_http_target"
    assert changed.app_engine_http_target.relative_uri == "/a"
    changed = update(world, "http_target", httpTarget={"uri": "http://worker.local/"})
    assert changed.WhichOneof("target") == "http_target"


async def test_the_app_is_sent_what_app_engine_would_send() -> None:
    """CS-181, CS-183, CS-184, CS-L8."""
    async with JobWorld(policy=POLICY) as world:
        create(world, {"relativeUri": "/a", "appEngineRouting": {"service": "s"}, "body": "aGVsbG8="})
        await world.pass_time(MINUTE)
        (sent,) = world.target.sent
    assert (sent.method, sent.url, sent.body) == ("POST", "http://localhost:8080/a", b"hello")
    assert (sent.host, sent.deadline, sent.follows_redirects) == (f"s.{HOST}", timedelta(minutes=10), False)
    assert list(sent.headers) == [
        ("User-Agent", USER_AGENT),
        ("Content-Length", "5"),
        ("Content-Type", "application/octet-stream"),
        ("X-CloudScheduler", "true"),
        ("X-CloudScheduler-JobName", "j"),
        ("X-CloudScheduler-ScheduleTime", "2029-12-31T16:01:00-08:00"),
    ]


async def test_a_large_body_is_sent_whole() -> None:
    async with JobWorld(policy=POLICY) as world:
        create(world, {"body": "aGVs" * 10_000})
        await world.pass_time(MINUTE)
        (sent,) = world.target.sent
    assert sent.body == b"hel" * 10_000


async def test_503_is_tried_again_whatever_the_retry_config_says() -> None:
    """CS-153: without retries, until the next scheduled time (CS-149)."""
    async with JobWorld(policy=POLICY) as world:
        create(world, schedule="*/5 * * * *", retryConfig={"minBackoffDuration": "100s"})
        world.answer(503)
        await world.pass_time(timedelta(minutes=9))
        assert world.sent_at() == ["00:05:00"] * 3
        world.answer(200)
        await world.pass_time(timedelta(minutes=3))
        assert world.sent_at() == ["00:05:00"] * 3 + ["00:10:00"]


async def test_503_does_not_count_against_the_retries() -> None:
    """CS-153: another failure does."""
    async with JobWorld(policy=POLICY) as world:
        create(world, schedule="0 * * * *", retryConfig={"retryCount": 1, "minBackoffDuration": "5s"})
        world.answer(503)
        await world.pass_time(timedelta(hours=1, seconds=12))
        assert len(world.target.sent) == 3
        world.answer(500)
        await world.pass_time(timedelta(minutes=5))
        assert len(world.target.sent) == 5
        assert [failed.next_at is None for failed in world.of(JobAttemptFailed)] == [False] * 4 + [True]


async def test_another_failure_is_not_tried_again_without_retries() -> None:
    """CS-133; also 503 of an HTTP target."""
    async with JobWorld(policy=POLICY) as world:
        world.job("0 * * * *", "http")
        world.answer(503)
        await world.pass_time(timedelta(hours=1, minutes=1))
        create(world, schedule="0 * * * *")
        world.answer(500)
        await world.pass_time(timedelta(hours=1))
        assert len(world.target.sent) == 3


async def test_a_job_of_before_fails_with_the_reason_while_there_is_no_address(tmp_path: Path) -> None:
    """CS-L8."""
    before = JobWorld(tmp_path / "tasks.db", POLICY)
    create(before)
    before.store.close()
    async with JobWorld(tmp_path / "tasks.db") as world:
        await world.pass_time(MINUTE)
        assert [failed.reason for failed in world.of(JobAttemptFailed)] == [app_engine.NO_ADDRESS]
        assert world.target.sent == []


TEXT = st.sampled_from(["", "/", "/a?b", "ü", "\0", "a\r\nb", "v1", "😀", "x" * 3000]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=5
)
TARGET = st.builds(
    messages.AppEngineHttpTarget,
    http_method=st.integers(-1, 9),
    app_engine_routing=st.builds(messages.AppEngineRouting, service=TEXT, version=TEXT, instance=TEXT, host=TEXT),
    relative_uri=TEXT,
    headers=st.dictionaries(TEXT | st.sampled_from(["User-Agent", "content-type", "Host"]), TEXT, max_size=3),
    body=st.binary(max_size=3),
)


@given(TARGET)
def test_any_target_is_kept_or_refused_and_what_is_kept_may_be_sent_again(target: messages.AppEngineHttpTarget) -> None:
    world = JobWorld(policy=POLICY)
    job = messages.Job(name=NAME, schedule="* * * * *", app_engine_http_target=target)
    try:
        made = world.call("CreateJob", messages.CreateJobRequest(parent=PARENT, job=job))
    except InvalidArgument:
        return
    again = world.call("UpdateJob", messages.UpdateJobRequest(job=made))
    assert again.app_engine_http_target == made.app_engine_http_target
