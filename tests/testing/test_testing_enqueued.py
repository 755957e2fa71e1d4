"""Which tasks wait, and what a test is told of those that do not."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from google.cloud.tasks_v2 import HttpMethod, HttpRequest, Task

from fastapi_gcp_tasks.testing import TestTasks
from testing.testing_shop import LOCATION, NOON, Order, Shop

CHILI = Order(dish="chili")


def test_a_task_is_found_by_its_endpoint_and_some_of_its_arguments(tasks: TestTasks, shop: Shop) -> None:
    shop.make_chili.delay(branch="Scranton", order=CHILI)
    shop.make_chili.delay(branch="Utica", order=Order(dish="soup", hot=True))
    [found] = tasks.enqueued(shop.make_chili, branch="Scranton")
    assert found.arguments == {"branch": "Scranton", "order": CHILI}
    assert found.called is shop.make_chili
    assert (found.method, found.url) == ("POST", "https://worker.example/kitchen/tasks/chili/Scranton")
    assert (found.queue, found.schedule_time, found.attempts) == (f"{LOCATION}/queues/kitchen", NOON, 0)
    assert [one.arguments for one in tasks.enqueued(shop.make_chili)] == [
        {"branch": "Scranton", "order": CHILI},
        {"branch": "Utica", "order": Order(dish="soup", hot=True)},
    ]


def test_of_a_model_some_fields_are_enough(tasks: TestTasks, shop: Shop) -> None:
    shop.make_chili.delay(branch="Utica", order=Order(dish="soup", hot=True))
    assert tasks.assert_enqueued(shop.make_chili, order={"hot": True})
    tasks.refute_enqueued(shop.make_chili, order={"hot": False})
    tasks.refute_enqueued(shop.make_chili, order={"cold": True})


def test_a_function_and_an_async_endpoint_are_found_too(tasks: TestTasks, shop: Shop) -> None:
    asyncio.run(shop.greet("Kevin").push())
    asyncio.run(shop.send_letter.delay(to="Toby"))
    assert tasks.assert_enqueued(shop.greet, name="Kevin").endpoint == "greet"
    assert tasks.assert_enqueued(shop.send_letter, to="Toby").arguments == {"to": "Toby", "text": "hello"}


@pytest.mark.parametrize(("name", "takes"), [("make_chili", "branch, order"), ("greet", "name, at")])
def test_an_argument_that_no_task_of_the_name_takes_is_refused(tasks: TestTasks, name: str, takes: str) -> None:
    with pytest.raises(TypeError, match=f"{name} takes no argument 'brnch'; it takes {takes}$"):
        tasks.refute_enqueued(name, brnch="Utica")


def test_an_option_of_another_type_is_refused_at_once(tasks: TestTasks) -> None:
    seconds: Any = "60"
    with pytest.raises(TypeError, match="countdown must be a number of seconds, not '60'"):
        tasks.where(countdown=seconds)
    with pytest.raises(TypeError, match="dispatch_deadline must be a number of seconds, not '60'"):
        tasks.where(dispatch_deadline=seconds)
    with pytest.raises(TypeError, match="a time must be a datetime, not '2031-05-05'"):
        tasks.where(schedule_time=cast("datetime", "2031-05-05"))


def test_a_header_that_cloud_tasks_sets_is_no_argument(tasks: TestTasks, shop: Shop) -> None:
    with pytest.raises(
        TypeError, match=r"make_chili takes no argument 'x_cloudtasks_taskname'; it takes branch, order$"
    ):
        tasks.refute_enqueued(shop.make_chili, x_cloudtasks_taskname="monday")


@pytest.mark.parametrize("name", ["make_chili", "testing.testing_shop.Shop.__init__.<locals>.make_chili"])
def test_a_task_is_found_by_the_name_of_its_endpoint(tasks: TestTasks, shop: Shop, name: str) -> None:
    shop.make_chili.delay(branch="Scranton", order=CHILI)
    assert tasks.assert_enqueued(name, branch="Scranton")
    tasks.refute_enqueued("greet")
    tasks.refute_enqueued("shop.greet")


def test_a_failing_assertion_lists_what_waits_instead(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.delay(table=3)
    with pytest.raises(AssertionError) as caught:
        tasks.where(queue="kitchen").assert_enqueued(shop.make_chili, branch="Utica")
    task_id = tasks.enqueued()[0].task_id
    assert str(caught.value) == (
        "make_chili(branch='Utica') with queue='kitchen' is not enqueued. These wait:\n"
        f"  serve(table=3) in kitchen, due at 2030-01-01T12:00:00+00:00, task {task_id}"
    )


def test_a_failing_refutation_lists_what_it_found(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.delay(table=3)
    shop.serve.delay(table=4)
    with pytest.raises(AssertionError, match=r"serve\(table=4\) is enqueued. These wait:\n  serve\(table=4\) in kitch"):
        tasks.refute_enqueued(shop.serve, table=4)


def test_where_nothing_waits_the_assertion_says_so(tasks: TestTasks, shop: Shop) -> None:
    with pytest.raises(AssertionError, match=r"serve is not enqueued\. No task waits\."):
        tasks.assert_enqueued(shop.serve)


def test_a_task_is_found_by_its_options(tasks: TestTasks, shop: Shop) -> None:
    late = shop.serve.options(countdown=60, task_id="a", headers={"X-Tenant": "1"}, dispatch_deadline=20)
    late.delay(table=1)
    shop.serve.options(queue_path=f"{LOCATION}/queues/other").delay(table=2)
    for fitting in (
        tasks.where(countdown=60),
        tasks.where(schedule_time=NOON + timedelta(minutes=1)),
        tasks.where(schedule_time=(NOON + timedelta(minutes=1)).replace(tzinfo=None)),
        tasks.where(task_id="a"),
        tasks.where(headers={"x-tenant": "1"}),
        tasks.where(dispatch_deadline=20),
        tasks.where(dispatch_deadline=timedelta(seconds=20), queue="kitchen"),
    ):
        assert [one.arguments for one in fitting.enqueued()] == [{"table": 1}]
    for other in (tasks.where(queue="other"), tasks.where(queue=f"{LOCATION}/queues/other")):
        assert [one.arguments for one in other.enqueued(shop.serve)] == [{"table": 2}]
    tasks.where(countdown=62).refute_enqueued()
    tasks.where(headers={"X-Tenant": "2"}).refute_enqueued()
    tasks.where(task_id="b").refute_enqueued()


def test_what_is_done_or_deleted_waits_no_more(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.delay(table=1)
    gone = shop.serve.delay(table=9)
    tasks.tasks_client().delete_task(name=gone.name)
    tasks.refute_enqueued(shop.serve, table=9)
    tasks.drain()
    tasks.refute_enqueued()


def test_an_argument_that_the_endpoint_does_not_take_is_refused(tasks: TestTasks, shop: Shop) -> None:
    # Else a refutation of it would hold whatever is enqueued.
    with pytest.raises(TypeError, match="serve takes no argument 'tabel'; it takes table"):
        tasks.refute_enqueued(shop.serve, tabel=1)
    with pytest.raises(TypeError, match="greet takes no argument 'nam'; it takes name, at"):
        tasks.enqueued(shop.greet, nam="Kevin")


def test_what_is_no_task_of_the_app_is_refused(tasks: TestTasks) -> None:
    with pytest.raises(ValueError, match=r"the app has no task 'make_chilli'; its tasks are shop\.greet, testing"):
        tasks.refute_enqueued("make_chilli")
    with pytest.raises(TypeError, match="noon is no task: give an endpoint that is registered as one, a function of"):
        tasks.refute_enqueued(noon)
    with pytest.raises(TypeError, match="5 is no task"):
        tasks.enqueued(5)


def noon() -> None:
    """No task."""


def test_a_task_for_an_app_elsewhere_is_found(shop: Shop) -> None:
    other = Shop()
    with TestTasks(shop.app) as tasks:
        other.make_chili.delay(branch="Utica", order=CHILI)
        # The shop has the same paths; this kit is about one that serves nothing.
    with TestTasks(nothing) as tasks:
        other.make_chili.delay(branch="Utica", order=CHILI)
        asyncio.run(other.greet("Kevin").push())
        assert tasks.assert_enqueued(other.make_chili, branch="Utica").arguments == {"branch": "Utica", "order": CHILI}
        assert tasks.assert_enqueued(other.greet, name="Kevin")
        tasks.refute_enqueued(other.serve)


async def nothing(scope: object, receive: object, send: object) -> None:
    """An app that serves nothing."""


def test_what_nobody_knows_is_listed_by_its_url(tasks: TestTasks) -> None:
    queue = f"{LOCATION}/queues/raw"
    task = Task(http_request=HttpRequest(url="https://hooks.example/h", http_method=HttpMethod.PUT))
    tasks.tasks_client().create_task(parent=queue, task=task)
    [found] = tasks.enqueued()
    assert (found.endpoint, found.arguments) == ("PUT /h", None)
    with pytest.raises(AssertionError, match=r"PUT /h\(…\) in raw, due at"):
        tasks.refute_enqueued()


async def test_it_is_asked_in_a_coroutine_as_well(tasks: TestTasks, shop: Shop) -> None:
    await shop.send_letter.delay(to="Toby")
    assert tasks.assert_enqueued(shop.send_letter, to="Toby")
