"""The client with the local service: on a port that the environment names, and in process with tokens."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI

from cli.cli_programs import EMULATOR, Program
from cli.cli_resources import SERVES
from cloudtask import DoNotRetry, RetryLater, injected
from cloudtask.fastapi import CloudTaskRouter
from fastapi_gcp_tasks.dependencies import CloudTasksHeaders, verify_oidc
from functions.functions_shop import APP, Shop, make_client, message, post, served

ACCOUNT = "tasks@p.iam.gserviceaccount.com"


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    program = Program([*EMULATOR, "--port", "0", "--create-queues"], tmp_path)
    try:
        found = program.wait(SERVES)["address"]
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", found)
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        yield found
    finally:
        program.kill_all()


async def test_without_a_client_tasks_go_to_the_service_that_the_environment_names(address: str) -> None:
    @make_client(url="http://127.0.0.1:9/run").task(name="work")
    def work(number: int) -> None: ...

    assert work(1).sync_push().startswith("projects/p/locations/l/queues/default/tasks/")  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]
    task = work(2)
    task.name = "second"
    assert await task.push() == "projects/p/locations/l/queues/default/tasks/second"


def test_a_malformed_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", "http://localhost:8123/")

    @make_client().task(name="work")
    def work() -> None: ...

    with pytest.raises(ValueError, match="CLOUD_TASKS_EMULATOR_HOST"):
        work().sync_push()


async def test_a_token_of_the_service_is_checked_in_process() -> None:
    shop = Shop(secret="", sae=ACCOUNT, verify=verify_oidc(audience=f"{APP}/tasks/run", service_accounts=[ACCOUNT]))

    @shop.client.task(name="work")
    async def work(number: int) -> None:
        shop.note(number)

    async with shop.open() as app:
        await work(7).push()
        assert await shop.until(1) == [(7,)]
        assert (await post(app, message("work", 8), {})).status == 401
    assert shop.ran == [(7,)]


async def test_tokens_are_checked_over_a_port(address: str) -> None:
    client, seen, more = make_client(secret="", sae=ACCOUNT), list[int](), asyncio.Event()

    def work(number: int) -> None:
        seen.append(number)
        loop.call_soon_threadsafe(more.set)

    loop = asyncio.get_running_loop()
    client.task(name="work")(work)
    app = FastAPI()
    async with served(app) as url:
        for prefix, audience in (("/right", f"{url}/right/run"), ("/wrong", "https://another.example.com")):
            verify = verify_oidc(audience=audience, service_accounts=[ACCOUNT])
            app.include_router(CloudTaskRouter(client, verify=verify), prefix=prefix)
        for prefix, number in (("/wrong", 1), ("/right", 2)):
            task = client.functions["work"](number)
            task.url = f"{url}{prefix}/run"
            name = await task.push()
        async with asyncio.timeout(20):
            await more.wait()
        assert (await post(app, message("work", 3), {}, "/right/run")).status == 401
        assert (await post(app, message("work", 3), {"authorization": "Bearer x"}, "/right/run")).status == 401
        assert name is not None
    assert seen == [2]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_task_is_tried_again_when_it_says_so_and_not_when_it_says_never() -> None:
    shop, etas = Shop(), list[datetime]()

    @shop.client.task(name="later")
    async def later(attempt: Annotated[CloudTasksHeaders, Depends()] = injected) -> None:
        etas.append(attempt.eta)
        if attempt.retry_count == 0:
            raise RetryLater(after=1)
        shop.note("done")

    @shop.client.task(name="never")
    def never() -> None:
        loop.call_soon_threadsafe(shop.note, "never")
        raise DoNotRetry("the order is gone")

    @shop.client.task(name="fails")
    async def fails(attempt: Annotated[CloudTasksHeaders, Depends()] = injected) -> None:
        shop.note("failed", attempt.retry_count)
        if attempt.retry_count < 2:
            raise RuntimeError

    loop = asyncio.get_running_loop()
    queue = "projects/p/locations/l/queues/default"
    async with shop.open():
        await later().push()
        await never().push()
        await fails().push()
        await shop.until(5)
        # What has ended is gone.
        await until(lambda: not list(shop.local.tasks_client().list_tasks(parent=queue)))
    assert sorted(shop.ran) == [("done",), ("failed", 0), ("failed", 1), ("failed", 2), ("never",)]
    first, second = etas
    assert second - first >= timedelta(seconds=1)


def run_fork_program(*arguments: str) -> None:
    program = Path(__file__).with_name("functions_fork_program.py")
    environment = {**os.environ, "PYTHONPATH": str(program.parents[1])}
    ran = subprocess.run(
        [sys.executable, str(program), *arguments], env=environment, stderr=subprocess.PIPE, text=True, timeout=55
    )
    assert ran.returncode == 0, ran.stderr


def test_a_forked_child_pushes_and_runs_tasks_as_its_parent_does(tmp_path: Path) -> None:
    run_fork_program(str(tmp_path / "tasks.db"))


def test_a_forked_child_has_connections_of_its_own_to_the_service(address: str) -> None:
    run_fork_program()


def test_importing_it_loads_neither_fastapi_nor_google() -> None:
    program = (
        "import sys, cloudtask; "
        "client = cloudtask.CloudTaskClient(project='p', location='l', url='http://a/run', secret='x'); "
        "task = client.task(name='t')(lambda: None)(); "
        "print(*[name for name in ('fastapi', 'starlette', 'google.cloud', 'grpc') if name in sys.modules])"
    )
    ran: Any = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=os.environ, check=True
    )
    assert ran.stdout.strip() == ""
