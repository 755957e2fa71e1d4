"""`check_tasks(app)` finds what keeps tasks from running, all of it at once, before anything is enqueued."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route

from fastapi_gcp_tasks import TaskRouteError, check_tasks
from routes.routes_fakes import FakeClient, async_delayed_router, delayed_router

APP = "http://app.local"


def router(prefix: str = "", base: str = APP) -> APIRouter:
    return delayed_router(FakeClient(), prefix=prefix, callback_base_url=base)


def hello() -> None: ...


def task(path: str = "/hello", *, prefix: str = "", base: str = APP) -> APIRouter:
    """A router with one task, of an endpoint of its own."""
    made = router(prefix, base)

    @made.post(path, name="hello")
    def hello() -> None: ...

    return made


def faults(app: Any, **options: Any) -> tuple[str, ...]:
    try:
        check_tasks(app, **options)
    except TaskRouteError as error:
        return error.faults
    return ()


# The newest FastAPI says so of what it still takes.
sets_root_path = pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")


def needs_header(x_tenant: Annotated[str, Header()]) -> None: ...


def test_an_app_whose_tasks_can_run_passes() -> None:
    app = FastAPI(dependencies=[Depends(needs_header)])
    app.include_router(task(base=f"{APP}/in"), prefix="/in")
    app.include_router(async_delayed_router(prefix="/async", callback_base_url="https://elsewhere.example.com"))
    check_tasks(app)
    check_tasks(app, app_url=APP)
    check_tasks(Starlette())
    check_tasks(APIRouter())


def test_all_faults_are_told_at_once_a_line_for_each() -> None:
    def needs_reserved(host_name: Annotated[str, Header(alias="x-google-thing")]) -> None: ...

    app = FastAPI()
    app.post("/first")(lambda: None)
    app.include_router(task("/first"))
    app.include_router(task("/second"), dependencies=[Depends(needs_reserved)])
    several = router()
    several.api_route("/third", methods=["PUT", "PATCH"])(lambda: None)
    app.include_router(several)
    found = faults(app)
    assert len(found) == 3
    assert "hello at POST /first is never reached: POST /first (<lambda>) answers first" in found[0]
    assert "'host_name' cannot be carried" in found[1]
    assert "with what surrounds it at POST /second" in found[1]
    assert "it has the methods PATCH, PUT" in found[2]
    with pytest.raises(TaskRouteError) as raised:
        check_tasks(app)
    assert str(raised.value).splitlines() == ["3 faults of tasks:", *found]


def test_a_second_endpoint_on_the_same_method_and_path_is_a_fault_of_the_second() -> None:
    app = FastAPI()
    app.include_router(task())
    second = router()

    @second.post("/hello")
    def again() -> None: ...

    app.include_router(second)
    (fault,) = faults(app)
    assert fault.startswith("again at POST /hello is never reached: POST /hello (hello) answers first")


def test_a_route_of_starlette_and_a_mounted_app_are_seen_as_well() -> None:
    def page(request: Any) -> PlainTextResponse:
        return PlainTextResponse("page")

    inner = FastAPI()
    inner.include_router(task("/hello", base=f"{APP}/inner"))
    app = Starlette(routes=[Route("/inner/{rest:path}", page, methods=["POST"]), Mount("/inner", inner)])
    (fault,) = faults(app)
    assert "hello at POST /inner/hello is never reached: POST /inner/{rest} (page) answers first" in fault.replace(
        ":path", ""
    )


def test_a_prefix_with_a_parameter_that_fastapi_cannot_serve_is_a_fault() -> None:
    made = router()

    @made.post("/hello")
    def hello(tenant: Annotated[str, Query()]) -> None: ...

    app = FastAPI()
    try:
        app.include_router(made, prefix="/{tenant}")
    except AssertionError:
        return  # FastAPI before 0.137 finds it itself
    (fault,) = faults(app)
    assert fault.startswith("hello cannot be served at POST /{tenant}/hello (hello): ")


def test_what_is_asked_for_its_base_url_too_early_is_not_a_fault() -> None:
    def base_url() -> str:
        return settings["url"]

    settings: dict[str, str] = {}
    made = delayed_router(FakeClient(), callback_base_url=base_url)
    made.post("/hello")(lambda: None)
    app = FastAPI()
    app.include_router(made, prefix="/in")
    check_tasks(app, app_url=APP)
    settings["url"] = APP
    assert "/in" in faults(app, app_url=APP)[0]


ELSEWHERE = "https://worker.example.com"


@pytest.mark.parametrize(
    ("prefix", "base", "right"),
    [
        ("/in", APP, f"{APP}/in"),
        ("/in", f"{APP}/out", f"{APP}/in"),
        ("", f"{APP}/in", APP),
        ("/deep/er", f"{APP}/deep", f"{APP}/deep/er"),
    ],
)
def test_a_base_url_that_does_not_lead_to_the_endpoint_is_a_fault_that_says_the_right_one(
    prefix: str, base: str, right: str
) -> None:
    app = FastAPI()
    app.include_router(task(base=base), prefix=prefix)
    (fault,) = faults(app, app_url=APP)
    expected = f"hello (POST /hello): its tasks go to POST {base}/hello, where nothing answers (404). "
    assert fault.startswith(f"{expected}The app serves it at {prefix}/hello")
    assert fault.endswith(f"set the base URL to {right}")
    assert faults(app) == ()
    assert faults(app, app_url=ELSEWHERE) == ()


def test_the_route_that_answers_in_the_place_of_a_task_is_named() -> None:
    app = FastAPI()
    app.include_router(task(base=APP), prefix="/in")
    app.post("/{anything}", name="catch")(lambda: None)
    app.get("/in/{name}")(lambda: None)
    (fault,) = faults(app, app_url=APP)
    assert "where POST /{anything} (catch) answers instead" in fault


def test_a_route_that_has_the_path_but_not_the_method_is_named() -> None:
    app = FastAPI()
    app.include_router(task(base=APP), prefix="/in")
    app.get("/hello", name="page")(lambda: None)
    (fault,) = faults(app, app_url=APP)
    assert "where only GET /hello (page) is there (405)" in fault


@sets_root_path
@pytest.mark.parametrize("base", [f"{APP}/api", APP])
def test_the_root_path_of_an_app_may_be_in_the_base_url(base: str) -> None:
    app = FastAPI(root_path="/api")
    app.include_router(task(base=base))
    check_tasks(app, app_url=APP)


def test_an_app_url_with_a_path_leads_to_that_path_of_the_app() -> None:
    app = FastAPI()
    app.include_router(task(base=f"{APP}/api"), prefix="/api")
    check_tasks(app, app_url=f"{APP}/api")
    assert faults(app, app_url=f"{APP}/apiary") == ()


def test_tasks_of_mounted_apps_are_below_the_mount() -> None:
    def mounted(base: str) -> FastAPI:
        app, inner = FastAPI(), FastAPI()
        inner.include_router(task(base=base), prefix="/in")
        app.mount("/sub", inner)
        return app

    check_tasks(mounted(f"{APP}/sub/in"), app_url=APP)
    app = mounted(f"{APP}/in")
    (fault,) = faults(app, app_url=APP)
    assert fault.endswith(f"The app serves it at /sub/in/hello: set the base URL to {APP}/sub/in")


@sets_root_path
def test_an_inner_app_whose_own_root_path_hides_its_mount_is_found_out() -> None:
    inner, app = FastAPI(root_path="/other"), FastAPI()
    inner.include_router(task(base=f"{APP}/sub"))
    app.mount("/sub", inner)
    (fault,) = faults(app, app_url=APP)
    assert "hello at POST /sub/hello is never reached: the app that is mounted at /sub answers first" in fault


def test_a_redirect_to_the_path_with_a_slash_leads_there() -> None:
    app = FastAPI()
    app.include_router(task("/hello/"))
    check_tasks(app, app_url=APP)
    made = router()
    made.post("")(hello)
    made.prefix = ""
    with_prefix = FastAPI()
    with_prefix.include_router(made, prefix="/hello")
    (fault,) = faults(with_prefix, app_url=APP)
    assert fault.endswith(f"set the base URL to {APP}/hello")


def test_apps_of_hosts_count_where_the_base_url_names_the_host() -> None:
    inner = FastAPI()
    inner.include_router(task(base=APP))
    other = FastAPI()
    other.post("/hello")(lambda: None)
    app = Starlette(routes=[Host("other.local", other), Host("app.local", inner)])
    check_tasks(app, app_url=APP)
    wrong = Starlette(routes=[Host("other.local", inner)])
    assert "nothing answers (404)" in faults(wrong, app_url=APP)[0]


def test_the_arguments_are_made_for_what_is_in_the_url() -> None:
    """One of two includes answers at the base URL: that one's dependencies count."""
    app, made = FastAPI(), task(base=f"{APP}/v2")
    app.include_router(made, prefix="/v1")
    app.include_router(made, prefix="/v2", dependencies=[Depends(needs_header)])
    check_tasks(app, app_url=APP)


def test_an_app_url_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="app_url must be a URL"):
        check_tasks(FastAPI(), app_url="app.local")
