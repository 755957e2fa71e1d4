"""Options in layers: the call's over the decorator's over the builder's."""

from collections.abc import Callable
from typing import Any

import pytest
from google.cloud.tasks_v2 import CreateTaskRequest

from fastapi_gcp_tasks import (
    AsyncDelayOptions,
    DelayOptions,
    TaskDefaultOptions,
    as_async_delayed_task,
    as_delayed_task,
    task_default_options,
)
from fastapi_gcp_tasks.options import TaskOptions
from routes.routes_fakes import OTHER_QUEUE, QUEUE, FakeAsyncClient, FakeClient, async_delayed_router, delayed_router

Hook = Callable[[CreateTaskRequest], CreateTaskRequest]


def marked(name: str) -> Hook:
    def hook(request: CreateTaskRequest) -> CreateTaskRequest:
        request.task.http_request.headers[name] = "yes"
        return request

    return hook


def _seen(client: FakeClient) -> dict[str, Any]:
    """What the last request shows of each option."""
    request = client.requests[-1]
    task = request.task
    return {
        "queue_path": request.parent,
        "callback_base_url": task.http_request.url,
        "task_create_timeout": client.timeouts[-1],
        "pre_create_hook": sorted(task.http_request.headers),
        "task_id": task.name,
        "countdown": "schedule_time" in task,
    }


BUILDER: dict[str, Any] = {
    "queue_path": QUEUE,
    "callback_base_url": "https://builder",
    "task_create_timeout": 1.0,
    "pre_create_hook": marked("builder"),
}
LAYERS: dict[str, Any] = {
    "queue_path": (OTHER_QUEUE, OTHER_QUEUE),
    "callback_base_url": ("https://layer/", "https://layer/hello"),
    "base_url": ("https://layer", "https://layer/hello"),
    "task_create_timeout": (2.0, 2.0),
    "pre_create_hook": (marked("layer"), ["layer"]),
    "task_id": ("layer", f"{QUEUE}/tasks/layer"),
    "countdown": (5, True),
}
PLAIN = {
    "queue_path": QUEUE,
    "callback_base_url": "https://builder/hello",
    "task_create_timeout": 1.0,
    "pre_create_hook": ["builder"],
    "task_id": "",
    "countdown": False,
}
each_option = pytest.mark.parametrize(("name", "value", "shown"), [(name, *two) for name, two in LAYERS.items()])


@each_option
@pytest.mark.parametrize("where", ["decorator", "call"])
def test_each_layer_replaces_one_option_and_leaves_the_others(where: str, name: str, value: Any, shown: Any) -> None:
    client = FakeClient()
    router = delayed_router(client, **BUILDER)
    any_options: Any = task_default_options
    decorate: Any = any_options(**{name: value}) if where == "decorator" else any_options()

    def hello() -> None: ...

    task: Any = router.post("/hello")(decorate(hello))
    task.delay() if where == "decorator" else task.options(**{name: value}).delay()
    option = "callback_base_url" if name == "base_url" else name
    assert _seen(client) == {**PLAIN, option: shown}


@each_option
def test_the_call_is_over_the_decorator(name: str, value: Any, shown: Any) -> None:
    client = FakeClient()
    under = {
        "queue_path": "projects/p/locations/l/queues/under",
        "callback_base_url": "https://under",
        "task_create_timeout": 3.0,
        "pre_create_hook": marked("under"),
        "task_id": "under",
        "countdown": 0,
    }
    any_options: Any = task_default_options
    defaults: Any = any_options(**under)
    router = delayed_router(client, **BUILDER)

    def hello() -> None: ...

    task: Any = router.post("/hello")(defaults(hello))
    task.options(**{name: value}).delay()
    option = "callback_base_url" if name == "base_url" else name
    seen = _seen(client)
    assert seen[option] == (f"{under['queue_path']}/tasks/layer" if name == "task_id" else shown)
    task.delay()
    assert _seen(client)["pre_create_hook"] == ["under"]


def test_none_is_a_value_and_not_the_same_as_unset() -> None:
    client = FakeClient()
    router = delayed_router(client, **BUILDER)

    @as_delayed_task
    @task_default_options(countdown=60, task_id="daily")
    @router.post("/hello")
    def hello() -> None: ...

    hello.options(countdown=None, task_id=None, pre_create_hook=None, task_create_timeout=None).delay()
    assert _seen(client) == {**PLAIN, "pre_create_hook": [], "task_create_timeout": None}


def test_an_unknown_option_is_refused_by_name() -> None:
    router = delayed_router(FakeClient())

    @router.post("/hello")
    def hello() -> None: ...

    task: Any = hello
    any_options: Any = task_default_options
    for use in (task.options, any_options):
        with pytest.raises(TypeError, match=r"there is no option 'countdwon'; the options are .*countdown"):
            use(countdwon=3)


def test_both_names_of_the_url_are_refused() -> None:
    with pytest.raises(TypeError, match="give one of them"):
        task_default_options(base_url="https://a", callback_base_url="https://b")


@pytest.mark.parametrize("name", ["queue_path", "callback_base_url", "base_url"])
def test_a_malformed_option_is_refused_where_it_is_given(name: str) -> None:
    router = delayed_router(FakeClient())

    @router.post("/hello")
    def hello() -> None: ...

    task: Any = hello
    any_options: Any = task_default_options
    for use in (task.options, any_options):
        with pytest.raises(ValueError, match="callback_base_url" if name == "base_url" else name):
            use(**{name: "nonsense"})


def test_options_leave_the_endpoint_as_it_was() -> None:
    client = FakeClient()
    router = delayed_router(client, **BUILDER)

    @as_delayed_task
    @router.post("/hello")
    def hello() -> None: ...

    later = hello.options(countdown=60)
    hello.delay()
    assert _seen(client) == PLAIN
    later.delay()
    later.delay()
    assert _seen(client) == {**PLAIN, "countdown": True}


@pytest.mark.parametrize("place", ["lowest", "below the cast", "above the cast", "after the first use"])
def test_default_options_may_stand_anywhere(place: str) -> None:
    client = FakeClient()
    router = delayed_router(client, **BUILDER)
    defaults = task_default_options(countdown=60)

    def hello() -> None: ...

    if place == "lowest":
        hello = defaults(hello)
    task = router.post("/hello")(hello)
    if place == "below the cast":
        task = defaults(task)
    cast = as_delayed_task(task)
    if place == "after the first use":
        cast.delay()
        assert _seen(client) == PLAIN
    if place in ("above the cast", "after the first use"):
        cast = defaults(cast)
    cast.delay()
    assert _seen(client) == {**PLAIN, "countdown": True}


def test_of_two_default_options_the_upper_one_wins_and_both_count() -> None:
    client = FakeClient()
    router = delayed_router(client, **BUILDER)

    @as_delayed_task
    @task_default_options(task_id="upper")
    @router.post("/hello")
    @task_default_options(task_id="lower", task_create_timeout=7)
    def hello() -> None: ...

    hello.delay()
    assert _seen(client) == {**PLAIN, "task_id": f"{QUEUE}/tasks/upper", "task_create_timeout": 7}


async def test_a_client_of_the_call_or_of_the_decorator_is_used() -> None:
    mine, defaults, calls = FakeClient(), FakeClient(), FakeClient()
    router = delayed_router(mine)

    @as_delayed_task
    @task_default_options(client=defaults)
    @router.post("/hello")
    def hello() -> None: ...

    hello.delay()
    hello.options(client=calls).delay()
    assert [len(one.requests) for one in (mine, defaults, calls)] == [0, 1, 1]

    async_mine, async_defaults, async_calls = (FakeAsyncClient() for _ in range(3))
    async_router = async_delayed_router(async_mine)

    @as_async_delayed_task
    @task_default_options(client=lambda: async_defaults)
    @async_router.post("/hello")
    async def async_hello() -> None: ...

    await async_hello.delay()
    await async_hello.options(client=async_calls).delay()
    assert [len(one.requests) for one in (async_mine, async_defaults, async_calls)] == [0, 1, 1]


def test_a_client_of_the_wrong_kind_is_refused_where_it_is_given() -> None:
    router, async_router = delayed_router(FakeClient()), async_delayed_router(FakeAsyncClient())
    any_options: Any = task_default_options
    sync_defaults: Any = task_default_options(client=FakeClient())
    async_defaults: Any = task_default_options(client=FakeAsyncClient())

    def hello() -> None: ...
    async def async_hello() -> None: ...

    task: Any = router.post("/hello")(hello)
    async_task: Any = async_router.post("/hello")(async_hello)
    with pytest.raises(TypeError, match="for AsyncDelayedRouteBuilder"):
        task.options(client=FakeAsyncClient())
    with pytest.raises(TypeError, match="for AsyncDelayedRouteBuilder"):
        async_defaults(task)
    with pytest.raises(TypeError, match="is for DelayedRouteBuilder"):
        async_task.options(client=FakeClient())
    with pytest.raises(TypeError, match="is for DelayedRouteBuilder"):
        sync_defaults(async_task)
    assert task.delay().name
    with pytest.raises(TypeError, match="client must be a CloudTasksClient"):
        any_options(client=object())


def test_a_client_of_the_wrong_kind_below_the_router_is_refused_at_registration() -> None:
    router = delayed_router(FakeClient())

    @task_default_options(client=FakeAsyncClient())
    def hello() -> None: ...

    with pytest.raises(TypeError, match="for AsyncDelayedRouteBuilder"):
        router.post("/hello")(hello)
    assert router.routes == []
    assert not hasattr(hello, "delay")


@pytest.mark.parametrize("options", [DelayOptions, AsyncDelayOptions, TaskDefaultOptions])
def test_the_typed_options_are_those_that_are_accepted(options: Any) -> None:
    assert options.__optional_keys__ == set(TaskOptions._fields) | {"base_url"}


def test_a_hook_that_forgets_to_return_the_request_is_told() -> None:
    client = FakeClient()
    router = delayed_router(client)

    def forgetful(request: CreateTaskRequest) -> Any:
        request.task.name = "x"

    @as_delayed_task
    @router.post("/hello")
    def hello() -> None: ...

    with pytest.raises(TypeError, match=r"pre_create_hook must return the request: .*forgetful.* returned None"):
        hello.options(pre_create_hook=forgetful).delay()
    assert client.queues == []
    assert client.requests == []


def test_a_hook_may_return_another_request() -> None:
    client = FakeClient()
    router = delayed_router(client)
    another = CreateTaskRequest(parent=OTHER_QUEUE)

    @as_delayed_task
    @router.post("/hello")
    def hello() -> None: ...

    hello.options(pre_create_hook=lambda _: another).delay()
    assert client.requests[0] is another
