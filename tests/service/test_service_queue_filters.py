"""Which queues a filter of ListQueues finds (section 4 of the contract)."""

from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument

from gcptasks.base.events import Events
from gcptasks.client import inprocess
from gcptasks.client.api import TASKS
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from runtime.runtime_doubles import ManualClock
from service.service_world import Api, Heard, Refusal
from service.test_service_paging import BAD_TOKEN


def _found(api: Api, filter_: str, **page: Any) -> list[str]:
    """The ids of the queues that are found."""
    answer = api.call("list_queues", parent=api.parent, filter=filter_, **page)
    return [queue.name.rpartition("/")[2] for queue in answer.queues]


@pytest.fixture
def queues(api: Api) -> Api:
    """Four queues: one with the defaults, one that is paused, one that was purged, one with settings of its own."""
    api.queue("plain")
    api.paused("stopped")
    api.queue("field-filter-purged")
    api.call("purge_queue", name=api.name("field-filter-purged"))
    api.queue(
        "tuned",
        rate_limits={"max_dispatches_per_second": 10, "max_concurrent_dispatches": 7},
        retry_config={
            "max_attempts": 3,
            "max_retry_duration": timedelta(seconds=60),
            "min_backoff": timedelta(seconds=0.5),
            "max_backoff": timedelta(seconds=1),
        },
        stackdriver_logging_config={"sampling_ratio": 0.5},
        app_engine_routing_override={"instance": "i"},
    )
    return api


PLAIN, STOPPED, PURGED, TUNED = "plain", "stopped", "field-filter-purged", "tuned"
ALL = [PURGED, PLAIN, STOPPED, TUNED]


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("", ALL),
        (" ", ALL),
        ("rate_limits.max_dispatches_per_second < 100", [TUNED]),
        ("rateLimits.maxDispatchesPerSecond < 100", [TUNED]),
        ("RATELIMITS.Max_Dispatches_Per_Second<100", [TUNED]),
        ("State: Paused", [STOPPED]),
        ("state:PAUSED", [STOPPED]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_fields_are_named_as_in_protobuf_or_json_in_any_letter_case(
    queues: Api, filter_: str, found: list[str]
) -> None:
    """CT-260."""
    assert _found(queues, filter_) == found


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("state = paused", [STOPPED]),
        ('state: "PAUSED"', [STOPPED]),
        ("state != PAUSED", [PURGED, PLAIN, TUNED]),
        ("state > RUNNING", [STOPPED]),
        ("state <= RUNNING", [PURGED, PLAIN, TUNED]),
        ("state: DISABLED", []),
        ("state: STATE_UNSPECIFIED", []),
    ],
)
def test_states_are_compared_by_name_and_by_their_order(queues: Api, filter_: str, found: list[str]) -> None:
    """CT-261, CT-270."""
    assert _found(queues, filter_) == found


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("name: field-filter-purged", [PURGED]),
        ("name: PURGED", [PURGED]),
        ('name: "queues/"', ALL),
        ("name: nothing", []),
        ("app_engine_routing_override.instance: I", [TUNED]),
    ],
)
def test_a_text_is_found_by_a_part_of_it(queues: Api, filter_: str, found: list[str]) -> None:
    """CT-262."""
    assert _found(queues, filter_) == found


def test_a_text_is_found_by_all_of_it(queues: Api) -> None:
    assert _found(queues, f'name = "{queues.name(PLAIN).upper()}"') == [PLAIN]
    assert _found(queues, f"name != {queues.name(PLAIN)}") == [PURGED, STOPPED, TUNED]
    assert _found(queues, "name = plain") == []


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("rate_limits.max_dispatches_per_second: 10", [TUNED]),
        ("rate_limits.max_dispatches_per_second = 500", [PURGED, PLAIN, STOPPED]),
        ("rate_limits.max_dispatches_per_second != 500", [TUNED]),
        ("rate_limits.max_concurrent_dispatches <= 7", [TUNED]),
        ("rate_limits.max_burst_size > 10", [PURGED, PLAIN, STOPPED]),
        ("retry_config.max_attempts < 100", [TUNED]),
        ("retry_config.max_attempts > -2", ALL),
        ("stackdriver_logging_config.sampling_ratio >= 0.5", [TUNED]),
        ("stackdriver_logging_config.sampling_ratio = 0", [PURGED, PLAIN, STOPPED]),
    ],
)
def test_numbers_are_compared(queues: Api, filter_: str, found: list[str]) -> None:
    """CT-263, CT-267."""
    assert _found(queues, filter_) == found


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("retry_config.min_backoff = 0.1s", [PURGED, PLAIN, STOPPED]),
        ("retry_config.min_backoff: 0.5s", [TUNED]),
        ("retry_config.max_backoff > 1s", [PURGED, PLAIN, STOPPED]),
        ("retry_config.max_backoff < 1.000000001s", [TUNED]),
        ("retry_config.max_retry_duration < 1s", [PURGED, PLAIN, STOPPED]),
    ],
)
def test_spans_are_compared_in_seconds_and_one_that_is_not_set_is_none(
    queues: Api, filter_: str, found: list[str]
) -> None:
    """CT-264."""
    assert _found(queues, filter_) == found


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ('purge_time > "2020-01-01T00:00:00Z"', [PURGED]),
        ('purge_time < "2020-01-01T00:00:00Z"', [PLAIN, STOPPED, TUNED]),
        ('purge_time < "1960-01-01T00:00:00+01:00"', [PLAIN, STOPPED, TUNED]),
    ],
)
def test_times_are_compared_and_one_that_is_not_set_is_the_earliest(
    queues: Api, filter_: str, found: list[str]
) -> None:
    """CT-265."""
    assert _found(queues, filter_) == found


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("name: *", ALL),
        ("purge_time: *", [PURGED]),
        ("rate_limits: *", ALL),
        ("http_target: *", []),
        ("http_target.uri_override.host: *", []),
        ("stackdriver_logging_config: *", [TUNED]),
        ("app_engine_routing_override.instance: *", [TUNED]),
        ("app_engine_routing_override.version: *", []),
        ("retry_config.max_retry_duration: *", [TUNED]),
        ("NOT retry_config.max_retry_duration: *", [PURGED, PLAIN, STOPPED]),
        ('name: "*"', []),
    ],
)
def test_a_star_finds_what_is_set(queues: Api, filter_: str, found: list[str]) -> None:
    """CT-266."""
    assert _found(queues, filter_) == found


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        ("state: PAUSED AND state: RUNNING", []),
        ("state: PAUSED OR (state: RUNNING AND NOT state: RUNNING)", [STOPPED]),
        ("NOT state: PAUSED", [PURGED, PLAIN, TUNED]),
        ("-state: PAUSED", [PURGED, PLAIN, TUNED]),
        ("state: RUNNING name: p", [PURGED, PLAIN, STOPPED, TUNED]),
    ],
)
def test_comparisons_are_joined(queues: Api, filter_: str, found: list[str]) -> None:
    """CT-056, CT-269."""
    if filter_.endswith("name: p"):  # which the project's name has as well
        found = [queue for queue in found if queue != STOPPED]
    assert _found(queues, filter_) == found


@pytest.mark.parametrize(
    ("filter_", "message"),
    [
        pytest.param("bogus_field: x", "Field not found: 'bogus_field'.", id="CT-271a"),
        pytest.param("max_dispatches_per_second < 100", "Field not found: 'max_dispatches_per_second'.", id="CT-271b"),
        pytest.param("state: BOGUS", "The value 'bogus' is of incorrect type.", id="CT-271c"),
        pytest.param("state: 2", "The value '2' is of incorrect type.", id="CT-271d"),
        pytest.param("retry_config.max_backoff = 3600", "The value '3600' is of incorrect type.", id="CT-271e"),
        pytest.param(
            "rate_limits.max_dispatches_per_second = fast", "The value 'fast' is of incorrect type.", id="CT-271f"
        ),
        pytest.param(
            "rate_limits: 10",
            "Cannot match a nested type 'rate_limits'. A member field of scalar or enum type must be provided.",
            id="CT-271g",
        ),
        pytest.param("state.name: x", "Field not found: 'state.name'.", id="a field of what has none"),
        pytest.param("purge_time > yesterday", "The value 'yesterday' is of incorrect type.", id="no time"),
        pytest.param("purge_time.seconds > 1", "Field not found: 'purge_time.seconds'.", id="a part of a time"),
    ],
)
def test_a_filter_that_fits_no_queue_is_refused(api: Api, filter_: str, message: str) -> None:
    """CT-271, whether or not there are queues."""
    assert api.refusal("list_queues", parent=api.parent, filter=filter_) == Refusal(InvalidArgument, message)


EMAIL = "a@example.com"


@pytest.fixture
def targets(api: Api) -> Api:
    """Queues with HTTP targets of several kinds, one with an empty one, and one without."""
    api.queue("empty", http_target={})
    api.queue(
        "full",
        http_target={
            "uri_override": {
                "scheme": "HTTPS",
                "host": "example.net",
                "port": 8443,
                "path_override": {"path": "/path"},
            },
            "http_method": "PUT",
            "header_overrides": [{"header": {"key": "X-Other"}}, {"header": {"key": "X-Custom", "value": "v"}}],
            "oidc_token": {"service_account_email": EMAIL, "audience": "https://example.net/"},
        },
    )
    api.queue("none")
    api.queue("oauth", http_target={"oauth_token": {"service_account_email": EMAIL}, "http_method": "POST"})
    return api


@pytest.mark.parametrize(
    ("filter_", "found"),
    [
        pytest.param("http_target.http_method > POST", ["full"], id="CT-261"),
        pytest.param("http_target.uri_override.host: example", ["full"], id="CT-262 host"),
        pytest.param("http_target.uri_override.path_override.path: path", ["full"], id="CT-262 path"),
        pytest.param("http_target.oidc_token.audience: EXAMPLE", ["full"], id="CT-262 audience"),
        pytest.param("httpTarget.uriOverride.port >= 8443", ["full"], id="CT-263"),
        pytest.param("http_target: *", ["empty", "full", "oauth"], id="CT-266 target"),
        pytest.param("http_target.uri_override: *", ["full"], id="CT-266 override"),
        pytest.param("http_target.uri_override.host: *", ["full"], id="CT-266 host"),
        pytest.param("http_target.uri_override.path_override: *", ["full"], id="CT-266 path"),
        pytest.param("http_target.header_overrides: *", ["full"], id="CT-266 headers"),
        pytest.param("http_target.oidc_token: *", ["full"], id="CT-266 OIDC"),
        pytest.param("http_target.oauth_token: *", ["oauth"], id="CT-266 OAuth"),
        pytest.param("http_target.http_method = HTTP_METHOD_UNSPECIFIED", ["empty", "none"], id="CT-267 method"),
        pytest.param(
            "http_target.uri_override.scheme = SCHEME_UNSPECIFIED", ["empty", "none", "oauth"], id="CT-267 scheme"
        ),
        pytest.param(
            "http_target.uri_override.uri_override_enforce_mode = URI_OVERRIDE_ENFORCE_MODE_UNSPECIFIED",
            ["empty", "full", "none", "oauth"],
            id="CT-267 mode",
        ),
        pytest.param("http_target.header_overrides.header.key: X-Custom", ["full"], id="CT-268"),
        pytest.param("http_target.header_overrides.header.value = w", [], id="CT-268 value"),
    ],
)
def test_a_filter_looks_into_http_targets(targets: Api, filter_: str, found: list[str]) -> None:
    assert _found(targets, filter_) == found


def test_a_page_token_is_of_one_filter(queues: Api) -> None:
    """CT-054, CT-055."""
    page = {"parent": queues.parent, "filter": "state: RUNNING", "page_size": 2}
    first = queues.call("list_queues", **page)
    assert (len(first.queues), bool(first.next_page_token)) == (2, True)
    second = queues.call("list_queues", **page, page_token=first.next_page_token)
    assert ([queue.name for queue in second.queues], bool(second.next_page_token)) == ([queues.name(TUNED)], True)
    last = queues.call("list_queues", **page, page_token=second.next_page_token)
    assert (len(last.queues), last.next_page_token) == (0, "")
    for other in ("state: PAUSED", "", " "):
        request = {"parent": queues.parent, "filter": other, "page_token": first.next_page_token}
        assert queues.refusal("list_queues", **request) == BAD_TOKEN
    without = queues.call("list_queues", parent=queues.parent, page_size=1).next_page_token
    assert queues.refusal("list_queues", **page, page_token=without) == BAD_TOKEN


def test_of_many_queues_those_that_are_found_come_in_several_pages() -> None:
    """CT-056: each looks at a thousand, so that no other call waits long for it."""
    store = Store(parse_database("memory:"), Events())
    try:
        api = Api(inprocess.client(TASKS, Calls(store, ManualClock(), Policy())), Heard(), "projects/p/locations/l")
        for number in range(1100):
            api.queue(f"q{number:04}")
        api.call("pause_queue", name=api.name("q1050"))
        first = api.call("list_queues", parent=api.parent, filter="state: PAUSED")
        assert (len(first.queues), bool(first.next_page_token)) == (0, True)
        pager = api.client.list_queues(request={"parent": api.parent, "filter": "state: PAUSED"})
        assert [queue.name for queue in pager] == [api.name("q1050")]
    finally:
        store.close()
