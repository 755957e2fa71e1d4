"""An endpoint becomes a task when its route is registered, once: api.md section 1."""

import copy
import functools
import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from google.cloud.tasks_v2 import HttpMethod, Task
from pydantic import SecretStr

from fastapi_gcp_tasks import (
    as_async_delayed_task,
    as_async_scheduled_task,
    as_delayed_task,
    as_scheduled_task,
)
from fastapi_gcp_tasks.exception import BadMethodError
from routes.routes_fakes import FakeAsyncClient, FakeClient, Payload, ask, async_delayed_router, delayed_router


def sync_router(prefix: str = "") -> APIRouter:
    return delayed_router(FakeClient(), prefix=prefix)


def async_router(prefix: str = "") -> APIRouter:
    return async_delayed_router(FakeAsyncClient(), prefix=prefix)


each_kind = pytest.mark.parametrize("make", [sync_router, async_router], ids=["sync", "async"])


@each_kind
async def test_registering_attaches_delay_and_options_to_the_endpoint_itself(make: Callable[[], APIRouter]) -> None:
    def hello(p: Payload) -> str:
        return p.message

    registered: Any = make().post("/hello")(hello)
    assert registered is hello
    assert hello(Payload(message="called directly")) == "called directly"
    task: Any = hello
    for enqueue in (task.delay, task.options(countdown=1).delay):
        created = enqueue(p=Payload(message="hi"))
        assert isinstance(await created if inspect.isawaitable(created) else created, Task)


def test_the_casts_give_back_the_endpoint_itself() -> None:
    def hello() -> None: ...

    for cast in (as_delayed_task, as_async_delayed_task, as_scheduled_task, as_async_scheduled_task):
        assert cast(hello) is hello
    assert vars(hello) == {}


@each_kind
async def test_the_endpoint_stays_an_endpoint(make: Callable[[], APIRouter]) -> None:
    router = make()

    @router.get("/hello/{name}")
    async def hello(name: str) -> str:
        return f"hello {name}"

    app = FastAPI()
    app.include_router(router, prefix="/outer")
    assert await ask(app, "GET", "/outer/hello/you") == (200, b'"hello you"')
    assert app.openapi()["paths"]["/outer/hello/{name}"]["get"]["operationId"] == "hello_outer_hello__name__get"


@each_kind
@pytest.mark.parametrize("other", [sync_router, async_router], ids=["on sync", "on async"])
def test_a_second_registration_is_refused_with_the_old_path_and_then_the_new(
    make: Callable[[str], APIRouter], other: Callable[[str], APIRouter]
) -> None:
    def hello() -> None: ...

    make("").post("/hello")(hello)
    bound: Any = hello
    delay = bound.delay
    again = other("/outer")
    with pytest.raises(
        ValueError, match=r"^hello is already registered .*POST /hello,.* POST /outer/hello$"
    ) as refused:
        again.post("/hello")(hello)
    assert "\n" not in str(refused.value)
    assert again.routes == []
    assert bound.delay == delay


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/other"), ("GET", "/hello"), ("POST", "/hello"), ("POST", "/x/hello")]
)
def test_on_the_same_router_as_well(method: str, path: str) -> None:
    router = sync_router()

    @router.post("/hello")
    def hello() -> None: ...

    with pytest.raises(ValueError, match=f"already registered.*POST /hello.*{method} {re.escape(path)}$"):
        router.add_api_route(path, hello, methods=[method])


def test_a_plain_route_beside_the_task_is_fine() -> None:
    router, plain = sync_router(), APIRouter()

    @as_delayed_task
    @plain.post("/also")
    @router.post("/hello")
    def hello() -> None: ...

    assert hello.delay().name


def test_a_wrapper_of_a_task_is_another_function() -> None:
    """functools.wraps copies the attributes, the mark of the registration with them."""
    router = sync_router()

    @router.post("/hello")
    def hello() -> None: ...

    @router.post("/wrapper")
    @functools.wraps(hello)
    def wrapper() -> None: ...

    urls = [one.task.http_request.url for one in _requests(hello, wrapper)]
    assert urls == ["https://worker.example.com/hello", "https://worker.example.com/wrapper"]


def _requests(*endpoints: Any) -> list[Any]:
    client = FakeClient()
    for endpoint in endpoints:
        endpoint.options(client=client).delay()
    return client.requests


def test_what_cannot_carry_attributes_is_refused() -> None:
    class View:
        def hello(self) -> None: ...

    router = sync_router()
    with pytest.raises(TypeError, match=r"hello.*cannot carry attributes such as \.delay"):
        router.post("/hello")(View().hello)
    assert router.routes == []


@each_kind
def test_one_router_in_several_others_keeps_the_first_binding(make: Callable[[str], APIRouter]) -> None:
    """Before FastAPI 0.137 this makes routes anew through the route class, with full paths."""
    router, outer, app, second = make("/tasks"), APIRouter(prefix="/outer"), FastAPI(), FastAPI()

    @router.post("/hello")
    def hello() -> None: ...

    bound: Any = hello
    delay = bound.delay
    outer.include_router(router, prefix="/in")
    for prefix in ("", "/a", "/b"):
        app.include_router(router, prefix=prefix)
    app.include_router(outer, prefix="/deep")
    second.include_router(router)
    assert bound.delay == delay
    expected = {"/tasks/hello", "/a/tasks/hello", "/b/tasks/hello", "/deep/outer/in/tasks/hello"}
    assert expected <= app.openapi()["paths"].keys()
    assert delay.__self__._route.path == "/tasks/hello"


def test_a_second_registration_is_refused_after_the_router_was_included_too() -> None:
    router, app = sync_router(), FastAPI()

    @router.post("/hello")
    def hello() -> None: ...

    app.include_router(router, prefix="/outer")
    with pytest.raises(ValueError, match="already registered"):
        router.post("/outer/hello")(hello)


def _operation_ids(router: APIRouter, **settings: Any) -> dict[str, str]:
    @router.post("/hello")
    def hello() -> None: ...

    @router.post("/named", operation_id="its_own_id")
    def named() -> None: ...

    @router.api_route("/many", methods=["PUT", "PATCH"])
    def many() -> None: ...

    app = FastAPI()
    app.include_router(router, prefix="/a", **settings)
    paths = app.openapi()["paths"]
    return {f"{verb} {path}": operation["operationId"] for path in paths for verb, operation in paths[path].items()}


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID:UserWarning")
def test_operation_ids_are_those_of_a_plain_router() -> None:
    def by_name(route: APIRoute) -> str:
        return f"custom-{route.name}"

    assert _operation_ids(sync_router()) == _operation_ids(APIRouter())
    theirs = _operation_ids(APIRouter(), generate_unique_id_function=by_name)
    assert _operation_ids(sync_router(), generate_unique_id_function=by_name) == theirs
    assert theirs["post /a/hello"] == "custom-hello"


def test_a_subclass_of_the_route_class_makes_tasks() -> None:
    base: Any = sync_router().route_class

    class Route(base):  # type: ignore[misc]  # made at run time
        pass

    router = APIRouter(route_class=Route)

    @as_delayed_task
    @router.post("/hello")
    def hello() -> None: ...

    assert hello.delay().name


def test_a_task_route_can_be_copied() -> None:
    router = sync_router()

    @router.post("/hello")
    def hello() -> None: ...

    (route,) = router.routes
    assert isinstance(route, APIRoute)
    assert copy.deepcopy(route.methods) == {"POST"}


@each_kind
@pytest.mark.parametrize(
    ("methods", "reason"),
    [
        ([], "has no method"),
        (["GET", "POST"], "has the methods GET, POST"),
        (["TRACE"], "the method of a task cannot be TRACE"),
    ],
)
async def test_a_route_without_one_method_is_refused_when_it_is_triggered(
    make: Callable[[], APIRouter], methods: list[str], reason: str
) -> None:
    def hello() -> None: ...

    # With no method FastAPI itself finds no operation id.
    make().api_route("/hello", methods=methods, operation_id="hello")(hello)
    bound: Any = hello
    for enqueue in (bound.delay, bound.options(countdown=1).delay):
        with pytest.raises(BadMethodError, match=f"hello at .*/hello cannot be a task: .*{reason}"):
            await enqueue()


@pytest.mark.parametrize("method", [one.name for one in HttpMethod if one])
def test_the_task_is_sent_by_the_routes_method(method: str) -> None:
    client = FakeClient()
    router = delayed_router(client)

    def hello() -> None: ...

    router.api_route("/hello", methods=[method.lower()])(hello)
    bound: Any = hello
    bound.delay()
    assert client.requests[0].task.http_request.http_method.name == method


def test_a_parameter_that_no_task_can_carry_is_refused_at_registration() -> None:
    """The encoder's refusal leaves endpoint and router as they were."""
    router = sync_router()

    def hello(password: SecretStr) -> None: ...

    with pytest.raises(TypeError, match="password"):
        router.post("/hello")(hello)
    assert router.routes == []
    assert not hasattr(hello, "delay")
