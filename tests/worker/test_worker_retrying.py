"""What a task may say of its own retries."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cloudtask
import fastapi_gcp_tasks
from fastapi_gcp_tasks import dependencies
from gcptasks.worker.retrying import DoNotRetry, RetryLater


@pytest.mark.parametrize(
    ("after", "seconds"), [(0, 0), (1, 1), (1.2, 2), (timedelta(minutes=2), 120), (timedelta(microseconds=1), 1)]
)
def test_retry_later_says_whole_seconds_rounded_up(after: float | timedelta, seconds: int) -> None:
    assert RetryLater(after=after).seconds == seconds


@given(after=st.floats(min_value=0, max_value=1e9))
def test_it_is_never_sooner_than_was_asked_for(after: float) -> None:
    error = RetryLater(after)
    assert error.after.total_seconds() <= error.seconds < error.after.total_seconds() + 1


@pytest.mark.parametrize("after", [-1, float("nan"), float("inf"), 1e30, timedelta(seconds=-1), "5", None])
def test_what_is_no_span_is_refused_where_it_is_written(after: Any) -> None:
    with pytest.raises(ValueError, match=r"RetryLater\(after=…\) takes seconds or a timedelta, 0 or more, not"):
        RetryLater(after=after)


def test_both_packages_have_the_same_two() -> None:
    assert (cloudtask.RetryLater, cloudtask.DoNotRetry) == (RetryLater, DoNotRetry)
    assert (fastapi_gcp_tasks.RetryLater, fastapi_gcp_tasks.DoNotRetry) == (RetryLater, DoNotRetry)
    assert (dependencies.RetryLater, dependencies.DoNotRetry) == (RetryLater, DoNotRetry)
