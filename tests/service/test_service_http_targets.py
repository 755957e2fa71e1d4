"""The HTTP target of a queue: kept, refused, and what it makes of tasks (section 19 of the contract)."""

from datetime import timedelta
from typing import Any

import jwt
import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.tasks_v2 import HttpMethod, HttpTarget, Queue, UriOverride
from google.rpc.error_details_pb2 import ErrorInfo

from gcptasks.server.settings import PortSettings
from service.service_world import Api, Place, Refusal, over_grpc

EMAIL = "tasks@example.com"
OIDC = {"oidc_token": {"service_account_email": EMAIL, "audience": "a"}}
OAUTH = {"oauth_token": {"service_account_email": EMAIL, "scope": "s"}}
FULL: dict[str, Any] = {
    "uri_override": {
        "scheme": "HTTPS",
        "host": "example.net",
        "port": 8443,
        "path_override": {"path": "/path"},
        "query_override": {"query_params": "q=1"},
        "uri_override_enforce_mode": "ALWAYS",
    },
    "http_method": "PUT",
    "header_overrides": [{"header": {"key": "X-Custom", "value": "1"}}],
    **OIDC,
}
"""All members."""


def _kept(api: Api, **target: Any) -> HttpTarget:
    """The target of a new queue `q`."""
    made = api.queue(http_target=target)
    assert api.call("get_queue", name=api.name()) == made
    return HttpTarget(made.http_target)


def _stored(api: Api) -> Queue:
    stored: Queue = api.call("get_queue", name=api.name())
    return stored


def _update(api: Api, *paths: str, **fields: Any) -> HttpTarget:
    updated = api.call("update_queue", queue={"name": api.name(), **fields}, update_mask={"paths": paths})
    assert updated == _stored(api)
    return HttpTarget(updated.http_target)


def _refusal(api: Api, **target: Any) -> Refusal:
    return api.refusal("create_queue", parent=api.parent, queue={"name": api.name(), "http_target": target})


def _override(**members: Any) -> dict[str, Any]:
    return {"uri_override": members}


def _to(place: Place, path: str = "") -> dict[str, Any]:
    """The members of an override that leads to that place."""
    host, _, port = place.server.partition(":")
    key = place.url.rpartition("/")[2]
    return {"scheme": "HTTP", "host": host, "port": int(port), "path_override": {"path": f"/{key}{path}"}}


@pytest.mark.parametrize(
    "target",
    [
        {},
        FULL,
        OAUTH,
        _override(scheme="SCHEME_UNSPECIFIED"),
        _override(host="example.net"),
        _override(port=0),
        _override(port=65536),
        _override(path_override={}),
        _override(path_override={"path": "no slash"}),
        _override(query_override={}),
        _override(query_override={"query_params": "?a=b"}),
        _override(uri_override_enforce_mode="IF_NOT_EXISTS"),
        {"http_method": "GET"},
        {"oidc_token": {"service_account_email": EMAIL}},
        {"oauth_token": {"service_account_email": EMAIL, "scope": "no scheme"}},
    ],
    ids=str,
)
def test_a_target_comes_back_as_it_was_sent(api: Api, target: dict[str, Any]) -> None:
    """CT-222, CT-226, CT-299, CT-304."""
    kept = _kept(api, **target)
    assert HttpTarget.pb(kept) == HttpTarget.pb(HttpTarget(target))
    assert "http_target" in _stored(api)
    assert api.call("pause_queue", name=api.name()).http_target == kept
    assert api.call("purge_queue", name=api.name()).http_target == kept


def test_header_overrides_are_kept_as_they_are(api: Api) -> None:
    """CT-302, CT-303: an entry without a header is dropped."""
    headers = [("Content-Type", ""), ("Authorization", "a\r\nb"), ("X-Twice", "1"), ("x-twice", "2")]
    sent = [{"header": {"key": key, "value": value}} for key, value in headers]
    kept = _kept(api, header_overrides=[*sent, {}])
    assert [(one.header.key, one.header.value) for one in kept.header_overrides] == headers


def _of_target(what: str) -> Refusal:
    info = ErrorInfo(
        reason="INVALID_INPUT_ON_HTTP_TARGET_OVERRIDE",
        domain="cloudtasks.googleapis.com",
        metadata={"invalid_field": what},
    )
    return Refusal(InvalidArgument, f"Error in parsing HttpTarget. {what}", [info])


@pytest.mark.parametrize(
    ("target", "what"),
    [
        pytest.param(_override(host=""), "Invalid Host.", id="CT-300a, CT-222: empty"),
        pytest.param(_override(host="https://example.net"), "Invalid Host.", id="CT-300a: scheme"),
        pytest.param(_override(host="example.net:8080"), "Invalid Host.", id="CT-300a: port"),
        pytest.param(_override(host="example.net/path"), "Invalid Host.", id="CT-300a: path"),
        pytest.param(_override(host="example.net\n"), "Invalid Host.", id="CT-300a: line"),
        pytest.param(_override(port=-1), "Port number should be a positive integer.", id="CT-300b"),
        pytest.param(_override(), "Invalid uri_override.", id="CT-300c"),
        pytest.param(_override(scheme=9), "", id="CT-300d: scheme"),
        pytest.param(_override(uri_override_enforce_mode=9), "", id="CT-300d: mode"),
        pytest.param({"http_method": 99}, "", id="CT-300d: method"),
    ],
)
def test_a_target_that_means_nothing_is_refused(api: Api, target: dict[str, Any], what: str) -> None:
    """CT-274, CT-300: in an update too, whether or not its mask names the target."""
    assert _refusal(api, **target) == _of_target(what)
    made = api.queue()
    queue = {"name": api.name(), "http_target": target}
    assert api.refusal("update_queue", queue=queue) == _of_target(what)
    assert api.refusal("update_queue", queue=queue, update_mask={"paths": ["rate_limits"]}) == _of_target(what)
    assert _stored(api) == made


@pytest.mark.parametrize(
    "name",
    ["", "a:b", "HOST", "user-agent", "Content-length", "Connection", "transfer-encoding", "X-Forwarded-For",
     "x-google-a", "X-AppEngine-b", "X-CloudTasks-TaskName"],
)  # fmt: skip
def test_a_header_that_is_the_services_own_is_refused(api: Api, name: str) -> None:
    """CT-301, CT-302."""
    headers = [{"header": {"key": name, "value": "1"}}, {"header": {"key": "X-Fine"}}]
    message = (
        "Error in parsing HttpTarget.headers. Header name cannot be empty or start with reserved prefixes. "
        f"Invalid headers found: {name}"
    )
    assert _refusal(api, header_overrides=headers) == Refusal(InvalidArgument, message)


def test_headers_that_are_refused_are_named_together(api: Api) -> None:
    """CT-301."""
    refusal = _refusal(api, header_overrides=[{"header": {"key": "Host"}}, {"header": {"key": "x-google-A"}}])
    assert refusal.message.endswith(" Invalid headers found: Host, x-google-A")


def test_headers_have_80_kb_in_all(api: Api) -> None:
    """CT-225."""
    headers = [{"header": {"key": f"X-{number}", "value": "x" * 8000}} for number in range(11)]
    assert len(_kept(api, header_overrides=headers[:10]).header_overrides) == 10
    refusal = api.refusal("update_queue", queue={"name": api.name(), "http_target": {"header_overrides": headers}})
    assert refusal == Refusal(InvalidArgument, "HttpTarget.headers must be at most 80KB in total.")


@pytest.mark.parametrize(
    "target",
    [
        _override(host="x" * 8193),
        _override(path_override={"path": "x" * 5000}, query_override={"query_params": "x" * 5000}),
        {"oidc_token": {"service_account_email": EMAIL, "audience": "x" * 8192}},
        {"oauth_token": {"service_account_email": EMAIL, "scope": "x" * 8192}},
    ],
    ids=["host", "path and query", "audience", "scope"],
)
def test_a_target_has_a_size_that_makes_sense(api: Api, target: dict[str, Any]) -> None:
    """CT-L24."""
    message = "HttpTarget must have at most 8192 characters beside its headers."
    assert _refusal(api, **target) == Refusal(InvalidArgument, message)


@pytest.mark.parametrize("kind", ["oidc_token", "oauth_token"])
@pytest.mark.parametrize(
    ("email", "message"),
    [("", "service_account_email must be set."), ("not-an-email", "Request contains an invalid argument.")],
)
def test_a_token_of_nobody_is_refused(api: Api, kind: str, email: str, message: str) -> None:
    """CT-305."""
    assert _refusal(api, **{kind: {"service_account_email": email}}) == Refusal(InvalidArgument, message)


# Updates


def test_a_target_is_removed_and_replaced_as_a_whole(api: Api) -> None:
    """CT-227, CT-275."""
    api.queue(rate_limits={"max_dispatches_per_second": 7}, http_target=FULL)
    assert _update(api, "http_target", http_target={"http_method": "GET"}) == HttpTarget(http_method="GET")
    _update(api, "http_target")
    stored = _stored(api)
    assert ("http_target" in stored, stored.rate_limits.max_dispatches_per_second) == (False, 7)


def test_without_a_mask_a_target_that_is_left_out_is_removed(api: Api) -> None:
    """CT-061."""
    api.queue(http_target=FULL)
    assert "http_target" not in api.call("update_queue", queue={"name": api.name()})


LEAVES = {
    "scheme": "HTTP",
    "host": "other.example",
    "port": 1,
    "path_override": {"path": "/other"},
    "uri_override_enforce_mode": "IF_NOT_EXISTS",
}


@pytest.mark.parametrize("leaf", LEAVES)
def test_one_part_of_an_override_is_set_or_cleared(api: Api, leaf: str) -> None:
    """CT-062, CT-276."""
    kept = _kept(api, **FULL)
    override: Any = {"host": "ignored.example", leaf: LEAVES[leaf]}
    updated = _update(api, f"http_target.uri_override.{leaf}", http_target={"uri_override": override})
    expected = HttpTarget(kept)
    setattr(expected.uri_override, leaf, LEAVES[leaf])
    assert updated == expected
    cleared = _update(api, f"http_target.uri_override.{leaf}", http_target={"http_method": "GET"})
    UriOverride.pb(expected.uri_override).ClearField(leaf)
    assert HttpTarget.pb(cleared) == HttpTarget.pb(expected)


def test_the_path_is_cleared_apart_from_its_override(api: Api) -> None:
    """CT-277."""
    api.queue(http_target=FULL)
    override = _update(api, "http_target.uri_override.path_override.path").uri_override
    assert ("path_override" in override, override.path_override.path) == (True, "")
    assert "path_override" not in _update(api, "http_target.uri_override.path_override").uri_override


def test_the_query_is_set_where_there_was_none(api: Api) -> None:
    """CT-277."""
    api.queue(http_target=_override(host="example.net"))
    query = {"query_override": {"query_params": "a=b"}}
    updated = _update(api, "http_target.uri_override.query_override.query_params", http_target={"uri_override": query})
    assert updated == HttpTarget(uri_override={"host": "example.net", **query})


def test_an_override_is_not_emptied_of_its_last_part(api: Api) -> None:
    """CT-278."""
    kept = _kept(api, **_override(host="example.net"))
    queue = {"name": api.name()}
    mask = {"paths": ["http_target.uri_override.host"]}
    assert api.refusal("update_queue", queue=queue, update_mask=mask) == _of_target("Invalid uri_override.")
    assert _stored(api).http_target == kept


def test_the_method_and_the_headers_are_replaced_alone(api: Api) -> None:
    """CT-279."""
    kept = _kept(api, **FULL)
    headers: Any = [{"header": {"key": "X-New", "value": "2"}}]
    other = {"http_method": "GET", "header_overrides": headers, **OAUTH}
    expected = HttpTarget(kept)
    expected.http_method = HttpMethod.GET
    assert _update(api, "http_target.http_method", http_target=other) == expected
    expected.header_overrides = headers
    assert _update(api, "http_target.header_overrides", http_target=other) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("http_target.oidc_token", {}),
        ("http_target.oauth_token", OAUTH),
        ("http_target.oidc_token.audience", {"oidc_token": {"service_account_email": EMAIL}}),
        ("http_target.oauth_token.scope", {"oauth_token": {"scope": "s"}}),
    ],
)
def test_a_mask_on_the_other_kind_of_token(api: Api, path: str, expected: dict[str, Any]) -> None:
    """CT-280."""
    api.queue(http_target=OIDC)
    updated = _update(api, path, http_target=OAUTH)
    assert HttpTarget.pb(updated) == HttpTarget.pb(HttpTarget(expected))


def test_a_mask_on_a_token_that_is_not_there_leaves_an_empty_target(api: Api) -> None:
    """CT-281."""
    api.queue()
    updated = _update(api, "http_target.oidc_token.service_account_email", http_target=OAUTH)
    assert HttpTarget.pb(updated) == HttpTarget.pb(HttpTarget())
    assert "http_target" in _stored(api)


# Tasks


def test_the_queues_token_stands_in_the_task(api: Api) -> None:
    """CT-226, CT-236: with the task's own URL as the default audience, whatever the override says."""
    target = {"oidc_token": {"service_account_email": "q@example.com"}, "uri_override": {"host": "example.net"}}
    queue = api.paused(http_target=target)
    own = {"oidc_token": {"service_account_email": EMAIL, "audience": "own"}}
    stored = api.get(api.task(queue, url="http://worker.test/a?b=c", http=own).name).http_request.oidc_token
    assert (stored.service_account_email, stored.audience) == ("q@example.com", "http://worker.test/a?b=c")


def test_the_queues_oauth_token_stands_in_the_task(api: Api) -> None:
    """CT-226, CT-306: with the default scope, for Google's hosts."""
    queue = api.paused(http_target={"oauth_token": {"service_account_email": EMAIL}})
    stored = api.task(queue, url="https://a.googleapis.com/", http=OIDC).http_request
    assert stored.oauth_token.scope == "https://www.googleapis.com/auth/cloud-platform"
    message = 'Invalid url for HttpRequest.oauth_token. The hostname in the url must end with ".googleapis.com"'
    assert api.no_task(queue, url="https://example.com/") == Refusal(InvalidArgument, message)


def test_without_a_token_of_the_queue_that_of_the_task_stays(api: Api) -> None:
    """CT-226."""
    queue = api.paused(http_target={"http_method": "PUT"})
    assert api.task(queue, http=OIDC).http_request.oidc_token.audience == "a"


def test_the_tasks_own_token_is_checked_though_it_is_replaced(api: Api) -> None:
    """CT-306."""
    queue = api.paused(http_target=OIDC)
    refusal = api.no_task(queue, http={"oidc_token": {"audience": "a"}})
    assert refusal == Refusal(InvalidArgument, "service_account_email must be set.")


def test_waiting_tasks_are_sent_as_the_queue_says(api: Api, place: Place) -> None:
    """CT-220, CT-221: URL, method and headers; what is stored stays."""
    queue = api.paused()
    headers = {"X-Own": "1", "x-custom": "own", "Content-Type": "text/x"}
    task = api.task(queue, url="http://nowhere.test:1/a?b=2#f", http={"headers": headers, "body": b"x"})
    target = {
        "uri_override": {**_to(place, "/new path"), "query_override": {"query_params": "q=1"}},
        "http_method": "PUT",
        "header_overrides": [
            {"header": {"key": "X-Custom", "value": "queue"}},
            {"header": {"key": "X-Lines", "value": "a\r\nb"}},
            {"header": {"key": "X-Empty"}},
            {"header": {"key": "Not Sendable", "value": "1"}},
        ],
    }
    _update(api, "http_target", http_target=target)
    before = api.get(task.name, view=2)
    api.call("resume_queue", name=queue)
    request = place.received()
    assert (request.method, request.body) == ("PUT", b"x")
    assert request.path.endswith("/new%20path?q=1")
    assert [request.all(name) for name in ("X-Custom", "X-Own", "Content-Type", "X-Lines", "X-Empty")] == [
        ["queue"], ["1"], ["text/x"], ["a__b"], [""]
    ]  # fmt: skip
    assert (request.header("Not Sendable"), request.header("Host")) == (None, place.server)
    assert (before.http_request.url, before.http_request.http_method) == (task.http_request.url, HttpMethod.POST)
    api.finished(task.name)


def test_waiting_tasks_are_sent_with_the_token_of_the_queue(place: Place) -> None:
    """CT-220, CT-236: in place of their own, with their own URL as the audience; what is stored stays."""
    with over_grpc(PortSettings(port=0)) as (client, heard):
        api = Api(client, heard, "projects/p/locations/l")
        queue = api.paused()
        task = api.task(queue, url=place.url, http={"oidc_token": {"service_account_email": "own@example.com"}})
        _update(api, "http_target", http_target={"oidc_token": {"service_account_email": EMAIL}})
        assert api.get(task.name).http_request == task.http_request
        api.call("resume_queue", name=queue)
        token = (place.received().header("Authorization") or "").removeprefix("Bearer ")
        claims = jwt.decode(token, options={"verify_signature": False})
        assert (claims["email"], claims["aud"]) == (EMAIL, place.url)
        api.finished(task.name)


def test_a_task_without_a_content_type_gets_none(api: Api, place: Place) -> None:
    """CT-225."""
    queue = api.queue(http_target={"header_overrides": [{"header": {"key": "X-A", "value": "1"}}]}).name
    api.task(queue, url=place.url)
    request = place.received()
    assert (request.header("X-A"), request.header("Content-Type")) == ("1", None)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ({"uri_override_enforce_mode": "IF_NOT_EXISTS", "path_override": {"path": "/no"}}, "/a?b=2"),
        ({"uri_override_enforce_mode": "IF_NOT_EXISTS", "host": "nowhere.test"}, "/a?b=2"),
        ({"query_override": {"query_params": "?q=1"}}, "/a?q=1"),
        ({"query_override": {}}, "/a"),
        ({"query_override": {"query_params": "q=#"}}, "/a?q=%23"),
        ({"scheme": "HTTP"}, "/a?b=2"),
    ],
    ids=str,
)
def test_parts_of_the_url_are_replaced(api: Api, place: Place, override: dict[str, Any], expected: str) -> None:
    """CT-221, CT-222."""
    api.task(api.queue(http_target={"uri_override": override}).name, url=f"{place.url}/a?b=2")
    assert place.received().path == f"/{place.url.rpartition('/')[2]}{expected}"


def test_a_url_without_a_query_is_left_alone_where_the_mode_says_so(api: Api, place: Place) -> None:
    """CT-221."""
    override = {"uri_override_enforce_mode": "IF_NOT_EXISTS", "query_override": {"query_params": "q=1"}}
    api.task(api.queue(http_target={"uri_override": override}).name, url=place.url)
    assert "?" not in place.received().path


@pytest.mark.parametrize("body", [b"x", b"x" * 20_000], ids=["small", "large"])
def test_a_task_with_a_body_is_never_sent_by_a_method_without_one(api: Api, place: Place, body: bytes) -> None:
    """CT-224."""
    queue = api.queue(http_target={"http_method": "GET"}, retry_config={"min_backoff": timedelta(hours=1)}).name
    failed = api.failed(api.task(queue, url=place.url, http={"body": body}).name)
    assert failed.last_attempt.response_status.message == "UNKNOWN(2): HTTP status code 0"
    assert place.idle
    api.task(queue, url=place.url)
    assert place.received().method == "GET"


def test_the_target_is_that_of_the_time_of_the_attempt(api: Api, place: Place) -> None:
    """CT-067, CT-220."""
    place.answers(500)
    place.gate.clear()
    queue = api.queue(retry_config={"min_backoff": timedelta(milliseconds=1)}, http_target={"http_method": "PUT"}).name
    task = api.task(queue, url=place.url)
    assert place.received().method == "PUT"
    _update(api, "http_target")
    place.gate.set()
    assert place.received().method == "POST"
    api.finished(task.name)
