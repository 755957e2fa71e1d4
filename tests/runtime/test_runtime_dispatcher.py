import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gcptasks.base.events import AttemptFailed, AttemptStarted, AttemptSucceeded
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import Reply
from gcptasks.runtime import dispatcher, lane
from gcptasks.runtime.targets.target import IsWanted, NotSent, always
from gcptasks.wire import common
from gcptasks.wire.cloud_tasks import messages
from runtime.runtime_doubles import RecordingTarget
from runtime.runtime_world import World, settled

SECOND = timedelta(seconds=1)


async def test_a_due_task_is_sent_and_gone(world: World) -> None:
    queue = world.queue()
    world.task(queue)
    await world.until(lambda: world.left(queue) == 0)
    assert [event.status for event in world.of(AttemptSucceeded)] == [200]
    assert len(world.target.sent) == 1


async def test_a_delayed_task_is_sent_when_it_is_due_and_not_before(world: World) -> None:
    queue = world.queue()
    world.task(queue, after=60 * SECOND)
    world.task(queue, after=30 * SECOND)
    for moved, sent in ((29.999, 0), (0.001, 1), (29.9, 1), (0.1, 2)):
        world.clock.advance(timedelta(seconds=moved))
        await world.until(lambda: len(world.target.sent) >= sent)  # noqa: B023  # awaited at once
        await settled()
        assert len(world.target.sent) == sent


async def test_a_task_far_ahead_is_on_disk_alone_and_still_sent_in_time(world: World) -> None:
    queue = world.queue()
    world.task(queue, after=timedelta(days=20))
    world.task(queue)
    await world.until(lambda: len(world.target.sent) == 1)
    world.clock.advance(timedelta(days=20) - SECOND)
    await settled()
    assert len(world.target.sent) == 1
    world.clock.advance(SECOND)
    await world.target.received(2)


async def test_a_failed_attempt_is_tried_again_after_its_backoff(world: World) -> None:
    """CT-164 to CT-168, CT-188."""
    world.target.answer = lambda request: Reply(status=503 if len(world.target.sent) == 1 else 200)
    queue = world.queue(retry_config=messages.RetryConfig(min_backoff=common.Duration(seconds=10)))
    name = world.task(queue)
    await world.until(lambda: bool(world.of(AttemptFailed)))
    task = world.get(name)
    assert task.schedule_time.ToDatetime() == (world.clock.now() + 10 * SECOND).replace(tzinfo=None)
    assert (task.dispatch_count, task.response_count) == (1, 0)
    assert task.last_attempt.response_status.message == "UNAVAILABLE(14): HTTP status code 503"
    world.clock.advance(9.9 * SECOND)
    await settled()
    assert len(world.target.sent) == 1
    world.clock.advance(0.1 * SECOND)
    await world.until(lambda: world.left(queue) == 0)
    headers = world.target.headers(1)
    assert headers["X-CloudTasks-TaskRetryCount"] == "1"
    assert headers["X-CloudTasks-TaskPreviousResponse"] == "503"


async def test_a_task_out_of_attempts_is_given_up(world: World) -> None:
    """CT-202, CT-208."""
    world.target.answer = lambda request: Reply(status=500)
    queue = world.queue(retry_config=messages.RetryConfig(max_attempts=2, min_backoff=common.Duration(seconds=1)))
    world.task(queue)
    await world.until(lambda: len(world.of(AttemptFailed)) == 1)
    world.clock.advance(SECOND)
    await world.until(lambda: world.left(queue) == 0)
    assert [event.next_at is None for event in world.of(AttemptFailed)] == [False, True]


async def test_no_more_attempts_are_open_than_the_queue_allows(world: World) -> None:
    """CT-214."""
    world.target.gate.clear()
    queue = world.queue(rate_limits=messages.RateLimits(max_concurrent_dispatches=3))
    for _ in range(10):
        world.task(queue)
    await world.target.received(3)
    await settled()
    assert world.target.open == 3
    world.target.gate.set()
    await world.until(lambda: world.left(queue) == 0)
    assert world.target.most_open == 3


async def test_no_more_attempts_start_than_the_rate_allows(world: World) -> None:
    """CT-212, CT-213: a full bucket of 10, then two a second."""
    queue = world.queue(rate_limits=messages.RateLimits(max_dispatches_per_second=2))
    for _ in range(15):
        world.task(queue)
    await world.target.received(10)
    await settled()
    assert len(world.target.sent) == 10
    for sent in (11, 12, 13):
        world.clock.advance(SECOND / 2)
        await world.target.received(sent)
        await settled()
        assert len(world.target.sent) == sent


async def test_what_was_deleted_while_it_waited_takes_no_token(world: World) -> None:
    """CT-212: an attempt takes one, and of these there is none."""
    world.target.gate.clear()
    queue = world.queue(
        rate_limits=messages.RateLimits(max_dispatches_per_second=0.001, max_concurrent_dispatches=1),
    )
    deleted = [world.task(queue) for _ in range(10)][1:]
    await world.target.received(1)
    for name in deleted:
        world.call("DeleteTask", messages.DeleteTaskRequest(name=name))
    for _ in range(9):
        world.task(queue)
    world.target.gate.set()
    await world.until(lambda: world.left(queue) == 0)
    assert len(world.target.sent) == 10


@pytest.mark.parametrize("at_a_time", [100, 1])
async def test_a_clock_that_is_set_back_holds_up_no_queue(monkeypatch: pytest.MonkeyPatch, at_a_time: int) -> None:
    monkeypatch.setattr(dispatcher, "MOST", at_a_time)
    world = World(None)
    queues = [world.queue(queue, rate_limits=messages.RateLimits(max_dispatches_per_second=1)) for queue in "abc"]
    for queue in queues * 30:
        world.task(queue)
    await world.dispatcher.start()
    # The full buckets, and an hour later again; then the clock goes half of that hour back.
    await world.target.received(30)
    await settled()
    world.clock.advance(3600 * SECOND)
    await world.target.received(60)
    await settled()
    world.clock.advance(-1800 * SECOND)
    for sent in (60, 63, 66):
        await settled()
        assert len(world.target.sent) == sent
        world.clock.advance(SECOND)
    await world.dispatcher.stop(timedelta(0))
    world.store.close()


async def test_a_paused_queue_keeps_its_due_tasks(world: World) -> None:
    """CT-073, CT-077, CT-244."""
    queue = world.queue()
    world.call("PauseQueue", messages.PauseQueueRequest(name=queue))
    world.task(queue)
    world.clock.advance(SECOND)
    await settled()
    assert world.target.sent == []
    world.call("ResumeQueue", messages.ResumeQueueRequest(name=queue))
    await world.target.received(1)


async def test_run_task_sends_at_once_whatever_the_queue_says(world: World) -> None:
    """CT-146, CT-148, CT-149, CT-216."""
    queue = world.queue(rate_limits=messages.RateLimits(max_dispatches_per_second=0.001))
    world.call("PauseQueue", messages.PauseQueueRequest(name=queue))
    name = world.task(queue, after=60 * SECOND)
    answer = world.call("RunTask", messages.RunTaskRequest(name=name))
    assert (answer.dispatch_count, answer.response_count) == (1, 0)
    await world.until(lambda: world.left(queue) == 0)
    assert len(world.target.sent) == 1
    world.call("ResumeQueue", messages.ResumeQueueRequest(name=queue))
    world.clock.advance(120 * SECOND)
    await settled()
    assert len(world.target.sent) == 1


async def test_what_run_task_asked_for_before_a_start_is_begun_a_hundred_at_a_time() -> None:
    """So that no start holds the loop for long, however much was asked for."""
    world = World(None)
    queue = world.queue()
    world.call("PauseQueue", messages.PauseQueueRequest(name=queue))
    for _ in range(250):
        world.call("RunTask", messages.RunTaskRequest(name=world.task(queue, after=60 * SECOND)))
    begun: list[int] = []
    world.store.watch(lambda changes: begun.append(len(world.of(AttemptStarted))))
    world.target.gate.clear()
    await world.dispatcher.start()
    await world.target.received(250)
    assert begun == [100, 200]
    world.target.gate.set()
    await world.until(lambda: world.left(queue) == 0)
    assert len(world.target.sent) == 250
    await world.dispatcher.stop(timedelta(0))
    world.store.close()


async def test_a_task_is_sent_as_often_as_run_task_asked_for_it_before_a_start() -> None:
    """CT-147."""
    world = World(None)
    queue = world.queue()
    name = world.task(queue, after=3600 * SECOND)
    for _ in range(3):
        world.call("RunTask", messages.RunTaskRequest(name=name))
    world.target.gate.clear()
    await world.dispatcher.start()
    await world.target.received(3)
    await settled()
    assert [world.target.headers(index)["X-CloudTasks-TaskRetryCount"] for index in range(3)] == ["0", "1", "2"]
    assert len(world.target.sent) == 3
    world.target.gate.set()
    await world.until(lambda: world.left(queue) == 0)
    await world.dispatcher.stop(timedelta(0))
    world.store.close()


async def test_a_task_that_run_task_sent_is_not_sent_beside_when_its_time_comes(world: World) -> None:
    """CT-149: but after that attempt, if it failed."""
    world.target.gate.clear()
    world.target.answer = lambda request: Reply(status=500)
    queue = world.queue(retry_config=messages.RetryConfig(min_backoff=common.Duration(seconds=1)))
    name = world.task(queue, after=5 * SECOND)
    world.call("RunTask", messages.RunTaskRequest(name=name))
    await world.target.received(1)
    world.clock.advance(5 * SECOND)
    await settled()
    assert len(world.target.sent) == 1
    world.target.gate.set()
    await world.until(lambda: bool(world.of(AttemptFailed)))
    world.clock.advance(SECOND)
    await world.target.received(2)


async def test_a_task_that_waited_for_a_token_is_not_sent_before_the_retry_of_run_task(world: World) -> None:
    """CT-150: though it was due before RunTask came, and failed."""
    queue = world.queue(
        rate_limits=messages.RateLimits(max_dispatches_per_second=0.001),
        retry_config=messages.RetryConfig(min_backoff=common.Duration(seconds=1500)),
    )
    for _ in range(10):
        world.task(queue)
    await world.until(lambda: world.left(queue) == 0)
    world.target.answer = lambda request: Reply(status=500)
    name = world.task(queue)
    world.call("RunTask", messages.RunTaskRequest(name=name))
    await world.until(lambda: bool(world.of(AttemptFailed)))
    for seconds, sent in ((1499, 11), (1, 12)):
        world.clock.advance(seconds * SECOND)
        await settled()
        assert len(world.target.sent) == sent


async def test_run_task_sends_a_second_request_while_the_first_is_open(world: World) -> None:
    """CT-147."""
    world.target.gate.clear()
    queue = world.queue()
    name = world.task(queue)
    await world.target.received(1)
    world.call("RunTask", messages.RunTaskRequest(name=name))
    await world.target.received(2)
    world.target.gate.set()
    await world.until(lambda: world.left(queue) == 0)


async def test_run_task_does_not_raise_the_number_of_open_attempts_for_good(world: World) -> None:
    """CT-214, CT-216: attempts that RunTask asks for are not counted, neither when they begin nor when they end."""
    queue = world.queue(rate_limits=messages.RateLimits(max_concurrent_dispatches=2))
    for _ in range(5):
        name = world.task(queue, after=3600 * SECOND)
        world.call("RunTask", messages.RunTaskRequest(name=name))
    await world.until(lambda: world.left(queue) == 0)
    world.target.gate.clear()
    world.target.most_open = 0
    for _ in range(10):
        world.task(queue)
    await world.target.received(5 + 2)
    await settled()
    assert world.target.open == 2
    world.target.gate.set()
    await world.until(lambda: world.left(queue) == 0)
    assert world.target.most_open == 2


async def test_a_task_deleted_while_its_request_runs_is_not_tried_again(world: World) -> None:
    """CT-144."""
    world.target.gate.clear()
    world.target.answer = lambda request: Reply(status=500)
    queue = world.queue()
    name = world.task(queue)
    await world.target.received(1)
    world.call("DeleteTask", messages.DeleteTaskRequest(name=name))
    world.target.gate.set()
    await world.until(lambda: world.target.open == 0)
    world.clock.advance(timedelta(hours=1))
    await settled()
    assert len(world.target.sent) == 1
    assert world.of(AttemptFailed) == []


async def test_a_queue_whose_worker_hangs_does_not_hold_up_another(world: World) -> None:
    stuck, free = world.queue("stuck"), world.queue("free")
    held = asyncio.Event()
    plain = world.target.send

    async def send(request: Outgoing, on_reply: Callable[[Reply], None], wanted: IsWanted = always) -> None:
        if dict(request.headers)["X-CloudTasks-QueueName"] == "stuck":
            await held.wait()
        await plain(request, on_reply)

    world.target.send = send  # type: ignore[method-assign]  # a worker that hangs for one queue
    for _ in range(1500):
        world.task(stuck)
    world.task(free)
    await world.until(lambda: world.left(free) == 0)
    held.set()


async def test_each_queue_has_its_turn_though_more_are_busy_than_one_step_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatcher, "MOST", 2)
    world = World(None)
    queues = [world.queue(queue) for queue in "abc"]
    for queue in queues * 4:
        world.task(queue)
    await world.dispatcher.start()
    await world.until(lambda: not any(map(world.left, queues)))
    order = [dict(request.headers)["X-CloudTasks-QueueName"] for request in world.target.sent]
    assert order == list("abc") * 4
    await world.dispatcher.stop(timedelta(0))
    world.store.close()


async def test_more_due_tasks_than_are_kept_in_memory_are_all_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "_BATCH", 8)
    monkeypatch.setattr(lane, "_MOST", 16)
    queue = world.queue()
    for index in range(90):
        world.task(queue, after=(index % 3) * SECOND)
    world.clock.advance(3 * SECOND)
    await world.until(lambda: world.left(queue) == 0)
    assert len(world.target.sent) == 90


async def test_a_target_that_fails_in_itself_is_a_failed_attempt(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(request: Outgoing) -> Reply:
        raise RuntimeError("a bug of ours")

    world.target.answer = broken
    queue = world.queue()
    world.task(queue)
    await world.until(lambda: bool(world.of(AttemptFailed)))
    assert world.left(queue) == 1
    assert "a bug of ours" in caplog.text


async def test_stop_waits_for_what_is_under_way_and_leaves_the_rest(tmp_path: Path) -> None:
    world = World(tmp_path / "tasks.db")
    queue = world.queue(rate_limits=messages.RateLimits(max_concurrent_dispatches=1))
    world.target.gate.clear()
    await world.dispatcher.start()
    for _ in range(2):
        world.task(queue)
    await world.target.received(1)
    stopping = asyncio.create_task(world.dispatcher.stop(timedelta(seconds=30)))
    await settled()
    assert not stopping.done()
    world.target.gate.set()
    await stopping
    assert (len(world.target.sent), world.left(queue)) == (1, 1)
    await world.dispatcher.stop(timedelta(0))
    world.store.close()


async def test_what_a_stop_cuts_off_is_sent_again_by_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """CT-182."""
    world = World(tmp_path / "tasks.db")
    queue = world.queue()
    world.target.gate.clear()
    await world.dispatcher.start()
    world.task(queue)
    await world.target.received(1)
    await world.dispatcher.stop(timedelta(0))
    assert "1 attempts took too long and are left to the next start" in caplog.text
    world.store.close()

    again = World(tmp_path / "tasks.db")
    await again.dispatcher.start()
    await again.until(lambda: again.left(queue) == 0)
    assert again.target.headers(0)["X-CloudTasks-TaskRetryCount"] == "1"
    await again.dispatcher.stop(timedelta(seconds=5))
    again.store.close()


class Unsent(RecordingTarget):
    """Has not sent anything while its gate is closed."""

    async def send(self, request: Outgoing, on_reply: Callable[[Reply], None], wanted: IsWanted = always) -> None:
        try:
            await super().send(request, on_reply)
        except asyncio.CancelledError:
            raise NotSent from None


async def test_an_attempt_that_a_stop_cuts_off_before_it_is_sent_was_none(tmp_path: Path) -> None:
    """Neither the first of a task, nor one after a failure, nor one that RunTask asked for."""
    world = World(tmp_path / "tasks.db", Unsent(lambda request: Reply(status=500)))
    queue = world.queue()
    await world.dispatcher.start()
    failed = world.task(queue)
    await world.target.received(1)
    await world.until(lambda: bool(world.of(AttemptFailed)))
    world.target.gate.clear()
    world.clock.advance(timedelta(seconds=1))
    new = world.task(queue)
    later = world.task(queue, after=timedelta(hours=1))
    world.call("RunTask", messages.RunTaskRequest(name=later))
    gone = world.task(queue)
    await world.target.received(5)
    world.call("DeleteTask", messages.DeleteTaskRequest(name=gone))
    assert [world.get(name).dispatch_count for name in (failed, new, later)] == [2, 1, 1]
    await world.dispatcher.stop(timedelta(0))
    assert [world.get(name).dispatch_count for name in (failed, new, later)] == [1, 0, 0]
    assert not world.get(new).HasField("first_attempt")
    world.store.close()

    again = World(tmp_path / "tasks.db")
    again.clock.advance(timedelta(seconds=1))
    await again.dispatcher.start()
    await again.target.received(3)
    retries = [again.target.headers(index)["X-CloudTasks-TaskRetryCount"] for index in range(3)]
    assert sorted(retries) == ["0", "0", "1"]
    await again.dispatcher.stop(timedelta(seconds=5))
    again.store.close()


async def test_what_another_process_writes_is_noticed(tmp_path: Path) -> None:
    """Each has a store of its own on the file, as two processes have."""
    leader, other = World(tmp_path / "tasks.db"), World(tmp_path / "tasks.db")
    await leader.dispatcher.start()
    queue = other.queue()
    other.task(queue)
    leader.clock.advance(timedelta(milliseconds=50))
    await leader.until(lambda: other.left(queue) == 0)
    other.clock.advance(timedelta(milliseconds=50))
    name = other.task(queue, after=timedelta(days=1))
    other.call("RunTask", messages.RunTaskRequest(name=name))
    leader.clock.advance(timedelta(milliseconds=50))
    await leader.until(lambda: other.left(queue) == 0)
    await leader.dispatcher.stop(timedelta(seconds=5))
    leader.store.close()
    other.store.close()


async def test_what_another_process_writes_is_noticed_though_the_clock_was_set_back(tmp_path: Path) -> None:
    leader, other = World(tmp_path / "tasks.db"), World(tmp_path / "tasks.db")
    await leader.dispatcher.start()
    queue = leader.queue()
    leader.task(queue)
    await leader.until(lambda: leader.left(queue) == 0)
    for world in (leader, other):
        world.clock.advance(-timedelta(hours=1))
    other.task(queue)
    # No time passes: it looks when it takes a step.
    leader.task(queue)
    await leader.until(lambda: leader.left(queue) == 0)
    assert len(leader.target.sent) == 3
    await leader.dispatcher.stop(timedelta(seconds=5))
    leader.store.close()
    other.store.close()
