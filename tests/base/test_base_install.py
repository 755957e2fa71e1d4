"""What works, and what says which extra it lacks, after `pip install fastapi-gcp-tasks` alone."""

import subprocess
import sys
from importlib.metadata import files
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from google.auth.credentials import AnonymousCredentials
from google.cloud.tasks_v2 import CloudTasksAsyncClient, CloudTasksClient, CreateTaskRequest, Task
from pydantic import BaseModel

import cloudtask.testing
import fastapi_gcp_tasks
import fastapi_gcp_tasks.results
import fastapi_gcp_tasks.testing
from fastapi_gcp_tasks import AsyncDelayedRouteBuilder, DelayedRouteBuilder, as_async_delayed_task, as_delayed_task
from fastapi_gcp_tasks.utils import queue_path

QUEUE = queue_path(project="p", location="l", queue="q")
PIP_LINE = "pip install 'fastapi-gcp-tasks[local]'"


class Payload(BaseModel):
    message: str


class Client(CloudTasksClient):
    """A user's own: keeps the requests."""

    def __init__(self) -> None:
        super().__init__(credentials=AnonymousCredentials())
        self.requests: list[CreateTaskRequest] = []

    def create_task(self, request: Any = None, **_: Any) -> Task:
        self.requests.append(request)
        return Task(name=f"{request.parent}/tasks/1")


class AsyncClient(CloudTasksAsyncClient):
    def __init__(self) -> None:
        super().__init__(credentials=AnonymousCredentials())
        self.requests: list[CreateTaskRequest] = []

    async def create_task(self, request: Any = None, **_: Any) -> Task:
        self.requests.append(request)
        return Task(name=f"{request.parent}/tasks/1")


@pytest.mark.parametrize(
    "package", ["aiohttp", "h2", "httptools", "redis", "rich", "sqlalchemy", "typer", "uvicorn", "watchfiles"]
)
def test_the_install_is_bare(package: str) -> None:
    assert find_spec(package) is None


def test_every_package_carries_its_types_and_the_licence_is_there() -> None:
    installed = {str(file) for file in files("fastapi-gcp-tasks") or ()}
    assert {f"{package}/py.typed" for package in ("cloudtask", "fastapi_gcp_tasks", "gcptasks")} <= installed
    assert any(file.endswith("LICENSE") for file in installed)


def test_a_route_makes_tasks_with_a_client_of_the_users() -> None:
    client = Client()
    route = DelayedRouteBuilder(
        base_url="https://worker.example.com", queue_path=QUEUE, client=client, auto_create_queue=False
    )
    router = APIRouter(route_class=route)

    @as_delayed_task
    @router.post("/hello/{name}")
    async def hello(name: str, p: Payload) -> None: ...

    FastAPI().include_router(router)

    assert hello.delay(name="a b", p=Payload(message="hi")).name == f"{QUEUE}/tasks/1"
    (request,) = client.requests
    assert request.task.http_request.url == "https://worker.example.com/hello/a%20b"
    assert request.task.http_request.body == b'{"message":"hi"}'


async def test_an_async_route_makes_tasks_with_a_client_of_the_users() -> None:
    client = AsyncClient()
    router = APIRouter(
        route_class=AsyncDelayedRouteBuilder(base_url="https://worker.example.com", queue_path=QUEUE, client=client)
    )

    @as_async_delayed_task
    @router.post("/hello")
    async def hello(p: Payload) -> None: ...

    assert (await hello.delay(p=Payload(message="hi"))).name == f"{QUEUE}/tasks/1"
    assert [request.task.http_request.url for request in client.requests] == ["https://worker.example.com/hello"]


def test_a_name_that_needs_an_extra_says_how_to_get_it() -> None:
    with pytest.raises(ImportError) as refused:
        _ = fastapi_gcp_tasks.LocalService
    assert PIP_LINE in str(refused.value)


@pytest.mark.parametrize("module", [fastapi_gcp_tasks.testing, cloudtask.testing])
def test_the_test_kit_says_how_to_get_what_it_needs(module: ModuleType) -> None:
    with pytest.raises(ImportError, match=r"TestTasks needs an extra: pip install 'fastapi-gcp-tasks\[testing\]'"):
        _ = module.TestTasks


@pytest.mark.parametrize(("name", "extra"), [("SQLResults", "sql"), ("RedisResults", "redis")])
def test_a_store_of_results_that_needs_an_extra_says_how_to_get_it(name: str, extra: str) -> None:
    with pytest.raises(ImportError) as refused:
        getattr(fastapi_gcp_tasks.results, name)
    assert f"pip install 'fastapi-gcp-tasks[{extra}]'" in str(refused.value)


@pytest.mark.parametrize(
    "command", [["fastapi-gcp-tasks"], ["fastapi-gcp-tasks", "dev", "main.py"], ["cloud-tasks-emulator"]]
)
def test_a_command_that_needs_an_extra_says_how_to_get_it(command: list[str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    ended = subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert PIP_LINE in ended.stderr
    assert "Traceback" not in ended.stderr
