"""Retries of jobs: how many, when, and which settings are refused."""

from datetime import timedelta
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.protobuf.duration_pb2 import Duration

from conformance.conformance_world import JobApi
from conformance.conftest import Opens
from gcptasks.base.events import JobAttemptFailed, JobAttemptStarted, JobAttemptSucceeded
from service.service_world import Place


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def retries(count: int = 0, window: float = 0, low: float = 0, high: float = 0, doublings: int = 0) -> dict[str, Any]:
    return {
        "retry_count": count,
        "max_retry_duration": seconds(window),
        "min_backoff_duration": seconds(low),
        "max_backoff_duration": seconds(high),
        "max_doublings": doublings,
    }


@pytest.mark.parametrize(
    ("config", "gaps"),
    [
        pytest.param(None, [], id="CS-133 no config"),
        pytest.param(retries(), [], id="CS-133 no limits"),
        pytest.param(retries(count=4), [5, 10, 20, 40], id="CS-134 and CS-144 four"),
        pytest.param(retries(count=5), [5, 10, 20, 40, 80], id="CS-134 and CS-144 five"),
        pytest.param(retries(window=30, low=4, high=10), [4, 8, 10], id="CS-137 and CS-190"),
        pytest.param(retries(window=32, low=4, high=10), [4, 8, 10, 10], id="CS-190 at the limit"),
        pytest.param(retries(count=3, window=20, low=4, high=10), [4, 8, 10], id="CS-138 the count decides"),
        pytest.param(retries(count=1, window=20, low=4, high=10), [4, 8], id="CS-138 the time decides"),
        pytest.param(
            retries(window=1500, low=10, high=300, doublings=3),
            [10, 20, 40, 80, 160, 240, 300, 300, 300],
            id="CS-145 and CS-147",
        ),
        pytest.param(retries(count=3, low=7, high=7), [7, 7, 7], id="CS-147 one value"),
        pytest.param(retries(window=1), [], id="CS-189 shorter than the wait"),
        pytest.param(retries(window=5), [5], id="CS-190 just long enough"),
    ],
)
def test_attempts_are_made_again_as_the_config_says(
    api: JobApi, place: Place, config: dict[str, Any] | None, gaps: list[float]
) -> None:
    # CS-133, CS-134, CS-137, CS-138, CS-144, CS-145, CS-147, CS-152 with CS-L17, CS-189, CS-190
    place.answers(*[500] * 20)
    api.job("0 9 * * *", http_target={"uri": place.url}, retry_config=config)
    assert api.gaps() == gaps
    # Afterwards it waits for the next scheduled time.
    assert api.next_at().isoformat() == "2026-10-02T09:00:00+00:00"


@pytest.mark.parametrize(
    ("config", "gaps"),
    [
        (retries(window=60, low=4, doublings=1), [4, 8, 10, 12, 14]),
        (retries(window=60, low=2, doublings=3), [2, 4, 8, 16, 18]),
        (retries(window=60, low=4, doublings=2), [4, 8, 16, 18]),
        (retries(window=60, low=4, high=9, doublings=1), [4, 8, 9, 9, 9, 9, 9]),
    ],
)
def test_the_waits_grow_as_measured_where_that_is_chosen(
    opens: Opens, place: Place, config: dict[str, Any], gaps: list[float]
) -> None:
    # CS-146, CS-L9
    api = opens(job_backoff="measured")
    place.answers(*[500] * 20)
    api.job("0 9 * * *", http_target={"uri": place.url}, retry_config=config)
    assert api.gaps() == gaps


def test_success_ends_the_retries_and_each_attempt_has_the_same_headers(api: JobApi, place: Place) -> None:
    # CS-148, CS-150, CS-151
    place.answers(500, 500)
    api.job("0 9 * * *", http_target={"uri": place.url}, retry_config=retries(count=5))
    api.run_next()
    for number in (1, 2):
        failed = api.wait(JobAttemptFailed, number)
        assert failed.next_at is not None
        api.at(failed.next_at)
    api.wait(JobAttemptSucceeded)
    first, second, third = (place.received().headers for _ in range(3))
    assert first == second == third
    api.run_next()
    assert api.count(JobAttemptStarted) == 4


def test_retries_end_at_the_next_scheduled_time(api: JobApi, place: Place) -> None:
    # CS-149
    place.answers(*[500] * 20)
    api.job("* * * * *", http_target={"uri": place.url}, retry_config=retries(count=5))
    assert api.gaps() == [5, 10, 20]
    assert api.next_at().isoformat() == "2026-10-01T00:02:00+00:00"


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(retries(count=0), id="CS-135 none"),
        pytest.param(retries(count=5), id="CS-135 most"),
        pytest.param(retries(doublings=20), id="CS-143"),
        pytest.param(retries(window=1), id="CS-189"),
        pytest.param(retries(low=3600), id="CS-140 at the limit"),
        pytest.param(retries(low=0.5, high=1.5), id="fractions of a second"),
    ],
)
def test_settings_of_retries_are_shown_as_sent(api: JobApi, config: dict[str, Any]) -> None:
    # CS-135, CS-140, CS-143, CS-189
    shown = api.job(retry_config=config).retry_config
    assert (shown.retry_count, shown.max_retry_duration) == (config["retry_count"], config["max_retry_duration"])
    assert shown.max_doublings == (config["max_doublings"] or 5)
    assert shown.min_backoff_duration == (config["min_backoff_duration"] or seconds(5))
    assert shown.max_backoff_duration == (config["max_backoff_duration"] or seconds(3600))


COUNT = "invalid retry count. The retry_count must be a positive integer less than 5: invalid argument"
ORDER = (
    "retryConfig.min_backoff_duration must be less than or equal to retryConfig.max_backoff_duration: invalid argument"
)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param(retries(count=6), COUNT, id="CS-135"),
        pytest.param(retries(count=-1), COUNT, id="CS-136"),
        pytest.param(
            retries(window=20.5), "retryConfig.max_retry_duration.nanos cannot be set: invalid argument", id="CS-139"
        ),
        pytest.param(retries(low=10, high=9), ORDER, id="CS-140"),
        pytest.param(retries(low=3601), ORDER, id="CS-140 against the default"),
        pytest.param(retries(high=4), ORDER, id="CS-140 the default against it"),
        pytest.param(
            retries(window=-1), "retryConfig.max_retry_duration.seconds cannot be negative: invalid argument", id="sign"
        ),
        pytest.param(
            retries(low=-1), "retryConfig.min_backoff_duration cannot be negative: invalid argument", id="sign of low"
        ),
        pytest.param(
            retries(high=-1), "retryConfig.max_backoff_duration cannot be negative: invalid argument", id="sign of high"
        ),
        pytest.param(
            retries(doublings=-1), "retryConfig.max_doublings cannot be negative: invalid argument", id="doublings"
        ),
    ],
)
def test_settings_of_retries_that_are_wrong_are_refused(api: JobApi, config: dict[str, Any], message: str) -> None:
    # CS-135, CS-136, CS-139, CS-140
    assert api.no_job(retry_config=config) == (InvalidArgument, message)


@pytest.mark.parametrize("field", ["max_retry_duration", "min_backoff_duration", "max_backoff_duration"])
def test_spans_of_retries_beyond_those_of_protobuf_are_refused(api: JobApi, field: str) -> None:
    # There would be no JSON for the job.
    longest, beyond = (Duration(seconds=315_576_000_000 + more) for more in (0, 1))
    assert api.job(retry_config={"max_backoff_duration": longest, field: longest}).retry_config
    # The least may not be above the most, which is said first.
    highest = beyond if field == "min_backoff_duration" else longest
    text = f"retryConfig.{field} must be 315576000000s at most: invalid argument"
    assert api.no_job(retry_config={"max_backoff_duration": highest, field: beyond}, job_id="other") == (
        InvalidArgument,
        text,
    )
