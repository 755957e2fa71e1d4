from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.engine import rates
from gcptasks.engine.model import RateLimits
from gcptasks.engine.rates import Bucket

NOW = datetime(2030, 1, 2, 3, 4, 5, 678901, UTC)


def at_rate(rate: float) -> RateLimits:
    return RateLimits(max_dispatches_per_second=rate)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("tokens", "rate", "seconds", "whole"),
    [
        pytest.param(0, 10, 0, 0, id="CT-212 no time, no tokens"),
        pytest.param(0, 10, 0.5, 5, id="CT-212 refills at the rate"),
        pytest.param(0, 10, 3600, 10, id="CT-212 holds the burst"),
        pytest.param(0, 500, 3600, 100, id="CT-213 the burst of 500"),
        pytest.param(0, 0.5, 1.999999, 0, id="CT-217 not yet"),
        pytest.param(0, 0.5, 2, 1, id="CT-217 one every two seconds"),
        pytest.param(3, 10, -3600, 3, id="clock set back"),
        pytest.param(100, 10, 0, 10, id="CT-067 a smaller burst"),
        pytest.param(100, 10, -1, 10, id="CT-067 a smaller burst, clock set back"),
        pytest.param(10, 500, 0, 10, id="CT-067 a larger burst fills in time"),
    ],
)
def test_a_bucket_after_some_time(tokens: float, rate: float, seconds: float, whole: int) -> None:
    bucket = rates.refilled(Bucket(tokens, NOW), at_rate(rate), after(seconds))
    assert rates.whole_tokens(bucket) == whole
    assert bucket.at == after(seconds)


def test_a_new_queue_starts_with_the_burst() -> None:
    """CT-212."""
    assert rates.full(at_rate(500), NOW) == Bucket(100, NOW)
    assert rates.full(at_rate(0.5), NOW) == Bucket(10, NOW)


def test_what_is_taken_is_gone() -> None:
    bucket = rates.taken(rates.full(at_rate(10), NOW), 10)
    assert rates.whole_tokens(bucket) == 0
    assert rates.next_at(bucket, at_rate(10)) == after(0.1)


def test_after_a_clock_was_set_back_tokens_come_at_the_rate_again() -> None:
    empty = rates.taken(rates.full(at_rate(10), NOW), 10)
    back = rates.refilled(empty, at_rate(10), after(-86400))
    assert rates.whole_tokens(back) == 0
    assert rates.next_at(back, at_rate(10)) == after(-86400 + 0.1)
    assert rates.whole_tokens(rates.refilled(back, at_rate(10), after(-86400 + 0.1))) == 1


def test_a_token_that_is_there_is_there_now() -> None:
    assert rates.next_at(Bucket(1, NOW), at_rate(0.001)) == NOW


@pytest.mark.parametrize(("tokens", "seconds"), [(0, 2.0), (0.25, 1.5), (0.75, 0.5), (-1, 4.0)])
def test_part_of_a_token_shortens_the_wait(tokens: float, seconds: float) -> None:
    assert rates.next_at(Bucket(tokens, NOW), at_rate(0.5)) == after(seconds)


@pytest.mark.parametrize("rate", [1e-5, 1e-9, 5e-324])
def test_a_rate_of_less_than_one_a_day_is_looked_at_daily(rate: float) -> None:
    bucket = Bucket(0, NOW)
    assert rates.next_at(bucket, at_rate(rate)) == NOW + timedelta(days=1)


@given(
    rate=st.floats(1 / 80_000, 1e9),
    tokens=st.floats(-1e-9, 1, exclude_max=True),
    before=st.integers(0, 10**6),
)
def test_a_token_is_there_when_promised(rate: float, tokens: float, before: int) -> None:
    limits = at_rate(rate)
    bucket = rates.refilled(Bucket(tokens, NOW), limits, NOW + timedelta(microseconds=before))
    promised = rates.next_at(bucket, limits)
    assert rates.whole_tokens(rates.refilled(bucket, limits, promised)) >= 1


@dataclass
class ExactBucket:
    """A bucket in fractions: it holds the burst, starts full and fills at the rate (CT-212)."""

    tokens: Fraction

    def pass_time(self, microseconds: int, rate: float) -> None:
        burst = max(10, int(Fraction(rate) / 5))
        gained = Fraction(rate) * max(microseconds, 0) / 10**6
        self.tokens = min(self.tokens + gained, Fraction(burst))


MOVES = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 10_000_000), st.integers(-10_000_000, 0)),
        st.sampled_from([0.1, 0.5, 3.0, 10.0, 54.0, 333.0, 500.0]),
        st.integers(0, 200),
    ),
    max_size=40,
)


@given(moves=MOVES)
def test_a_bucket_agrees_with_exact_fractions(moves: list[tuple[int, float, int]]) -> None:
    """CT-212, CT-217, over any passing of time, changes of the rate and clocks set back."""
    now = NOW
    bucket = rates.full(at_rate(10), now)
    exact = ExactBucket(Fraction(10))
    for microseconds, rate, wanted in moves:
        now += timedelta(microseconds=microseconds)
        bucket = rates.refilled(bucket, at_rate(rate), now)
        exact.pass_time(microseconds, rate)
        whole = rates.whole_tokens(bucket)
        near = Fraction(1, 10**6)
        assert max(int(exact.tokens - near), 0) <= whole <= int(exact.tokens + near)
        n = min(wanted, whole)
        bucket = rates.taken(bucket, n)
        exact.tokens -= n


@given(rate=st.floats(0.1, 2000), steps=st.lists(st.integers(0, 500_000), min_size=1, max_size=100))
def test_no_more_is_sent_than_the_burst_and_the_rate_allow(rate: float, steps: list[int]) -> None:
    """CT-213, and never much less: whoever takes all it can gets what the rate gives."""
    limits = at_rate(rate)
    now, bucket, sent = NOW, rates.full(limits, NOW), 0
    for step in steps:
        now += timedelta(microseconds=step)
        bucket = rates.refilled(bucket, limits, now)
        sent += rates.whole_tokens(bucket)
        bucket = rates.taken(bucket, rates.whole_tokens(bucket))
    assert sent <= max(10, rate // 5) + rate * sum(steps) / 1e6 + 1e-6


def test_a_burst_that_is_set_is_what_the_bucket_holds() -> None:
    limits = RateLimits(max_dispatches_per_second=500, max_burst_size=3)
    assert rates.whole_tokens(rates.full(limits, NOW)) == 3
    assert rates.whole_tokens(rates.refilled(Bucket(0, NOW), limits, after(60))) == 3
