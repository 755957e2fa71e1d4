"""Google's clients try some calls again for ten minutes; ours end in time. Seen with those clients, over gRPC."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud.scheduler_v1 import CloudSchedulerAsyncClient, CloudSchedulerClient, GetJobRequest, Job

from gcptasks.base.flows import drive, drive_async
from gcptasks.client.api import SCHEDULER
from gcptasks.client.bounded_calls import ClientCalls, TimeLimit, bounded
from gcptasks.client.call_flows import Flow

METHODS = ("GetJob", "DeleteJob", "CreateJob")
LONG = 120.0
"""Far above every timeout here, and below the ten minutes of Google's clients."""


class Service:
    """A gRPC server whose every method does what it is told."""

    def __init__(self, behave: Callable[["Service", grpc.ServicerContext], Any]) -> None:
        self.calls = 0
        self.over = threading.Event()
        self._behave = behave
        handlers: dict[str, Any] = {
            method: grpc.unary_unary_rpc_method_handler(self._answer, response_serializer=Job.serialize)
            for method in METHODS
        }
        handler = grpc.method_handlers_generic_handler(SCHEDULER.service, handlers)
        self.server = grpc.server(ThreadPoolExecutor(20), handlers=[handler])
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def _answer(self, _: bytes, context: grpc.ServicerContext) -> Any:
        self.calls += 1
        return self._behave(self, context)

    def stop(self) -> None:
        self.over.set()
        self.server.stop(0).wait(30)


def is_unavailable(_: Service, context: grpc.ServicerContext) -> Any:
    context.abort(grpc.StatusCode.UNAVAILABLE, "come back later")


def hangs(service: Service, _: grpc.ServicerContext) -> Any:
    service.over.wait(LONG)
    return Job()


def is_up_the_third_time(service: Service, context: grpc.ServicerContext) -> Any:
    return is_unavailable(service, context) if service.calls < 3 else Job(name="there")


@pytest.fixture
def serve() -> Iterator[Callable[[Any], Service]]:
    services: list[Service] = []

    def start(behave: Any) -> Service:
        services.append(Service(behave))
        return services[-1]

    yield start
    for service in services:
        service.stop()


def run_sync(service: Service, flow: Flow[Any]) -> Any:
    client = SCHEDULER.make_client(service.address)
    with client:
        return drive(flow, ClientCalls(SCHEDULER, client))


def run_async(service: Service, flow: Flow[Any]) -> Any:
    async def run() -> Any:
        client = SCHEDULER.make_async_client(service.address)
        async with client:
            return await drive_async(flow, ClientCalls(SCHEDULER, client))

    return asyncio.run(run())


each_kind = pytest.mark.parametrize("run", [run_sync, run_async], ids=["sync", "async"])
each_method = pytest.mark.parametrize("method", ["get_job", "delete_job", "create_job"])
Run = Callable[[Service, Flow[Any]], Any]


@each_kind
@each_method
@pytest.mark.parametrize(
    ("behave", "error"),
    [
        # The last attempt may begin so late that even a refusal comes after its time.
        (is_unavailable, (exceptions.ServiceUnavailable, exceptions.DeadlineExceeded)),
        (hangs, exceptions.DeadlineExceeded),
    ],
    ids=["unavailable", "hanging"],
)
def test_a_call_ends_in_time_with_what_its_last_attempt_said(
    serve: Callable[[Any], Service], run: Run, method: str, behave: Any, error: Any
) -> None:
    began = time.monotonic()
    with pytest.raises(error):
        run(serve(behave), bounded(method, {}, TimeLimit(0.5)))
    assert time.monotonic() - began < LONG / 2


@each_kind
def test_within_its_time_a_call_is_tried_again(serve: Callable[[Any], Service], run: Run) -> None:
    service = serve(is_up_the_third_time)
    assert run(service, bounded("get_job", {}, TimeLimit(LONG))).name == "there"
    assert service.calls == 3


@each_kind
def test_a_call_that_google_does_not_try_again_is_made_once(serve: Callable[[Any], Service], run: Run) -> None:
    service = serve(is_up_the_third_time)
    with pytest.raises(exceptions.ServiceUnavailable):
        run(service, bounded("create_job", {}, TimeLimit(LONG)))
    assert service.calls == 1


@each_kind
def test_several_calls_have_their_time_together(serve: Callable[[Any], Service], run: Run) -> None:
    def answers_late(service: Service, _: grpc.ServicerContext) -> Any:
        service.over.wait(0.4)
        return Job()

    def many() -> Flow[None]:
        limit = TimeLimit(1.0)
        for _ in range(50):
            yield from bounded("get_job", {}, limit)

    service = serve(answers_late)
    with pytest.raises(exceptions.DeadlineExceeded):
        run(service, many())
    assert service.calls < 10


class Counting(CloudSchedulerClient):
    """A user's own."""

    seen: list[dict[str, Any]]

    def get_job(self, request: Any = None, **options: Any) -> Any:
        self.seen.append(options)
        return Job()


class AsyncCounting(CloudSchedulerAsyncClient):
    seen: list[dict[str, Any]]

    async def get_job(self, request: Any = None, **options: Any) -> Any:
        self.seen.append(options)
        return Job()


async def test_methods_of_users_are_given_a_timeout_and_nothing_else() -> None:
    client, twin = Counting.__new__(Counting), AsyncCounting.__new__(AsyncCounting)
    client.seen, twin.seen = [], []
    flow = bounded("get_job", GetJobRequest(), TimeLimit(3.0))
    assert drive(flow, ClientCalls(SCHEDULER, client)) == Job()
    flow = bounded("get_job", GetJobRequest(), TimeLimit(3.0))
    assert await drive_async(flow, ClientCalls(SCHEDULER, twin)) == Job()
    assert client.seen == twin.seen == [{"timeout": 3.0}]


def test_a_client_whose_method_was_replaced_is_given_a_timeout_and_nothing_else() -> None:
    client: Any = CloudSchedulerClient.__new__(CloudSchedulerClient)
    seen: list[dict[str, Any]] = []

    def get_job(**options: Any) -> None:
        seen.append(options)

    client.get_job = get_job
    drive(bounded("get_job", 1, TimeLimit(3.0)), ClientCalls(SCHEDULER, client))
    assert seen == [{"request": 1, "timeout": 3.0}]


def test_without_a_limit_google_decides() -> None:
    assert TimeLimit(None).left() is None
