"""Tasks and jobs run when a test says so, by the clock that it moves."""

import asyncio
import unittest
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from google.api_core.exceptions import AlreadyExists, NotFound, ResourceExhausted
from google.cloud.scheduler_v1 import HttpTarget, Job, PubsubTarget
from google.cloud.tasks_v2 import AppEngineHttpRequest, Queue, RetryConfig, Task

from cloudtask.testing import AsyncTestTasks as AsyncTestTasksOfFunctions
from fastapi_gcp_tasks import DelayedRouter
from fastapi_gcp_tasks.testing import AsyncTestTasks, Outcome, TestTasks
from gcptasks.base.errors import SetupError
from testing.testing_shop import LOCATION, NOON, Order, Shop

CHILI = Order(dish="chili")


def test_nothing_runs_until_the_test_says_so(tasks: TestTasks, shop: Shop) -> None:
    shop.make_chili.delay(branch="Scranton", order=CHILI)
    assert shop.done == []
    [run] = tasks.drain()
    assert shop.done == ["chili in Scranton, retry 0"]
    assert (run.endpoint, run.arguments) == ("make_chili", {"branch": "Scranton", "order": CHILI})
    assert (run.attempt, run.status, run.outcome, run.error) == (1, 200, Outcome.SUCCEEDED, None)
    assert tasks.drain() == []


def test_what_a_task_enqueues_runs_too(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.delay(table=3)
    assert len(tasks.drain()) == 3
    assert shop.done == ["table 3", "table 2", "table 1"]


def test_a_task_that_fails_is_tried_again_after_its_backoff(tasks: TestTasks, shop: Shop) -> None:
    shop.broken = 3
    shop.make_chili.delay(branch="Utica", order=CHILI)
    [run] = tasks.drain()
    assert (run.status, run.outcome, run.next_at) == (500, Outcome.RETRYING, NOON + timedelta(seconds=0.1))
    assert isinstance(run.error, RuntimeError)
    assert run.reason == "RuntimeError: the stove is out"
    assert tasks.drain() == []
    runs = tasks.advance(seconds=1)
    after = [(run.ran_at - NOON).total_seconds() for run in runs]
    assert after == [0.1, 0.3, 0.7]
    assert [run.attempt for run in runs] == [2, 3, 4]
    assert shop.done == ["chili in Utica, retry 3"]
    assert tasks.now == NOON + timedelta(seconds=1)


def test_a_task_is_given_up_as_its_queue_says(tasks: TestTasks, shop: Shop) -> None:
    name = f"{LOCATION}/queues/kitchen"
    tasks.tasks_client().create_queue(parent=LOCATION, queue=Queue(name=name, retry_config=RetryConfig(max_attempts=2)))
    shop.broken = 5
    shop.make_chili.delay(branch="Utica", order=CHILI)
    assert [run.outcome for run in tasks.advance(hours=1)] == [Outcome.RETRYING, Outcome.GIVEN_UP]
    tasks.refute_enqueued()


def test_the_first_error_is_raised_if_the_test_wants_it(tasks: TestTasks, shop: Shop) -> None:
    shop.broken = 1
    shop.make_chili.delay(branch="Utica", order=CHILI)
    with pytest.raises(RuntimeError, match="the stove is out"):
        tasks.drain(raise_errors=True)
    with pytest.raises(ValueError, match="nobody is there"):
        tasks.run(shop.greet("nobody").sync_push(), raise_errors=True)


def test_an_answer_that_is_an_exception_of_fastapi_is_told(tasks: TestTasks, shop: Shop) -> None:
    shop.refuse.delay()
    [run] = tasks.drain()
    assert (run.status, run.outcome) == (409, Outcome.RETRYING)
    assert "409" in repr(run.error)


def test_tasks_run_in_the_order_in_which_they_are_due(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.options(countdown=120).delay()
    shop.make_chili.options(countdown=60).delay(branch="Utica", order=CHILI)
    asyncio.run(shop.greet("Kevin").push(at=NOON + timedelta(seconds=90)))
    shop.clean.scheduler(name="c", schedule="* * * * *").schedule()
    assert [(run.endpoint, run.ran_at - NOON) for run in tasks.advance(minutes=2)] == [
        ("make_chili", timedelta(minutes=1)),
        ("clean", timedelta(minutes=1)),
        ("greet", timedelta(seconds=90)),
        ("serve", timedelta(minutes=2)),
        ("clean", timedelta(minutes=2)),
    ]


def test_a_month_of_an_hourly_job(tasks: TestTasks, shop: Shop) -> None:
    job = shop.clean.scheduler(name="c", schedule="0 * * * *").schedule(room="hall")
    runs = tasks.advance(days=30)
    assert len(runs) == 720
    assert {(run.name, run.outcome, str(run.arguments)) for run in runs} == {
        (job.name, Outcome.SUCCEEDED, "{'room': 'hall'}")
    }
    assert shop.done == ["clean hall"] * 720


def test_a_job_is_run_at_once(tasks: TestTasks, shop: Shop) -> None:
    job = shop.clean.scheduler(name="c", schedule="0 0 1 1 *").schedule()
    shop.serve.delay()
    assert tasks.run(job).name == job.name
    assert shop.done == ["clean kitchen"]


def test_one_task_is_run_due_or_not(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.delay(table=1)
    late = shop.make_chili.options(countdown=3600).delay(branch="Utica", order=CHILI)
    assert tasks.run(late).endpoint == "make_chili"
    assert shop.done == ["chili in Utica, retry 0"]
    assert tasks.run(tasks.assert_enqueued(shop.serve)).succeeded
    with pytest.raises(NotFound, match=f"{late.name} has run already, was deleted or was never created"):
        tasks.run(late)
    with pytest.raises(TypeError, match="run takes a task that was created, or its full name, not 5"):
        tasks.run(5)
    for name in ("serve", f"{LOCATION}/queues/kitchen", f"{LOCATION}/jobs/"):
        with pytest.raises(ValueError, match=f"run takes .* as projects/P/locations/L/queues/Q/tasks/T, not '{name}'"):
            tasks.run(name)


def test_a_paused_queue_keeps_its_tasks(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.delay()
    client = tasks.tasks_client()
    client.pause_queue(name=f"{LOCATION}/queues/kitchen")
    assert tasks.advance(days=1) == []
    client.resume_queue(name=f"{LOCATION}/queues/kitchen")
    assert len(tasks.drain()) == 1


def test_a_task_that_creates_itself_anew_does_not_hold_the_test(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.delay(table=100)
    with pytest.raises(AssertionError, match=r"10 attempts ran, and more are due. The last was serve\(table=91\): att"):
        tasks.drain(limit=10)


def test_a_limit_that_is_just_enough_is_no_error(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.delay(table=3)
    assert len(tasks.drain(limit=3)) == 3
    shop.serve.options(countdown=60).delay(table=2)
    shop.clean.scheduler(name="clean", schedule="* * * * *").schedule()
    with pytest.raises(AssertionError, match="3 attempts ran, and more are due"):
        tasks.advance(minutes=2, limit=3)
    assert len(tasks.advance(to=NOON + timedelta(minutes=2), limit=1)) == 1
    with pytest.raises(ValueError, match="limit must be at least 1, not 0"):
        tasks.drain(limit=0)


def test_names_are_used_once(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.options(task_id="once").delay()
    with pytest.raises(AlreadyExists):
        shop.serve.options(task_id="once").delay()
    tasks.drain()
    with pytest.raises(AlreadyExists):
        shop.serve.options(task_id="once").delay()


def test_what_is_due_by_the_time_of_the_machine_is_due(shop: Shop) -> None:
    # The clock of the test stands still, and that of the machine goes on.
    with TestTasks(shop.app) as tasks:
        shop.serve.options(schedule_time=datetime.now(UTC)).delay()
        asyncio.run(shop.greet("Kevin").push(at=datetime.now(UTC)))
        assert len(tasks.drain()) == 2


def test_the_clock_is_set_and_does_not_go_back(tasks: TestTasks, shop: Shop) -> None:
    tasks.freeze(datetime(2020, 2, 29, tzinfo=UTC))
    shop.serve.options(countdown=60).delay()
    assert tasks.enqueued()[0].schedule_time == datetime(2020, 2, 29, 0, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="tasks or jobs wait already, so the clock cannot go back to 2019-01-01T00"):
        tasks.freeze(datetime(2019, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="advance goes forward, and 2019-01-01T00:00:00"):
        tasks.advance(to=datetime(2019, 1, 1, tzinfo=UTC))
    with pytest.raises(TypeError, match="a time must be a datetime, not '2031-05-05'"):
        tasks.advance(to=cast("datetime", "2031-05-05"))
    with pytest.raises(TypeError, match=r"advance\(to=…\) says it all"):
        tasks.advance(minutes=1, to=NOON)
    assert len(tasks.advance(to=datetime(2020, 3, 1, tzinfo=UTC))) == 1
    assert tasks.now == datetime(2020, 3, 1, tzinfo=UTC)


def test_other_time_is_moved_along(tasks: TestTasks, shop: Shop) -> None:
    class Time:
        def move_to(self, when: datetime) -> None:
            shown.append(when)

    shown: list[datetime] = []
    tasks.also_move(Time())
    shop.serve.options(countdown=60).delay()
    tasks.advance(minutes=2)
    assert shown == [NOON, NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)]


def test_what_was_sent_is_what_google_would_get(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.options(countdown=60, task_id="a").delay(table=7)
    queue, task = tasks.requests
    assert type(queue).__name__ == "CreateQueueRequest"
    assert task.parent == f"{LOCATION}/queues/kitchen"
    assert task.task.name == f"{LOCATION}/queues/kitchen/tasks/a"
    assert task.task.schedule_time == NOON + timedelta(seconds=60)
    assert task.task.http_request.url == "https://worker.example/kitchen/tasks/serve?table=7"


async def test_in_a_coroutine_it_is_awaited(shop: Shop) -> None:
    async with AsyncTestTasks(shop.app) as tasks:
        await shop.send_letter.delay(to="Toby")
        late = await shop.send_letter.options(countdown=60).delay(to="Jim")
        assert [run.arguments for run in await tasks.drain()] == [{"to": "Toby", "text": "hello"}]
        assert (await tasks.run(late)).succeeded
        await shop.greet("Kevin").push(at=tasks.now + timedelta(minutes=1))
        assert len(await tasks.advance(minutes=1, raise_errors=True)) == 1
    assert shop.done == ["letter to Toby: hello", "letter to Jim: hello", "hello Kevin"]
    assert AsyncTestTasksOfFunctions is AsyncTestTasks


@contextmanager
def _started(app: FastAPI) -> Generator[None]:
    """A block in which the app runs on an event loop of another thread, as by Starlette's TestClient."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(app.router.lifespan_context(app)):
        yield


@pytest.mark.parametrize("begun", [False, True], ids=["app not started", "app started"])
def test_an_endpoint_cannot_have_others_run(begun: bool) -> None:
    app = FastAPI()
    router = DelayedRouter(queue_path=f"{LOCATION}/queues/q", base_url="http://app.local")

    @router.post("/nested")
    def nested() -> None:
        kit.drain()

    app.include_router(router)
    with TestTasks(app) as kit, _started(app) if begun else nullcontext():
        nested.delay()
        nested.delay()
        runs = kit.drain()
        assert {str(run.error) for run in runs} == {
            "this kit runs tasks already, one after the other: an endpoint cannot have others run"
        }
        assert len(runs) == 2
        assert len(kit.advance(seconds=0.1)) == 2


async def test_the_kit_that_blocks_says_which_is_for_coroutines(tasks: TestTasks) -> None:
    with pytest.raises(SetupError, match="in a test that is a coroutine, use AsyncTestTasks"):
        tasks.drain()


def test_what_is_too_old_is_dropped(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.options(task_id="a").delay()
    tasks.tasks_client().pause_queue(name=f"{LOCATION}/queues/kitchen")
    tasks.advance(days=30)
    assert len(tasks.enqueued()) == 1
    tasks.advance(days=2)
    tasks.refute_enqueued()


def test_a_name_can_be_used_again_in_time(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.options(task_id="a").delay()
    tasks.drain()
    tasks.advance(days=40)
    shop.serve.options(task_id="a").delay()
    assert len(tasks.drain()) == 1


def test_many_tasks_at_once(tasks: TestTasks, shop: Shop) -> None:
    shop.serve.delay_many([{"table": 1}] * 3)
    assert [task.arguments for task in tasks.enqueued(shop.serve)] == [{"table": 1}] * 3
    tasks.refuse_next(ResourceExhausted("too many"))
    assert len(shop.serve.delay_many([{"table": 1}] * 3).failed) == 3
    assert len(tasks.drain()) == 3


def test_large_bodies_arrive(tasks: TestTasks, shop: Shop) -> None:
    large = Order(dish="x" * 50_000)
    shop.make_chili.delay(branch="Utica", order=large)
    tasks.assert_enqueued(shop.make_chili, order=large)
    assert tasks.drain(raise_errors=True)[0].arguments == {"branch": "Utica", "order": large}
    job = Job(
        name=f"{LOCATION}/jobs/large",
        schedule="* * * * *",
        http_target=HttpTarget(
            uri="http://x/kitchen/tasks/chili/Utica",
            headers={"content-type": "application/json"},
            body=large.model_dump_json().encode(),
        ),
    )
    tasks.scheduler_client().create_job(parent=LOCATION, job=job)
    assert [run.status for run in tasks.advance(minutes=1)] == [200]


def test_tasks_for_app_engine_and_messages_of_jobs(tasks: TestTasks, shop: Shop) -> None:
    request = AppEngineHttpRequest(relative_uri="/kitchen/tasks/serve?table=1")
    tasks.tasks_client().create_task(parent=f"{LOCATION}/queues/kitchen", task=Task(app_engine_http_request=request))
    assert tasks.assert_enqueued(shop.serve, table=1).url == "/kitchen/tasks/serve?table=1"
    topic = PubsubTarget(topic_name="projects/p/topics/t", data=b"hello")
    job = Job(name=f"{LOCATION}/jobs/publish", schedule="* * * * *", pubsub_target=topic)
    tasks.scheduler_client().create_job(parent=LOCATION, job=job)
    assert [run.status for run in tasks.advance(minutes=1)] == [200, 200]
    assert (shop.done, [message.data for message in tasks.published]) == (["table 1"], [b"hello"])


def test_a_test_case_of_unittest(shop: Shop) -> None:
    class Case(unittest.TestCase):
        def test_sync(self) -> None:
            with TestTasks(shop.app) as tasks:
                shop.serve.delay()
                assert len(tasks.drain()) == 1

    class AsyncCase(unittest.IsolatedAsyncioTestCase):
        async def test_async(self) -> None:
            async with AsyncTestTasks(shop.app) as tasks:
                await shop.send_letter.delay(to="Toby")
                assert len(await tasks.drain()) == 1

    result = unittest.TestResult()
    for case in (Case("test_sync"), AsyncCase("test_async")):
        case.run(result)
    assert (result.testsRun, result.failures, result.errors) == (2, [], [])
