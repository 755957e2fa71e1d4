"""What of `google.longrunning.Operations` is served: GetOperation, and to nobody the rest (CT-003, CT-330)."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from aiohttp import ClientSession
from google.longrunning import operations_pb2, operations_pb2_grpc

from gcptasks.base.errors import PermissionDenied
from gcptasks.base.events import Events
from gcptasks.client.api import TASKS
from gcptasks.server.emulator import Emulator, emulating
from gcptasks.server.settings import PortSettings
from gcptasks.service.calls import Calls
from gcptasks.service.policy import Policy
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from runtime.runtime_doubles import ManualClock

PARENT = "projects/p/locations/l"
QUEUE = f"{PARENT}/queues/q"
OPERATION = f"{PARENT}/operations/mine"
MESSAGE = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
    "form of API consumer identity to call this API."
)
REQUESTS = {
    "ListOperations": operations_pb2.ListOperationsRequest(name=PARENT),
    "WaitOperation": operations_pb2.WaitOperationRequest(name=OPERATION),
    "CancelOperation": operations_pb2.CancelOperationRequest(name=OPERATION),
    "DeleteOperation": operations_pb2.DeleteOperationRequest(name=OPERATION),
}


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    """A service with an operation."""
    async with emulating(PortSettings(port=0, queues=(QUEUE,))) as running:
        async with TASKS.make_async_client(running.address) as client:
            await client.batch_delete_tasks(
                request={"parent": QUEUE, "names": [f"{QUEUE}/tasks/t"], "request_id": "mine"}
            )
        yield running


async def test_other_methods_are_kept_from_every_caller(emulator: Emulator) -> None:
    """CT-330."""
    async with grpc.aio.insecure_channel(emulator.address) as channel:
        stub: Any = operations_pb2_grpc.OperationsStub(channel)
        for method, request in REQUESTS.items():
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await getattr(stub, method)(request)
            error = refused.value
            assert (error.code(), error.details()) == (grpc.StatusCode.PERMISSION_DENIED, MESSAGE)
            assert "grpc-status-details-bin" not in dict(error.trailing_metadata() or ())
        found = await stub.GetOperation(operations_pb2.GetOperationRequest(name=OPERATION))
        assert (found.name, found.done) == (OPERATION, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{PARENT}/operations"),
        ("DELETE", OPERATION),
        ("POST", f"{OPERATION}:wait"),
        ("POST", f"{OPERATION}:cancel"),
    ],
)
async def test_over_rest_their_paths_are_not_there(emulator: Emulator, method: str, path: str) -> None:
    """CT-327, CT-330."""
    async with ClientSession() as session:
        async with session.request(method, f"http://{emulator.address}/v2/{path}", json={}) as response:
            assert (response.status, response.content_type) == (404, "text/plain")
        async with session.get(f"http://{emulator.address}/v2/{OPERATION}") as response:
            assert (await response.json())["name"] == OPERATION


@pytest.mark.parametrize("method", REQUESTS)
def test_other_methods_are_kept_from_callers_in_process(method: str) -> None:
    """CT-330."""
    calls = Calls(Store(parse_database("memory:"), Events()), ManualClock(), Policy())
    with pytest.raises(PermissionDenied) as refused:
        calls.call_sync(f"/google.longrunning.Operations/{method}", REQUESTS[method])
    assert (refused.value.message, refused.value.details) == (MESSAGE, ())
