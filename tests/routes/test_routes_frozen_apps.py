"""Apps count as well once `gc.freeze()` has kept them from the garbage collector."""

import asyncio
import gc
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Request

from fastapi_gcp_tasks import AsyncDelayedRouter, LocalService, check_tasks
from fastapi_gcp_tasks.exception import MissingParamError
from routes.routes_fakes import QUEUE, URL, FakeClient, delayed_router
from routes.routes_worker import carry


@pytest.fixture(autouse=True)
def thawed_afterwards() -> Iterator[None]:
    yield
    gc.unfreeze()


def needs_header(x_tenant: Annotated[str, Header()]) -> None: ...


def task_of(client: FakeClient) -> tuple[APIRouter, Any]:
    router = delayed_router(client)

    @router.post("/hello")
    def hello() -> None: ...

    return router, hello


def of_a_module(app: FastAPI) -> None:
    module = ModuleType("has_an_app")
    vars(module)["app"] = app
    sys.modules[module.__name__] = module
    gc.freeze()


def checked_before(app: FastAPI) -> None:
    check_tasks(app)
    gc.freeze()


def checked_afterwards(app: FastAPI) -> None:
    gc.freeze()
    check_tasks(app)


def seen_by_another_task(app: FastAPI) -> None:
    _router, hello = task_of(FakeClient())
    hello.delay()
    gc.freeze()


@pytest.mark.parametrize("freeze", [of_a_module, checked_before, checked_afterwards, seen_by_another_task])
def test_what_surrounds_a_route_in_a_frozen_app_counts(
    freeze: Callable[[FastAPI], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "has_an_app", raising=False)
    client = FakeClient()
    router, hello = task_of(client)
    app = FastAPI(dependencies=[Depends(needs_header)])
    app.include_router(router)
    freeze(app)
    for _ in range(2):
        with pytest.raises(MissingParamError, match="x_tenant"):
            hello.delay()
        hello.delay(x_tenant="acme")
        # After its first request, an app is looked for again.
        assert carry(app, client, URL) == 200


async def test_an_app_that_freezes_in_its_lifespan_counts_after_its_first_request_too() -> None:
    local, ran = LocalService("memory:", app_url=URL), asyncio.Queue[str]()
    router = AsyncDelayedRouter(base_url=URL, queue_path=QUEUE, client=local.async_tasks_client)

    @router.post("/hello")
    async def hello(request: Request) -> None:
        ran.put_nowait(request.headers["x-tenant"])

    @asynccontextmanager
    async def freezes(app: FastAPI) -> AsyncGenerator[None]:
        gc.freeze()
        yield

    task: Any = hello
    app = FastAPI(lifespan=freezes, dependencies=[Depends(needs_header)])
    app.include_router(router)
    local.install(app)
    async with app.router.lifespan_context(app):
        for tenant in ("acme", "ajax"):
            with pytest.raises(MissingParamError, match="x_tenant"):
                await task.delay()
            await task.delay(x_tenant=tenant)
            assert await asyncio.wait_for(ran.get(), 30) == tenant
