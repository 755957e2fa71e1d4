"""What a new queue is given, keeps and refuses (section 3 of the contract)."""

import math
from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import AlreadyExists, FailedPrecondition, InvalidArgument
from google.cloud.tasks_v2 import Queue
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from service.service_world import Api, Refusal


def _new(name: str, **more: Any) -> Queue:
    """What a queue with nothing set looks like."""
    return Queue(
        name=name,
        rate_limits={"max_dispatches_per_second": 500, "max_burst_size": 100, "max_concurrent_dispatches": 1000},
        retry_config={
            "max_attempts": 100,
            "min_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(hours=1),
            "max_doublings": 16,
        },
        state=Queue.State.RUNNING,
        **more,
    )


def _refusal(api: Api, **fields: Any) -> Refusal:
    return api.refusal("create_queue", parent=api.parent, queue={"name": api.name(), **fields})


def test_a_queue_with_only_a_name_gets_googles_defaults_and_shows_nothing_else(api: Api) -> None:
    """CT-030, CT-048, CT-243."""
    made = api.queue()
    assert made == _new(api.name())
    assert api.call("get_queue", name=api.name()) == made


@pytest.mark.parametrize(
    "fields",
    [
        {"rate_limits": {"max_dispatches_per_second": 0, "max_concurrent_dispatches": 0}},
        {
            "retry_config": {
                "max_attempts": 0,
                "max_doublings": 0,
                "min_backoff": timedelta(0),
                "max_backoff": timedelta(0),
                "max_retry_duration": timedelta(0),
            }
        },
        {"stackdriver_logging_config": {"sampling_ratio": 0}},
        {"state": Queue.State.PAUSED, "purge_time": Timestamp(seconds=1)},
        {"rate_limits": {"max_burst_size": -1}},
        {"rate_limits": {"max_burst_size": 400}},
    ],
    ids=["CT-044 rates", "CT-044 retries", "CT-046 ratio", "CT-045 state", "CT-038 negative burst", "CT-038 burst"],
)
def test_what_is_zero_or_the_services_own_counts_as_left_out(api: Api, fields: dict[str, Any]) -> None:
    assert api.queue(**fields) == _new(api.name())


def test_a_queue_comes_back_as_it_was_set(api: Api) -> None:
    """CT-248."""
    rates = {"max_dispatches_per_second": 10, "max_concurrent_dispatches": 5}
    retries = {
        "max_attempts": 5,
        "max_retry_duration": timedelta(seconds=60),
        "min_backoff": timedelta(seconds=1),
        "max_backoff": timedelta(seconds=10),
        "max_doublings": 3,
    }
    made = api.queue(rate_limits=rates, retry_config=retries)
    assert made == Queue(
        name=api.name(), rate_limits={**rates, "max_burst_size": 10}, retry_config=retries, state=Queue.State.RUNNING
    )
    assert api.call("get_queue", name=api.name()) == made


def test_no_limit_on_attempts_leaves_the_other_settings_alone(api: Api) -> None:
    """CT-248."""
    expected = _new(api.name())
    expected.retry_config.max_attempts = -1
    assert api.queue(retry_config={"max_attempts": -1}) == expected


def test_backoffs_are_kept_to_the_nanosecond(api: Api) -> None:
    """CT-049."""
    low, high = Duration(seconds=1, nanos=234_567_891), Duration(seconds=10, nanos=987_654_321)
    api.queue(retry_config={"min_backoff": low, "max_backoff": high})
    kept = Queue.pb(api.call("get_queue", name=api.name())).retry_config
    assert (kept.min_backoff, kept.max_backoff) == (low, high)


@pytest.mark.parametrize(
    ("rate", "burst"), [(0.5, 10), (2, 10), (10, 10), (54, 10), (77, 15), (100, 20), (333, 66), (500, 100)]
)
def test_the_burst_size_follows_from_the_rate(api: Api, rate: float, burst: int) -> None:
    """CT-039."""
    limits = api.queue(rate_limits={"max_dispatches_per_second": rate}).rate_limits
    assert (limits.max_dispatches_per_second, limits.max_burst_size) == (rate, burst)


@pytest.mark.parametrize("ratio", [0.25, 1])
def test_a_sampling_ratio_comes_back(api: Api, ratio: float) -> None:
    """CT-046."""
    expected = _new(api.name(), stackdriver_logging_config={"sampling_ratio": ratio})
    assert api.queue(stackdriver_logging_config={"sampling_ratio": ratio}) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"rate_limits": {"max_dispatches_per_second": 500, "max_concurrent_dispatches": 5000}},
        {"retry_config": {"min_backoff": timedelta(seconds=7), "max_backoff": timedelta(seconds=7)}},
    ],
    ids=["CT-034 CT-036 rates", "CT-043 backoffs"],
)
def test_the_limits_themselves_are_allowed(api: Api, fields: dict[str, Any]) -> None:
    api.queue(**fields)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_dispatches_per_second": 500.1}, "RateLimits.maxDispatchesPerSecond must be less than or equal to 500."),
        ({"max_dispatches_per_second": -0.1}, "RateLimits.maxDispatchesPerSecond cannot be negative."),
        ({"max_concurrent_dispatches": 5001}, "RateLimits.maxConcurrentDispatches must be less than or equal to 5000."),
        ({"max_concurrent_dispatches": -1}, "RateLimits.maxConcurrentDispatches cannot be negative."),
    ],
    ids=["CT-034", "CT-035", "CT-036", "CT-037"],
)
def test_rates_outside_of_the_limits_are_refused(api: Api, limits: dict[str, Any], message: str) -> None:
    """Without details (CT-253)."""
    assert _refusal(api, rate_limits=limits) == Refusal(InvalidArgument, message)


WRONG_RETRIES = [
    pytest.param({"max_attempts": -2}, "maxAttempts must be greater or equal to -1.", id="CT-040"),
    pytest.param({"max_doublings": -1}, "maxDoublings cannot be negative.", id="CT-041"),
    pytest.param({"min_backoff": Duration(nanos=-5)}, "minBackoff cannot be negative.", id="CT-042"),
    pytest.param(
        {"min_backoff": timedelta(seconds=2), "max_backoff": timedelta(seconds=1)},
        "minBackoff must be less than or equal to RetryConfig.maxBackoff.",
        id="CT-043",
    ),
    pytest.param({"max_backoff": timedelta(seconds=-1)}, "maxBackoff cannot be negative.", id="CT-247"),
    pytest.param(
        {"max_retry_duration": timedelta(seconds=-1)}, "max_retry_duration.seconds cannot be negative.", id="CT-251"
    ),
    pytest.param(
        {"max_retry_duration": timedelta(seconds=30.9)}, "max_retry_duration.nanos cannot be set.", id="CT-252"
    ),
]


@pytest.mark.parametrize(("retries", "message"), WRONG_RETRIES)
def test_wrong_retry_settings_are_refused(api: Api, retries: dict[str, Any], message: str) -> None:
    """CT-253."""
    assert _refusal(api, retry_config=retries) == Refusal(InvalidArgument, f"RetryConfig.{message}")


@pytest.mark.parametrize(("retries", "message"), WRONG_RETRIES)
def test_the_retry_settings_of_a_task_are_checked_alike(api: Api, retries: dict[str, Any], message: str) -> None:
    """CT-294."""
    queue = api.queue().name
    assert api.no_task(queue, retry_config=retries) == Refusal(InvalidArgument, f"RetryConfig.{message}")


@pytest.mark.parametrize("ratio", [1.5, -0.5, math.nan])
def test_a_sampling_ratio_is_a_ratio(api: Api, ratio: float) -> None:
    """CT-046, CT-253."""
    message = "sampling_ratio must be between 0.0 and 1.0."
    assert _refusal(api, stackdriver_logging_config={"sampling_ratio": ratio}) == Refusal(InvalidArgument, message)


def test_a_refused_queue_is_not_made(api: Api) -> None:
    _refusal(api, rate_limits={"max_dispatches_per_second": -1})
    assert list(api.call("list_queues", parent=api.parent).queues) == []


def test_a_queue_that_exists_cannot_be_made(api: Api) -> None:
    """CT-031, CT-259."""
    made = api.queue(rate_limits={"max_dispatches_per_second": 7})
    assert _refusal(api) == Refusal(AlreadyExists, "Queue already exists")
    assert api.call("get_queue", name=api.name()) == made


def test_the_name_of_a_queue_that_was_deleted_cannot_be_used_again_yet(api: Api) -> None:
    """CT-032, CT-259."""
    api.queue()
    api.call("delete_queue", name=api.name())
    message = "The queue cannot be created because a queue with this name existed too recently."
    assert _refusal(api) == Refusal(FailedPrecondition, message)
    assert api.queue("other").name == api.name("other")
