"""The same assertions about a local service on its port, which other processes use too."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI

from cloudtask.testing import ServiceTasks as ServiceTasksOfFunctions
from fastapi_gcp_tasks import AsyncDelayedRouter
from fastapi_gcp_tasks.testing import ServiceTasks
from gcptasks.base.errors import SetupError
from gcptasks.base.manual_clock import ManualClock
from gcptasks.client.admin_calls import CallFailed
from gcptasks.server.emulator import Emulator, emulating
from gcptasks.server.settings import PortSettings
from targets.targets_workers import serving as serving_http
from testing.testing_shop import LOCATION


@pytest.fixture
async def service(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Emulator]:
    """A service whose clock stands still, which the environment names."""
    settings = PortSettings(port=0, create_queues=True, admin_token="secret")
    async with emulating(settings, clock=ManualClock(datetime.now(UTC))) as service:
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", service.address)
        monkeypatch.setenv("CLOUD_TASKS_ADMIN_TOKEN", "secret")
        yield service


@pytest.mark.usefixtures("service")
async def test_tasks_of_a_service_on_its_port() -> None:
    app, done, broken = FastAPI(), list[str](), [True]
    async with serving_http(app) as url:
        router = AsyncDelayedRouter(queue_path=f"{LOCATION}/queues/q", base_url=url)

        @router.post("/work")
        async def work(name: str) -> None:
            if name == "b" and broken:
                broken.pop()
                raise RuntimeError("once")
            done.append(name)

        app.include_router(router)

        def test() -> None:
            tasks = ServiceTasks(app)
            begin = tasks.now
            asyncio.run_coroutine_threadsafe(work.delay(name="a"), loop).result(30)
            tasks.wait_empty()
            assert done == ["a"]
            for name, countdown in (("c", 7200), ("b", 3600)):
                later = work.options(schedule_time=begin + timedelta(seconds=countdown))
                asyncio.run_coroutine_threadsafe(later.delay(name=name), loop).result(30)
            tasks.wait_idle()
            assert [task.arguments for task in tasks.enqueued(work)] == [{"name": "b"}, {"name": "c"}]
            assert tasks.where(schedule_time=begin + timedelta(hours=1)).assert_enqueued("work", name="b")
            with pytest.raises(AssertionError, match=r"work\(name='d'\) is not enqueued\. These wait:\n  work\(name="):
                tasks.assert_enqueued(work, name="d")
            with pytest.raises(AssertionError, match=r"It is not empty after 0 s: projects/p/locations/l/queues/q has"):
                tasks.wait_empty(timeout=0)
            tasks.advance(hours=3)
            # The retry came between the two.
            assert (done, tasks.now) == (["a", "b", "c"], begin + timedelta(hours=3))
            tasks.refute_enqueued()
            asyncio.run_coroutine_threadsafe(
                work.options(schedule_time=begin + timedelta(days=1)).delay(name="e"), loop
            ).result(30)
            tasks.reset()
            tasks.refute_enqueued()
            with pytest.raises(TypeError, match=r"advance\(to=…\) says it all"):
                tasks.advance(hours=1, to=begin)
            with pytest.raises(CallFailed, match="The clock does not go back"):
                tasks.advance(to=begin)

        loop = asyncio.get_running_loop()
        await asyncio.to_thread(test)


async def test_where_no_service_is_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOUD_TASKS_EMULATOR_HOST", raising=False)
    with pytest.raises(SetupError, match="give ServiceTasks the address of the service, at=…, or set CLOUD_TASKS_EMUL"):
        ServiceTasksOfFunctions(FastAPI())
    with pytest.raises(CallFailed, match=r"no local service answers at localhost:1: is it running\?"):
        ServiceTasks(FastAPI(), at="localhost:1").wait_idle()
