"""What a worker is sent, and which targets are refused."""

import json
from typing import Any
from urllib.request import urlopen

import jwt
import pytest
from google.api_core.exceptions import InvalidArgument

from conformance.conformance_world import JobApi
from conformance.conftest import Opens
from service.service_world import Place, Received

OWN = ["X-CloudScheduler", "X-CloudScheduler-JobName", "X-CloudScheduler-ScheduleTime"]
ACCOUNT = "jobs@another-project.iam.gserviceaccount.com"


def sent(api: JobApi, place: Place, schedule: str = "0 9 * * *", **target: Any) -> Received:
    """The request of a job with that target."""
    api.job(schedule, http_target={"uri": place.url, **target})
    api.call("run_job", name=api.name())
    return place.received()


def test_a_request_has_googles_headers_and_no_others(api: JobApi, place: Place) -> None:
    # CS-156, CS-157, CS-158, CS-160, CS-187, CS-170 with CS-L17
    request = sent(api, place)
    assert (request.method, request.body) == ("POST", b"")
    assert sorted(name for name, _ in request.headers) == ["Content-Length", "Host", "User-Agent", *OWN]
    assert [request.header(name) for name in OWN] == ["true", "j", "2026-10-01T02:00:00-07:00"]
    assert (request.header("User-Agent"), request.header("Content-Length")) == ("Google-Cloud-Scheduler", "0")


@pytest.mark.parametrize(
    ("schedule", "zone", "told"),
    [
        ("45 8 5 10 *", "UTC", "2026-10-05T01:45:00-07:00"),
        ("0 0 1 1 *", "UTC", "2026-12-31T16:00:00-08:00"),
        ("0 9 * * *", "Asia/Tokyo", "2026-10-01T17:00:00-07:00"),
    ],
)
def test_the_scheduled_time_is_told_in_los_angeles(
    api: JobApi, place: Place, schedule: str, zone: str, told: str
) -> None:
    # CS-158, CS-159
    api.job(schedule, time_zone=zone, http_target={"uri": place.url})
    api.call("run_job", name=api.name())
    assert place.received().header("X-CloudScheduler-ScheduleTime") == told


@pytest.mark.parametrize("method", ["POST", "GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_the_method_and_the_body_are_those_of_the_target(api: JobApi, place: Place, method: str) -> None:
    # CS-155, CS-161
    target: dict[str, Any] = {"uri": place.url, "http_method": method, "body": b"a body"}
    if method in ("POST", "PUT", "PATCH"):
        request = sent(api, place, http_method=method, body=b"a body")
        assert (request.method, request.body, request.header("Content-Length")) == (method, b"a body", "6")
        assert request.header("Content-Type") == "application/octet-stream"
    else:
        words = "Body can only be set if the http_method is POST, PUT, or PATCH."
        assert api.no_job(http_target=target) == (InvalidArgument, words)
        assert sent(api, place, http_method=method).method == method


def test_headers_of_the_caller_are_sent_but_for_those_of_the_service(api: JobApi, place: Place) -> None:
    # CS-029, CS-161, CS-162
    ours = {
        "Host": "evil.test", "Content-Length": "99", "User-Agent": "mine", "X-Google-A": "1", "X-AppEngine-A": "1",
        "X-CloudScheduler": "false", "X-CloudScheduler-JobName": "evil", "x-cloudscheduler-more": "1",
    }  # fmt: skip
    kept = {"Content-Type": "text/plain", "X-A": "1", "Authorization": "Basic YTpi"}
    api.job(http_target={"uri": place.url, "body": b"x", "headers": ours | kept})
    shown = dict(api.fetch().http_target.headers)
    assert shown == {**kept, "User-Agent": "Google-Cloud-Scheduler"}
    api.call("run_job", name=api.name())
    request = place.received()
    assert [request.header(name) for name in OWN[:2]] == ["true", "j"]
    assert {name: request.header(name) for name in kept} == kept
    assert (request.header("User-Agent"), request.header("Content-Length")) == ("Google-Cloud-Scheduler", "1")
    names = {name.lower() for name, _ in request.headers}
    assert not names & {"x-google-a", "x-appengine-a", "x-cloudscheduler-more"}


def test_headers_of_80_kb_are_refused(api: JobApi) -> None:
    # CS-163
    almost = {f"x-{number:02}": "v" * 5116 for number in range(15)} | {"x-15": "v" * 5115}
    assert len(api.job(http_target={"uri": "http://w.test/", "headers": almost}).http_target.headers) == 17
    refused = api.no_job(job_id="k", http_target={"uri": "http://w.test/", "headers": almost | {"x-15": "v" * 5116}})
    assert refused == (InvalidArgument, "HttpTarget.headers must be less than 80KB in total.")


@pytest.mark.parametrize("uri", ["http://localhost:8080/a?b=c", "https://192.168.0.1/", "http://w.test/" + "x" * 2069])
def test_any_http_url_is_accepted(api: JobApi, uri: str) -> None:
    # CS-154, CS-L3
    assert api.job(http_target={"uri": uri}).http_target.uri == uri


@pytest.mark.parametrize("uri", ["", "w.test", "ftp://w.test/", "HTTP://w.test/", "http://w.test/" + "x" * 2070])
def test_a_url_that_is_not_http_or_too_long_is_refused(api: JobApi, uri: str) -> None:
    # CS-154
    kind, message = api.no_job(http_target={"uri": uri})
    assert kind is InvalidArgument
    assert message.startswith("HttpTarget.uri must ")


def test_an_id_token_is_sent_that_workers_can_check(api: JobApi, place: Place) -> None:
    # CS-166, CS-167, CS-169 with CS-L2, CS-L1
    target = {"uri": f"{place.url}?a=b", "oidc_token": {"service_account_email": ACCOUNT}}
    assert api.job(http_target=target).http_target.oidc_token.audience == f"{place.url}?a=b"
    api.call("run_job", name=api.name())
    kind, _, token = (place.received().header("Authorization") or "").partition(" ")
    assert kind == "Bearer"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["aud"], claims["email"]) == (f"{place.url}?a=b", ACCOUNT)
    if api.address:
        with urlopen(f"http://{api.address}/.well-known/openid-configuration", timeout=20) as answer:
            document = json.load(answer)
        assert document["issuer"] == claims["iss"]
        key = jwt.PyJWKClient(document["jwks_uri"]).get_signing_key_from_jwt(token)
        assert jwt.decode(token, key, ["RS256"], audience=claims["aud"]) == claims


def test_an_audience_of_the_caller_is_that_of_the_token(api: JobApi, place: Place) -> None:
    # CS-167
    token = {"service_account_email": ACCOUNT, "audience": "https://mine.test"}
    header = sent(api, place, oidc_token=token, headers={"Authorization": "Basic YTpi"}).header("Authorization")
    assert jwt.decode((header or "")[7:], options={"verify_signature": False})["aud"] == "https://mine.test"


def test_an_access_token_is_sent_with_the_scope_of_google_cloud(api: JobApi, place: Place) -> None:
    # CS-166, CS-168, CS-L1
    header = sent(api, place, oauth_token={"service_account_email": ACCOUNT}).header("Authorization")
    assert (header or "").startswith("Bearer ")
    assert api.fetch().http_target.oauth_token.scope == "https://www.googleapis.com/auth/cloud-platform"
    assert "oidc_token" not in api.fetch().http_target


@pytest.mark.parametrize("email", ["", "nobody", "@a.test", "a@"])
@pytest.mark.parametrize("kind", ["oidc_token", "oauth_token"])
def test_a_token_needs_the_email_of_an_account(api: JobApi, kind: str, email: str) -> None:
    # CS-166
    refused = api.no_job(http_target={"uri": "http://w.test/", kind: {"service_account_email": email}})
    assert refused[0] is InvalidArgument
    assert "service_account_email" in refused[1]


def test_a_pubsub_message_is_published_as_it_is(opens: Opens, pubsub: Place) -> None:
    # CS-124, CS-174, CS-L7
    api = opens(pubsub=pubsub.server)
    attributes = {"a": "1", "ü": "ö"}
    api.job(pubsub_target={"topic_name": "projects/p/topics/t", "data": b"\0data", "attributes": attributes})
    api.run_next()
    request = pubsub.received()
    assert (request.method, request.path) == ("POST", "/v1/projects/p/topics/t:publish")
    assert json.loads(request.body) == {"messages": [{"data": "AGRhdGE=", "attributes": attributes}]}
    assert api.fetch().status.code == 0
    assert pubsub.idle


def test_a_pubsub_message_may_have_attributes_alone(opens: Opens, pubsub: Place) -> None:
    # CS-175
    api = opens(pubsub=pubsub.server)
    api.job(pubsub_target={"topic_name": "projects/p/topics/t", "attributes": {"a": "1"}})
    api.run_next()
    assert json.loads(pubsub.received().body) == {"messages": [{"attributes": {"a": "1"}}]}


def test_a_missing_topic_fails_the_attempt(opens: Opens, pubsub: Place) -> None:
    # CS-177
    api = opens(pubsub=pubsub.server)
    pubsub.answers(404)
    api.job(pubsub_target={"topic_name": "projects/p/topics/none", "data": b"x"})
    api.run_next()
    assert api.fetch().status.code == 5


def test_what_is_published_without_an_emulator_can_be_read(api: JobApi) -> None:
    # CS-L7, CS-174, CS-175
    topic = "projects/p/topics/a~b%41+c"
    api.job(pubsub_target={"topic_name": topic, "data": b"\xff", "attributes": {"a": "1"}})
    api.run_next()
    api.update("pubsub_target", pubsub_target={"topic_name": topic, "attributes": {"b": "2"}})
    api.run_next()
    assert api.published() == [(topic, b"\xff", {"a": "1"}), (topic, b"", {"b": "2"})]


@pytest.mark.parametrize(
    "topic", ["", "t", "/projects/p/topics/t", "projects/p/topics/", "projects/p/topics/a/b", "projects/p/topics/a?b"]
)
def test_a_topic_name_of_another_shape_is_refused(api: JobApi, topic: str) -> None:
    # CS-172
    kind, message = api.no_job(pubsub_target={"topic_name": topic, "data": b"x"})
    assert kind is InvalidArgument
    assert message.startswith('Resource name should start with "/projects/<PROJECT_ID>/"')


def test_a_pubsub_target_needs_a_message_and_a_topic_of_the_project(api: JobApi) -> None:
    # CS-173, CS-176
    kind, message = api.no_job(pubsub_target={"topic_name": "projects/p/topics/t"})
    assert (kind, message) == (InvalidArgument, "PubsubTarget must have data or at least one attribute.")
    kind, message = api.no_job(pubsub_target={"topic_name": "projects/other/topics/t", "data": b"x"})
    assert kind is InvalidArgument
    assert "project" in message
