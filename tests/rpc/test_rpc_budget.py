"""The memory of a listener: clients wait for it, none takes it all, and all is given back."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from h2.events import DataReceived, PingAckReceived, WindowUpdated
from h2.settings import SettingCodes

from gcptasks.base.budget import Budget, Share
from gcptasks.rpc.framing import FIRST_WINDOW
from gcptasks.rpc.listener import Listener
from rpc.rpc_clients import Connect, Listen, RawClient, echo

MIB = 1024 * 1024
SHORT = timedelta(milliseconds=100)


class Asking:
    """A share whose requests are named by their numbers, in the order in which they were let in."""

    def __init__(self, budget: Budget) -> None:
        self.share = Share(budget)
        self.ready: list[int] = []

    def ask(self, key: int, size: int) -> bool:
        return self.share.ask(key, size, lambda: self.ready.append(key))


async def test_large_requests_wait_for_the_budget_oldest_first() -> None:
    asking = Asking(Budget(13 * 100, parts=13, always=64 * 1024))
    for key, size in ((1, 60), (3, 60), (5, 10)):
        asking.ask(key, size)
    assert asking.ready == [1]
    asking.share.grant(-60)
    await asyncio.sleep(0)
    assert asking.ready == [1, 3, 5]


async def test_a_request_larger_than_the_budget_goes_alone() -> None:
    asking = Asking(Budget(100, parts=13, always=64 * 1024))
    assert asking.ask(1, 5)
    assert not asking.ask(3, 500)
    assert not asking.ask(5, 5)
    asking.share.grant(-5)
    await asyncio.sleep(0)
    assert asking.ready == [1, 3]
    asking.share.grant(-500)
    await asyncio.sleep(0)
    assert asking.ready == [1, 3, 5]


async def test_a_request_that_gave_up_waiting_is_passed_over() -> None:
    asking = Asking(Budget(100, parts=13, always=64 * 1024))
    for key in (1, 3, 5):
        asking.ask(key, 100)
    asking.share.forget(3)
    asking.share.grant(-100)
    await asyncio.sleep(0)
    assert asking.ready == [1, 5]


@pytest.mark.parametrize("others", [1, 10, 100, 1000])
def test_whoever_comes_new_finds_room_however_many_take_all_they_can_get(others: int) -> None:
    budget = Budget(64 * MIB, parts=13, always=64 * 1024)
    for _ in range(others):
        greedy = Asking(budget)
        while greedy.ask(len(greedy.ready), 16 * 1024):
            pass
        assert greedy.share.held <= budget.size // 8
    assert budget.held <= budget.size + others * 64 * 1024
    assert Asking(budget).ask(1, 64 * 1024)


async def test_one_connection_is_granted_an_eighth_at_most(listen: Listen, connect: Connect) -> None:
    listener = await listen()
    client = await connect(listener)
    client.greet()
    streams = [half(client, MIB) for _ in range(200)]
    await answered(client)
    granted = [event for event in client.events if isinstance(event, WindowUpdated) and event.stream_id]
    assert {event.stream_id for event in granted} <= set(streams)
    assert 2 * MIB < sum(event.delta or 0 for event in granted) <= 8 * MIB
    assert listener.budget.held <= 8 * MIB


async def test_a_request_is_granted_its_size_once_however_small_its_pieces(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    client.greet()
    message = b"x" * 50_000
    stream = client.begin()
    client.h2.send_data(stream, b"\0" + len(message).to_bytes(4, "big"))
    client.flush()
    for start in range(0, len(message), 1000):
        while client.h2.local_flow_control_window(stream) < 1000:
            assert await client.read()
        client.h2.send_data(stream, message[start : start + 1000])
        client.flush()
    client.h2.end_stream(stream)
    client.flush()
    assert (await client.response(stream))[1][5:] == message
    granted = sum(
        event.delta or 0 for event in client.events if isinstance(event, WindowUpdated) and event.stream_id == stream
    )
    assert len(message) - FIRST_WINDOW < granted < len(message)


async def test_a_connection_has_a_window_of_an_eighth_of_the_memory(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(memory=8 * MIB))
    client.greet()
    await client.until(WindowUpdated)
    assert client.h2.outbound_flow_control_window == MIB


async def test_a_call_that_waits_for_memory_too_long_is_told_so(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(memory=13 * MIB, memory_within=SHORT))
    client.greet()
    half(client, MIB)
    fields, _ = await client.response(half(client, MIB))
    assert fields["grpc-status"] == "8"
    assert "as many bytes" in fields["grpc-message"]


async def test_a_call_that_waits_for_memory_goes_on_once_there_is_some(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(memory=13 * MIB))
    client.greet()
    first, second = half(client, MIB), half(client, MIB)
    await answered(client)
    client.h2.reset_stream(first)
    client.flush()
    assert (await client.until(WindowUpdated, stream=second)).delta


async def test_half_a_hundred_greedy_connections_leave_others_served(listen: Listen, connect: Connect) -> None:
    listener = await listen()
    for _ in range(50):
        greedy = await connect(listener)
        greedy.greet()
        for _ in range(20):
            half(greedy, 3 * MIB)
        await answered(greedy)
    # What calls take as they begin is counted, not asked for.
    assert listener.budget.held <= 64 * MIB + 50 * 64 * 1024
    good = await connect(listener)
    good.greet()
    assert (await good.response(good.call(b"small")))[0]["grpc-status"] == "0"
    assert (await good.until(WindowUpdated, stream=half(good, 500_000))).delta


async def test_what_compressed_calls_become_is_waited_for(listen: Listen, connect: Connect) -> None:
    go = asyncio.Event()
    running = 0

    async def wait(method: str, message: bytes) -> bytes:
        nonlocal running
        running += 1
        await go.wait()
        return b""

    listener = await listen(wait, memory=13 * 4 * MIB)
    client = await connect(listener)
    client.greet()
    streams = [client.call(gzip.compress(b"\0" * MIB), ("grpc-encoding", "gzip"), flag=1) for _ in range(50)]
    await answered(client)
    assert 1 <= running <= 4
    assert listener.budget.held <= 8 * MIB
    go.set()
    for stream in streams:
        assert (await client.response(stream))[0]["grpc-status"] == "0"


async def test_calls_of_a_client_that_does_not_read_wait_and_are_told_so(listen: Listen, connect: Connect) -> None:
    calls = 0

    async def large(method: str, message: bytes) -> bytes:
        nonlocal calls
        calls += 1
        return b"x" * MIB

    listener = await listen(large, memory_within=SHORT)
    client = await connect(listener)
    client.greet()
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    streams = [client.call() for _ in range(100)]
    told = [await client.response(stream) for stream in streams[50:]]
    assert {fields["grpc-status"] for fields, _ in told} == {"8"}
    assert calls < 10
    assert listener.budget.held <= 8 * MIB


async def test_a_call_that_was_told_to_wait_no_more_is_not_made_later(
    listen: Listen, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    calls = 0

    async def large(method: str, message: bytes) -> bytes:
        nonlocal calls
        calls += 1
        return b"x" * MIB

    client = await connect(await listen(large, memory_within=SHORT))
    client.greet()
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    streams = [client.call() for _ in range(30)]
    for stream in streams[10:]:
        assert (await client.response(stream))[0]["grpc-status"] == "8"
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1})
    client.h2.increment_flow_control_window(2**30)
    client.flush()
    for stream in streams[:10]:
        await client.response(stream)
    await answered(client)
    assert calls <= 10
    assert caplog.text == ""


async def test_calls_that_wait_for_the_client_to_read_go_on_when_it_does(listen: Listen, connect: Connect) -> None:
    async def large(method: str, message: bytes) -> bytes:
        return b"x" * MIB

    client = await connect(await listen(large))
    client.greet()
    streams = [client.call() for _ in range(30)]
    ended: set[int] = set()
    received = 0
    while received < 30 * (MIB + 5):
        assert await client.read()
        for event in client.events:
            if isinstance(event, DataReceived):
                received += len(event.data)
                client.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
                ended.add(event.stream_id)
        client.flush()
        client.events.clear()
    assert ended == set(streams)


async def test_all_memory_is_given_back(listen: Listen, connect: Connect) -> None:
    async def brief(method: str, message: bytes) -> bytes:
        return b""

    listener = await listen(brief, memory_within=SHORT, request=SHORT, memory=13 * MIB)
    stages: list[Callable[[RawClient], int]] = [
        lambda client: client.begin(),
        lambda client: half(client, 10),
        lambda client: half(client, MIB),
        lambda client: half(client, MIB),
        lambda client: half(client, 5 * MIB),
        lambda client: client.call(b"x" * 5000),
        lambda client: client.call(b"x", ("content-type", "none")),
        lambda client: client.call(b"x", flag=1),
        lambda client: client.call(gzip.compress(b"x" * MIB), ("grpc-encoding", "gzip"), flag=1),
        lambda client: client.call(gzip.compress(b"x" * 5 * MIB), ("grpc-encoding", "gzip"), flag=1),
    ]
    endings: list[Callable[[RawClient, list[int]], Awaitable[object]]] = [all_answered, all_reset, aborted]
    for end in endings:
        client = await connect(listener)
        client.greet()
        await end(client, [stage(client) for stage in stages])
        await nothing_held(listener)


async def test_memory_is_given_back_when_a_call_outlives_its_client(listen: Listen, connect: Connect) -> None:
    started, go = asyncio.Event(), asyncio.Event()

    async def stubborn(method: str, message: bytes) -> bytes:
        started.set()
        try:
            await go.wait()
        except asyncio.CancelledError:
            await go.wait()
        return message

    listener = await listen(stubborn)
    client = await connect(listener)
    client.greet()
    client.h2.reset_stream(client.call(b"x" * 5000))
    await started.wait()
    client.flush()
    await answered(client)
    assert listener.budget.held > 5000
    go.set()
    await nothing_held(listener)


async def test_a_response_is_counted_until_its_client_has_read_it(listen: Listen, connect: Connect) -> None:
    listener = await listen(echo)
    client = await connect(listener)
    client.greet()
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    stream = client.call(b"x" * 5000)
    await answered(client)
    assert listener.budget.held >= 5000
    client.h2.increment_flow_control_window(5005, stream)
    client.flush()
    await client.response(stream)
    await nothing_held(listener)


def half(client: RawClient, size: int) -> int:
    """A call that announces so many bytes, and sends as few as say so."""
    stream = client.begin()
    client.h2.send_data(stream, b"\0" + size.to_bytes(4, "big"))
    client.flush()
    return stream


async def answered(client: RawClient) -> None:
    """Return once the server has seen what was sent."""
    client.h2.ping(b"answered")
    client.flush()
    await client.until(PingAckReceived)
    client.events = [event for event in client.events if not isinstance(event, PingAckReceived)]


async def all_answered(client: RawClient, streams: list[int]) -> None:
    for stream in streams:
        await client.response(stream)


async def all_reset(client: RawClient, streams: list[int]) -> None:
    for stream in streams:
        client.h2.reset_stream(stream)
    client.flush()


async def aborted(client: RawClient, streams: list[int]) -> None:
    client.writer.transport.abort()


async def nothing_held(listener: Listener) -> None:
    while listener.budget.held or listener.budget.granted:
        await asyncio.sleep(0)
