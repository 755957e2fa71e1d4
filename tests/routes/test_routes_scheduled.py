"""Scheduled routes: what their builders take, what their endpoints get, and what is refused: api.md section 1."""

import inspect
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from types import ModuleType
from typing import Annotated, Any
from unittest.mock import ANY

import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.routing import APIRoute
from google.cloud.scheduler_v1 import CreateJobRequest, HttpMethod, Job, RetryConfig
from google.protobuf.duration_pb2 import Duration
from pydantic import BaseModel, FutureDate, FutureDatetime, ValidationError

from fastapi_gcp_tasks import (
    AsyncScheduledRouteBuilder,
    AsyncScheduledRouter,
    BadMethodError,
    MissingParamError,
    ScheduledRouteBuilder,
    ScheduledRouter,
    TaskRouteError,
    WrongTypeError,
    check_tasks,
    injected,
    scheduled_route,
    task_default_options,
)
from fastapi_gcp_tasks.dependencies import verify_secret
from fastapi_gcp_tasks.hooks import chained_hook, deadline_scheduled_hook, noop_hook, oauth_scheduled_hook
from routes.routes_fakes import URL, ask, async_delayed_router, delayed_router
from routes.routes_fakes import FakeClient as FakeTasksClient
from routes.scheduled_fakes import (
    EACH_MORNING,
    LOCATION,
    FakeAsyncClient,
    FakeClient,
    Scheduler,
    async_scheduled_router,
    awaited,
    scheduled_router,
)

Router = Callable[..., APIRouter]
each_kind = pytest.mark.parametrize("router", [scheduled_router, async_scheduled_router], ids=["sync", "async"])
each_builder = pytest.mark.parametrize(
    "build", [ScheduledRouteBuilder, AsyncScheduledRouteBuilder], ids=["sync", "async"]
)
BUILDERS: list[Any] = [ScheduledRouteBuilder, AsyncScheduledRouteBuilder]
TASK_ROUTERS: list[Any] = [delayed_router, async_delayed_router, scheduled_router, async_scheduled_router]


def job_of(endpoint: Any, **options: Any) -> Any:
    """A job of that endpoint."""
    return endpoint.scheduler(**{"name": "job", "schedule": EACH_MORNING, **options})


async def put(router: APIRouter, endpoint: Callable[..., Any], *args: Any, path: str = "/job", **values: Any) -> Job:
    """The job that calls the endpoint with these arguments."""
    router.post(path)(endpoint)
    job: Job = await awaited(job_of(endpoint).schedule(*args, **values))
    return job


# Builders


@each_builder
def test_a_builder_returns_a_route_class_of_fastapi_and_takes_everything_by_keyword(build: Any) -> None:
    assert issubclass(build(location_path=LOCATION, base_url=URL), APIRoute)
    parameters = inspect.signature(build).parameters.values()
    assert {one.kind for one in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_the_twins_have_the_same_options_with_the_same_defaults() -> None:
    sync, twin = ({one.name: one.default for one in inspect.signature(build).parameters.values()} for build in BUILDERS)
    assert sync == twin
    assert sync["job_create_timeout"] == 10.0


def test_the_routers_take_what_the_builders_take() -> None:
    for builder, router in zip(BUILDERS, (ScheduledRouter, AsyncScheduledRouter), strict=True):
        of_router = dict(inspect.signature(router).parameters)
        of_router.pop("router")
        assert of_router == dict(inspect.signature(builder).parameters)


def test_the_builders_stand_in_a_module_of_their_own() -> None:
    assert isinstance(scheduled_route, ModuleType)
    assert scheduled_route.ScheduledRouteBuilder is ScheduledRouteBuilder


@each_builder
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"location_path": LOCATION}, TypeError, "callback_base_url is missing"),
        ({"location_path": LOCATION, "base_url": URL, "callback_base_url": URL}, TypeError, "give one of them"),
        ({"location_path": "projects/p", "base_url": URL}, ValueError, "location_path 'projects/p': Location name"),
        ({"location_path": LOCATION, "base_url": "worker"}, ValueError, "must begin with http"),
        ({"location_path": LOCATION, "base_url": URL, "job_create_timeout": 0}, ValueError, "job_create_timeout"),
        ({"location_path": LOCATION, "base_url": URL, "client": object()}, TypeError, "client must be a CloudSchedul"),
        ({"location_path": LOCATION, "base_url": URL, "verify": "yes"}, TypeError, "verify must be made by"),
        ({"location_path": LOCATION, "base_url": URL, "queue_path": "q"}, TypeError, "queue_path"),
    ],
)
def test_what_a_builder_cannot_take_is_refused(
    build: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        build(**options)


def test_a_client_of_the_wrong_kind_names_the_other_builder() -> None:
    sync, twin = FakeClient(Scheduler()), FakeAsyncClient(Scheduler())
    for wrong in (twin, FakeAsyncClient, FakeTasksClient()):
        with pytest.raises(TypeError, match=r"CloudSchedulerClient.*AsyncScheduledRouteBuilder"):
            ScheduledRouteBuilder(location_path=LOCATION, base_url=URL, client=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"AsyncScheduledRouteBuilder takes .* is for ScheduledRouteBuilder"):
        AsyncScheduledRouteBuilder(location_path=LOCATION, base_url=URL, client=sync)  # type: ignore[arg-type]


async def test_a_factory_is_called_once_for_each_loop_and_may_not_make_something_else() -> None:
    service = Scheduler()
    made: list[FakeAsyncClient] = []

    def factory() -> FakeAsyncClient:
        made.append(FakeAsyncClient(service))
        return made[-1]

    def greet() -> None: ...

    router = async_scheduled_router(service, client=factory)
    assert made == []
    await put(router, greet)
    await job_of(greet).delete()
    assert len(made) == 1
    with pytest.raises(TypeError, match="the client factory returned a FakeClient, not a CloudSchedulerAsyncClient"):
        await job_of(greet, client=lambda: FakeClient(service)).get()


# Registration


@each_kind
async def test_registering_attaches_scheduler_to_the_endpoint_itself(router: Router) -> None:
    def hello(name: str) -> str:
        return f"hello, {name}"

    jobs = router(Scheduler())
    registered: Any = jobs.post("/hello")(hello)
    assert registered is hello
    assert hello("Ada") == "hello, Ada"
    assert (hasattr(hello, "scheduler"), hasattr(hello, "delay")) == (True, False)
    app = FastAPI()
    app.include_router(jobs)
    assert await ask(app, "POST", "/hello") == (422, ANY)


@pytest.mark.parametrize("first", TASK_ROUTERS)
@pytest.mark.parametrize("second", TASK_ROUTERS)
def test_an_endpoint_is_on_one_task_route_of_any_kind(first: Any, second: Any) -> None:
    routers = [make(Scheduler() if "scheduled" in make.__name__ else None) for make in (first, second)]

    def hello() -> None: ...

    routers[0].post("/old")(hello)
    with pytest.raises(ValueError, match=r"^hello is already registered as a task at POST /old, .* at POST /new$"):
        routers[1].post("/new")(hello)


@each_kind
async def test_a_router_may_be_included_in_several_apps(router: Router) -> None:
    service = Scheduler()
    jobs = router(service, prefix="/jobs", callback_base_url=f"{URL}/v1")

    def hello() -> None: ...

    jobs.post("/hello")(hello)
    for prefix in ("/v1", "/v2"):
        app = FastAPI()
        app.include_router(jobs, prefix=prefix)
    assert (await awaited(job_of(hello).schedule())).http_target.uri == f"{URL}/v1/jobs/hello"


@each_kind
def test_default_options_are_for_tasks(router: Router) -> None:
    def hello() -> None: ...

    def other() -> None: ...

    with pytest.raises(TypeError, match=r"task_default_options are for tasks, and hello is scheduled"):
        router(Scheduler()).post("/hello")(task_default_options(countdown=3)(hello))
    router(Scheduler()).post("/other")(other)
    with pytest.raises(TypeError, match=r"task_default_options are for tasks, and other is scheduled"):
        task_default_options(countdown=3)(other)


@each_kind
async def test_a_route_without_one_method_is_refused_when_it_is_triggered(router: Router) -> None:
    def hello() -> None: ...

    service = Scheduler()
    router(service).api_route("/hello", methods=["GET", "POST"])(hello)
    job = job_of(hello)
    with pytest.raises(BadMethodError, match="it has the methods GET, POST, but may have only one"):
        await awaited(job.schedule())
    assert service.calls == []


@pytest.mark.parametrize("method", [one.name for one in HttpMethod if one])
async def test_a_job_has_its_routes_method(method: str) -> None:
    def hello() -> None: ...

    scheduled_router(Scheduler()).api_route("/hello", methods=[method])(hello)
    assert job_of(hello).schedule().http_target.http_method.name == method


# The job's name, schedule and options


@each_kind
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"name": ""}, ValueError, "name must be 1 to 500 letters, digits, hyphens and underscores, not ''"),
        ({"name": "a b"}, ValueError, "name must be 1 to 500 letters"),
        ({"name": "x" * 501}, ValueError, "name must be 1 to 500 letters"),
        ({"name": f"{LOCATION}/jobs/j"}, ValueError, "without the location before it, not 'projects/p/"),
        ({"name": None}, TypeError, "name must be a string"),
        ({"schedule": " "}, ValueError, "schedule must be a schedule, such as '0 9"),
        ({"schedule": timedelta(minutes=5)}, TypeError, "schedule must be a string"),
        ({"time_zone": "Paris"}, ValueError, "time_zone must be the name of a time zone, such as Europe/Paris"),
        ({"retry_config": 5}, TypeError, "retry_config must be a google.cloud.scheduler_v1.RetryConfig"),
        ({"force": 1}, TypeError, "force must be True or False"),
        ({"countdown": 1}, TypeError, "there is no option 'countdown'"),
    ],
)
def test_what_a_job_cannot_have_is_refused_where_it_is_given(
    router: Router, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    def hello() -> None: ...

    router(Scheduler()).post("/hello")(hello)
    with pytest.raises(error, match=message):
        job_of(hello, **options)


def test_name_and_schedule_are_required() -> None:
    def hello() -> None: ...

    scheduled_router(Scheduler()).post("/hello")(hello)
    task: Any = hello
    for options in ({"name": "a"}, {"schedule": EACH_MORNING}):
        with pytest.raises(TypeError, match="missing 1 required keyword-only argument"):
            task.scheduler(**options)


@pytest.mark.parametrize("zone", ["UTC", "utc", "Asia/Tokyo"])
def test_a_time_zone_is_sent_as_it_was_given(zone: str) -> None:
    def hello() -> None: ...

    scheduled_router(Scheduler()).post("/hello")(hello)
    assert job_of(hello, time_zone=zone).schedule().time_zone == zone


def test_a_schedule_that_only_the_service_can_judge_is_sent_to_it() -> None:
    def hello() -> None: ...

    scheduled_router(Scheduler()).post("/hello")(hello)
    assert job_of(hello, schedule="whenever it suits you").schedule().schedule == "whenever it suits you"


def test_options_of_a_call_replace_the_builders() -> None:
    service = Scheduler()

    def hello() -> None: ...

    scheduled_router(service, pre_create_hook=oauth_scheduled_hook(None)).post("/hello")(hello)  # type: ignore[arg-type]
    other = "projects/p/locations/other"
    job = job_of(hello, location_path=other, base_url="https://b/", pre_create_hook=None, name="x").schedule()
    assert (job.name, job.http_target.uri) == (f"{other}/jobs/x", "https://b/hello")
    assert service.calls[-1][1].parent == other


@each_kind
async def test_a_base_url_may_be_asked_for_at_the_first_call(router: Router) -> None:
    answers = ["worker", "https://asked.example.com/"]

    def hello() -> None: ...

    router(Scheduler(), callback_base_url=lambda: answers.pop(0)).post("/hello")(hello)
    assert len(answers) == 2
    with pytest.raises(ValueError, match="must begin with http"):
        await awaited(job_of(hello).schedule())
    assert (await awaited(job_of(hello).schedule())).http_target.uri == "https://asked.example.com/hello"


# Arguments


class Payload(BaseModel):
    message: str


@each_kind
async def test_arguments_are_checked_as_those_of_tasks_before_anything_is_called(router: Router) -> None:
    service = Scheduler()

    def hello(number: int, p: Payload, request: Request = injected) -> None: ...

    jobs = router(service)
    jobs.post("/hello")(hello)
    job = job_of(hello)
    bad: list[tuple[tuple[Any, ...], dict[str, Any], type[Exception]]] = [
        ((), {"number": 1}, MissingParamError),
        ((), {"number": 1, "p": {"message": "hi"}}, WrongTypeError),
        ((), {"number": "1", "p": Payload(message="hi")}, ValidationError),
        ((), {"number": 1, "p": Payload(message="hi"), "q": 1}, TypeError),
        ((), {"number": 1, "p": Payload(message="hi"), "request": 1}, TypeError),
        ((1,), {"number": 1, "p": Payload(message="hi")}, TypeError),
        ((1, 2, 3, 4), {}, TypeError),
    ]
    for args, values, error in bad:
        with pytest.raises(error):
            await awaited(job.schedule(*args, **values))
    assert service.calls == []
    assert (await awaited(job.schedule(1, Payload(message="hi")))).http_target.body == b'{"message":"hi"}'


def test_an_argument_by_position_and_keyword_names_schedule() -> None:
    def hello(number: int) -> None: ...

    scheduled_router(Scheduler()).post("/hello")(hello)
    with pytest.raises(TypeError, match=r"hello\.schedule got 'number' twice"):
        job_of(hello).schedule(1, number=1)


async def test_header_parameters_become_headers_of_the_job() -> None:
    def hello(x_token: Annotated[str, Header()], x_cloudscheduler_jobname: Annotated[str, Header()]) -> None: ...

    job = await put(scheduled_router(Scheduler()), hello, x_token="abc")
    assert job.http_target.headers["x-token"] == "abc"


class Sale(BaseModel):
    ends: FutureDatetime | None = None


async def test_nothing_lies_in_the_future_of_all_runs() -> None:
    later = datetime.now(UTC) + timedelta(days=400)
    service = Scheduler()

    def by_date(on: FutureDate) -> None: ...

    def in_model(sale: Sale) -> None: ...

    router = scheduled_router(service)
    with pytest.raises(WrongTypeError, match=r"on: 3000-01-01 lies in the future now, but not at every run of a job"):
        await put(router, by_date, path="/a", on=date(3000, 1, 1))
    with pytest.raises(WrongTypeError, match=r"ends.*not at every run of a job"):
        await put(router, in_model, path="/b", sale=Sale(ends=later))
    assert service.calls == []
    assert job_of(in_model).schedule(sale=Sale())


# Hooks and limits


async def test_hooks_see_the_request_of_a_job_each_time() -> None:
    seen: list[CreateJobRequest] = []

    def hook(request: CreateJobRequest) -> CreateJobRequest:
        seen.append(request)
        request.job.description = f"seen {len(seen)}"
        return request

    def hello() -> None: ...

    deadline = deadline_scheduled_hook(Duration(seconds=60))
    router = scheduled_router(Scheduler(), pre_create_hook=chained_hook(hook, noop_hook, deadline))
    assert (await put(router, hello)).description == "seen 1"
    job = job_of(hello).schedule()
    assert (job.description, job.attempt_deadline) == ("seen 2", timedelta(seconds=60))
    assert all(isinstance(one, CreateJobRequest) for one in seen)


@each_kind
@pytest.mark.parametrize("returned", [None, Job(), "request"])
async def test_a_hook_returns_the_request(router: Router, returned: Any) -> None:
    service = Scheduler()

    def hook(request: Any) -> Any:
        return returned

    def hello() -> None: ...

    with pytest.raises(TypeError, match="pre_create_hook must return the request"):
        await put(router(service, pre_create_hook=hook), hello)
    assert service.calls == []


def limited(**fields: Any) -> Callable[[CreateJobRequest], CreateJobRequest]:
    def hook(request: CreateJobRequest) -> CreateJobRequest:
        for name, value in fields.items():
            target = request.job.http_target if name in ("uri", "headers", "http_method", "body") else request.job
            setattr(target, name, value)
        return request

    return hook


@each_kind
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"uri": "https://a/" + "x" * 2074},
            "URL of the job has 2084 characters, and the service takes 2083",
        ),  # CS-154
        (
            {"headers": {f"x-{n}": "v" * 1000 for n in range(82)}},
            "headers of the job have 82.* less than 80 KB",
        ),  # CS-163
        ({"http_method": HttpMethod.GET, "body": b"x"}, "POST, PUT and PATCH only, not with GET"),
        ({"attempt_deadline": Duration(seconds=14)}, "attempt deadline must be from 0:00:15 to 0:30:00"),  # CS-164
        ({"attempt_deadline": Duration(seconds=1801)}, "attempt deadline must be from 0:00:15 to 0:30:00"),
        ({"retry_config": RetryConfig(retry_count=6)}, "retry_count must be from 0 to 5, not 6"),  # CS-135
        ({"retry_config": RetryConfig(retry_count=-1)}, "retry_count must be from 0 to 5, not -1"),
        ({"retry_config": RetryConfig(max_retry_duration=timedelta(seconds=1.5))}, "must be whole seconds"),  # CS-139
        (  # CS-140
            {
                "retry_config": RetryConfig(
                    min_backoff_duration=Duration(seconds=2), max_backoff_duration=Duration(seconds=1)
                )
            },
            "min_backoff_duration, 0:00:02, must not be more than max_backoff_duration, 0:00:01",
        ),
        ({"description": "x" * 501}, "description of a job can have 500 characters"),  # CS-016
        ({"body": b"x" * 1_048_577}, "the job has 1048.* bytes, and the service takes 1048576 at most"),  # CS-017
    ],
)
async def test_what_the_service_would_not_take_is_refused_before_it_is_asked(
    router: Router, fields: dict[str, Any], message: str
) -> None:
    service = Scheduler()

    def hello() -> None: ...

    with pytest.raises(ValueError, match=message):
        await put(router(service, pre_create_hook=limited(**fields)), hello)
    assert service.calls == []


@pytest.mark.parametrize(
    "fields",
    [
        {"uri": "https://a/" + "x" * 2073},
        {"headers": {f"x-{n}": "v" * 1000 for n in range(80)}},
        {"attempt_deadline": Duration(seconds=15)},
        {"attempt_deadline": Duration(seconds=1800)},
        {"retry_config": RetryConfig(retry_count=5)},
        {"retry_config": RetryConfig(min_backoff_duration=Duration(seconds=60))},
        {"description": "x" * 500},
        {"body": b"x" * 1_047_000},
    ],
)
async def test_what_the_service_takes_is_sent(fields: dict[str, Any]) -> None:
    def hello() -> None: ...

    assert await put(scheduled_router(Scheduler(), pre_create_hook=limited(**fields)), hello)


def test_a_retry_config_that_is_too_much_is_refused_at_schedule() -> None:
    def hello() -> None: ...

    scheduled_router(Scheduler()).post("/hello")(hello)
    with pytest.raises(ValueError, match="retry_count must be from 0 to 5"):
        job_of(hello, retry_config=RetryConfig(retry_count=6)).schedule()


# What surrounds a route


@each_kind
async def test_what_surrounds_the_route_counts(router: Router) -> None:
    def key(x_key: Annotated[str, Header()]) -> str:
        return x_key

    def hello(tenant: str) -> None: ...

    jobs = router(Scheduler(), callback_base_url=f"{URL}/tenants")
    jobs.post("/hello")(hello)
    app = FastAPI()
    app.include_router(jobs, prefix="/tenants/{tenant}", dependencies=[Depends(key)])
    check_tasks(app, app_url=URL)
    with pytest.raises(MissingParamError, match="tenant, x_key"):
        await awaited(job_of(hello).schedule())
    job = await awaited(job_of(hello).schedule(tenant="a", x_key="k"))
    assert (job.http_target.uri, job.http_target.headers["x-key"]) == (f"{URL}/tenants/a/hello", "k")


@each_kind
async def test_what_surrounds_the_route_later_counts_from_then_on(router: Router) -> None:
    def key(x_key: Annotated[str, Header()]) -> str:
        return x_key

    def hello() -> None: ...

    jobs = router(Scheduler())
    jobs.post("/hello")(hello)
    assert await awaited(job_of(hello).schedule())
    app = FastAPI(dependencies=[Depends(key)])
    app.include_router(jobs)
    check_tasks(app)
    with pytest.raises(MissingParamError, match="x_key"):
        await awaited(job_of(hello).schedule())


@each_kind
def test_check_tasks_sees_scheduled_routes(router: Router) -> None:
    jobs, tasks = router(Scheduler()), delayed_router(FakeTasksClient())

    @jobs.post("/scheduled")
    def scheduled() -> None: ...

    @tasks.post("/delayed")
    def delayed() -> None: ...

    app = FastAPI()
    app.include_router(jobs, prefix="/outer")
    app.include_router(tasks, prefix="/outer")
    with pytest.raises(TaskRouteError) as caught:
        check_tasks(app, app_url=URL)
    assert len(caught.value.faults) == 2
    assert "scheduled (POST /scheduled): its tasks go to POST https://worker.example.com/scheduled" in str(caught.value)


# On the worker


@each_kind
async def test_scheduled_routes_verify_their_callers(router: Router, caplog: pytest.LogCaptureFixture) -> None:
    app = FastAPI()
    verified = router(Scheduler(), verify=verify_secret("X-Secret", "s"))

    @verified.post("/hello")
    def hello() -> None: ...

    app.include_router(verified)
    with caplog.at_level(logging.WARNING, "fastapi_gcp_tasks"):
        assert (await ask(app, "POST", "/hello"))[0] == 403
    assert (await ask(app, "POST", "/hello", {"X-Secret": "s"}))[0] == 200


def test_a_scheduled_router_has_a_route_class_of_its_own() -> None:
    with pytest.raises(TypeError, match="ScheduledRouter has a route class of its own"):
        ScheduledRouter(location_path=LOCATION, base_url=URL, route_class=APIRoute)


async def test_the_routers_give_their_endpoints_schedulers_by_every_verb() -> None:
    sync = ScheduledRouter(location_path=LOCATION, base_url=URL, client=FakeClient(Scheduler()), prefix="/jobs")
    twin = AsyncScheduledRouter(location_path=LOCATION, base_url=URL, client=FakeAsyncClient(Scheduler()))
    for number, verb in enumerate(("get", "put", "post", "delete", "options", "head", "patch")):

        def hello() -> None: ...

        def again() -> None: ...

        getattr(sync, verb)(f"/{number}")(hello)
        getattr(twin, verb)(f"/{number}")(again)
        assert job_of(hello).schedule().http_target.uri == f"{URL}/jobs/{number}"
        assert (await job_of(again).schedule()).http_target.uri == f"{URL}/{number}"
