"""What the kit replaces while it is in use, and that all is as it was afterwards."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import pytest
from anyio.from_thread import start_blocking_portal
from fastapi import Depends, FastAPI, Request
from google.api_core.exceptions import ServiceUnavailable
from google.cloud.tasks_v2 import (
    CloudTasksAsyncClient,
    CloudTasksClient,
    HttpMethod,
    HttpRequest,
    OidcToken,
    Queue,
    Task,
)

from cloudtask import CloudTaskClient
from fastapi_gcp_tasks import AsyncDelayedRouter, DelayedRouter, LocalService, injected
from fastapi_gcp_tasks.dependencies import verify_oidc
from fastapi_gcp_tasks.hooks import oidc_delayed_hook
from fastapi_gcp_tasks.testing import AsyncTestTasks, TestTasks
from gcptasks.base.errors import SetupError
from testing.testing_shop import LOCATION, NOON, Shop

QUEUE = f"{LOCATION}/queues/q"
URL = "http://app.local"


class Refusing(CloudTasksClient):
    """A client that no test may reach."""

    def __init__(self) -> None:
        self.asked = 0

    def create_task(self, *args: object, **more: object) -> None:  # type: ignore[override]
        self.asked += 1
        raise ServiceUnavailable("unreachable")

    create_queue = create_task  # type: ignore[assignment]


class AsyncRefusing(CloudTasksAsyncClient):
    def __init__(self) -> None:
        self.asked = 0

    async def create_task(self, *args: object, **more: object) -> None:  # type: ignore[override]
        self.asked += 1
        raise ServiceUnavailable("unreachable")


def test_clients_that_were_given_are_replaced_and_restored() -> None:
    app, own, of_call = FastAPI(), Refusing(), Refusing()
    router = DelayedRouter(queue_path=QUEUE, base_url=URL, client=own)

    @router.post("/work")
    def work() -> None: ...

    app.include_router(router)
    kept = work.options(client=of_call)
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            work.delay()
        with pytest.raises(ServiceUnavailable):
            kept.delay()
        with TestTasks(app) as tasks:
            work.delay()
            kept.delay()
            assert len(tasks.drain()) == 2
    assert (own.asked, of_call.asked) == (2, 2)


async def test_async_clients_and_their_factories_are_replaced_and_restored() -> None:
    app, own = FastAPI(), AsyncRefusing()
    given = AsyncDelayedRouter(queue_path=QUEUE, base_url=URL, client=own)
    made = AsyncDelayedRouter(queue_path=QUEUE, base_url=URL, client=lambda: own)

    @given.post("/given")
    async def work() -> None: ...

    @made.post("/made")
    async def other() -> None: ...

    functions = CloudTaskClient(project="p", location="l", url=URL, secret="s", async_client=own)

    @functions.task(name="function")
    async def function() -> None: ...

    app.include_router(given)
    app.include_router(made)
    for _ in range(2):
        async with AsyncTestTasks(app) as tasks:
            await work.delay()
            await other.delay()
            await function().push()
            assert len(tasks.enqueued()) == 3
        assert own.asked == 0
    for create in (work.delay, other.delay, function().push):
        with pytest.raises(ServiceUnavailable):
            await create()
    assert own.asked == 3


def test_a_builder_that_is_made_within_the_block_is_replaced_as_well() -> None:
    app = FastAPI()
    with TestTasks(app) as tasks:
        router = DelayedRouter(queue_path=QUEUE, base_url=URL, client=Refusing())

        @router.post("/work")
        def work() -> None: ...

        app.include_router(router)
        work.delay()
        assert len(tasks.drain()) == 1
    with pytest.raises(ServiceUnavailable):
        work.delay()


def test_queues_are_created_anew_at_each_service() -> None:
    local = LocalService("memory:", app_url=URL, create_queues=False)
    router = DelayedRouter(queue_path=QUEUE, base_url=URL, client=local.tasks_client())

    @router.post("/work")
    def work() -> None: ...

    for _ in range(2):
        with TestTasks(FastAPI()) as tasks:
            work.delay()
            assert [type(one).__name__ for one in tasks.requests] == ["CreateQueueRequest", "CreateTaskRequest"]
    work.delay()
    assert [queue.name for queue in local.tasks_client().list_queues(parent=LOCATION)] == [QUEUE]


def test_tests_know_nothing_of_each_other(shop: Shop) -> None:
    with TestTasks(shop.app) as tasks:
        tasks.freeze(NOON)
        shop.serve.options(task_id="a").delay()
        tasks.next_attempt(shop.serve).answers(500)
    with TestTasks(shop.app) as tasks:
        assert tasks.now != NOON
        tasks.refute_enqueued()
        shop.serve.options(task_id="a").delay()
        assert tasks.drain()[0].succeeded


def test_all_is_restored_after_an_error(shop: Shop) -> None:
    with pytest.raises(ZeroDivisionError), TestTasks(shop.app):
        raise ZeroDivisionError
    with TestTasks(shop.app):
        pass


def test_one_kit_at_a_time(shop: Shop) -> None:
    with TestTasks(shop.app) as tasks:
        with pytest.raises(SetupError, match="a test kit is in use already"), TestTasks(shop.app):
            pass
        shop.serve.delay()
        assert len(tasks.drain()) == 1
    with pytest.raises(SetupError, match="this kit is over"):
        tasks.begin()


def test_dependencies_are_overridden_as_in_any_request() -> None:
    app, seen = FastAPI(), list[str]()

    def database() -> str:
        return "production"

    router = DelayedRouter(queue_path=QUEUE, base_url=URL)

    @router.post("/work")
    def work(db: Annotated[str, Depends(database)] = injected) -> None:
        seen.append(db)

    app.include_router(router)
    app.dependency_overrides[database] = lambda: "test"
    with TestTasks(app) as tasks:
        work.delay()
        tasks.drain()
    assert seen == ["test"]


def with_local_service(path: Path) -> tuple[FastAPI, LocalService, list[str]]:
    seen = list[str]()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, str]]:
        yield {"greeting": "hello"}

    app = FastAPI(lifespan=lifespan)
    local = LocalService(f"sqlite:///{path}", app_url=URL)
    router = DelayedRouter(queue_path=QUEUE, base_url=URL, client=local.tasks_client())

    @router.post("/work")
    async def work(request: Request = injected) -> None:
        seen.append(request.state.greeting)

    app.include_router(router)
    local.install(app)
    work.delay()
    app.state.work = work
    return app, local, seen


async def test_a_local_service_in_the_app_delivers_nothing_meanwhile(tmp_path: Path) -> None:
    # What lies in its file, perhaps since yesterday, is no part of a test.
    app, local, seen = with_local_service(tmp_path / "tasks.db")
    async with AsyncTestTasks(app) as tasks:
        async with app.router.lifespan_context(app):
            app.state.work.delay()
            assert [run.status for run in await tasks.drain()] == [200]
            assert seen == ["hello"]
        assert len(list(local.tasks_client().list_tasks(parent=QUEUE))) == 1


async def test_attempts_have_the_state_of_the_lifespan_only_while_the_app_runs(tmp_path: Path) -> None:
    app, _, seen = with_local_service(tmp_path / "tasks.db")
    async with AsyncTestTasks(app) as tasks:
        app.state.work.delay()
        assert [run.status for run in await tasks.drain()] == [500]
        async with app.router.lifespan_context(app):
            assert [run.status for run in await tasks.advance(seconds=1)] == [200]
    assert seen == ["hello"]


def test_an_app_is_given_by_its_module_and_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kit_shop_module.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    monkeypatch.syspath_prepend(tmp_path)
    with TestTasks("kit_shop_module:app"):
        pass
    with pytest.raises(ValueError, match="kit_shop_module has no 'ap'"):
        TestTasks("kit_shop_module:ap")
    with pytest.raises(ValueError, match="'kit_shop_module' is no application: give module:app"):
        TestTasks("kit_shop_module")
    with pytest.raises(TypeError, match="app must be an application"):
        TestTasks(5)


def test_a_client_of_functions_needs_no_app(shop: Shop) -> None:
    with TestTasks(shop.client) as tasks:
        shop.greet("Kevin").sync_push()
        assert tasks.assert_enqueued("greet", name="Kevin")
        assert [(run.endpoint, run.status) for run in tasks.drain(raise_errors=True)] == [("greet", 200)]
    assert shop.done == ["hello Kevin"]


def test_attempts_run_on_the_event_loop_on_which_the_app_was_started() -> None:
    # As Starlette's TestClient starts it: in a thread of its own.
    seen = list[object]()
    app = FastAPI()
    router = AsyncDelayedRouter(queue_path=QUEUE, base_url=URL)

    @router.post("/work")
    async def work() -> None:
        seen.append(asyncio.get_running_loop())

    app.include_router(router)
    with TestTasks(app) as tasks:
        tasks.tasks_client().create_queue(parent=LOCATION, queue=Queue(name=QUEUE))
        asyncio.run(work.delay())
        tasks.drain()
        with start_blocking_portal() as portal, portal.wrap_async_context_manager(app.router.lifespan_context(app)):
            asyncio.run(work.delay())
            tasks.drain()
            assert portal.call(asyncio.get_running_loop) is seen[1] is not seen[0]
        asyncio.run(work.delay())
        tasks.drain()
        assert seen[2] is seen[0]


def test_attempts_carry_tokens_that_their_worker_accepts() -> None:
    app = FastAPI()
    verify = verify_oidc(audience=URL, service_accounts=["tasks@p.iam.gserviceaccount.com"])
    token = OidcToken(service_account_email="tasks@p.iam.gserviceaccount.com", audience=URL)
    router = DelayedRouter(queue_path=QUEUE, base_url=URL, verify=verify, pre_create_hook=oidc_delayed_hook(token))

    @router.post("/work")
    def work() -> None: ...

    app.include_router(router)
    with TestTasks(app) as tasks:
        work.delay()
        assert [run.status for run in tasks.drain()] == [200]
        # Tokens go by the time of those who check them.
        tasks.advance(days=2)
        work.delay()
        work.options(pre_create_hook=None).delay()
        assert [run.status for run in tasks.drain()] == [200, 401]


def test_a_kit_that_is_not_in_use_runs_nothing(shop: Shop) -> None:
    tasks = TestTasks(shop.app)
    tasks.end()
    with pytest.raises(SetupError, match="this kit is not in use: tasks run within its block alone"):
        tasks.drain()
    with TestTasks(shop.app) as other:
        tasks.end()
        shop.serve.delay()
        assert len(other.drain()) == 1


def test_the_lifespan_is_the_apps_own_again(shop: Shop) -> None:
    before = shop.app.router.lifespan_context
    with TestTasks(shop.app):
        assert shop.app.router.lifespan_context is not before
    assert shop.app.router.lifespan_context is before


async def test_a_local_service_that_was_not_started_complains_of_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app, _, _ = with_local_service(tmp_path / "tasks.db")
    app.get("/ok")(ok)
    async with AsyncTestTasks(app) as tasks:
        request = HttpRequest(url=f"{URL}/ok", http_method=HttpMethod.GET)
        await tasks.async_tasks_client().create_task(parent=QUEUE, task=Task(http_request=request))
        assert [run.status for run in await tasks.drain()] == [200]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def ok() -> None: ...
