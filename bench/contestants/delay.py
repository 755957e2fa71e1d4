"""The time of `.delay()`, for endpoints of several kinds: `delay fake`, `delay stub` or, of ours alone, `delay own`."""

import json
import sys
from collections.abc import Callable
from functools import partial
from time import process_time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter
from pydantic import BaseModel, field_validator

from bench.contestants.stubs import FakeClient, OurStubClient, StubClient
from fastapi_gcp_tasks import DelayedRouteBuilder

BATCHES = 9
SECONDS_A_BATCH = 0.05


class Payload(BaseModel):
    message: str


class Recipe(BaseModel):
    ingredients: list[str]
    servings: int


class Product(BaseModel):
    sku: str
    title: str
    price: float
    tags: list[str]


class Line(BaseModel):
    number: int
    quantity: int
    product: Product


class Order(BaseModel):
    reference: str
    lines: list[Line]
    notes: dict[str, str]


class Trimmed(BaseModel):
    message: str

    @field_validator("message")
    @classmethod
    def trim(cls, value: str) -> str:
        return value.strip()


ORDER = Order(
    reference="2026-0001",
    lines=[
        Line(
            number=number,
            quantity=number % 7 + 1,
            product=Product(
                sku=f"sku-{number:06}",
                title=f"A product with a name of some length, number {number}",
                price=number * 1.25,
                tags=["kitchen", "new", f"shelf-{number}"],
            ),
        )
        for number in range(58)
    ],
    notes={f"note {number}": "to be left at the back door" for number in range(10)},
)


def task_router(client: Any) -> APIRouter:
    """A router of tasks that this client creates."""
    route = DelayedRouteBuilder(
        client=client,
        base_url="http://worker.local",
        queue_path="projects/p/locations/l/queues/q",
        auto_create_queue=False,
    )
    return APIRouter(route_class=route)


def tasks(client: Any) -> dict[str, tuple[Any, dict[str, Any]]]:
    """The endpoints to delay, each with its arguments."""
    router = task_router(client)

    @router.post("/small")
    async def small(payload: Payload) -> None: ...

    @router.post("/restaurants/{restaurant}/dinner")
    async def mixed(restaurant: str, guests: int, wine: str, recipe: Recipe) -> None: ...

    @router.post("/nested")
    async def nested(order: Order) -> None: ...

    @router.post("/checked")
    async def checked(payload: Trimmed) -> None: ...

    recipe = Recipe(ingredients=["pav", "bhaji", "butter"], servings=4)
    return {
        "small": (small, {"payload": Payload(message="Hello")}),
        "mixed": (mixed, {"restaurant": "Taj", "guests": 4, "wine": "a red one", "recipe": recipe}),
        "nested": (nested, {"order": ORDER}),
        "checked": (checked, {"payload": Trimmed(message="Hello")}),
    }


def expect_carried(client: FakeClient | StubClient, arguments: dict[str, Any]) -> None:
    """Fail unless the last request says what the arguments said: a bench of something else would be worthless."""
    request = client.request.task.http_request
    models = [value for value in arguments.values() if isinstance(value, BaseModel)]
    assert [json.loads(request.body)] == [model.model_dump(mode="json") for model in models], request
    query = parse_qs(urlsplit(request.url).query)
    said = {name: [str(value)] for name, value in arguments.items() if name in ("guests", "wine")}
    assert query == said, request


def microseconds(call: Callable[[], object]) -> float:
    """The processor time of a call: of the batch that the rest of the machine disturbed least."""
    calls = max(1, round(SECONDS_A_BATCH / _seconds(call, 50) * 50))
    return min(_seconds(call, calls) for _ in range(BATCHES)) / calls * 1e6


def _seconds(call: Callable[[], object], times: int) -> float:
    began = process_time()
    for _ in range(times):
        call()
    return process_time() - began


def name_of_delayed(endpoint: Any, arguments: dict[str, Any]) -> str:
    """Delay it, and look into what was created."""
    name: str = endpoint.delay(**arguments).name
    return name


def main(depth: str) -> None:
    makers: dict[str, type[FakeClient] | type[StubClient]]
    makers = {"fake": FakeClient, "stub": StubClient, "own": OurStubClient}
    client = makers[depth]()
    figures: dict[str, float] = {}
    for name, (endpoint, arguments) in tasks(client).items():
        endpoint.delay(**arguments)
        expect_carried(client, arguments)
        figures[name] = microseconds(partial(endpoint.delay, **arguments))
        figures[f"{name}, named"] = microseconds(partial(name_of_delayed, endpoint, arguments))
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1])
