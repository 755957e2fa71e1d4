"""Calls that must check, and calls that must not: `test_typing_calls.py` runs mypy and pyright on this file.

A comment `error:` stands over each line that must be refused, with what mypy and then pyright say of it (regular
expressions); every other line must pass. The test takes the ignores away, which are there for the checks of the whole
tree. Nothing here is executed.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, ParamSpec, TypeVar, assert_type, cast

from fastapi import APIRouter, BackgroundTasks, Depends, Request, Response, Security
from fastapi.security import SecurityScopes
from google.cloud.scheduler_v1 import (
    CloudSchedulerAsyncClient,
    CloudSchedulerClient,
    CreateJobRequest,
    Job,
    RetryConfig,
)
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, CreateTaskRequest, Task
from pydantic import BaseModel

from cloudtask import CloudTaskClient
from fastapi_gcp_tasks import (
    AsyncDelayedRouteBuilder,
    AsyncDelayedRouter,
    AsyncDelayOptions,
    AsyncScheduledRouteBuilder,
    AsyncScheduledRouter,
    AsyncSchedulerOptions,
    BulkItem,
    BulkResult,
    CloudSchedulerHeaders,
    CloudTasksHeaders,
    DelayedRouteBuilder,
    DelayedRouter,
    DelayedTask,
    DelayOptions,
    ScheduledRouteBuilder,
    ScheduledRouter,
    ScheduledTask,
    SchedulerOptions,
    TaskDefaultOptions,
    as_async_delayed_task,
    as_async_scheduled_task,
    as_delayed_task,
    as_scheduled_task,
    injected,
    task_default_options,
)
from fastapi_gcp_tasks.hooks import DelayedTaskHook, chained_hook, noop_hook

# What `.options()` returns has no public name.
from fastapi_gcp_tasks.protocols import (
    _AsyncDelay,  # pyright: ignore[reportPrivateUsage]
    _Delay,  # pyright: ignore[reportPrivateUsage]
)
from fastapi_gcp_tasks.results import (
    AsyncTaskHandle,
    ProgressInfo,
    ResultStore,
    TaskHandle,
    TaskInfo,
    TaskStatus,
)
from gcptasks.engine.model import Reply

P = ParamSpec("P")
R = TypeVar("R")

QUEUE = "projects/p/locations/l/queues/q"


class Recipe(BaseModel):
    name: str


def client_factory() -> CloudTasksAsyncClient:
    raise NotImplementedError


def hook(request: CreateTaskRequest) -> CreateTaskRequest:
    raise NotImplementedError


chain: DelayedTaskHook = chained_hook(hook, noop_hook)

# Builders

sync = DelayedRouteBuilder(queue_path=QUEUE, base_url="https://a", client=CloudTasksClient(), pre_create_hook=chain)
twin = AsyncDelayedRouteBuilder(queue_path=QUEUE, callback_base_url="https://a", client=CloudTasksAsyncClient())
AsyncDelayedRouteBuilder(queue_path=QUEUE, base_url="https://a", client=client_factory, auto_create_queue=True)
AsyncDelayedRouteBuilder(queue_path=QUEUE, base_url="https://a", client=None)
# error: incompatible type "CloudTasksAsyncClient" | "CloudTasksAsyncClient" is not assignable to "CloudTasksClient"
DelayedRouteBuilder(queue_path=QUEUE, base_url="https://a", client=CloudTasksAsyncClient())  # type: ignore[arg-type]
# error: incompatible type "CloudTasksClient" | "CloudTasksClient" is not assignable to "CloudTasksAsyncClient"
AsyncDelayedRouteBuilder(queue_path=QUEUE, base_url="https://a", client=CloudTasksClient())  # type: ignore[arg-type]
# error: Missing named argument "queue_path" | Argument missing for parameter "queue_path"
DelayedRouteBuilder(base_url="https://a")  # type: ignore[call-arg]
# error: Unexpected keyword argument "queue" | No parameter named "queue"
DelayedRouteBuilder(queue_path=QUEUE, base_url="https://a", queue="q")  # type: ignore[call-arg]

router, async_router = APIRouter(route_class=sync), APIRouter(route_class=twin)

# Delayed tasks


@as_delayed_task
@router.post("/{branch}")
async def make_chili(branch: str, recipe: Recipe, portions: int = 2) -> bool:
    return True


assert_type(make_chili.delay(branch="Scranton", recipe=Recipe(name="chili")), Task)
assert_type(make_chili.options(countdown=1.5, task_id="a").delay(branch="a", recipe=Recipe(name="b"), portions=3), Task)
make_chili.options(client=CloudTasksClient(), queue_path=QUEUE, base_url="https://a", pre_create_hook=None)
task: DelayedTask[[], None] = as_delayed_task(lambda: None)


@as_delayed_task
@router.post("/names")
def names(number: int) -> list[str]:
    return [str(number)]


def result_of(delay: _Delay[P, R]) -> R:
    raise NotImplementedError


def async_result_of(delay: _AsyncDelay[P, R]) -> R:
    raise NotImplementedError


assert_type(result_of(names), list[str])
assert_type(result_of(names.options(countdown=1)), list[str])
# error: expression has type "_Delay\[\[int\], list\[str\]\]" | "list\[str\]" is not a subtype of "list\[int\]"
delay: _Delay[[int], list[int]] = names.options(countdown=1)  # type: ignore[assignment]


async def called_directly() -> None:
    assert_type(await make_chili("Scranton", Recipe(name="chili"), portions=2), bool)
    # error: Missing positional argument "recipe" | Argument missing for parameter "recipe"
    await make_chili("Scranton")  # type: ignore[call-arg]


# error: Missing positional argument "recipe" | Argument missing for parameter "recipe"
make_chili.delay(branch="Scranton")  # type: ignore[call-arg]
# error: incompatible type "int" | Literal\[5\].*"branch" of type "str"
make_chili.delay(branch=5, recipe=Recipe(name="chili"))  # type: ignore[arg-type]
# error: incompatible type "dict\[str, str\]" | dict\[str, str\].*"recipe" of type "Recipe"
make_chili.delay(branch="Scranton", recipe={"name": "chili"})  # type: ignore[arg-type]
# error: Unexpected keyword argument "recipes" | No parameter named "recipes"
make_chili.delay(branch="Scranton", recipe=Recipe(name="chili"), recipes=1)  # type: ignore[call-arg]
# error: Missing positional argument "recipe" | Argument missing for parameter "recipe"
make_chili.options(countdown=1).delay(branch="Scranton")  # type: ignore[call-arg]
# error: Unexpected keyword argument "countdwon" | No parameter named "countdwon"
make_chili.options(countdwon=1)  # type: ignore[call-arg]
# error: incompatible type "str" | Literal\['1'\].*"countdown"
make_chili.options(countdown="1")  # type: ignore[arg-type]
# error: incompatible type "CloudTasksAsyncClient" | "CloudTasksAsyncClient" is not assignable to "CloudTasksClient"
make_chili.options(client=CloudTasksAsyncClient())  # type: ignore[arg-type]
# error: no attribute "scheduler" | attribute "scheduler"
make_chili.scheduler(name="a", schedule="* * * * *")  # type: ignore[attr-defined]

# Async delayed tasks


@as_async_delayed_task
@async_router.post("/{branch}/async")
async def make_async_chili(branch: str, recipe: Recipe) -> bool:
    return True


async def use_async() -> None:
    assert_type(await async_result_of(make_async_chili), bool)
    assert_type(await async_result_of(make_async_chili.options(countdown=1)), bool)
    assert_type(await make_async_chili.delay(branch="Scranton", recipe=Recipe(name="chili")), Task)
    assert_type(await make_async_chili.options(countdown=1).delay(branch="a", recipe=Recipe(name="b")), Task)
    make_async_chili.options(client=CloudTasksAsyncClient())
    make_async_chili.options(client=client_factory)
    # error: incompatible type "CloudTasksClient" | "CloudTasksClient" is not assignable to "CloudTasksAsyncClient"
    make_async_chili.options(client=CloudTasksClient())  # type: ignore[arg-type]
    # error: Missing positional argument "recipe" | Argument missing for parameter "recipe"
    await make_async_chili.delay(branch="Scranton")  # type: ignore[call-arg]
    # error: Unexpected keyword argument "task_name" | No parameter named "task_name"
    make_async_chili.options(task_name="a")  # type: ignore[call-arg]
    # error: has no attribute "name" | attribute "name"
    print(make_async_chili.delay(branch="Scranton", recipe=Recipe(name="chili")).name)  # type: ignore[attr-defined]


# Routers

typed = DelayedRouter(queue_path=QUEUE, base_url="https://a", client=CloudTasksClient(), prefix="/typed")
async_typed = AsyncDelayedRouter(queue_path=QUEUE, base_url="https://a", client=client_factory)
# error: incompatible type "CloudTasksAsyncClient" | "CloudTasksAsyncClient" is not assignable to "CloudTasksClient"
DelayedRouter(queue_path=QUEUE, base_url="https://a", client=CloudTasksAsyncClient())  # type: ignore[arg-type]
# error: Missing named argument "queue_path" | Argument missing for parameter "queue_path"
AsyncDelayedRouter(base_url="https://a")  # type: ignore[call-arg]


@typed.post("/{branch}", status_code=202)
async def typed_chili(branch: str, recipe: Recipe, request: Request = injected) -> bool:
    return True


@task_default_options(countdown=60)
@typed.get("/sync")
def typed_sync(number: int) -> list[str]:
    return [str(number)]


@async_typed.post("/{branch}/async")
async def typed_async_chili(branch: str, recipe: Recipe) -> bool:
    return True


assert_type(typed_chili.delay("Scranton", Recipe(name="chili")), Task)
assert_type(typed_sync(1), list[str])
assert_type((typed_chili.__name__, typed_async_chili.__name__, make_chili.__name__), tuple[str, str, str])
router.include_router(typed)
# error: incompatible type "str" | Literal\['1'\].*"number" of type "int"
typed_sync.delay(number="1")  # type: ignore[arg-type]
# error: Missing positional argument "recipe" | Argument missing for parameter "recipe"
typed_chili.delay("Scranton")  # type: ignore[call-arg]
# error: Unexpected keyword argument "countdwon" | No parameter named "countdwon"
typed_chili.options(countdwon=1)  # type: ignore[call-arg]


assert_type(typed_sync.delay_many([{"number": 1}], task_ids=["a"]).failed, list[BulkItem])
assert_type(typed_sync.options(countdown=1).delay_many({"number": n} for n in range(3)), BulkResult)
# error: List item 0 has incompatible type "int" | "Literal\[1\]" is not assignable to "Mapping\[str, Any\]"
typed_sync.delay_many([1])  # type: ignore[list-item]


async def use_routers() -> None:
    assert_type(await typed_async_chili.delay_many([]), BulkResult)
    assert_type(await typed_chili("Scranton", Recipe(name="chili")), bool)
    assert_type(await typed_async_chili.delay("Scranton", Recipe(name="chili")), Task)
    # error: incompatible type "CloudTasksClient" | "CloudTasksClient" is not assignable to "CloudTasksAsyncClient"
    typed_async_chili.options(client=CloudTasksClient())  # type: ignore[arg-type]


# Handles

store = cast("ResultStore", None)


def no_store() -> str:
    raise NotImplementedError


DelayedRouter(queue_path=QUEUE, base_url="https://a", results=store)
AsyncDelayedRouteBuilder(queue_path=QUEUE, base_url="https://a", results=lambda: store)
# error: incompatible type "str" | "Literal\['redis://'\]" is not assignable
DelayedRouter(queue_path=QUEUE, base_url="https://a", results="redis://")  # type: ignore[arg-type]
# error: incompatible type "Callable\[\[\], str\]" | "\(\) -> str" is not assignable
AsyncDelayedRouteBuilder(queue_path=QUEUE, base_url="https://a", results=no_store)  # type: ignore[arg-type]

# What an `async def` endpoint returns is what it is awaited to.
assert_type(typed_chili.submit("Scranton", Recipe(name="chili")), TaskHandle[bool])
assert_type(typed_chili.options(key="a", labels={"b": "c"}, rerun=True).submit("a", Recipe(name="b")).result(), bool)
assert_type(make_chili.submit("Scranton", recipe=Recipe(name="chili")).result(timeout=1), bool)
assert_type(typed_sync.submit(number=1).result(), list[str])
assert_type(typed_sync.options(countdown=1).handle("a"), TaskHandle[list[str]])
assert_type(typed_chili.handle("a").result(), bool)
assert_type(typed_sync.handle("a").status(), TaskStatus)
assert_type(list(typed_sync.handle("a").updates()), list[TaskInfo])
assert_type(typed_sync.handle("a").progress(), ProgressInfo | None)
as_objects: TaskHandle[object] = typed_sync.handle("a")
# error: "number" to "submit" of "_Delay" has incompatible type | No overloads for "submit"|"number" of type "int"
typed_sync.submit(number="1")  # type: ignore[arg-type]
# error: No overload variant of "submit" | No overloads for "submit"|Argument missing for parameter "recipe"
typed_chili.submit("Scranton")  # type: ignore[call-overload]
# error: incompatible type "int" | Literal\[7\].*"key"
typed_chili.options(key=7)  # type: ignore[arg-type]
# error: expression has type "TaskHandle\[list\[str\]\]" | "list\[str\]" is not assignable to "int"
as_numbers: TaskHandle[int] = typed_sync.handle("a")  # type: ignore[assignment]


async def use_handles() -> None:
    handle = await typed_async_chili.submit("Scranton", recipe=Recipe(name="chili"))
    assert_type(handle, AsyncTaskHandle[bool])
    assert_type(await handle.result(), bool)
    assert_type(await handle, bool)
    assert_type(await (await typed_async_chili.options(key="a").submit("a", Recipe(name="b"))), bool)
    assert_type(await typed_async_chili.handle("a").result(timeout=1), bool)
    assert_type(await typed_async_chili.handle("a").cancel(), bool)
    assert_type([info async for info in handle.updates()], list[TaskInfo])
    # error: No overload variant of "submit" | No overloads for "submit"|"recipe" of type "Recipe"
    await typed_async_chili.submit("Scranton", recipe=7)  # type: ignore[call-overload]
    # error: has no attribute "result" | attribute "result"
    typed_async_chili.submit("Scranton", Recipe(name="chili")).result()  # type: ignore[attr-defined]


# Default options


@as_delayed_task
@router.get("/a")
@task_default_options(countdown=60, client=CloudTasksClient(), pre_create_hook=hook)
def below(number: int) -> None: ...


@task_default_options(countdown=60)
@as_delayed_task
@router.get("/b")
def above(number: int, headers: Annotated[CloudTasksHeaders, Depends()]) -> None: ...


@as_delayed_task
@router.get("/injected")
def by_default(number: int, headers: CloudTasksHeaders = Depends()) -> None: ...


@as_delayed_task
@router.get("/sentinel")
def by_sentinel(
    number: int,
    headers: Annotated[CloudTasksHeaders, Depends()] = injected,
    request: Request = injected,
    scopes: SecurityScopes = injected,
    background: BackgroundTasks = injected,
    response: Response = injected,
    secure: Annotated[Recipe, Security(Recipe)] = injected,
) -> None: ...


@task_default_options(client=client_factory)
@as_async_delayed_task
@async_router.get("/c")
async def with_factory(number: int) -> None: ...


options: DelayOptions = {"countdown": 3, "task_id": None}
assert_type(below.options(**options).delay(number=1), Task)
async_options: AsyncDelayOptions = {"countdown": 3, "client": client_factory}
with_factory.options(**async_options)
defaults: TaskDefaultOptions = {"countdown": 3, "queue_path": QUEUE}
# error: Extra key "countdwon" | "countdwon" is an undefined item
misspelt: DelayOptions = {"countdwon": 3}  # type: ignore[typeddict-unknown-key]
# error: incompatible type "CloudTasksAsyncClient"|has type "CloudTasksAsyncClient" | "CloudTasksAsyncClient" is not
wrong_kind: DelayOptions = {"client": CloudTasksAsyncClient()}  # type: ignore[typeddict-item]
# error: Missing positional argument "number" | Argument missing for parameter "number"
below.delay()  # type: ignore[call-arg]
# error: Missing positional argument "headers" | Argument missing for parameter "headers"
above.delay(number=1)  # type: ignore[call-arg]
assert_type(by_default.delay(number=1), Task)
assert_type(by_default.options(dependency_arguments={"tenant": "a"}, headers={"x-a": "b"}).delay(1), Task)
by_default.options(schedule_time=datetime.now(UTC), dispatch_deadline=timedelta(minutes=1), headers={})
# error: incompatible type "str" | Literal\['now'\].*"schedule_time"
by_default.options(schedule_time="now")  # type: ignore[arg-type]
assert_type(by_sentinel.delay(number=1), Task)
# error: incompatible type "str" | Literal\['a'\].*"number" of type "int"
by_sentinel.delay(number="a")  # type: ignore[arg-type]
# error: incompatible type "int" | Literal\[1\].*"request" of type "Request
by_sentinel.delay(number=1, request=1)  # type: ignore[arg-type]
# error: No overload variant|Unexpected keyword argument "countdwon" | No overloads
task_default_options(countdwon=60)  # type: ignore[call-overload]
# error: No overload variant | No overloads
task_default_options(client=CloudSchedulerClient())  # type: ignore[call-overload]


async def use_defaults() -> None:
    # error: incompatible type "str" | Literal\['a'\].*"number" of type "int"
    await with_factory.delay(number="a")  # type: ignore[arg-type]


# Scheduled tasks

LOCATION = "projects/p/locations/l"


def scheduler_factory() -> CloudSchedulerAsyncClient:
    raise NotImplementedError


def job_hook(request: CreateJobRequest) -> CreateJobRequest:
    raise NotImplementedError


scheduled = ScheduledRouteBuilder(
    location_path=LOCATION,
    base_url="https://a",
    job_create_timeout=None,
    pre_create_hook=chained_hook(job_hook, noop_hook),
    client=CloudSchedulerClient(),
    verify=False,
)
async_scheduled = AsyncScheduledRouteBuilder(location_path=LOCATION, base_url="https://a", client=scheduler_factory)
AsyncScheduledRouteBuilder(location_path=LOCATION, callback_base_url="https://a", client=CloudSchedulerAsyncClient())
# error: incompatible type "CloudSchedulerAsyncClient" | "CloudSchedulerAsyncClient" is not assignable
ScheduledRouteBuilder(location_path=LOCATION, base_url="https://a", client=CloudSchedulerAsyncClient())  # type: ignore[arg-type]
# error: incompatible type "CloudSchedulerClient" | "CloudSchedulerClient" is not assignable
AsyncScheduledRouteBuilder(location_path=LOCATION, base_url="https://a", client=CloudSchedulerClient())  # type: ignore[arg-type]
# error: incompatible type "CloudTasksClient" | "CloudTasksClient" is not assignable
ScheduledRouteBuilder(location_path=LOCATION, base_url="https://a", client=CloudTasksClient())  # type: ignore[arg-type]
# error: incompatible type .*CreateTaskRequest | "CreateTaskRequest"
ScheduledRouteBuilder(location_path=LOCATION, base_url="https://a", pre_create_hook=hook)  # type: ignore[arg-type]
# error: Missing named argument "location_path" | Argument missing for parameter "location_path"
ScheduledRouteBuilder(base_url="https://a")  # type: ignore[call-arg]
# error: Unexpected keyword argument "queue_path" | No parameter named "queue_path"
ScheduledRouteBuilder(location_path=LOCATION, base_url="https://a", queue_path=QUEUE)  # type: ignore[call-arg]


@as_scheduled_task
@APIRouter(route_class=scheduled).post("/cook")
def cook(recipe: Recipe) -> None: ...


@as_async_scheduled_task
@APIRouter(route_class=async_scheduled).post("/cook")
async def async_cook(recipe: Recipe) -> None: ...


scheduled_task: ScheduledTask[[], None] = as_scheduled_task(lambda: None)


async def use_scheduled() -> None:
    cook(Recipe(name="a"))
    job = cook.scheduler(name="a", schedule="* * * * *", time_zone="UTC", client=CloudSchedulerClient())
    assert_type(job.schedule(recipe=Recipe(name="a")), Job)
    assert_type(job.schedule(Recipe(name="a")), Job)
    assert_type(job.delete(), bool)
    assert_type((job.pause(), job.resume(), job.run(), job.get()), tuple[Job, Job, Job, Job])
    async_job = async_cook.scheduler(name="a", schedule="* * * * *", client=CloudSchedulerAsyncClient(), force=True)
    assert_type(await async_job.schedule(recipe=Recipe(name="a")), Job)
    assert_type(await async_job.delete(), bool)
    assert_type((await async_job.pause(), await async_job.resume()), tuple[Job, Job])
    assert_type((await async_job.run(), await async_job.get()), tuple[Job, Job])
    cook.scheduler(
        name="a", schedule="* * * * *", retry_config=RetryConfig(), location_path=LOCATION, base_url=lambda: "https://a"
    )
    async_cook.scheduler(name="a", schedule="* * * * *", job_create_timeout=1, pre_create_hook=None, client=None)
    async_cook.scheduler(name="a", schedule="* * * * *", client=scheduler_factory, pre_create_hook=job_hook)
    # error: Missing positional argument "recipe" | Argument missing for parameter "recipe"
    job.schedule()  # type: ignore[call-arg]
    # error: incompatible type "str" | Literal\['a'\].*"recipe" of type "Recipe"
    job.schedule("a")  # type: ignore[arg-type]
    # error: Unexpected keyword argument "recipes" | No parameter named "recipes"
    job.schedule(recipe=Recipe(name="a"), recipes=1)  # type: ignore[call-arg]
    # error: incompatible type "str" | Literal\['a'\].*"recipe" of type "Recipe"
    await async_job.schedule(recipe="a")  # type: ignore[arg-type]
    # error: has no attribute "name" | attribute "name"
    print(async_job.get().name)  # type: ignore[attr-defined]
    # error: Too many arguments | Expected 0 positional arguments
    job.run("now")  # type: ignore[call-arg]
    # error: Missing named argument "schedule" | Argument missing for parameter "schedule"
    cook.scheduler(name="a")  # type: ignore[call-arg]
    # error: multiple values for keyword argument "name" | Expected 0 positional arguments
    cook.scheduler("a", name="a", schedule="* * * * *")  # type: ignore[misc]
    # error: Unexpected keyword argument "timezone" | No parameter named "timezone"
    cook.scheduler(name="a", schedule="* * * * *", timezone="UTC")  # type: ignore[call-arg]
    # error: incompatible type "int" | Literal\[5\].*"retry_config"
    cook.scheduler(name="a", schedule="* * * * *", retry_config=5)  # type: ignore[arg-type]
    # error: incompatible type "CloudSchedulerClient" | "CloudSchedulerClient" is not assignable
    async_cook.scheduler(name="a", schedule="* * * * *", client=CloudSchedulerClient())  # type: ignore[arg-type]
    # error: no attribute "delay" | attribute "delay"
    cook.delay(recipe=Recipe(name="a"))  # type: ignore[attr-defined]


job_options: SchedulerOptions = {"time_zone": "Asia/Tokyo", "client": CloudSchedulerClient()}
assert_type(cook.scheduler(name="a", schedule="* * * * *", **job_options).schedule(Recipe(name="a")), Job)
async_job_options: AsyncSchedulerOptions = {"force": True, "client": scheduler_factory}
async_cook.scheduler(name="a", schedule="* * * * *", **async_job_options)
# error: Extra key "timezone" | "timezone" is an undefined item
misspelt_job: SchedulerOptions = {"timezone": "UTC"}  # type: ignore[typeddict-unknown-key]

scheduled_router = ScheduledRouter(location_path=LOCATION, base_url="https://a", prefix="/typed", verify=False)
async_scheduled_router = AsyncScheduledRouter(location_path=LOCATION, base_url="https://a", client=scheduler_factory)
# error: incompatible type "CloudSchedulerAsyncClient" | "CloudSchedulerAsyncClient" is not assignable
ScheduledRouter(location_path=LOCATION, base_url="https://a", client=CloudSchedulerAsyncClient())  # type: ignore[arg-type]
# error: Missing named argument "location_path" | Argument missing for parameter "location_path"
AsyncScheduledRouter(base_url="https://a")  # type: ignore[call-arg]


@scheduled_router.post("/{kind}", status_code=202)
def typed_job(kind: str, headers: Annotated[CloudSchedulerHeaders, Depends()] = injected) -> list[str]:
    return [kind, headers.job_name, headers.schedule_time.isoformat()]


@async_scheduled_router.get("/async")
async def typed_async_job(number: int = 1) -> bool:
    return True


assert_type(typed_job("a"), list[str])
assert_type(typed_job.scheduler(name="a", schedule="* * * * *").schedule(kind="a"), Job)
# error: Missing positional argument "kind" | Argument missing for parameter "kind"
typed_job.scheduler(name="a", schedule="* * * * *").schedule()  # type: ignore[call-arg]


async def use_scheduled_routers() -> None:
    assert_type(await typed_async_job(2), bool)
    assert_type(await typed_async_job.scheduler(name="a", schedule="* * * * *").schedule(), Job)
    # error: incompatible type "str" | Literal\['1'\].*"number" of type "int"
    await typed_async_job.scheduler(name="a", schedule="* * * * *").schedule(number="1")  # type: ignore[arg-type]


tasks = CloudTaskClient(project="p", location="l", url="https://a/run", secret="s", eager="immediate")
# error: Missing named argument "location" | Argument missing for parameter "location"
CloudTaskClient(project="p", url="https://a/run")  # type: ignore[call-arg]
# error: Unexpected keyword argument "uri" | No parameter named "uri"
CloudTaskClient(project="p", location="l", url="https://a", uri="https://a")  # type: ignore[call-arg]
# error: incompatible type "Literal\['later'\]|incompatible type "str" | "Literal\['later'\]" is not assignable
CloudTaskClient(project="p", location="l", url="https://a", eager="later")  # type: ignore[arg-type]
CloudTaskClient(
    project="p", location="l", url="https://a", client=CloudTasksClient(), async_client=CloudTasksAsyncClient
)
CloudTaskClient(project="p", location="l", url="https://a", results=store)
# error: incompatible type "CloudTasksAsyncClient" | "CloudTasksAsyncClient" is not assignable
CloudTaskClient(project="p", location="l", url="https://a", client=CloudTasksAsyncClient())  # type: ignore[arg-type]


@tasks.task(queue="fast", name="greet", timeout=timedelta(minutes=1), headers={"X-Own": "1"})
async def greet(name: str, times: int = 1, *, headers: Annotated[CloudTasksHeaders, Depends()] = injected) -> str:
    return name * times


@tasks.task()
def count(name: str, /, *more: int) -> int:
    return len(name)


@tasks.task
async def bare(name: str) -> bytes:
    return name.encode()


# error: Unexpected keyword argument "priority" | No overloads for "task"
tasks.task(priority=1)  # type: ignore[call-overload]
# error: No overload variant of "task" | "Literal\['bare'\]" is not assignable
tasks.task("bare")  # type: ignore[call-overload]

# error: incompatible type "int" | Literal\[1\].*"name" of type "str"
bare(1)  # type: ignore[arg-type]

assert_type(greet.name, str)
assert_type(count("a", 1, 2).execute(), int)
assert_type(count("a")(), int)
assert_type(count("a").sync_push(), str | None)
assert_type(count("a").sync_delay(at=datetime.now(UTC)), str | None)
assert_type(count("a").sync_submit().result(timeout=1), int)
assert_type(greet("a").sync_submit(key="a", rerun=True).result(), str)
assert_type(greet.sync_handle("a"), TaskHandle[str])
assert_type(count.sync_handle("a"), TaskHandle[int])
# error: Too few arguments|Missing positional argument "name" | Argument missing for parameter "name"
greet()  # type: ignore[call-arg]
# error: incompatible type "int" | Literal\[1\].*"name" of type "str"
greet(1)  # type: ignore[arg-type]
# error: Unexpected keyword argument "nam" | No parameter named "nam"
greet(nam="a")  # type: ignore[call-arg]
# error: incompatible type "str" | "Literal\['b'\]"
count("a", "b")  # type: ignore[arg-type]
# error: has no attribute "pusch" | Cannot access attribute "pusch"
count("a").pusch()  # type: ignore[attr-defined]

# What is made for every task nobody changes, though Python would let them.
reply = Reply(status=200)
# error: Property "status" defined in "Reply" is read-only | Attribute "status" is read-only
reply.status = 404  # type: ignore[misc]
assert_type(replace(reply, status=404), Reply)


async def use_functions() -> None:
    task = greet("a", times=2)
    task.name, task.queue, task.url, task.timeout = "a", "slow", "https://b", 20
    task.headers["x-trace"] = "1"
    assert_type(await task.push(at=datetime.now(UTC)), str | None)
    assert_type(await task.delay(), str | None)
    assert_type(await task.execute(), str)
    assert_type(await greet("a")(), str)
    assert_type(await bare("a").execute(), bytes)
    handle = await task.submit(key="a", labels={"b": "c"})
    assert_type(handle, AsyncTaskHandle[str])
    assert_type(await handle, str)
    assert_type(await (await bare("a").submit(at=datetime.now(UTC))).result(), bytes)
    assert_type(await count.handle("a").result(), int)
    assert_type(await bare.handle("a").result(), bytes)
    # error: Unexpected keyword argument "keys" for overloaded function | No overloads for "submit"
    await task.submit(keys="a")  # type: ignore[call-overload]
    # error: Unexpected keyword argument "countdown" | No parameter named "countdown"
    await task.push(countdown=1)  # type: ignore[call-arg]
    # error: Incompatible types in "await" | "str \| None" is not awaitable|is not awaitable
    await task.sync_push()  # type: ignore[misc]
    answer = await tasks.execute(b"{}", {"x-pyct-secret": "s"})
    assert_type((answer.status, answer.body), tuple[int, bytes])
    assert_type(tasks.sync_execute(b"{}", {}, verified=True).headers, Mapping[str, str])
