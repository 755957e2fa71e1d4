"""Calls by Google's own clients over a real port."""

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import (
    CloudTasksGrpcAsyncIOTransport,
    CloudTasksGrpcTransport,
)

from gcptasks.base.errors import ErrorInfo, Help, NotFound, StoreError, Unimplemented
from gcptasks.rpc.listener import Listener
from gcptasks.wire.cloud_tasks.messages import GetQueueRequest, Queue
from gcptasks.wire.common import Status
from rpc.rpc_clients import METHOD, Listen, calling

HELP = Help("Definition of queue ID", "https://cloud.google.com/tasks")


async def refuse(method: str, message: bytes) -> bytes:
    raise NotFound(
        "Köö 100 % – „Queue“\n\t does not exist: 队列 🚀", HELP, ErrorInfo("GONE", "googleapis.com", {"a": "b"})
    )


async def get_queue(method: str, message: bytes) -> bytes:
    if method != "/google.cloud.tasks.v2.CloudTasks/GetQueue":
        raise Unimplemented(f"unknown method {method}")
    asked = GetQueueRequest.FromString(message)
    return Queue(name=asked.name).SerializeToString()


Channels = Callable[..., grpc.aio.Channel]


@pytest.fixture
async def channel() -> AsyncIterator[Channels]:
    """Opens grpc.aio channels to a listener, closed with the test."""
    channels: list[grpc.aio.Channel] = []

    def open_(listener: Listener, *options: tuple[str, object]) -> grpc.aio.Channel:
        channels.append(grpc.aio.insecure_channel(f"{listener.host}:{listener.port}", options=options))
        return channels[-1]

    yield open_
    for opened in channels:
        await opened.close()


def sync_call(listener: Listener, message: bytes, compression: grpc.Compression | None = None) -> bytes:
    with grpc.insecure_channel(f"{listener.host}:{listener.port}") as channel:
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHOD)
        reply: bytes = call(message, timeout=30, compression=compression)
        return reply


@pytest.mark.parametrize("size", [0, 1, 65_530, 65_531, 70_000, 4 * 1024 * 1024 - 16])
async def test_a_message_of_any_size_goes_there_and_back(listen: Listen, channel: Channels, size: int) -> None:
    call = calling(channel(await listen()))
    message = bytes(range(256)) * (size // 256 + 1)
    assert await call(message[:size]) == message[:size]


async def test_the_synchronous_client_is_served(listen: Listen) -> None:
    assert await asyncio.to_thread(sync_call, await listen(), b"hello") == b"hello"


@pytest.mark.parametrize("how", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_compressed_requests_are_understood(listen: Listen, how: grpc.Compression) -> None:
    message = b"abc" * 10_000
    assert await asyncio.to_thread(sync_call, await listen(), message, how) == message


async def test_googles_client_reaches_its_method(listen: Listen) -> None:
    listener = await listen(get_queue)

    def ask() -> tasks_v2.Queue:
        with grpc.insecure_channel(f"{listener.host}:{listener.port}") as channel:
            client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
            return client.get_queue(name="projects/p/locations/l/queues/q")

    assert (await asyncio.to_thread(ask)).name == "projects/p/locations/l/queues/q"


async def test_googles_async_client_is_served_and_told_what_is_missing(listen: Listen, channel: Channels) -> None:
    transport = CloudTasksGrpcAsyncIOTransport(channel=channel(await listen(get_queue)))
    client = tasks_v2.CloudTasksAsyncClient(transport=transport)
    queue = await client.get_queue(name="projects/p/locations/l/queues/q")
    assert queue.name == "projects/p/locations/l/queues/q"
    with pytest.raises(exceptions.MethodNotImplemented, match=r"unknown method .*/PurgeQueue"):
        await client.purge_queue(name=queue.name)


async def test_an_error_arrives_with_its_message_and_details(listen: Listen) -> None:
    listener = await listen(refuse)
    with pytest.raises(grpc.RpcError) as raised:
        await asyncio.to_thread(sync_call, listener, b"")
    assert isinstance(raised.value, grpc.Call)
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND
    assert raised.value.details() == "Köö 100 % – „Queue“\n\t does not exist: 队列 🚀"
    (details,) = (field.value for field in raised.value.trailing_metadata() if field.key == "grpc-status-details-bin")
    status = Status.FromString(details)
    assert (status.code, status.message) == (5, raised.value.details())
    assert [detail.type_url for detail in status.details] == [
        "type.googleapis.com/google.rpc.Help",
        "type.googleapis.com/google.rpc.ErrorInfo",
    ]
    assert HELP.url.encode() in status.details[0].value


async def test_googles_client_shows_the_details(listen: Listen, channel: Channels) -> None:
    transport = CloudTasksGrpcAsyncIOTransport(channel=channel(await listen(refuse)))
    with pytest.raises(exceptions.NotFound) as raised:
        await tasks_v2.CloudTasksAsyncClient(transport=transport).purge_queue(name="q")
    assert raised.value.details[0].links[0].url == HELP.url
    assert raised.value.reason == "GONE"


@pytest.mark.parametrize("error", [ValueError("secret"), StoreError("no space left")])
async def test_a_failure_of_ours_is_internal_and_in_the_log(
    listen: Listen, channel: Channels, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    async def fail(method: str, message: bytes) -> bytes:
        raise error

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await calling(channel(await listen(fail)))(b"")
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in (raised.value.details() or "")
    assert METHOD in caplog.text
    assert str(error) in caplog.text


async def test_a_message_over_the_limit_is_refused_and_the_next_is_served(listen: Listen, channel: Channels) -> None:
    call = calling(channel(await listen(message=100_000)))
    with pytest.raises(grpc.aio.AioRpcError, match="larger than max") as raised:
        await call(b"x" * 100_001)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert len(await call(b"x" * 100_000)) == 100_000


async def test_two_hundred_calls_run_at_a_time_on_one_connection(listen: Listen, channel: Channels) -> None:
    barrier = asyncio.Barrier(200)

    async def together(method: str, message: bytes) -> bytes:
        await barrier.wait()
        return message

    call = calling(channel(await listen(together)))
    answers = await asyncio.gather(*(call(b"%d" % number) for number in range(200)))
    assert answers == [b"%d" % number for number in range(200)]


async def test_more_calls_than_streams_wait_their_turn(listen: Listen, channel: Channels) -> None:
    running: list[int] = []
    most = 0

    async def count(method: str, message: bytes) -> bytes:
        nonlocal most
        running.append(1)
        most = max(most, len(running))
        await asyncio.sleep(0)
        running.pop()
        return message

    call = calling(channel(await listen(count, streams=3)))
    answers = await asyncio.gather(*(call(b"%d" % number) for number in range(50)))
    assert answers == [b"%d" % number for number in range(50)]
    assert 1 <= most <= 3


async def test_many_large_requests_share_a_small_buffer(listen: Listen, channel: Channels) -> None:
    call = calling(channel(await listen(memory=8 * 300_000)))
    messages = [bytes([number]) * 250_000 for number in range(20)]
    assert await asyncio.gather(*map(call, messages)) == messages


async def test_a_client_with_a_small_window_gets_a_large_answer(listen: Listen, channel: Channels) -> None:
    async def large(method: str, message: bytes) -> bytes:
        return b"x" * 3_000_000

    small = channel(await listen(large), ("grpc.http2.lookahead_bytes", 1024), ("grpc.http2.bdp_probe", 0))
    assert len(await calling(small)(b"")) == 3_000_000


async def test_a_cancelled_call_is_cancelled_here(listen: Listen, channel: Channels) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(method: str, message: bytes) -> bytes:
        started.set()
        try:
            return await asyncio.Future()
        finally:
            cancelled.set()

    call = calling(channel(await listen(wait)))(b"")
    waiting = asyncio.ensure_future(call.code())
    await started.wait()
    call.cancel()
    await cancelled.wait()
    assert await waiting is grpc.StatusCode.CANCELLED


async def test_a_deadline_ends_the_clients_wait(listen: Listen, channel: Channels) -> None:
    async def never(method: str, message: bytes) -> bytes:
        return await asyncio.Future()

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await calling(channel(await listen(never)))(b"", timeout=0.05)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_an_answer_that_cancels_itself_is_still_answered(listen: Listen, channel: Channels) -> None:
    async def give_up(method: str, message: bytes) -> bytes:
        raise asyncio.CancelledError

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await calling(channel(await listen(give_up)))(b"")
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
