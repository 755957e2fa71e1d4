"""What goes wrong when a test wants it to."""

from typing import Any

import pytest
from google.api_core.exceptions import DeadlineExceeded, ResourceExhausted, ServiceUnavailable

from fastapi_gcp_tasks.testing import Outcome, TestTasks
from testing.testing_shop import Order, Shop

CHILI = Order(dish="chili")


def test_an_attempt_is_answered_without_the_endpoint(tasks: TestTasks, shop: Shop) -> None:
    tasks.next_attempt(shop.serve, table=1).answers(503)
    shop.serve.delay(table=1)
    [run] = tasks.drain()
    assert (run.status, run.outcome, run.reason, shop.done) == (503, Outcome.RETRYING, "the test says so", [])
    assert [run.attempt for run in tasks.advance(minutes=1)] == [2]
    assert shop.done == ["table 1"]


def test_an_attempt_times_out_though_the_endpoint_ran(tasks: TestTasks, shop: Shop) -> None:
    tasks.next_attempt(shop.serve).times_out()
    shop.serve.delay(table=1)
    assert [(run.status, run.outcome) for run in tasks.drain()] == [(504, Outcome.RETRYING)]
    tasks.advance(minutes=1)
    assert shop.done == ["table 1", "table 1"]


def test_a_task_is_delivered_twice(tasks: TestTasks, shop: Shop) -> None:
    tasks.next_attempt("greet", name="Kevin").comes_twice()
    shop.greet("Oscar").sync_push()
    shop.greet("Kevin").sync_push()
    assert len(tasks.drain()) == 2
    assert shop.done == ["hello Oscar", "hello Kevin", "hello Kevin"]
    tasks.refute_enqueued()


def test_a_task_comes_after_all_others(tasks: TestTasks, shop: Shop) -> None:
    tasks.next_attempt(shop.make_chili, branch="Utica").comes_last()
    shop.make_chili.delay(branch="Utica", order=CHILI)
    shop.greet("Kevin").sync_push()
    shop.make_chili.delay(branch="Scranton", order=CHILI)
    tasks.drain()
    assert shop.done == ["hello Kevin", "chili in Scranton, retry 0", "chili in Utica, retry 0"]


def test_each_fault_happens_once_in_the_order_in_which_it_was_planned(tasks: TestTasks, shop: Shop) -> None:
    tasks.next_attempt(shop.serve).answers(503)
    tasks.next_attempt(shop.serve).answers(429)
    shop.serve.delay(table=1)
    assert [run.status for run in tasks.advance(minutes=1)] == [503, 429, 200]


@pytest.mark.parametrize("error", ["no", ResourceExhausted], ids=["text", "class"])
def test_what_is_no_error_is_refused(tasks: TestTasks, error: Any) -> None:
    with pytest.raises(TypeError, match="refuse_next takes an error, such as ResourceExhausted"):
        tasks.refuse_next(error)


def test_a_status_that_is_none_is_refused(tasks: TestTasks, shop: Shop) -> None:
    with pytest.raises(ValueError, match="status must be one of HTTP, such as 503, not 5"):
        tasks.next_attempt(shop.serve).answers(5)
    with pytest.raises(TypeError, match="serve takes no argument 'tabel'"):
        tasks.next_attempt(shop.serve, tabel=1)


def test_the_service_refuses_one_call(tasks: TestTasks, shop: Shop) -> None:
    tasks.refuse_next(ResourceExhausted("too many"))
    with pytest.raises(ResourceExhausted, match="too many"):
        shop.serve.delay()
    shop.serve.delay()
    assert len(tasks.enqueued()) == 1


async def test_the_service_is_down(tasks: TestTasks, shop: Shop) -> None:
    with tasks.service_down():
        with pytest.raises(ServiceUnavailable):
            shop.serve.delay()
        with pytest.raises(ServiceUnavailable):
            await shop.send_letter.delay(to="Toby")
        with pytest.raises(ServiceUnavailable):
            shop.clean.scheduler(name="c", schedule="* * * * *").schedule()
    tasks.refute_enqueued()
    shop.serve.delay()
    assert len(tasks.enqueued()) == 1


async def test_a_slow_service_has_the_task_though_its_caller_does_not_know(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.delay()
    with tasks.service_slow():
        with pytest.raises(DeadlineExceeded):
            shop.serve.delay(table=2)
        with pytest.raises(DeadlineExceeded):
            await shop.send_letter.delay(to="Toby")
    assert [task.endpoint for task in tasks.enqueued()] == ["serve", "serve", "send_letter"]


def test_an_attempt_at_a_job_fails_too(tasks: TestTasks, shop: Shop) -> None:
    tasks.next_attempt(shop.clean, room="hall").answers(503)
    tasks.next_attempt("clean").times_out()
    shop.clean.scheduler(name="c", schedule="0 0 * * *").schedule(room="hall")
    runs = tasks.advance(days=1)
    assert [(run.attempt, run.status) for run in runs] == [(1, 503), (2, 504), (3, 200)]
    assert shop.done == ["clean hall"] * 2


def test_the_jobs_are_listed(tasks: TestTasks, shop: Shop) -> None:
    shop.clean.scheduler(name="b", schedule="0 0 * * *").schedule()
    shop.clean.scheduler(name="a", schedule="0 7 * * mon").schedule(room="hall")
    assert [(job.name.rpartition("/")[2], job.schedule) for job in tasks.jobs] == [
        ("a", "0 7 * * mon"),
        ("b", "0 0 * * *"),
    ]
