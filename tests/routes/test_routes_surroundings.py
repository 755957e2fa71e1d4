"""What surrounds a route in the apps of this process, such as outer routers, counts from the first call on."""

import gc
import weakref
from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, Cookie, Depends, FastAPI, File, Header, Path, Query, Request, UploadFile
from google.cloud.tasks_v2 import CreateTaskRequest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Mount

from fastapi_gcp_tasks import DelayedTask, as_delayed_task, check_tasks
from fastapi_gcp_tasks.exception import MissingParamError, TaskRouteError, WrongTypeError
from routes.routes_fakes import URL, FakeClient, Payload, delayed_router
from routes.routes_worker import Received, carry


def needs_header(x_tenant: Annotated[str, Header()]) -> None: ...


def needs_cookie(session: Annotated[str, Cookie()]) -> None: ...


def needs_query(page: Annotated[int, Query()]) -> None: ...


def needs_body(audit: Annotated[str, Body()]) -> None: ...


def of_app(router: APIRouter, dependency: Any) -> FastAPI:
    app = FastAPI(dependencies=[Depends(dependency)])
    app.include_router(router)
    return app


def of_include(router: APIRouter, dependency: Any) -> FastAPI:
    app = FastAPI()
    app.include_router(router, dependencies=[Depends(dependency)])
    return app


def of_outer(router: APIRouter, dependency: Any) -> FastAPI:
    app, outer, outermost = FastAPI(), APIRouter(dependencies=[Depends(dependency)]), APIRouter()
    outer.include_router(router)
    outermost.include_router(outer)
    app.include_router(outermost)
    return app


def of_mounted(router: APIRouter, dependency: Any) -> FastAPI:
    app = FastAPI()
    app.mount("/", of_app(router, dependency))
    return app


def task_of(client: FakeClient) -> tuple[APIRouter, DelayedTask[[], None]]:
    """A router, and the one task in it, which takes nothing."""
    router = delayed_router(client)

    @as_delayed_task
    @router.post("/hello")
    def hello() -> None: ...

    return router, hello


surrounded = pytest.mark.parametrize("surround", [of_app, of_include, of_outer, of_mounted])
Surround = Callable[[APIRouter, Any], FastAPI]


@surrounded
@pytest.mark.parametrize(
    ("dependency", "argument"),
    [(needs_header, {"x_tenant": "acme"}), (needs_cookie, {"session": "s1"}), (needs_query, {"page": 3})],
)
def test_what_surrounds_the_route_is_asked_for_and_can_be_passed(
    surround: Surround, dependency: Any, argument: dict[str, Any]
) -> None:
    client, received = FakeClient(), Received()
    router = delayed_router(client)

    @router.post("/hello")
    def hello(p: Payload) -> None:
        received.note(p=p)

    task: Any = hello
    app = surround(router, dependency)
    (name,) = argument
    with pytest.raises(MissingParamError, match=name):
        task.delay(p=Payload(message="hi"))
    task.delay(p=Payload(message="hi"), **argument)
    assert carry(app, client, URL) == 200
    assert received.all == [{"p": Payload(message="hi")}]


@surrounded
def test_a_body_parameter_around_the_route_embeds_the_body(surround: Surround) -> None:
    client, received = FakeClient(), Received()
    router = delayed_router(client)

    @router.post("/hello")
    def hello(p: Payload) -> None:
        received.note(p=p)

    task: Any = hello
    app = surround(router, needs_body)
    task.delay(p=Payload(message="hi"), audit="why")
    assert carry(app, client, URL) == 200
    assert received.all == [{"p": Payload(message="hi")}]


def test_a_required_header_that_a_hook_sets_is_given_by_dependency_arguments() -> None:
    def hook(request: CreateTaskRequest) -> CreateTaskRequest:
        request.task.http_request.headers["x-tenant"] = "acme"
        return request

    def note_tenant(x_tenant: Annotated[str, Header()]) -> None:
        tenants.append(x_tenant)

    client, tenants = FakeClient(), list[str]()
    router, hello = task_of(client)
    app = of_app(router, note_tenant)
    with pytest.raises(MissingParamError, match="x_tenant"):
        hello.options(pre_create_hook=hook).delay()
    hello.options(pre_create_hook=hook, dependency_arguments={"x_tenant": "set by the hook"}).delay()
    assert carry(app, client, URL) == 200
    assert tenants == ["acme"]


@surrounded
def test_what_surrounds_the_route_and_no_task_can_carry_is_refused_at_the_first_call(surround: Surround) -> None:
    def needs_from(from_: Annotated[str, Header(alias="x-google-thing")]) -> None: ...

    router, hello = task_of(FakeClient())

    app = surround(router, needs_from)
    with pytest.raises(TaskRouteError, match=r"'from_' cannot be carried by a task: .*surrounds it at POST /hello"):
        hello.delay()
    assert app


def test_an_optional_parameter_around_the_route_may_be_left_out() -> None:
    client = FakeClient()
    router = delayed_router(client)

    def may_have(x_tenant: Annotated[str, Header()] = "nobody") -> None:
        tenants.append(x_tenant)

    @router.post("/hello")
    def hello() -> None: ...

    task: Any = hello
    tenants: list[str] = []
    app = of_app(router, may_have)
    task.delay()
    task.delay(x_tenant="acme")
    assert [carry(app, client, URL, number) for number in (0, 1)] == [200, 200]
    assert tenants == ["nobody", "acme"]


def test_where_no_app_serves_the_route_the_router_alone_counts() -> None:
    client = FakeClient()
    router = delayed_router(client)

    @as_delayed_task
    @router.post("/hello")
    def hello(tenant: str) -> None: ...

    APIRouter(prefix="/outer/{tenant}", dependencies=[Depends(needs_header)]).include_router(router)
    hello.delay(tenant="acme")
    assert client.requests[0].task.http_request.url == f"{URL}/hello?tenant=acme"


@pytest.mark.parametrize(
    ("inner", "outer", "base", "path"),
    [
        ("", "/tenants/{tenant}", "/tenants", "/acme/hello"),
        ("/v2", "/api/v{version}/{tenant}", "/api", "/v7/acme/v2/hello"),
        ("", "/{tenant}", "", "/acme/hello"),
    ],
)
def test_a_path_parameter_that_only_an_outer_prefix_names_is_filled_in(
    inner: str, outer: str, base: str, path: str
) -> None:
    client, received = FakeClient(), Received()
    router = delayed_router(client, prefix=inner, callback_base_url=f"{URL}{base}")

    @router.post("/hello")
    def hello(tenant: str, request: Request, version: int = 7) -> None:
        received.note(tenant=tenant, version=version)

    task: Any = hello
    app = FastAPI()
    app.include_router(router, prefix=outer)
    given = {"version": 7} if "version" in outer else {}
    task.delay(tenant="acme", **given)
    assert client.requests[0].task.http_request.url == f"{URL}{base}{path}"
    assert carry(app, client, URL) == 200
    assert received.all == [{"tenant": "acme", "version": 7}]


def test_a_parameter_may_be_declared_as_one_of_the_path_that_an_outer_prefix_names() -> None:
    client, received = FakeClient(), Received()
    router = delayed_router(client)

    @as_delayed_task
    @router.post("/hello")
    def hello(tenant: Annotated[str, Path()]) -> None:
        received.note(tenant=tenant)

    with pytest.raises(TaskRouteError, match=r"hello: the path /hello does not name all .* Include its router in"):
        hello.delay(tenant="acme")
    app = FastAPI()
    app.include_router(router, prefix="/{tenant}")
    hello.delay(tenant="acme")
    assert carry(app, client, URL) == 200
    assert received.all == [{"tenant": "acme"}]


def test_a_path_parameter_that_no_prefix_names_is_refused() -> None:
    router = delayed_router(FakeClient())

    @as_delayed_task
    @router.post("/hello")
    def hello(tenant: Annotated[str, Path()]) -> None: ...

    app = FastAPI()
    app.include_router(router, prefix="/in")
    with pytest.raises(TaskRouteError, match=r"'tenant' cannot be carried .* the path /hello has no \{tenant\}"):
        hello.delay(tenant="acme")
    with pytest.raises(TaskRouteError, match=r"has no \{tenant\}"):
        check_tasks(app)
    with pytest.raises(TypeError, match="secrets"):

        @router.post("/secret")
        def secret(tenant: Annotated[str, Path()], word: SecretStr) -> None: ...


def test_the_prefix_of_an_outer_router_with_a_parameter_that_nobody_declares_is_refused() -> None:
    router, hello = task_of(FakeClient())

    app = FastAPI()
    app.include_router(router, prefix="/tenants/{tenant}")
    with pytest.raises(TaskRouteError, match=r"neither the endpoint nor a dependency declares \{tenant\}"):
        hello.delay()
    assert app


def test_apps_that_differ_for_an_endpoint_are_refused() -> None:
    router, hello = task_of(FakeClient())

    apps = [FastAPI(), of_app(router, needs_header)]
    apps[0].include_router(router)
    with pytest.raises(TaskRouteError, match=r"hello is served in different ways, at POST /hello.*include the router"):
        hello.delay()


def test_apps_that_have_the_same_around_an_endpoint_are_fine() -> None:
    client = FakeClient()
    router = delayed_router(client)

    @router.post("/hello")
    def hello() -> None: ...

    task: Any = hello
    apps = [of_app(router, needs_header), of_app(router, needs_header)]
    task.delay(x_tenant="acme")
    assert carry(apps[0], client, URL) == 200


def test_an_app_that_is_gone_does_not_count() -> None:
    client = FakeClient()
    router, hello = task_of(client)

    gc.disable()
    try:
        gone = weakref.ref(of_app(router, needs_header))
        assert gone(), "an app is freed by the garbage collector alone"
        app = FastAPI()
        app.include_router(router)
        hello.delay()
    finally:
        gc.enable()
    assert carry(app, client, URL) == 200


def test_of_two_includes_that_differ_the_base_url_chooses() -> None:
    client, received = FakeClient(), Received()
    router = delayed_router(client)

    @router.post("/hello")
    def hello() -> None:
        received.note()

    task: Any = hello
    app = FastAPI()
    app.include_router(router, prefix="/v1")
    app.include_router(router, prefix="/v2", dependencies=[Depends(needs_header)])
    with pytest.raises(TaskRouteError, match=r"different ways, at POST /v1/hello and POST /v2/hello"):
        task.delay()
    task.options(base_url=f"{URL}/v1").delay()
    task.options(base_url=f"{URL}/v2").delay(x_tenant="acme")
    assert [carry(app, client, URL, number) for number in (0, 1)] == [200, 200]
    assert len(received.all) == 2


def test_a_route_that_is_included_after_its_first_call_counts_once_the_app_is_checked() -> None:
    client = FakeClient()
    router, hello = task_of(client)

    hello.delay()
    app = of_app(router, needs_header)
    check_tasks(app)
    with pytest.raises(MissingParamError, match="x_tenant"):
        hello.delay()


def test_a_route_that_is_included_after_its_first_call_counts_once_the_app_has_answered_a_request() -> None:
    client = FakeClient()
    router, hello = task_of(client)

    hello.delay()
    app = of_app(router, needs_header)
    assert carry(app, client, URL) == 422
    with pytest.raises(MissingParamError, match="x_tenant"):
        hello.delay()


def shadowed(path: str, first: str = "/items/me") -> tuple[Any, FastAPI, FakeClient]:
    client, app = FakeClient(), FastAPI()
    router = delayed_router(client)

    @app.post(first)
    def other() -> None: ...

    def item(name: str) -> None: ...

    def fixed() -> None: ...

    task = item if "{name}" in path else fixed
    router.post(path)(task)
    app.include_router(router)
    return task, app, client


@pytest.mark.parametrize("first", ["/items/me", "/items/{other:path}", "/{one}/{two}"])
def test_a_task_that_another_route_always_answers_is_refused(first: str) -> None:
    task, app, client = shadowed("/items/me", first)
    with pytest.raises(TaskRouteError, match=r"fixed at POST /items/me is never reached: POST /.* \(other\) answers"):
        task.delay()
    assert app
    assert client.requests == []


def test_an_argument_with_which_another_route_answers_is_refused() -> None:
    task, app, client = shadowed("/items/{name}")
    with pytest.raises(WrongTypeError, match=r"^name: POST /items/me would be answered by POST /items/me \(other\)"):
        task.delay(name="me")
    task.delay(name="you")
    assert carry(app, client, URL) == 200


def test_the_base_url_says_what_the_parameters_of_mounts_are() -> None:
    client, inside, app = FakeClient(), FastAPI(), FastAPI()
    router = delayed_router(client, callback_base_url=f"{URL}/eu%20west")

    @as_delayed_task
    @router.post("/items/{name}")
    def item(name: str) -> None: ...

    inside.include_router(router)
    app.post("/{number:int}/items/{name}")(lambda: None)
    app.post("/eu west/items/me")(lambda: None)
    app.mount("/{zone}", inside)
    item.delay(name="you")
    assert carry(app, client, URL) == 200
    with pytest.raises(WrongTypeError, match="POST /eu west/items/me would be answered by"):
        item.delay(name="me")
    with pytest.raises(WrongTypeError, match=r"POST /7/items/you would be answered by POST /\{number:int\}"):
        item.options(base_url=f"{URL}/7").delay(name="you")


def test_of_two_mounts_with_parameters_the_base_url_chooses() -> None:
    client, app = FakeClient(), FastAPI()
    router, hello = task_of(client)
    plain, strict = FastAPI(), of_app(router, needs_header)
    plain.include_router(router)
    app.mount("/to/{zone}", plain)
    app.mount("/strictly/{zone}", strict)
    task: Any = hello
    task.options(base_url=f"{URL}/to/eu").delay()
    task.options(base_url=f"{URL}/strictly/eu").delay(x_tenant="acme")
    assert [carry(app, client, URL, number) for number in (0, 1)] == [200, 200]


def test_a_catch_all_behind_the_task_is_fine() -> None:
    client, app = FakeClient(), FastAPI()
    router = delayed_router(client)

    @as_delayed_task
    @router.post("/items/{name}")
    def item(name: str) -> None: ...

    app.include_router(router)
    app.mount("/", Starlette())
    item.delay(name="me")
    assert carry(app, client, URL) == 200


def test_a_route_of_another_method_before_the_task_is_fine() -> None:
    client, app = FakeClient(), FastAPI()
    router = delayed_router(client)

    @as_delayed_task
    @router.post("/items/{name}")
    def item(name: str) -> None: ...

    app.get("/items/{name}")(lambda: None)
    app.include_router(router)
    item.delay(name="me")
    assert carry(app, client, URL) == 200


@pytest.mark.parametrize("inside", [Starlette(), FastAPI()], ids=["starlette", "fastapi"])
def test_a_mount_before_the_task_answers_first(inside: Starlette) -> None:
    app = FastAPI()
    router = delayed_router(FakeClient())

    @as_delayed_task
    @router.post("/items/all")
    def every() -> None: ...

    app.mount("/items", inside)
    app.include_router(router)
    with pytest.raises(TaskRouteError, match="never reached: the app that is mounted at /items answers first"):
        every.delay()


def test_an_app_inside_of_middleware_and_mounts_is_found() -> None:
    class Middleware:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, *asgi: Any) -> None:
            await self.app(*asgi)

    client = FakeClient()
    router = delayed_router(client, callback_base_url=f"{URL}/a/b")

    @router.post("/hello")
    def hello() -> None: ...

    task: Any = hello
    app = Starlette(routes=[Mount("/a", Middleware(Starlette(routes=[Mount("/b", of_app(router, needs_header))])))])
    task.delay(x_tenant="acme")
    assert carry(app, client, URL) == 200


async def test_many_tasks_at_once_are_made_by_the_same_plan() -> None:
    client = FakeClient()
    router = delayed_router(client)

    @as_delayed_task
    @router.post("/hello")
    def hello(number: int) -> None: ...

    app = of_app(router, needs_header)
    result = hello.delay_many([{"number": 1}, {"number": 2, "x_tenant": "acme"}])
    assert [one.index for one in result.failed] == [0]
    assert "x_tenant" in str(result.failed[0].error)
    assert app


def test_files_around_the_route_that_cannot_be_carried_are_refused() -> None:
    def needs_file(file: Annotated[str, File()]) -> None: ...

    router, hello = task_of(FakeClient())

    app = of_app(router, needs_file)
    with pytest.raises(TaskRouteError, match=r"'file' cannot be carried.*at POST /hello"):
        hello.delay()
    assert app


def test_files_around_the_route_are_missed() -> None:
    def needs_file(file: UploadFile) -> None: ...

    router, hello = task_of(FakeClient())

    app = of_app(router, needs_file)
    with pytest.raises(MissingParamError, match="file"):
        hello.delay()
    assert app
