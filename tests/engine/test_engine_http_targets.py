"""What a queue's HTTP target makes of URLs and headers."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.errors import InvalidArgument, Unreachable
from gcptasks.base.names import parse_queue, parse_task
from gcptasks.engine import http_targets
from gcptasks.engine.delivery import Outgoing, outgoing
from gcptasks.engine.model import (
    AppEngineRequest,
    EnforceMode,
    HttpRequest,
    HttpTarget,
    OidcToken,
    Queue,
    Request,
    Task,
    UriOverride,
)
from gcptasks.runtime.targets.address import parse_url

QUEUE = parse_queue("projects/p/locations/l/queues/q")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _sent(request: Request, target: HttpTarget) -> Outgoing:
    task = Task(
        name=parse_task(f"{QUEUE}/tasks/t"),
        request=request,
        created_at=NOW,
        scheduled_at=NOW,
        dispatch_deadline=timedelta(minutes=10),
        dispatch_count=1,
    )
    return outgoing(task, Queue(name=QUEUE, http_target=target), None, "http://localhost:8080")


def _url(url: str, override: UriOverride) -> str:
    return _sent(HttpRequest(url=url), HttpTarget(uri_override=override)).url


@pytest.mark.parametrize(
    ("url", "override", "expected"),
    [
        ("http://a:1/p?q#f", UriOverride(host="b"), "https://b:1/p?q"),
        ("http://a:1/p", UriOverride(host="b", scheme="HTTP"), "http://b:1/p"),
        ("http://a/p", UriOverride(scheme=""), "https://a/p"),
        ("http://a/p", UriOverride(path="/x"), "http://a/x"),
        ("HTTPS://a/p", UriOverride(path="x"), "HTTPS://a/x"),
        ("http://a", UriOverride(path="/x?y#z"), "http://a/x%3Fy%23z"),
        ("http://a?q", UriOverride(path=""), "http://a/?q"),
        ("http://u:pw@a:1/p", UriOverride(port=2), "http://u:pw@a:2/p"),
        ("http://u:pw@a:1/p", UriOverride(port=0), "http://u:pw@a/p"),
        ("http://u:pw@a:1/p", UriOverride(host="b", scheme="HTTP"), "http://b:1/p"),
        ("http://[::1]:1/p", UriOverride(port=65536), "http://[::1]:65536/p"),
        ("http://[::1]/p", UriOverride(host="[::2]", port=3, scheme="HTTP"), "http://[::2]:3/p"),
        ("http://a/p?q", UriOverride(query=""), "http://a/p"),
        ("http://a/p", UriOverride(query="?q=1?"), "http://a/p?q=1?"),
        ("http://a/p", UriOverride(host="b", enforce_mode=EnforceMode.ALWAYS), "https://b/p"),
        ("http://a/p", UriOverride(host="b", enforce_mode=EnforceMode.IF_NOT_EXISTS), "http://a/p"),
        ("nonsense", UriOverride(host="b"), "nonsense"),
    ],
)
def test_an_override_replaces_parts_of_the_url(url: str, override: UriOverride, expected: str) -> None:
    """CT-221 to CT-223, CT-304: a host without a scheme is one of HTTPS; else the task's own scheme stays."""
    assert _url(url, override) == expected


TEXT = st.text(max_size=8) | st.sampled_from(
    ["", "/", "?", "#", "%", "%zz", "a b", "\r\n", "ü", "@", ":", "//", "[::1]"]
)
OVERRIDES = st.builds(
    UriOverride,
    scheme=st.sampled_from([None, "", "HTTP", "HTTPS"]),
    host=st.none() | TEXT | st.just("w.test"),
    port=st.none() | st.integers(-1, 2**63 - 1),
    path=st.none() | TEXT,
    query=st.none() | TEXT,
    enforce_mode=st.sampled_from(EnforceMode),
)
HEADERS = st.lists(st.tuples(TEXT | st.just("X-A"), TEXT), max_size=3).map(tuple)


@given(
    st.sampled_from(["http://a", "http://[::1", "http://a:b@c:99999/", "x"]) | TEXT,
    st.builds(HttpTarget, uri_override=OVERRIDES, header_overrides=HEADERS),
)
def test_any_target_that_is_kept_makes_a_request_that_can_be_sent_or_fails(url: str, target: HttpTarget) -> None:
    try:
        http_targets.check(target)
    except InvalidArgument:
        return
    sent = _sent(HttpRequest(url=url, headers={"x-a": "1"}), target)
    for name, value in sent.headers:
        assert name.isascii()
        assert " " not in name
        assert (name + value).isprintable() or "\t" in value
    try:
        address = parse_url(sent.url)
    except Unreachable:
        return
    assert address.target.startswith("/")
    assert set(address.target) <= set(map(chr, range(33, 127)))


def test_headers_replace_those_of_their_names_in_any_letter_case() -> None:
    """CT-225, CT-303."""
    target = HttpTarget(header_overrides=(("X-a", "1"), ("x-A", "2"), ("X-New", ""), ("x-ü", "3"), ("X-C", "ü")))
    headers = _sent(HttpRequest(url="http://a", headers={"x-a": "own", "X-C": "own"}), target).headers
    assert [header for header in headers if not header[0].startswith("X-CloudTasks-")] == [
        ("X-C", "own"),
        ("X-a", "1"),
        ("x-A", "2"),
        ("X-New", ""),
    ]


def test_an_app_engine_task_is_left_alone() -> None:
    """CT-220."""
    target = HttpTarget(
        uri_override=UriOverride(host="b"),
        method="GET",
        header_overrides=(("X-A", "1"),),
        token=OidcToken(service_account_email="a@example.com"),
    )
    request = AppEngineRequest(relative_uri="/a", body=b"x")
    assert _sent(request, target) == _sent(request, HttpTarget())
