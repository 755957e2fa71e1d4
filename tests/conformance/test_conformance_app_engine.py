"""Jobs with an App Engine target."""

from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition, InvalidArgument

from conformance.conformance_world import JobApi, has
from conformance.conftest import Opens
from gcptasks.base.events import JobAttemptFailed, JobAttemptStarted, JobAttemptSucceeded
from service.service_world import Place

HOST = "p.l.r.appspot.com"
USER_AGENT = "AppEngine-Google; (+http://code.google.com/appengine)"


def path(place: Place) -> str:
    return place.url.removeprefix(f"http://{place.server}")


def test_what_is_left_out_is_filled_in(opens: Opens) -> None:
    # CS-029, CS-178, CS-181, CS-182, CS-184
    api = opens(app_engine="http://app.test")
    job = api.job(app_engine_http_target={})
    target = job.app_engine_http_target
    assert (target.http_method.name, target.relative_uri, target.app_engine_routing.host) == ("POST", "/", HOST)
    assert dict(target.headers) == {"User-Agent": USER_AGENT}
    assert not has(job, "attempt_deadline")
    target = api.job(job_id="k", app_engine_http_target={"body": b"hello", "headers": {"User-Agent": "mine"}})
    assert dict(target.app_engine_http_target.headers) == {
        "User-Agent": f"mine {USER_AGENT}",
        "Content-Type": "application/octet-stream",
        "Content-Length": "5",
    }


@pytest.mark.parametrize(
    "fields",
    [
        {"app_engine_http_target": {"relative_uri": "a"}},
        {"app_engine_http_target": {"relative_uri": "/" + "a" * 2083}},
        {"app_engine_http_target": {"http_method": "PATCH"}},
        {"app_engine_http_target": {"http_method": "OPTIONS"}},
        {"app_engine_http_target": {"http_method": "DELETE", "body": b"x"}},
        {"app_engine_http_target": {}, "attempt_deadline": timedelta(seconds=14)},
        {"app_engine_http_target": {}, "attempt_deadline": timedelta(hours=24, seconds=16)},
    ],
)
def test_what_no_app_can_be_sent_is_refused(opens: Opens, fields: dict[str, Any]) -> None:
    # CS-178, CS-179, CS-180, CS-184
    assert opens(app_engine="http://app.test").no_job(**fields)[0] is InvalidArgument


def test_what_an_app_can_be_sent_is_accepted(opens: Opens) -> None:
    # CS-178, CS-184
    api = opens(app_engine="http://app.test")
    uri = "/" + "a" * 2080 + "#b"
    job = api.job(app_engine_http_target={"relative_uri": uri}, attempt_deadline=timedelta(hours=24, seconds=15))
    assert job.app_engine_http_target.relative_uri == uri
    assert job.attempt_deadline == timedelta(hours=24, seconds=15)


def test_the_app_is_sent_the_headers_of_scheduler_at_its_address(opens: Opens, place: Place) -> None:
    # CS-181, CS-182, CS-183, CS-L8
    api = opens(app_engine=f"http://{place.server}")
    target = {"relative_uri": path(place) + "?a=b#c", "app_engine_routing": {"service": "s", "version": "v"}}
    api.job(app_engine_http_target=target)
    api.call("run_job", name=api.name())
    request = place.received()
    assert (request.method, request.path) == ("POST", path(place) + "?a=b")
    names = ("Host", "User-Agent", "X-CloudScheduler", "X-CloudScheduler-JobName", "X-CloudScheduler-ScheduleTime")
    assert [request.header(name) for name in names] == [
        f"v.s.{HOST}", USER_AGENT, "true", "j", "2026-10-01T02:00:00-07:00",
    ]  # fmt: skip


def test_a_503_is_tried_again_and_does_not_count(opens: Opens, place: Place) -> None:
    # CS-153
    api = opens(app_engine=f"http://{place.server}")
    place.answers(503, 503, 500)
    api.job(app_engine_http_target={"relative_uri": path(place)})
    assert len(api.gaps()) == 2
    api.run_next()
    assert (api.count(JobAttemptFailed), api.count(JobAttemptStarted)) == (3, 4)
    api.wait(JobAttemptSucceeded)


def test_without_an_address_there_are_no_app_engine_jobs(api: JobApi) -> None:
    # CS-L8
    kind, message = api.no_job(app_engine_http_target={})
    assert kind is FailedPrecondition
    assert "--app-engine" in message
