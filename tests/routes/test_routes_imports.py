"""Importing costs what is used, and nothing happens at import."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

import fastapi_gcp_tasks


def loaded_after(program: str) -> set[str]:
    """The modules of a fresh Python after this program."""
    show = "\nimport sys\nprint(*sys.modules)"
    code = dedent(program) + show
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.split())


def _of(modules: set[str], *packages: str) -> set[str]:
    return {name for name in modules if name.split(".")[0] in packages}


def test_the_bare_import_loads_neither_fastapi_nor_google() -> None:
    assert _of(loaded_after("import fastapi_gcp_tasks"), "fastapi", "pydantic", "google", "grpc") == set()


def test_a_store_of_results_loads_its_own_database_alone() -> None:
    program = """
        import sys
        import fastapi_gcp_tasks.results as results
        assert not {"sqlalchemy", "redis"} & set(sys.modules)
        results.SQLResults
    """
    assert _of(loaded_after(program), "redis", "psycopg", "aiosqlite") == set()


def test_routes_without_a_client_load_nothing_of_google_and_call_nothing() -> None:
    program = """
        import socket, threading
        from typing import Annotated
        from fastapi import APIRouter, Depends, FastAPI
        from fastapi_gcp_tasks import (
            AsyncDelayedRouteBuilder, CloudTasksHeaders, DelayedRouteBuilder, as_delayed_task, max_retries,
            task_default_options,
        )
        from fastapi_gcp_tasks.hooks import DelayedTaskHook, chained_hook, noop_hook
        from fastapi_gcp_tasks.utils import queue_path

        def forbidden(*args, **kwargs):
            raise AssertionError("nothing happens at import")

        socket.socket.connect = threading.Thread.start = forbidden
        path = queue_path(project="p", location="l", queue="q")
        sync = DelayedRouteBuilder(queue_path=path, base_url="http://a", pre_create_hook=chained_hook(noop_hook))
        twin = AsyncDelayedRouteBuilder(queue_path=path, base_url="http://a", client=forbidden, auto_create_queue=True)
        router, async_router = APIRouter(route_class=sync), APIRouter(route_class=twin)

        @as_delayed_task
        @task_default_options(countdown=3)
        @router.post("/a/{name}", dependencies=[Depends(max_retries(3))])
        def one(name: str, headers: Annotated[CloudTasksHeaders, Depends()]) -> None: ...

        @async_router.post("/b")
        async def two(q: int = 1) -> None: ...

        app = FastAPI()
        app.include_router(router)
        app.include_router(async_router)
        later = one.options(countdown=3)
    """
    assert _of(loaded_after(program), "google", "grpc", "proto") == set()


def test_scheduled_routes_load_nothing_of_google_and_call_nothing() -> None:
    program = """
        import socket, threading
        from fastapi import FastAPI
        from fastapi_gcp_tasks import AsyncScheduledRouter, ScheduledRouter
        from fastapi_gcp_tasks.hooks import chained_hook, noop_hook
        from fastapi_gcp_tasks.utils import location_path

        def forbidden(*args, **kwargs):
            raise AssertionError("nothing happens at import")

        socket.socket.connect = threading.Thread.start = forbidden
        path = location_path(project="p", location="l")
        jobs = ScheduledRouter(location_path=path, base_url="http://a", pre_create_hook=chained_hook(noop_hook))
        others = AsyncScheduledRouter(location_path=path, base_url="http://a", client=forbidden)

        @jobs.post("/a/{name}")
        def one(name: str) -> None: ...

        @others.post("/b")
        async def two(q: int = 1) -> None: ...

        app = FastAPI()
        app.include_router(jobs)
        app.include_router(others)
        later = one.scheduler(name="one", schedule="* * * * *", time_zone="Europe/Paris"), two.scheduler(
            name="two", schedule="* * * * *"
        )
    """
    assert _of(loaded_after(program), "google", "grpc", "proto") == set()


def test_routes_without_a_store_load_nothing_of_results() -> None:
    program = """
        from fastapi import FastAPI
        from fastapi_gcp_tasks import AsyncDelayedRouter, DelayedRouter
        from google.cloud.tasks_v2 import CloudTasksClient, Task
        from cloudtask import CloudTaskClient

        class Client(CloudTasksClient):
            def __init__(self): ...
            def create_queue(self, *, request, timeout): ...
            def create_task(self, *, request, timeout): return request.task

        path = "projects/p/locations/l/queues/q"
        tasks = DelayedRouter(queue_path=path, base_url="http://a", client=Client())
        others = AsyncDelayedRouter(queue_path=path, base_url="http://a")
        functions = CloudTaskClient(project="p", location="l", url="http://a/run", secret="s", client=Client())

        @tasks.post("/a")
        def one() -> None: ...

        @others.post("/b")
        async def two() -> None: ...

        @functions.task(name="three")
        def three() -> None: ...

        app = FastAPI()
        app.include_router(tasks)
        app.include_router(others)
        one.delay()
        one.options(countdown=1).delay_many([{}])
        three().sync_push()
    """
    loaded = loaded_after(program)
    parts = "gcptasks.results", "gcptasks.engine.task_records", "gcptasks.client.handle", "gcptasks.client.recorded"
    assert [name for name in loaded if name.startswith(parts)] == []


def test_delayed_routes_load_nothing_of_scheduled_ones() -> None:
    loaded = loaded_after("from fastapi_gcp_tasks import AsyncDelayedRouter, DelayedRouteBuilder, DelayedRouter")
    assert [name for name in loaded if "scheduled" in name or ".job_" in name] == []


def test_a_client_that_nobody_imported_is_not_imported_to_be_refused() -> None:
    program = """
        from fastapi_gcp_tasks import DelayedRouteBuilder
        try:
            DelayedRouteBuilder(queue_path="projects/p/locations/l/queues/q", base_url="http://a", client=object())
        except TypeError as error:
            assert "DelayedRouteBuilder" in str(error)
        else:
            raise AssertionError("it was not refused")
    """
    assert _of(loaded_after(program), "google", "grpc", "proto") == set()


def test_a_retry_config_that_nobody_imported_is_not_imported_to_be_refused() -> None:
    program = """
        from fastapi_gcp_tasks.job_options import JOB_OPTIONS
        from fastapi_gcp_tasks.options import options_layer
        for name in ("client", "retry_config"):
            try:
                options_layer(JOB_OPTIONS, {name: object()})
            except TypeError as error:
                assert name in str(error)
            else:
                raise AssertionError("it was not refused")
    """
    assert _of(loaded_after(program), "google", "grpc", "proto") == set()


def test_all_names_what_can_be_imported() -> None:
    assert sorted(fastapi_gcp_tasks.__all__) == fastapi_gcp_tasks.__all__
    for name in fastapi_gcp_tasks.__all__:
        value = getattr(fastapi_gcp_tasks, name)
        assert getattr(value, "__name__", repr(value)) == name
    assert set(fastapi_gcp_tasks.__all__) | {"LocalService"} <= set(dir(fastapi_gcp_tasks))


def test_checkers_see_the_names_that_are_exported() -> None:
    """What stands under TYPE_CHECKING is what `__getattr__` finds."""
    tree = ast.parse(Path(fastapi_gcp_tasks.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module for node in ast.walk(block) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen.keys() - {"LocalService"} == set(fastapi_gcp_tasks.__all__)
    for name, module in seen.items():
        if module and name != "LocalService":
            assert getattr(importlib.import_module(module), name) is getattr(fastapi_gcp_tasks, name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        getattr(fastapi_gcp_tasks, "nope")  # noqa: B009  # the checkers know that it is not there


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("delayed_route", ["AsyncDelayedRouteBuilder", "DelayedRouteBuilder"]),
        ("decorators", ["task_default_options"]),
        ("dependencies", ["CloudTasksHeaders", "max_retries"]),
        ("exception", ["BadMethodError", "MissingParamError", "WrongTypeError"]),
        ("hooks", ["DelayedTaskHook", "ScheduledHook", "chained_hook", "noop_hook", "oauth_task_hook"]),
        ("protocols", ["AsyncDelayOptions", "AsyncScheduledTask", "DelayedTask", "TaskDefaultOptions"]),
        ("utils", ["async_emulator_client", "emulator_client", "ensure_queue", "ensure_queue_async", "queue_path"]),
    ],
)
def test_the_modules_that_api_names_hold_their_names(module: str, names: list[str]) -> None:
    loaded = importlib.import_module(f"fastapi_gcp_tasks.{module}")
    assert [name for name in names if not hasattr(loaded, name)] == []


def test_user_modules_may_postpone_their_annotations() -> None:
    """`from __future__ import annotations` makes every annotation of the endpoint a string."""
    program = """
        from __future__ import annotations
        from fastapi import APIRouter
        from google.cloud.tasks_v2 import CloudTasksClient, Task
        from pydantic import BaseModel
        from fastapi_gcp_tasks import DelayedRouteBuilder, DelayedTask, as_delayed_task

        class Client(CloudTasksClient):
            def __init__(self): ...
            def create_queue(self, *, request, timeout): ...
            def create_task(self, *, request, timeout): return request.task

        class Payload(BaseModel):
            message: str

        path = "projects/p/locations/l/queues/q"
        router = APIRouter(route_class=DelayedRouteBuilder(queue_path=path, base_url="http://a", client=Client()))

        @as_delayed_task
        @router.post("/{name}")
        def hello(name: str, p: Payload) -> None: ...

        task: DelayedTask[[str, Payload], None] = hello
        sent = task.delay(name="a", p=Payload(message="hi")).http_request
        assert (sent.url, sent.body) == ("http://a/a", b'{"message":"hi"}')
    """
    loaded_after(program)


def test_the_local_service_says_which_extra_it_needs() -> None:
    program = """
        import sys
        for missing in ("aiohttp", "h2", "httptools", "uvicorn", "typer", "rich", "watchfiles"):
            sys.modules[missing] = None
        try:
            from fastapi_gcp_tasks import LocalService
        except ImportError as error:
            assert str(error) == "LocalService needs an extra: pip install 'fastapi-gcp-tasks[local]'", error
        else:
            raise AssertionError("it was not refused")
        from fastapi_gcp_tasks import *
    """
    loaded_after(program)
