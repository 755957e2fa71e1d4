from copy import deepcopy
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gcptasks.base.errors import InvalidArgument
from gcptasks.base.names import parse_location, parse_queue
from gcptasks.engine import queues
from gcptasks.engine.model import NewQueue, Queue, QueueState, RateLimits, RetryConfig
from gcptasks.engine.quotas import Quotas

NAME = parse_queue("projects/p/locations/l/queues/q")
NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)
SECOND = 1_000_000_000
RATES = {field.name for field in fields(RateLimits)}
RETRIES = {field.name for field in fields(RetryConfig)}
NOTHING_RATES = RateLimits(max_dispatches_per_second=0, max_concurrent_dispatches=0)
NOTHING_RETRY = RetryConfig(
    max_attempts=0, max_retry_duration_ns=0, min_backoff_ns=0, max_backoff_ns=0, max_doublings=0
)


def new_queue(*, parent: str = "projects/p/locations/l", sampling_ratio: float = 0.0, **given: Any) -> NewQueue:
    rates = {name: value for name, value in given.items() if name in RATES}
    retries = {name: value for name, value in given.items() if name in RETRIES}
    assert len(rates) + len(retries) == len(given)
    return NewQueue(
        parent=parse_location(parent),
        name=NAME,
        rate_limits=replace(NOTHING_RATES, **rates),
        retry_config=replace(NOTHING_RETRY, **retries),
        sampling_ratio=sampling_ratio,
    )


def test_the_name_of_a_deleted_queue_is_blocked_for_a_week() -> None:
    """CT-033."""
    assert queues.QUEUE_NAME_BLOCK.total_seconds() == 7 * 86400


@pytest.mark.parametrize("quotas", Quotas)
def test_a_queue_with_nothing_set_has_googles_defaults(quotas: Quotas) -> None:
    """CT-030, CT-044, CT-243, CT-L16."""
    queue = queues.create(new_queue(), quotas)
    assert queue == queues.defaults(NAME) == Queue(name=NAME)
    assert queue.state is QueueState.RUNNING
    assert queue.rate_limits == RateLimits(max_dispatches_per_second=500, max_concurrent_dispatches=1000)
    assert queue.retry_config == RetryConfig(
        max_attempts=100,
        max_retry_duration_ns=0,
        min_backoff_ns=SECOND // 10,
        max_backoff_ns=3600 * SECOND,
        max_doublings=16,
    )
    assert queue.purged_at is None
    assert queue.sampling_ratio == 0


KEPT: list[Any] = [
    pytest.param({"max_dispatches_per_second": 500.0}, id="CT-034 at the limit"),
    pytest.param({"max_dispatches_per_second": 0.001}, id="CT-217 a fraction"),
    pytest.param({"max_concurrent_dispatches": 5000}, id="CT-036 at the limit"),
    pytest.param({"max_attempts": -1}, id="CT-248 no limit"),
    pytest.param({"min_backoff_ns": 1_234_567_891, "max_backoff_ns": 10_987_654_321}, id="CT-049 to the nanosecond"),
    pytest.param({"min_backoff_ns": SECOND, "max_backoff_ns": SECOND}, id="CT-043 at the limit"),
    pytest.param({"max_retry_duration_ns": 60 * SECOND}, id="CT-252 whole"),
    pytest.param({"sampling_ratio": 0.25}, id="CT-046"),
    pytest.param({"sampling_ratio": 1.0}, id="CT-046 at the limit"),
]


@pytest.mark.parametrize("given", KEPT)
def test_what_is_set_is_kept_and_the_rest_filled_in(given: dict[str, Any]) -> None:
    queue = queues.create(new_queue(**given), Quotas.GOOGLE)
    rates = {name: value for name, value in given.items() if name in RATES}
    retries = {name: value for name, value in given.items() if name in RETRIES}
    assert queue.rate_limits == replace(RateLimits(), **rates)
    assert queue.retry_config == replace(RetryConfig(), **retries)
    assert queue.sampling_ratio == given.get("sampling_ratio", 0.0)


RATE_LIMIT = "RateLimits.maxDispatchesPerSecond must be less than or equal to 500."
RATE_SIGN = "RateLimits.maxDispatchesPerSecond cannot be negative."
RATE_NUMBER = "RateLimits.maxDispatchesPerSecond must be a finite number."
OPEN_LIMIT = "RateLimits.maxConcurrentDispatches must be less than or equal to 5000."
OPEN_SIGN = "RateLimits.maxConcurrentDispatches cannot be negative."
RATIO = "sampling_ratio must be between 0.0 and 1.0."
BACKOFFS = "RetryConfig.minBackoff must be less than or equal to RetryConfig.maxBackoff."
WHOLE = "RetryConfig.max_retry_duration.nanos cannot be set."
PARENT = "projects/p/locations/l/queues/q must begin with projects/p/locations/other."

UPPER_LIMITS: list[Any] = [
    pytest.param({"max_dispatches_per_second": 500.1}, RATE_LIMIT, id="CT-034"),
    pytest.param({"max_dispatches_per_second": 1e300}, RATE_LIMIT, id="CT-034 far above"),
    pytest.param({"max_concurrent_dispatches": 5001}, OPEN_LIMIT, id="CT-036"),
]
REFUSED: list[Any] = [
    pytest.param({"parent": "projects/p/locations/other"}, PARENT, id="CT-024 another location"),
    pytest.param({"max_dispatches_per_second": -0.1}, RATE_SIGN, id="CT-035"),
    pytest.param({"max_dispatches_per_second": float("nan")}, RATE_NUMBER, id="CT-035 no number"),
    pytest.param({"max_concurrent_dispatches": -1}, OPEN_SIGN, id="CT-037"),
    pytest.param({"max_attempts": -2}, "RetryConfig.maxAttempts must be greater or equal to -1.", id="CT-040"),
    pytest.param({"max_doublings": -1}, "RetryConfig.maxDoublings cannot be negative.", id="CT-041"),
    pytest.param({"min_backoff_ns": -5}, "RetryConfig.minBackoff cannot be negative.", id="CT-042"),
    pytest.param({"min_backoff_ns": 20 * SECOND, "max_backoff_ns": 10 * SECOND}, BACKOFFS, id="CT-043"),
    pytest.param({"min_backoff_ns": 3601 * SECOND}, BACKOFFS, id="CT-043 against the default"),
    pytest.param({"sampling_ratio": 1.5}, RATIO, id="CT-046"),
    pytest.param({"sampling_ratio": -0.5}, RATIO, id="CT-046 negative"),
    pytest.param({"sampling_ratio": float("nan")}, RATIO, id="CT-046 no number"),
    pytest.param({"max_backoff_ns": -1}, "RetryConfig.maxBackoff cannot be negative.", id="CT-247"),
    pytest.param(
        {"max_retry_duration_ns": -SECOND},
        "RetryConfig.max_retry_duration.seconds cannot be negative.",
        id="CT-251",
    ),
    pytest.param({"max_retry_duration_ns": 30_900_000_000}, WHOLE, id="CT-252"),
]


@pytest.mark.parametrize(("given", "text"), REFUSED + UPPER_LIMITS)
def test_a_refusal_has_googles_text_and_no_details(given: dict[str, Any], text: str) -> None:
    """CT-253, CT-259."""
    new = new_queue(**given)
    before = repr(deepcopy(new))
    with pytest.raises(InvalidArgument) as refused:
        queues.create(new, Quotas.GOOGLE)
    assert refused.value.message == text
    assert refused.value.details == ()
    assert repr(new) == before


@pytest.mark.parametrize(("given", "text"), REFUSED)
def test_without_quotas_the_other_refusals_stand(given: dict[str, Any], text: str) -> None:
    """CT-L17."""
    with pytest.raises(InvalidArgument) as refused:
        queues.create(new_queue(**given), Quotas.NONE)
    assert refused.value.message == text


@pytest.mark.parametrize(("given", "text"), UPPER_LIMITS)
def test_without_quotas_the_upper_limits_are_gone(given: dict[str, Any], text: str) -> None:
    """CT-L17."""
    queue = queues.create(new_queue(**given), Quotas.NONE)
    assert queue.rate_limits == replace(RateLimits(), **given)
    assert queue.retry_config == RetryConfig()


def test_an_endless_rate_is_refused_without_quotas_too() -> None:
    with pytest.raises(InvalidArgument) as refused:
        queues.create(new_queue(max_dispatches_per_second=float("inf")), Quotas.NONE)
    assert refused.value.message == RATE_NUMBER


@pytest.mark.parametrize(
    ("rate", "burst"),
    [(0.5, 10), (2, 10), (10, 10), (54, 10), (77, 15), (100, 20), (333, 66), (500, 100), (5000, 1000)],
)
def test_the_burst_follows_the_rate(rate: float, burst: int) -> None:
    """CT-039."""
    assert queues.burst_size(rate) == burst


def test_the_burst_of_any_rate_fits_googles_message() -> None:
    """CT-L17: it is an int32 there."""
    assert queues.burst_size(1e300) == 2**31 - 1


@pytest.mark.parametrize("state", QueueState)
def test_pause_and_resume_change_the_state_alone(state: QueueState) -> None:
    """CT-073, CT-075, CT-076, CT-244."""
    queue = Queue(name=NAME, state=state, sampling_ratio=0.5, purged_at=NOW)
    assert queues.paused(queue) == replace(queue, state=QueueState.PAUSED)
    assert queues.resumed(queue) == replace(queue, state=QueueState.RUNNING)
    assert queue.state is state


@pytest.mark.parametrize("state", QueueState)
def test_a_purge_leaves_its_time_and_the_state(state: QueueState) -> None:
    """CT-080, CT-083."""
    queue = Queue(name=NAME, state=state)
    assert queues.purged(queue, NOW) == replace(queue, purged_at=NOW)
    assert queue.purged_at is None
