"""The store of the service on its port: what can go wrong between the two, and how many may wait."""

import asyncio
import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import grpc
import pytest
from anyio.from_thread import start_blocking_portal
from google.api_core.exceptions import GoogleAPICallError, ServiceUnavailable

from fastapi_gcp_tasks import DelayedRouter
from gcptasks.client.service_results import ServiceResults
from gcptasks.engine.task_records import Succeeded, TaskStatus
from gcptasks.results.store import AsyncStore
from gcptasks.server.emulator import Emulator, emulating
from gcptasks.server.settings import PortSettings
from results.results_store_suite import STARTED, closing, new, until


@contextmanager
def serving(path: Path, port: int = 0) -> Generator[Emulator]:
    config = PortSettings(port=port, database=str(path), grace=0)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(emulating(config)) as emulator:
        yield emulator


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    with serving(tmp_path / "tasks.db") as running:
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", running.address)
        yield running


@pytest.mark.parametrize("value", [None, ""])
def test_it_must_be_told_where_the_service_is(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("CLOUD_TASKS_EMULATOR_HOST", raising=False)
    if value is not None:
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", value)
    with pytest.raises(ValueError, match="set CLOUD_TASKS_EMULATOR_HOST to its address"):
        ServiceResults()


def test_its_class_is_asked_for_a_store_when_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOUD_TASKS_EMULATOR_HOST", raising=False)
    tasks = DelayedRouter(
        base_url="http://app.local", queue_path="projects/p/locations/l/queues/q", results=ServiceResults
    )

    @tasks.post("/square")
    def square(number: int) -> int:
        return number**2

    with pytest.raises(ValueError, match="With results=ServiceResults, without parentheses"):
        square.handle("0" * 32).status()


def test_a_result_is_no_larger_than_the_port_takes(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match=r"max_bytes of ServiceResults can be 3,000,000 at most.*not 3,000,001"):
        ServiceResults(max_bytes=3_000_001)
    store = ServiceResults(max_bytes=3_000_000).blocking()
    id = store.add(new()).id
    store.change(id, 1, STARTED)
    result = b'"' + b"x" * 2_999_998 + b'"'
    store.change(id, 1, Succeeded(1, result))
    found = store.get(id)
    store.close()
    assert found is not None
    assert found.result == result


def test_a_malformed_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", "nowhere")
    with pytest.raises(ValueError, match="CLOUD_TASKS_EMULATOR_HOST must be host:port"):
        ServiceResults()


@pytest.mark.parametrize(
    ("call", "message", "code"),
    [
        ("get", b"", grpc.StatusCode.INVALID_ARGUMENT),
        ("get", b"[1]", grpc.StatusCode.INVALID_ARGUMENT),
        ("get", b'["a", "b"]', grpc.StatusCode.INVALID_ARGUMENT),
        ("change", b'["a", 1, ["Exploded", {}]]', grpc.StatusCode.INVALID_ARGUMENT),
        ("change", b'["a", 1, ["Started", {}]]', grpc.StatusCode.INVALID_ARGUMENT),
        ("add_many", b'[[], "-P1D"]', grpc.StatusCode.INVALID_ARGUMENT),
        ("find", b'[{"limit": 9223372036854775808}]', grpc.StatusCode.INVALID_ARGUMENT),
        ("hear", b'[[["a", 9223372036854775808, 1]]]', grpc.StatusCode.INVALID_ARGUMENT),
        ("change", b'["a", 9223372036854775808, ["Started", {"endpoint": "e"}]]', grpc.StatusCode.INVALID_ARGUMENT),
        ("explode", b"[]", grpc.StatusCode.UNIMPLEMENTED),
        ("close", b"[]", grpc.StatusCode.UNIMPLEMENTED),
    ],
)
def test_what_is_no_call_is_refused(emulator: Emulator, call: str, message: bytes, code: grpc.StatusCode) -> None:
    with grpc.insecure_channel(emulator.address) as channel, pytest.raises(grpc.RpcError) as raised:
        rpc = cast("Any", channel.unary_unary(f"/fastapi_gcp_tasks.v1.Results/{call}"))
        rpc(message, timeout=20)
    error = raised.value
    assert isinstance(error, grpc.Call)
    assert error.code() is code


def test_no_web_page_reaches_it(emulator: Emulator) -> None:
    """It is there over gRPC alone, which no browser speaks."""
    request = Request(
        f"http://{emulator.address}/fastapi_gcp_tasks.v1.Results/get",
        data=b'["a"]',
        headers={"Content-Type": "application/json"},
    )
    with pytest.raises(HTTPError) as raised:
        urlopen(request, timeout=20)
    with raised.value as error:
        assert error.code == 404


def test_a_service_that_is_started_again_is_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tasks.db"
    with serving(path) as emulator:
        port = emulator.port
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", emulator.address)
        store = ServiceResults().blocking()
        record = store.add(new())
    with pytest.raises(ServiceUnavailable):
        store.get(record.id)
    with serving(path, port):

        async def found() -> bool:
            try:
                return await asyncio.to_thread(store.get, record.id) == record
            except GoogleAPICallError:
                return False

        asyncio.run(until(found))
    store.close()


async def test_many_wait_for_many_tasks_and_hold_up_no_other_call(emulator: Emulator) -> None:
    async with closing(ServiceResults().awaiting()) as store:
        await many_waits(store)


async def many_waits(store: AsyncStore) -> None:
    records = [new() for _ in range(600)]
    await store.add_many(records)
    added = [record for one in records if (record := await store.get(one.id))]
    waits = [asyncio.create_task(store.wait(record.id, record.version, 30)) for record in added]
    waits += [asyncio.create_task(store.wait(added[0].id, added[0].version, 30)) for _ in range(400)]
    other = await store.add(new())
    async with asyncio.timeout(20):
        for event, status in ((STARTED, TaskStatus.RUNNING), (Succeeded(1, b"1"), TaskStatus.SUCCEEDED)):
            change = await store.change(other.id, 1, event)
            assert change is not None
            assert change.record.status is status
    for record in added:
        await store.change(record.id, 1, STARTED)
    done, _ = await asyncio.wait(waits, timeout=25)
    assert len(done) == 1000


async def test_many_calls_at_once_have_their_turns(emulator: Emulator) -> None:
    """More than a connection takes: for the service one that has just been answered may still be among those."""
    async with closing(ServiceResults().awaiting()) as calls:
        record = await calls.add(new())
        for _ in range(4):
            assert await asyncio.gather(*(calls.get(record.id) for _ in range(700))) == [record] * 700


def test_where_nobody_listens_a_call_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("CLOUD_TASKS_EMULATOR_HOST", f"127.0.0.1:{taken.getsockname()[1]}")
        store = ServiceResults().blocking()
        with pytest.raises(ServiceUnavailable):
            store.get("a" * 32)
        store.close()
