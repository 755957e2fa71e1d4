"""Whatever jobs there are, their attempts are made, and the scheduler goes on."""

import logging
from datetime import timedelta
from random import Random

import pytest

from gcptasks.base.errors import ServiceError
from gcptasks.base.events import JobAttemptFailed, JobAttemptStarted, JobAttemptSucceeded
from gcptasks.engine.delivery import Outgoing
from gcptasks.engine.model import Reply
from gcptasks.service.cloud_scheduler import METHODS
from gcptasks.service.policy import Policy
from runtime.runtime_jobs import MINUTE, JobWorld
from runtime.runtime_world import settled
from service.any_message import any_message

POLICY = Policy(app_engine="http://localhost:8080", run_paused_jobs=True)


async def _schedule(count: int, seed: str, caplog: pytest.LogCaptureFixture) -> None:
    """Send so many random requests, with time between them, to a service that runs what they ask for."""
    random = Random(seed)
    methods = [*METHODS, *(method for method in METHODS if method.name in ("CreateJob", "RunJob")), *METHODS[:1]]

    def answer(request: Outgoing) -> Reply:
        return Reply(status=random.choice([200, 200, 404, 500, 503]))

    async with JobWorld(policy=POLICY) as world:
        world.target.answer = answer
        for _ in range(count):
            method = random.choice(methods)
            try:
                world.call(method.name, any_message(method.request, random))
            except ServiceError:
                pass
            world.clock.advance(timedelta(seconds=random.choice([0, 1, 10, 59, 300])))
            await settled()
        world.job("* * * * *", "last")
        await world.pass_time(MINUTE)
        started, ended = world.of(JobAttemptStarted), [*world.of(JobAttemptFailed), *world.of(JobAttemptSucceeded)]
    assert "last" in {event.job.job for event in started}
    assert len(ended) > count / 20
    assert [record.message for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("seed", ["a", "b", "c"])
async def test_jobs_of_random_requests_are_run(seed: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    await _schedule(150, seed, caplog)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_jobs_of_many_random_requests_are_run(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    await _schedule(5000, "many", caplog)
