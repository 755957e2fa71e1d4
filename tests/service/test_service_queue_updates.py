"""What UpdateQueue changes, keeps and refuses (section 5 of the contract)."""

from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import FailedPrecondition, InvalidArgument
from google.cloud.tasks_v2 import Queue
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from service.service_rest import AsOverGrpc
from service.service_world import Api, Place, Refusal
from service.test_service_queue_calls import NO_QUEUE

TOO_RECENT = "The queue cannot be created because a queue with this name existed too recently."
SET: dict[str, Any] = {
    "rate_limits": {"max_dispatches_per_second": 10, "max_concurrent_dispatches": 5},
    "retry_config": {
        "max_attempts": 5,
        "max_retry_duration": timedelta(seconds=60),
        "min_backoff": timedelta(seconds=1),
        "max_backoff": timedelta(seconds=10),
        "max_doublings": 3,
    },
    "stackdriver_logging_config": {"sampling_ratio": 0.5},
    "app_engine_routing_override": {"service": "worker"},
}
"""All that can be set."""


def _update(api: Api, *paths: str, **fields: Any) -> Queue:
    """Update the queue `q` with a mask of these paths."""
    queue = {"name": api.name(), **fields}
    updated: Queue = api.call("update_queue", queue=queue, update_mask={"paths": paths})
    assert updated == _stored(api)
    return updated


def _replaced(api: Api, **fields: Any) -> Queue:
    """Update the queue `q` without a mask."""
    updated: Queue = api.call("update_queue", queue={"name": api.name(), **fields})
    assert updated == _stored(api)
    return updated


def _refusal(api: Api, *paths: str, **fields: Any) -> Refusal:
    return api.refusal("update_queue", queue={"name": api.name(), **fields}, update_mask={"paths": paths})


def _stored(api: Api) -> Queue:
    stored: Queue = api.call("get_queue", name=api.name())
    return stored


def _with(queue: Queue, **fields: Any) -> Queue:
    """The queue with these fields instead of its own."""
    changed = Queue(queue)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _defaults(api: Api) -> Queue:
    """What the queue `q` looks like with nothing set."""
    return _with(api.queue("with-the-defaults"), name=api.name())


def test_a_queue_that_is_not_there_is_made(api: Api) -> None:
    """CT-060."""
    limits = {"max_dispatches_per_second": 100}
    made = _replaced(api, rate_limits=limits, retry_config={"max_attempts": 3})
    assert (made.rate_limits.max_dispatches_per_second, made.rate_limits.max_burst_size) == (100, 20)
    assert (made.retry_config.max_attempts, made.state) == (3, Queue.State.RUNNING)


def test_of_a_queue_that_is_not_there_the_mask_says_what_is_not_the_default(api: Api) -> None:
    """CT-060."""
    made = _update(api, "retry_config.max_attempts", **SET)
    expected = _defaults(api)
    expected.retry_config.max_attempts = 5
    assert made == expected


def test_without_a_mask_what_is_left_out_goes_back_to_its_default(api: Api) -> None:
    """CT-061."""
    api.queue(**SET)
    replaced = _replaced(api, rate_limits={"max_concurrent_dispatches": 7})
    expected = _defaults(api)
    expected.rate_limits.max_concurrent_dispatches = 7
    assert replaced == expected


def test_a_mask_without_paths_changes_nothing(api: Api) -> None:
    """CT-061."""
    made = api.queue(**SET)
    assert _update(api, rate_limits={"max_dispatches_per_second": 99}) == made


def test_a_mask_without_paths_makes_a_queue_with_the_defaults(api: Api) -> None:
    """CT-060, CT-061."""
    assert _update(api, **SET) == _defaults(api)


def test_a_mask_changes_the_fields_that_it_names_and_no_others(api: Api) -> None:
    """CT-062, CT-039."""
    made = api.queue(**SET)
    change = {
        "rate_limits": {"max_dispatches_per_second": 333, "max_concurrent_dispatches": 99},
        "retry_config": {"max_attempts": -1, "max_doublings": 9},
    }
    updated = _update(api, "rate_limits.max_dispatches_per_second", "retry_config.max_attempts", **change)
    expected = Queue(made)
    expected.rate_limits.max_dispatches_per_second = 333
    expected.rate_limits.max_burst_size = 66
    expected.retry_config.max_attempts = -1
    assert updated == expected


def test_a_mask_that_names_a_whole_message_replaces_it(api: Api) -> None:
    """CT-062."""
    made = api.queue(**SET)
    updated = _update(api, "retry_config", retry_config={"max_attempts": 7})
    expected = _with(made, retry_config=_defaults(api).retry_config)
    expected.retry_config.max_attempts = 7
    assert updated == expected


def test_a_field_of_the_mask_that_was_not_sent_goes_back_to_its_default(api: Api) -> None:
    """CT-062."""
    made = api.queue(**SET)
    updated = _update(
        api, "rate_limits.max_dispatches_per_second", "retry_config.max_retry_duration", "app_engine_routing_override"
    )
    expected = Queue(made)
    expected.rate_limits.max_dispatches_per_second = 500
    expected.rate_limits.max_burst_size = 100
    del expected.retry_config.max_retry_duration
    del expected.app_engine_routing_override
    assert updated == expected


@pytest.mark.parametrize("path", ["stackdriver_logging_config", "stackdriver_logging_config.sampling_ratio"])
def test_the_ratio_of_logging_is_set_by_either_path(api: Api, path: str) -> None:
    """CT-282."""
    made = api.queue()
    config = {"sampling_ratio": 0.25}
    updated = _update(api, path, stackdriver_logging_config=config)
    assert updated == _with(made, stackdriver_logging_config=config)
    assert _update(api, path) == made


def test_the_routing_of_app_engine_is_set_by_its_parts(api: Api) -> None:
    """CT-047, CT-062."""
    api.queue(app_engine_routing_override={"service": "worker", "version": "v1"})
    updated = _update(
        api, "app_engine_routing_override.version", app_engine_routing_override={"version": "v2", "service": "no"}
    )
    routing = updated.app_engine_routing_override
    assert (routing.service, routing.version, routing.host.partition(".")[0]) == ("worker", "v2", "v2")


@pytest.mark.parametrize("paths", [("name", "state", "purge_time", "rate_limits.max_burst_size"), None])
def test_what_is_the_services_own_is_ignored(api: Api, paths: tuple[str, ...] | None) -> None:
    """CT-045, CT-064."""
    made = api.queue()
    change: dict[str, Any] = {
        "state": Queue.State.PAUSED,
        "purge_time": Timestamp(seconds=1),
        "rate_limits": {"max_burst_size": 400},
    }
    assert (_replaced(api, **change) if paths is None else _update(api, *paths, **change)) == made


def test_a_queue_that_is_paused_and_was_purged_stays_so(api: Api) -> None:
    """CT-064."""
    api.paused()
    purged = api.call("purge_queue", name=api.name())
    updated = _replaced(api, retry_config={"max_attempts": 7})
    assert (updated.state, updated.purge_time) == (Queue.State.PAUSED, purged.purge_time)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("bogus", "bogus"),
        ("rate_limits.bogus", "rate_limits.bogus"),
        ("http_target.bogus", "http_target.bogus"),
        ("rate_limits.max_dispatches_per_second.bogus", "rate_limits.max_dispatches_per_second.bogus"),
        (" state", " state"),
        ("", ""),
        ("*", "*"),
        ("state\0", "state\0"),
    ],
)
def test_a_mask_of_unknown_paths_is_refused_before_anything_is_made(api: Api, path: str, told: str) -> None:
    """CT-063, CT-273."""
    if path in ("", " state", "state\0") and isinstance(api.client, AsOverGrpc):
        pytest.skip("JSON writes no such mask")
    assert _refusal(api, "retry_config", path, **SET) == Refusal(InvalidArgument, f"Invalid mask: {told}")
    assert api.refusal("get_queue", name=api.name()) == NO_QUEUE


@pytest.mark.parametrize(
    "path",
    ["rateLimits.maxDispatchesPerSecond", "rate_limits.max_dispatches_per_second,retry_config.max_attempts"],
    ids=["camelCase", "joined by a comma"],
)
def test_over_grpc_a_path_is_written_as_in_protobuf(api: Api, path: str) -> None:
    """CT-273; over REST both mean what is asked for (CT-323)."""
    made = api.queue()
    if isinstance(api.client, AsOverGrpc):
        pytest.skip("JSON writes no such mask")
    assert _refusal(api, path, **SET) == Refusal(InvalidArgument, f"Invalid mask: {path}")
    assert _stored(api) == made


@pytest.mark.parametrize(
    ("paths", "fields", "message"),
    [
        (
            ["retry_config.min_backoff"],
            {"retry_config": {"min_backoff": timedelta(seconds=20)}},
            "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff.",
        ),
        (
            ["rate_limits"],
            {"rate_limits": {"max_dispatches_per_second": 501}},
            "RateLimits.maxDispatchesPerSecond must be less than or equal to 500.",
        ),
        (
            ["rate_limits.max_concurrent_dispatches"],
            {"rate_limits": {"max_concurrent_dispatches": -1}},
            "RateLimits.maxConcurrentDispatches cannot be negative.",
        ),
        (
            ["retry_config.max_retry_duration"],
            {"retry_config": {"max_retry_duration": Duration(seconds=1, nanos=5)}},
            "RetryConfig.max_retry_duration.nanos cannot be set.",
        ),
        (
            ["stackdriver_logging_config"],
            {"stackdriver_logging_config": {"sampling_ratio": 2}},
            "sampling_ratio must be between 0.0 and 1.0.",
        ),
    ],
    ids=["CT-043", "CT-034", "CT-037", "CT-252", "CT-046"],
)
def test_what_comes_of_an_update_is_checked_as_a_new_queue_is(
    api: Api, paths: list[str], fields: dict[str, Any], message: str
) -> None:
    """CT-065."""
    made = api.queue(**SET)
    assert _refusal(api, *paths, **fields) == Refusal(InvalidArgument, message)
    assert _stored(api) == made


def test_a_queue_that_was_deleted_cannot_be_made_by_an_update_yet(api: Api) -> None:
    """CT-032, CT-066."""
    api.queue()
    api.call("delete_queue", name=api.name())
    assert _refusal(api) == Refusal(FailedPrecondition, TOO_RECENT)
    assert api.refusal("update_queue", queue={"name": api.name()}) == Refusal(FailedPrecondition, TOO_RECENT)


def test_waiting_tasks_go_by_the_new_settings_at_once(api: Api, place: Place) -> None:
    """CT-008, CT-067, CT-L5."""
    place.gate.clear()
    queue = api.queue(rate_limits={"max_concurrent_dispatches": 1}).name
    tasks = [api.task(queue, url=place.url).name for _ in range(3)]
    place.received()
    assert place.idle
    _update(api, "rate_limits", rate_limits={"max_concurrent_dispatches": 3})
    place.received()
    place.received()
    place.gate.set()
    for task in tasks:
        api.finished(task)


def test_a_task_that_fails_is_tried_again_by_the_new_settings(api: Api, place: Place) -> None:
    """CT-067."""
    place.answers(500)
    place.gate.clear()
    queue = api.queue(retry_config={"min_backoff": timedelta(hours=1)}).name
    task = api.task(queue, url=place.url).name
    place.received()
    _update(api, "retry_config", retry_config={"min_backoff": timedelta(milliseconds=1)})
    place.gate.set()
    place.received()
    api.finished(task)
