"""Arguments by position: the positions of the Python signature."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, Request

from fastapi_gcp_tasks import as_async_delayed_task, as_delayed_task, injected
from routes.routes_fakes import FakeAsyncClient, FakeClient, Payload, async_delayed_router, delayed_router

client, async_client = FakeClient(), FakeAsyncClient()
router, async_router = delayed_router(client), async_delayed_router(async_client)


@as_delayed_task
@router.post("/hello/{name}")
def hello(name: str, p: Payload, request: Request = injected, token: str = "", *, note: str = "") -> None: ...


@as_async_delayed_task
@async_router.post("/hello/{name}")
async def async_hello(name: str, p: Payload, token: str = "") -> None: ...


@as_delayed_task
@router.post("/first")
def injected_first(request: Request, number: int) -> None: ...


any_hello: Any = hello
any_first: Any = injected_first


@pytest.fixture(autouse=True)
def _forget() -> None:
    client.requests.clear()
    async_client.requests.clear()


async def test_positions_are_those_of_the_signature() -> None:
    hi = Payload(message="hi")
    hello.delay("a", hi)
    hello.delay("a", p=hi)
    hello.delay(name="a", p=hi)
    assert client.requests[0] == client.requests[1] == client.requests[2]
    await async_hello.delay("a", hi, "t")
    assert async_client.requests[0].task.http_request.url.endswith("/hello/a?token=t")


@pytest.mark.parametrize(
    ("positional", "keyword", "reason"),
    [
        (("a",), {"name": "b", "p": Payload(message="hi")}, r"hello\.delay got 'name' twice, by position and by"),
        (("a", 1, 2, 3, 4), {}, r"hello\.delay takes 4 positional arguments, but 5 were given"),
        (("a", Payload(message="hi"), None), {}, "'request' is injected by FastAPI and cannot be passed"),
    ],
)
def test_positions_that_do_not_fit_are_refused(
    positional: tuple[Any, ...], keyword: dict[str, Any], reason: str
) -> None:
    with pytest.raises(TypeError, match=reason):
        any_hello.delay(*positional, **keyword)
    assert client.requests == []


def test_an_injected_parameter_keeps_its_position() -> None:
    with pytest.raises(TypeError, match="'request' is injected"):
        any_first.delay(1)
    any_first.delay(number=1)
    assert client.requests[0].task.http_request.url.endswith("/first?number=1")


def tenant(tenant: str = "none", x_trace: str = "") -> str:
    return tenant


@as_delayed_task
@router.post("/report")
def report(number: int, owner: Annotated[str, Depends(tenant)] = injected) -> None: ...


def test_parameters_of_dependencies_can_be_passed_in_typed_code() -> None:
    any_report: Any = report
    any_report.delay(number=1, tenant="acme")
    report.options(dependency_arguments={"tenant": "acme"}).delay(1)
    assert client.requests[0] == client.requests[1]
    assert client.requests[0].task.http_request.url.endswith("/report?number=1&tenant=acme")


def test_parameters_of_dependencies_are_checked_as_arguments_are() -> None:
    with pytest.raises(TypeError, match="'number' is given twice, as an argument and in dependency_arguments"):
        report.options(dependency_arguments={"number": 1}).delay(1)
    with pytest.raises(TypeError, match="unexpected argument 'tenent'"):
        report.options(dependency_arguments={"tenent": "acme"}).delay(1)
    with pytest.raises(ValueError, match="tenant"):
        report.options(dependency_arguments={"tenant": 5}).delay(1)
    wrong: Any = [("tenant", "acme")]
    with pytest.raises(TypeError, match="dependency_arguments must be a mapping whose keys are strings"):
        report.options(dependency_arguments=wrong)
