"""The client with the local service: on a port that the environment names, and in process with tokens."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.cli_programs import EMULATOR, Program
from cli.cli_resources import SERVES
from fastapi_gcp_tasks.dependencies import verify_oidc
from functions.functions_shop import APP, Shop, make_client, message, post

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
