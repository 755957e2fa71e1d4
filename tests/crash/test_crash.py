"""The service is killed at random moments under load: what it accepted is delivered, not early, and hardly twice.

`scripts/crash` runs this with 200 kills.
"""

import os
import random
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from google.cloud import tasks_v2

from crash.crash_service import CONCURRENT, QUEUE, Load, Process
from crash.crash_worker import Worker

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("CRASH_KILLS", "10"))
PATIENCE = 20.0
"""Seconds without any delivery after which what is missing counts as lost."""


@pytest.mark.timeout(60 + 6 * KILLS)
def test_a_killed_service_keeps_what_it_accepted(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with Worker() as worker, closing(Process(tmp_path / "tasks.db")) as service:
        create_queue(service)
        accepted = kill_under_load(worker, [service], lambda: service, record_property)
        missing = worker.wait_for(set(accepted), PATIENCE)
    assert not missing
    assert not early(worker, accepted)


@pytest.mark.timeout(60 + 6 * KILLS)
def test_when_the_dispatching_one_of_four_processes_is_killed_another_goes_on(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with Worker() as worker, ExitStack() as stack:
        services = [stack.enter_context(closing(Process(tmp_path / "tasks.db"))) for _ in range(4)]
        create_queue(services[0])

        def leader() -> Process:
            while True:
                for service in services:
                    if service.delivers():
                        return service

        accepted = kill_under_load(worker, services, leader, record_property)
        missing = worker.wait_for(set(accepted), PATIENCE)
    assert not missing
    assert not early(worker, accepted)


def kill_under_load(
    worker: Worker, services: list[Process], victim: Callable[[], Process], record: Callable[[str, object], None]
) -> dict[str, float]:
    """Kill and restart the victim KILLS times; the tasks that were accepted, with their due times."""
    accepted: dict[str, float] = {}
    random_ = random.Random(1)
    pause = threading.Event()
    for kill in range(KILLS):
        with Load([service.address for service in services], worker.url, kill) as load:
            pause.wait(random_.uniform(0.05, 0.5))  # the load runs; when the kill comes is left to chance
            killed = victim()
            killed.kill()
            at_kill = worker.counts()
        accepted |= load.accepted
        killed.start()
        worker.wait_for(set(load.accepted), PATIENCE)
        now = worker.counts()
        repeated = sum(1 for task, times in at_kill.items() if now[task] > times)
        assert repeated <= CONCURRENT, f"{repeated} tasks were delivered again after kill {kill}"
        print(f"kill {kill + 1}/{KILLS}: {len(accepted)} accepted so far, {repeated} delivered again", flush=True)
    record("accepted", len(accepted))
    return accepted


def early(worker: Worker, accepted: dict[str, float]) -> dict[str, float]:
    """The accepted tasks that came before they were due, and by how many seconds."""
    return {
        task: due - worker.received[task][0] for task, due in accepted.items() if worker.received[task][0] < due - 1e-6
    }


def create_queue(service: Process) -> None:
    queue = tasks_v2.Queue(name=QUEUE, rate_limits=tasks_v2.RateLimits(max_concurrent_dispatches=CONCURRENT))
    service.client().create_queue(parent=QUEUE.rsplit("/queues/", 1)[0], queue=queue)
