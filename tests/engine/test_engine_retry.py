from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.engine import retry
from gcptasks.engine.model import RetryConfig

SECOND = 1_000_000_000
FIRST = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)


def config(low: float, high: float, doublings: int) -> RetryConfig:
    return RetryConfig(min_backoff_ns=int(low * SECOND), max_backoff_ns=int(high * SECOND), max_doublings=doublings)


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        pytest.param(config(1, 7, 1), [1, 2, 4, 6, 7, 7], id="CT-199 as measured"),
        pytest.param(config(10, 300, 3), [10, 20, 40, 80, 160, 240, 300, 300], id="CT-200 as documented"),
        pytest.param(config(2, 9, 0), [2, 4, 6, 8, 9], id="CT-201 no doublings"),
        pytest.param(config(0.1, 3600, 16), [0.1, 0.2, 0.4, 0.8, 1.6, 3.2], id="CT-030 the defaults"),
        pytest.param(config(5, 5, 16), [5, 5, 5], id="CT-043 equal"),
    ],
)
def test_the_waits_are_those_recorded(settings: RetryConfig, seconds: list[float]) -> None:
    waits = [retry.delay_ns(settings, n) for n in range(1, len(seconds) + 1)]
    assert waits == [round(s * SECOND) for s in seconds]


def waits_told_in_words(low: int, high: int, doublings: int) -> Iterator[int]:
    """The rule step by step: double so many times, then add the same step for ever (CT-199)."""
    wait, step = low, 0
    for _ in range(doublings):
        yield min(wait, high)
        wait *= 2
    step = wait
    while True:
        yield min(wait, high)
        wait += step


@given(
    low=st.integers(1, 10**13),
    above=st.integers(0, 10**15),
    doublings=st.integers(0, 80),
    retries=st.integers(1, 200),
)
def test_the_waits_agree_with_the_rule_told_in_words(low: int, above: int, doublings: int, retries: int) -> None:
    """CT-199 to CT-201."""
    settings = RetryConfig(min_backoff_ns=low, max_backoff_ns=low + above, max_doublings=doublings)
    expected = list(islice(waits_told_in_words(low, low + above, doublings), retries))
    assert [retry.delay_ns(settings, n) for n in range(1, retries + 1)] == expected


@given(
    retry_number=st.integers(10**6, 10**12),
    doublings=st.integers(10**6, 10**12),
    low=st.integers(1, 4 * 10**20),
)
def test_huge_numbers_end_at_the_longest_wait(retry_number: int, doublings: int, low: int) -> None:
    """Without computing two to the power of a million."""
    settings = RetryConfig(min_backoff_ns=low, max_backoff_ns=4 * 10**20, max_doublings=doublings)
    assert retry.delay_ns(settings, retry_number) == 4 * 10**20


def requests_sent(max_attempts: int, duration: int, backoff: float, at_most: int = 20) -> int:
    settings = RetryConfig(max_attempts=max_attempts, max_retry_duration_ns=duration * SECOND)
    for attempt in range(1, at_most):
        failed_at = FIRST + timedelta(seconds=backoff * (attempt - 1))
        if retry.gives_up(settings, attempt, FIRST, failed_at):
            return attempt
    return at_most


@pytest.mark.parametrize(
    ("max_attempts", "duration", "backoff", "requests"),
    [
        pytest.param(3, 0, 1, 3, id="CT-202 two retries"),
        pytest.param(1, 0, 1, 1, id="CT-202 no retry"),
        pytest.param(-1, 0, 1, 20, id="CT-203 and CT-207"),
        pytest.param(-1, 3, 2, 3, id="CT-204 just over"),
        pytest.param(-1, 4, 2, 3, id="CT-204 at the limit"),
        pytest.param(-1, 5, 2, 4, id="CT-204 just under"),
        pytest.param(2, 3, 2, 3, id="CT-205 the time decides"),
        pytest.param(4, 1, 1, 4, id="CT-205 the number decides"),
        pytest.param(3, 0, 1000, 3, id="CT-206 the number alone"),
        pytest.param(-1, 1, 1000, 2, id="CT-206 the time alone"),
    ],
)
def test_a_task_is_given_up_after_so_many_requests(
    max_attempts: int, duration: int, backoff: float, requests: int
) -> None:
    assert requests_sent(max_attempts, duration, backoff) == requests


def test_the_time_is_not_used_up_a_microsecond_before() -> None:
    """CT-204."""
    settings = RetryConfig(max_attempts=-1, max_retry_duration_ns=86400 * SECOND)
    end = FIRST + timedelta(days=1)
    assert retry.gives_up(settings, 5, FIRST, end)
    assert not retry.gives_up(settings, 5, FIRST, end - timedelta(microseconds=1))


def test_a_clock_set_back_does_not_use_up_the_time() -> None:
    settings = RetryConfig(max_attempts=-1, max_retry_duration_ns=3 * SECOND)
    assert not retry.gives_up(settings, 5, FIRST, FIRST - timedelta(days=1))


def test_members_left_out_take_googles_defaults() -> None:
    """Those of a new queue (CT-030), not those of its own queue (CT-295)."""
    nothing = RetryConfig(max_attempts=0, max_retry_duration_ns=0, min_backoff_ns=0, max_backoff_ns=0, max_doublings=0)
    assert retry.stored(nothing) == RetryConfig()
    assert retry.stored(replace(nothing, max_attempts=3)) == RetryConfig(max_attempts=3)
