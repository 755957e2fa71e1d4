"""The shop under test: both services in one process, and no queue service beside them."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from fastapi import HTTPException
from shop.schedules import put_jobs
from shop.tasks import Order, charge, confirm
from shop.web import place, send_confirmation

from fastapi_gcp_tasks import DoNotRetry
from fastapi_gcp_tasks.testing import AsyncTestTasks, Outcome, TestTasks

ORDER = Order(number=7, email="a@example.com", cents=1250)


def test_an_order_is_charged_when_the_bank_has_time(tasks: TestTasks) -> None:
    place(ORDER)
    tasks.assert_enqueued(charge, order={"number": 7})
    runs = tasks.drain() + tasks.advance(seconds=1)
    assert [(run.status, run.outcome) for run in runs] == [(503, Outcome.RETRYING), (200, Outcome.SUCCEEDED)]


def test_an_order_is_charged_once(tasks: TestTasks) -> None:
    place(ORDER)
    with pytest.raises(HTTPException, match="order 7 was placed before"):
        place(ORDER)
    assert len(tasks.enqueued(charge)) == 1


def test_an_order_that_is_declined_is_not_tried_again(tasks: TestTasks) -> None:
    place(ORDER.model_copy(update={"cents": 100_001}))
    [run] = tasks.drain()
    assert isinstance(run.error, DoNotRetry)
    tasks.refute_enqueued()


def test_an_order_is_given_up_after_five_retries(tasks: TestTasks) -> None:
    for _ in range(5):
        tasks.next_attempt(charge).answers(500)
    place(ORDER)
    assert [run.status for run in tasks.advance(hours=1)] == [500] * 5 + [200]


async def test_a_confirmation_is_sent_in_a_second(tasks: AsyncTestTasks) -> None:
    await send_confirmation(7, "a@example.com")
    tasks.where(countdown=1).assert_enqueued(confirm, number=7, to="a@example.com")
    assert await tasks.drain() == []
    assert len(await tasks.advance(seconds=1, raise_errors=True)) == 1


async def test_reports_are_written_on_weekdays_and_at_the_beginning_of_a_month(tasks: AsyncTestTasks) -> None:
    tasks.freeze(datetime(2030, 1, 28, tzinfo=UTC))  # a Monday
    await put_jobs()
    runs = await tasks.advance(weeks=1, raise_errors=True)
    kinds = Counter(run.arguments["kind"] for run in runs if run.arguments is not None)
    assert kinds == {"daily": 5, "monthly": 1}
