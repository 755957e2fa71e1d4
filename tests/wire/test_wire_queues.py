from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.errors import ErrorInfo, Help, InvalidArgument, ServiceError
from gcptasks.base.names import LocationName, QueueName
from gcptasks.engine.model import AppEngineRouting, NewQueue, Queue, QueueState, RateLimits, RetryConfig
from gcptasks.wire import common
from gcptasks.wire.cloud_tasks import messages, queues
from gcptasks.wire.cloud_tasks.queues import ListQueues
from gcptasks.wire.times import ns_of

PARENT = "projects/shop/locations/europe-west1"
LOCATION = LocationName("shop", "europe-west1")
MAILS = QueueName(LOCATION, "mails")
NAME_HELP = Help(
    "Definition of queue name",
    "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#Queue.FIELDS.name",
)


def create(**queue: Any) -> messages.CreateQueueRequest:
    return json_format.ParseDict(
        {"parent": PARENT, "queue": {"name": f"{PARENT}/queues/mails", **queue}}, messages.CreateQueueRequest()
    )


def as_json(queue: Queue) -> dict[str, Any]:
    return json_format.MessageToDict(queues.queue_message(queue))


def test_a_queue_with_only_a_name_asks_for_nothing_else() -> None:
    """CT-044: what is left out is 0, for the rule to fill in."""
    assert queues.new_queue(create()) == NewQueue(
        parent=LOCATION,
        name=MAILS,
        rate_limits=RateLimits(max_dispatches_per_second=0, max_concurrent_dispatches=0),
        retry_config=RetryConfig(
            max_attempts=0, max_retry_duration_ns=0, min_backoff_ns=0, max_backoff_ns=0, max_doublings=0
        ),
    )


def test_every_setting_arrives_as_sent() -> None:
    """CT-042, CT-049, CT-251, CT-252: wrong and fractional spans too, since the rule refuses them."""
    new = queues.new_queue(
        create(
            rateLimits={"maxDispatchesPerSecond": 0.5, "maxConcurrentDispatches": -1, "maxBurstSize": -1},
            retryConfig={
                "maxAttempts": -1,
                "maxRetryDuration": "30.9s",
                "minBackoff": "-0.000000005s",
                "maxBackoff": "10.987654321s",
                "maxDoublings": -2,
            },
            stackdriverLoggingConfig={"samplingRatio": 1.5},
        )
    )
    assert new.rate_limits == RateLimits(max_dispatches_per_second=0.5, max_concurrent_dispatches=-1)
    assert new.retry_config == RetryConfig(
        max_attempts=-1,
        max_retry_duration_ns=30_900_000_000,
        min_backoff_ns=-5,
        max_backoff_ns=10_987_654_321,
        max_doublings=-2,
    )
    assert new.sampling_ratio == 1.5


def test_a_new_queue_shows_its_settings_and_nothing_else() -> None:
    """CT-030, CT-039, CT-048, CT-243"""
    assert as_json(Queue(name=MAILS)) == {
        "name": f"{PARENT}/queues/mails",
        "rateLimits": {"maxDispatchesPerSecond": 500.0, "maxBurstSize": 100, "maxConcurrentDispatches": 1000},
        "retryConfig": {"maxAttempts": 100, "minBackoff": "0.100s", "maxBackoff": "3600s", "maxDoublings": 16},
        "state": "RUNNING",
    }


def test_a_queue_shows_all_that_was_set() -> None:
    """CT-046, CT-049, CT-080, CT-248"""
    shown = as_json(
        Queue(
            name=MAILS,
            rate_limits=RateLimits(max_dispatches_per_second=10, max_concurrent_dispatches=5),
            retry_config=RetryConfig(
                max_attempts=-1,
                max_retry_duration_ns=60_000_000_000,
                min_backoff_ns=1_234_567_891,
                max_backoff_ns=10_987_654_321,
                max_doublings=3,
            ),
            state=QueueState.PAUSED,
            purged_at=datetime(2026, 7, 1, 12, 0, 0, 250_001, UTC),
            sampling_ratio=0.25,
        )
    )
    assert shown == {
        "name": f"{PARENT}/queues/mails",
        "rateLimits": {"maxDispatchesPerSecond": 10.0, "maxBurstSize": 10, "maxConcurrentDispatches": 5},
        "retryConfig": {
            "maxAttempts": -1,
            "maxRetryDuration": "60s",
            "minBackoff": "1.234567891s",
            "maxBackoff": "10.987654321s",
            "maxDoublings": 3,
        },
        "state": "PAUSED",
        "purgeTime": "2026-07-01T12:00:00.250001Z",
        "stackdriverLoggingConfig": {"samplingRatio": 0.25},
    }


@pytest.mark.parametrize("parts", [{}, {"service": "s"}, {"service": "s", "version": "v", "instance": "0"}])
def test_a_queue_s_app_engine_routing_arrives_and_is_shown_with_its_host(parts: dict[str, str]) -> None:
    """CT-047, CT-123: also one that names nothing."""
    routing = AppEngineRouting(**parts)
    assert queues.new_queue(create(appEngineRoutingOverride=parts)).app_engine_routing_override == routing
    assert queues.new_queue(create()).app_engine_routing_override is None
    host = ".".join([*reversed(parts.values()), "shop.europe-west1.r.appspot.com"])
    shown = as_json(Queue(name=MAILS, app_engine_routing_override=routing))
    assert shown["appEngineRoutingOverride"] == {**parts, "host": host}


@pytest.mark.parametrize("state", QueueState)
def test_each_state_has_its_number(state: QueueState) -> None:
    assert as_json(replace(Queue(name=MAILS), state=state))["state"] == state


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        pytest.param(
            messages.CreateQueueRequest(parent=PARENT),
            InvalidArgument(
                'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".',
                NAME_HELP,
            ),
            id="CT-023 no queue",
        ),
        pytest.param(
            create(name=f"{PARENT}/queues"),
            InvalidArgument(
                'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".',
                NAME_HELP,
            ),
            id="CT-023 malformed",
        ),
        pytest.param(
            create(name=f"{PARENT}/queues/a_b"),
            InvalidArgument(
                'Queue ID "a_b" can contain only letters ([A-Za-z]), numbers ([0-9]), or hyphens (-). '
                "Queue ID must be between 1 and 100 characters.",
                Help("Definition of queue ID", NAME_HELP.url),
            ),
            id="CT-028",
        ),
        pytest.param(
            messages.CreateQueueRequest(queue=messages.Queue(name=f"{PARENT}/queues/mails")),
            InvalidArgument(
                "Invalid resource field value in the request.",
                ErrorInfo(
                    "RESOURCE_PROJECT_INVALID",
                    "googleapis.com",
                    {
                        "method": "google.cloud.tasks.v2.CloudTasks.CreateQueue",
                        "service": "cloudtasks.googleapis.com",
                    },
                ),
            ),
            id="CT-254",
        ),
        pytest.param(
            create(retryConfig={"maxBackoff": "9223372037s"}),
            InvalidArgument("RetryConfig.maxBackoff must be less than 9223372037s here."),
            id="a span that cannot be stored",
        ),
    ],
)
def test_create_refuses(request_: messages.CreateQueueRequest, error: ServiceError) -> None:
    with pytest.raises(type(error)) as refused:
        queues.new_queue(request_)
    assert (refused.value.message, refused.value.details) == (error.message, error.details)


@pytest.mark.parametrize("span", ["minBackoff", "maxBackoff", "maxRetryDuration"])
def test_the_longest_span_that_can_be_stored_is_taken(span: str) -> None:
    config = queues.new_queue(create(retryConfig={span: "9223372036.854775807s"})).retry_config
    assert 2**63 - 1 in (config.min_backoff_ns, config.max_backoff_ns, config.max_retry_duration_ns)


@pytest.mark.parametrize("verb", ["Get", "Delete", "Pause", "Resume", "Purge"])
def test_a_request_names_its_queue(verb: str) -> None:
    make = getattr(messages, f"{verb}QueueRequest")
    assert queues.queue_name(make(name=f"{PARENT}/queues/mails")) == MAILS


@pytest.mark.parametrize("verb", ["Get", "Delete", "Pause", "Resume", "Purge"])
def test_a_request_without_a_name_is_refused_with_its_method(verb: str) -> None:
    """CT-254"""
    with pytest.raises(InvalidArgument, match=r"^Invalid resource field value in the request\.$") as refused:
        queues.queue_name(getattr(messages, f"{verb}QueueRequest")())
    (detail,) = refused.value.details
    assert isinstance(detail, ErrorInfo)
    assert detail.metadata["method"] == f"google.cloud.tasks.v2.CloudTasks.{verb}Queue"


def test_a_list_names_its_location_and_page() -> None:
    request = messages.ListQueuesRequest(parent=PARENT, page_size=-3, page_token="t")
    assert queues.list_queues(request) == ListQueues(parent=LOCATION, page_size=-3, page_token="t")


def test_a_list_without_a_parent_is_refused() -> None:
    """CT-254"""
    with pytest.raises(InvalidArgument, match=r"^Invalid resource field value in the request\.$"):
        queues.list_queues(messages.ListQueuesRequest())


def test_a_filter_that_fits_no_queue_is_refused_rather_than_passed_over() -> None:
    with pytest.raises(InvalidArgument, match=r"^Field not found: 'colour'\.$"):
        queues.list_queues(messages.ListQueuesRequest(parent=PARENT, filter="colour: red"))


def test_a_page_of_queues_keeps_their_order() -> None:
    found = [Queue(name=QueueName(LOCATION, name)) for name in ("b", "a", "c")]
    page = queues.queue_list(found, "more")
    assert list(page.queues) == [queues.queue_message(queue) for queue in found]
    assert page.next_page_token == "more"


INT32 = st.integers(-(2**31), 2**31 - 1)
SPAN = st.builds(
    common.Duration,
    seconds=st.integers(-(2**63), 2**63 - 1) | st.integers(-10_000_000_000, 10_000_000_000),
    nanos=INT32,
)


@given(
    st.builds(messages.RateLimits, max_dispatches_per_second=st.floats(), max_concurrent_dispatches=INT32),
    st.builds(
        messages.RetryConfig,
        max_attempts=INT32,
        max_retry_duration=SPAN,
        min_backoff=SPAN,
        max_backoff=SPAN,
        max_doublings=INT32,
    ),
)
def test_any_numbers_are_handed_on_or_refused(limits: messages.RateLimits, retries: messages.RetryConfig) -> None:
    request = messages.CreateQueueRequest(
        parent=PARENT, queue=messages.Queue(name=str(MAILS), rate_limits=limits, retry_config=retries)
    )
    spans = [ns_of(span) for span in (retries.min_backoff, retries.max_backoff, retries.max_retry_duration)]
    if max(spans) >= 2**63:
        with pytest.raises(InvalidArgument, match="must be less than 9223372037s here"):
            queues.new_queue(request)
        return
    config = queues.new_queue(request).retry_config
    assert [config.min_backoff_ns, config.max_backoff_ns, config.max_retry_duration_ns] == spans
    assert (config.max_attempts, config.max_doublings) == (retries.max_attempts, retries.max_doublings)
