"""From `.submit` through the worker to the result, as a user has them."""

import asyncio
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, computed_field

from fastapi_gcp_tasks import DelayedRouteBuilder, DoNotRetry
from gcptasks.engine.task_records import TaskStatus
from gcptasks.results.errors import KeyConflict, ResultTooLarge, TaskFailed
from results.results_worker import Worker
from server.server_apps import QUEUE, URL


class Named(BaseModel):
    model_config = ConfigDict(extra="forbid")

    first_name: Annotated[str, Field(alias="firstName")]
    at: datetime
    tags: frozenset[str] = frozenset()

    @computed_field
    def shout(self) -> str:
        return self.first_name.upper()


class Split(BaseModel):
    """Is read by another name than it is written by."""

    size: Annotated[int, Field(validation_alias="sizeIn", serialization_alias="sizeOut")] = 0


@dataclass
class Point:
    x: int
    y: float = 0.5


NAMED = Named.model_validate({"firstName": "ada", "at": datetime(2026, 11, 27, tzinfo=UTC), "tags": {"a", "b"}})
SPLIT = Split.model_validate({"sizeIn": 7})
RESULTS: list[tuple[Any, Any]] = [
    (int, 7),
    (str, "ü☠"),
    (None, None),
    (dict[str, list[int]], {"a": [1, 2]}),
    (UUID, UUID(int=7)),
    (Point, Point(1, 2.5)),
    (Named, NAMED),
    (list[Named], [NAMED]),
    (Split, SPLIT),
    (list[Split | None], [SPLIT, None]),
    (int | Named, NAMED),
]


@pytest.mark.parametrize("by_alias", [True, False])
@pytest.mark.parametrize(("returns", "result"), RESULTS, ids=[str(returns) for returns, _ in RESULTS])
async def test_the_result_is_equal_to_what_the_endpoint_returned(returns: Any, result: Any, by_alias: bool) -> None:
    worker = Worker()

    async def work() -> Any:
        return result

    work.__annotations__["return"] = returns
    endpoint: Any = worker.tasks.post("/work", response_model_by_alias=by_alias)(work)
    async with worker.running():
        got = await (await endpoint.submit())
        assert (type(got), got) == (type(result), result)


async def test_a_response_model_decides_what_the_result_is() -> None:
    worker = Worker()

    @worker.tasks.post("/work", response_model=Point, response_model_exclude_defaults=True)
    async def work() -> Any:
        return {"x": 1, "secret": 2}

    @worker.tasks.post("/raw")
    async def raw() -> Response:
        return JSONResponse({"a": 1})

    endpoints: Any = work, raw
    async with worker.running():
        assert await (await endpoints[0].submit()) == Point(1)
        assert await (await endpoints[1].submit()) == {"a": 1}


async def test_failures_are_told() -> None:
    worker = Worker(max_bytes=100)

    @worker.tasks.post("/large")
    async def large() -> str:
        return "x" * 200

    @worker.tasks.post("/bad")
    async def bad() -> None:
        raise DoNotRetry("no such user")

    endpoints: Any = large, bad
    async with worker.running():
        with pytest.raises(ResultTooLarge):
            await (await endpoints[0].submit())
        with pytest.raises(TaskFailed, match="no such user") as raised:
            await (await endpoints[1].submit())
        assert raised.value.attempts == 1


async def test_one_task_per_key_runs_once() -> None:
    worker = Worker()
    runs: list[int] = []

    @worker.tasks.post("/work")
    async def work(number: int) -> int:
        runs.append(number)
        return number

    endpoint: Any = work
    once = endpoint.options(key="a")
    async with worker.running():
        handles = await asyncio.gather(*[once.submit(number=7) for _ in range(10)])
        assert [await handle for handle in handles] == [7] * 10
        assert await (await once.submit(number=7)) == 7
        with pytest.raises(KeyConflict):
            await once.submit(number=8)
        assert runs == [7]
        again = await once.options(rerun=True).submit(number=8)
        assert await again == 8
        assert runs == [7, 8]
        await again.forget()
        assert await (await once.submit(number=9)) == 9
        assert [one.status async for one in (await once.submit(number=9)).updates()] == [TaskStatus.SUCCEEDED]


async def test_a_blocking_handle_waits_in_a_thread() -> None:
    worker = Worker()
    route = DelayedRouteBuilder(
        client=worker.local.tasks_client(), base_url=URL, queue_path=QUEUE, verify=False, results=worker.store
    )
    router = APIRouter(route_class=route)

    @router.post("/sync")
    def work(number: int) -> int:
        return number * number

    endpoint: Any = work
    got: list[int] = []

    def ask(number: int) -> None:
        got.append(endpoint.submit(number=number).result(timeout=30))

    worker.app.include_router(router)
    async with worker.running():
        threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join, 60)
    assert sorted(got) == [0, 1, 4, 9, 16]
