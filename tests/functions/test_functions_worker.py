"""Functions that are tasks, run by a FastAPI app to which an in-process service delivers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID, uuid4

import pytest
from fastapi import Depends, Request
from pydantic import BaseModel

from cloudtask import CloudTaskClient, injected
from cloudtask.fastapi import CloudTaskRouter
from functions.functions_shop import APP, Shop


class Order(BaseModel):
    item: str
    amount: Decimal = Decimal(1)


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def test_values_arrive_as_what_they_were(shop: Shop) -> None:
    order, ids = Order(item="chili", amount=Decimal("1.50")), {uuid4(), uuid4()}

    @shop.client.task(name="buy")
    async def buy(order: Order, /, day: date, *more: int, ids: set[UUID], **extra: Decimal) -> None:
        shop.note(order, day, more, ids, extra)

    async with shop.open():
        await buy(order, date(2030, 1, 2), 3, 4, ids=ids, fee=Decimal("0.1")).push()
        assert await shop.until(1) == [(order, date(2030, 1, 2), (3, 4), ids, {"fee": Decimal("0.1")})]


async def test_fastapi_resolves_what_is_injected_and_closes_it(shop: Shop) -> None:
    async def session() -> AsyncIterator[str]:
        try:
            yield "session"
        except RuntimeError as error:
            shop.note("rolled back", str(error))
            raise

    @shop.client.task(name="work")
    async def work(
        fails: bool, session: Annotated[str, Depends(session)] = injected, request: Request = injected
    ) -> None:
        if fails:
            raise RuntimeError("no luck")
        shop.note(session, request.headers["x-cloudtasks-queuename"])

    async with shop.open() as app:
        await work(False).push()
        assert await shop.until(1) == [("session", "default")]
        await work(True).push()
        assert (await shop.until(2))[1] == ("rolled back", "no luck")
        app.dependency_overrides[session] = lambda: "another"
        shop.ran.clear()
        await work(False).push()
        async with asyncio.timeout(20):
            while ("another", "default") not in shop.ran:
                await asyncio.sleep(0)


async def test_a_blocking_function_runs_beside_the_event_loop(shop: Shop) -> None:
    @shop.client.task(name="block")
    def block(x: int) -> int:
        loop.call_soon_threadsafe(shop.note, x)
        return x

    loop = asyncio.get_running_loop()
    async with shop.open():
        name = await asyncio.to_thread(block(7).sync_push)
        assert await shop.until(1) == [(7,)]
        assert name is not None
        assert name.startswith("projects/p/locations/l/queues/default/tasks/")


def test_what_does_not_fit_is_refused_at_the_call(shop: Shop) -> None:
    @shop.client.task(name="buy")
    def buy(order: Order, session: Annotated[str, Depends(lambda: "")] = injected) -> None: ...

    with pytest.raises(ValueError, match="order"):
        buy("chili")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"buy\(\) cannot be called so: missing a required argument: 'order'"):
        buy()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match="FastAPI injects it on the worker"):
        buy(Order(item="x"), session="mine")


def test_a_router_asks_who_may_call() -> None:
    client = CloudTaskClient(project="p", location="l", url=APP)
    with pytest.raises(ValueError, match="verify=False if the platform checks callers"):
        CloudTaskRouter(client)
    CloudTaskRouter(client, verify=False)
