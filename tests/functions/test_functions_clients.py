"""Which service a `CloudTaskClient` without clients of its own talks to."""

import asyncio
from typing import Any

import google.auth
import google.auth.exceptions
import pytest

from functions.functions_shop import make_client
from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings
from routes.routes_fakes import FakeAsyncClient, FakeClient

VARIABLE = "CLOUD_TASKS_EMULATOR_HOST"
QUEUE = "projects/p/locations/l/queues/default"


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any, **__: Any) -> Any:
        raise google.auth.exceptions.DefaultCredentialsError("there are none")

    monkeypatch.setattr(google.auth, "default", none)


def task_of(**settings: Any) -> Any:
    def number(x: int) -> int:
        return x

    return make_client(**settings).task(name="number")(number)(1)


async def test_the_environment_is_read_at_first_need_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_of()
    async with emulating(PortSettings(port=0, queues=(QUEUE,))) as emulator:
        monkeypatch.setenv(VARIABLE, emulator.address)
        assert (await task.push()).startswith(f"{QUEUE}/tasks/")
        assert (await asyncio.to_thread(task.sync_push)).startswith(f"{QUEUE}/tasks/")
        monkeypatch.setenv(VARIABLE, "localhost:1")
        assert (await task.push()).startswith(f"{QUEUE}/tasks/")
        assert (await asyncio.to_thread(asyncio.run, task.push())).startswith(f"{QUEUE}/tasks/")
        assert (await asyncio.to_thread(task.sync_push)).startswith(f"{QUEUE}/tasks/")


async def test_a_malformed_address_is_refused_naming_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "localhost")
    message = f"{VARIABLE} must be host:port, such as localhost:8123, not 'localhost'"
    with pytest.raises(ValueError, match=message):
        task_of().sync_push()
    with pytest.raises(ValueError, match=message):
        await task_of().push()


async def test_a_client_that_is_given_always_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "localhost:1")
    client, async_client = FakeClient(), FakeAsyncClient()
    task = task_of(client=client, async_client=async_client)
    task.sync_push()
    await task.push()
    assert (len(client.requests), len(async_client.requests)) == (1, 1)


async def test_without_the_variable_it_is_google_with_default_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(google.auth.exceptions.DefaultCredentialsError, match="there are none"):
        task_of().sync_push()
    with pytest.raises(google.auth.exceptions.DefaultCredentialsError, match="there are none"):
        await task_of().push()
