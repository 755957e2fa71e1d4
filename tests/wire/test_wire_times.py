from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gcptasks.base.epoch import EPOCH
from gcptasks.wire import times
from gcptasks.wire.cloud_tasks.messages import Task
from gcptasks.wire.common import Duration, Timestamp

ANY_TIME = st.datetimes(timezones=st.just(UTC))
INT64 = st.integers(-(2**63), 2**63 - 1)


@given(ANY_TIME)
def test_a_time_comes_back_as_it_was(at: datetime) -> None:
    message = Timestamp()
    times.put_datetime(message, at)
    assert times.datetime_of(message) == at
    assert 0 <= message.nanos < 1_000_000_000


@given(ANY_TIME)
def test_a_time_is_written_as_protobuf_itself_writes_it(at: datetime) -> None:
    ours, theirs = Timestamp(), Timestamp()
    times.put_datetime(ours, at)
    theirs.FromDatetime(at)
    assert ours == theirs


@given(ANY_TIME, st.integers(0, 999))
def test_nanoseconds_below_a_microsecond_are_cut(at: datetime, rest: int) -> None:
    message = Timestamp()
    times.put_datetime(message, at)
    message.nanos += rest
    assert times.datetime_of(message) == at


@pytest.mark.parametrize("seconds", [253_402_300_800, -62_135_596_801, 2**63 - 1, -(2**63)])
def test_a_time_that_no_datetime_holds_overflows(seconds: int) -> None:
    with pytest.raises(OverflowError):
        times.datetime_of(Timestamp(seconds=seconds))


@given(st.integers(-(2**63) * 10**9, (2**63 - 1) * 10**9))
def test_a_span_comes_back_to_the_nanosecond(ns: int) -> None:
    message = Duration()
    times.put_ns(message, ns)
    assert times.ns_of(message) == ns
    assert message.seconds * message.nanos >= 0, "both parts have one sign"


@given(INT64, st.integers(-(2**31), 2**31 - 1))
def test_any_span_can_be_read(seconds: int, nanos: int) -> None:
    assert times.ns_of(Duration(seconds=seconds, nanos=nanos)) == seconds * 10**9 + nanos


@given(st.timedeltas())
def test_a_timedelta_is_written_as_protobuf_itself_writes_it(span: timedelta) -> None:
    ours, theirs = Duration(), Duration()
    times.put_timedelta(ours, span)
    theirs.FromTimedelta(span)
    assert ours == theirs


def test_zero_counts_as_set() -> None:
    task = Task()
    times.put_datetime(task.schedule_time, EPOCH)
    times.put_timedelta(task.dispatch_deadline, timedelta(0))
    assert task.HasField("schedule_time")
    assert task.HasField("dispatch_deadline")
