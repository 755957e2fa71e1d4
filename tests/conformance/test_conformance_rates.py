"""How many requests a queue sends, and when (section 18 of the contract)."""

from datetime import timedelta

import pytest
from google.cloud.tasks_v2 import Queue

from conformance.conformance_tasks import TaskApi
from gcptasks.base.events import AttemptFailed
from service.service_world import Place, Worker

A_MOMENT = 0.000001


@pytest.fixture
def probe(worker: Worker) -> Place:
    return worker.place()


@pytest.mark.parametrize(("rate", "burst", "every"), [(0.5, 10, 2), (0.001, 10, 1000), (500, 100, 0.002)])
def test_a_backlog_goes_as_the_burst_and_then_at_the_rate(
    tasks: TaskApi, place: Place, probe: Place, rate: float, burst: int, every: float
) -> None:
    """CT-212, CT-213, CT-217: to the microsecond."""
    queue = tasks.paused(rate_limits={"max_dispatches_per_second": rate})
    made = [tasks.task(queue, url=place.url).name.rpartition("/")[2] for _ in range(burst + 4)]
    tasks.call("resume_queue", name=queue)
    assert tasks.begun(queue, burst, probe) == made[:burst]
    for count in (burst + 1, burst + 2):
        tasks.pass_time(every - A_MOMENT)
        assert tasks.begun(queue, 0, probe) == made[: count - 1]
        tasks.pass_time(A_MOMENT)
        assert tasks.begun(queue, count, probe) == made[:count]
    tasks.pass_time(2 * every)
    assert tasks.begun(queue, burst + 4, probe) == made


def test_an_idle_queue_saves_up_the_burst_and_no_more(tasks: TaskApi, place: Place, probe: Place) -> None:
    """CT-212, and neither slows down nor falls asleep (CT-218, CT-219, CT-L7)."""
    queue = tasks.queue(rate_limits={"max_dispatches_per_second": 2}).name
    for moment in (0, 60 * 86400):
        tasks.pass_time(moment)
        for _ in range(12):
            tasks.task(queue, url=place.url)
        sent = 10 if moment == 0 else 22
        assert len(tasks.begun(queue, sent, probe)) == sent
        tasks.pass_time(1)
        assert len(tasks.begun(queue, sent + 2, probe)) == sent + 2


def test_no_more_requests_are_open_than_the_queue_allows(tasks: TaskApi, place: Place, probe: Place) -> None:
    """CT-214, CT-216: those of RunTask are beside them."""
    place.gate.clear()
    queue = tasks.queue(rate_limits={"max_concurrent_dispatches": 3}).name
    made = [tasks.task(queue, url=place.url).name for _ in range(6)]
    assert len(tasks.begun(queue, 3, probe)) == 3
    tasks.pass_time(3600)
    assert len(tasks.begun(queue, 0, probe)) == 3
    tasks.call("run_task", name=made[5])
    assert tasks.begun(queue, 4, probe)[3:] == [made[5].rpartition("/")[2]]
    place.gate.set()
    for task in made:
        tasks.finished(task)
    assert len(tasks.begun(queue, 6, probe)) == 6


def test_run_task_may_be_called_as_often_as_one_likes(tasks: TaskApi, place: Place) -> None:
    """CT-154, CT-216, CT-L7: within one moment, whatever the rate is."""
    queue = tasks.paused(rate_limits={"max_dispatches_per_second": 0.001, "max_concurrent_dispatches": 1})
    for name in [tasks.task(queue, url=place.url).name for _ in range(61)]:
        tasks.call("run_task", name=name)
        tasks.finished(name)


def test_retries_wait_for_a_token_as_first_attempts_do(tasks: TaskApi, place: Place, probe: Place) -> None:
    """CT-215: ten attempts empty the bucket, whichever they are."""
    place.answers(*[500] * 10)
    retry = {"min_backoff": timedelta(seconds=1), "max_backoff": timedelta(seconds=1)}
    queue = tasks.queue(rate_limits={"max_dispatches_per_second": 0.01}, retry_config=retry).name
    name = tasks.task(queue, url=place.url).name
    for count in range(1, 11):
        failed = tasks.heard.wait(AttemptFailed, name, count)
        tasks.pass_time(1)
        assert failed.next_at == tasks.now
    tasks.pass_time(90 - A_MOMENT)
    assert len(tasks.begun(queue, 10, probe)) == 10
    tasks.pass_time(A_MOMENT)
    assert len(tasks.begun(queue, 11, probe)) == 11
    tasks.finished(name)


def test_a_retry_waits_for_a_place_as_a_first_attempt_does(
    tasks: TaskApi, place: Place, worker: Worker, probe: Place
) -> None:
    """CT-214, CT-215."""
    hanging = worker.place()
    hanging.gate.clear()
    place.answers(500)
    queue = tasks.queue(rate_limits={"max_concurrent_dispatches": 1}).name
    name = tasks.task(queue, url=place.url).name
    tasks.heard.wait(AttemptFailed, name)
    other = tasks.task(queue, url=hanging.url).name
    hanging.received()
    tasks.pass_time(60)
    assert len(tasks.begun(queue, 2, probe)) == 2
    hanging.gate.set()
    tasks.finished(other)
    tasks.finished(name)


@pytest.mark.parametrize("verb", ["pause_queue", "purge_queue"])
def test_a_queue_that_is_stopped_midway_sends_no_more(tasks: TaskApi, place: Place, probe: Place, verb: str) -> None:
    """CT-073, CT-213: and once it is resumed, or has new tasks, it has saved up tokens as any other."""
    queue = tasks.queue(rate_limits={"max_dispatches_per_second": 1}).name
    for _ in range(30):
        tasks.task(queue, url=place.url)
    assert len(tasks.begun(queue, 10, probe)) == 10
    tasks.pass_time(1)
    assert len(tasks.begun(queue, 11, probe)) == 11
    tasks.call(verb, name=queue)
    tasks.pass_time(3)
    assert len(tasks.begun(queue, 0, probe)) == 11
    if verb == "pause_queue":
        tasks.call("resume_queue", name=queue)
    else:
        for _ in range(10):
            tasks.task(queue, url=place.url)
    assert len(tasks.begun(queue, 14, probe)) == 14


def test_settings_that_change_midway_hold_from_then_on(tasks: TaskApi, place: Place, probe: Place) -> None:
    """CT-212, CT-214: what was saved up at the old rate is what there is, and the new burst fills at the new one."""
    queue = tasks.queue(rate_limits={"max_dispatches_per_second": 0.5}).name
    for _ in range(40):
        tasks.task(queue, url=place.url)
    assert len(tasks.begun(queue, 10, probe)) == 10
    tasks.pass_time(1)

    def update(**limits: float) -> None:
        tasks.call("update_queue", queue=Queue(name=queue, rate_limits=limits))

    update(max_dispatches_per_second=100)
    assert len(tasks.begun(queue, 0, probe)) == 10
    tasks.pass_time(0.005)
    assert len(tasks.begun(queue, 11, probe)) == 11
    tasks.pass_time(0.05)
    assert len(tasks.begun(queue, 16, probe)) == 16
    update(max_dispatches_per_second=0.001)
    tasks.pass_time(999)
    assert len(tasks.begun(queue, 0, probe)) == 16
    tasks.pass_time(1)
    assert len(tasks.begun(queue, 17, probe)) == 17
