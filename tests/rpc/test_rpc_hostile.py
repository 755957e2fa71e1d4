"""Clients that send garbage, half a request, or too much: their connection ends, the others go on."""

import asyncio
import gzip
import random
from datetime import timedelta

import pytest
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, PingAckReceived, PingReceived, ResponseReceived, StreamReset
from h2.settings import SettingCodes
from hyperframe.frame import DataFrame, HeadersFrame, SettingsFrame, WindowUpdateFrame

from gcptasks.rpc.sieve import PREFACE
from rpc.rpc_clients import Connect, Listen

REQUEST = [(":method", "POST"), (":scheme", "http"), (":path", "/a.B/C")]
SHORT = timedelta(milliseconds=100)
LONG = timedelta(seconds=50)


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, id="TLS"),
        pytest.param(b"\x00" * 1000, id="zeros"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", id="almost the preface"),
        pytest.param(PREFACE + b"\xff" * 1000, id="preface, then garbage"),
        pytest.param(
            PREFACE + SettingsFrame(0).serialize() + b"GET / HTTP/1.1\r\n\r\n" * 1000, id="HTTP/1.1 in HTTP/2"
        ),
        pytest.param(PREFACE + DataFrame(1, b"hello").serialize(), id="data without a request"),
        pytest.param(PREFACE + HeadersFrame(1, b"\xff" * 50, flags=["END_HEADERS"]).serialize(), id="broken HPACK"),
        pytest.param(PREFACE + HeadersFrame(2, b"\x83", flags=["END_HEADERS"]).serialize(), id="even stream"),
        pytest.param(PREFACE + SettingsFrame(0, {4: 2**31}).serialize(), id="impossible setting"),
    ],
)
async def test_garbage_ends_its_own_connection_only(listen: Listen, connect: Connect, garbage: bytes) -> None:
    listener = await listen()
    good, bad = await connect(listener), await connect(listener)
    good.greet()
    assert (await good.response(good.call(b"before")))[1][5:] == b"before"
    bad.send(garbage)
    await bad.rest()
    assert (await good.response(good.call(b"after")))[1][5:] == b"after"


async def test_random_bytes_never_hang_or_stop_the_listener(listen: Listen, connect: Connect) -> None:
    listener = await listen(opening=SHORT, silence=SHORT, patience=SHORT)
    dice = random.Random(7)
    for _ in range(20):
        bad = await connect(listener)
        bad.send(dice.randbytes(2000))
        await bad.rest()
        bad = await connect(listener)
        bad.send(PREFACE + dice.randbytes(2000))
        await bad.rest()
    good = await connect(listener)
    good.greet()
    assert (await good.response(good.call(b"after")))[1][5:] == b"after"


async def test_the_preface_may_come_byte_by_byte(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    client.h2.initiate_connection()
    for byte in client.h2.data_to_send():
        client.send(bytes([byte]))
        await client.writer.drain()
        await asyncio.sleep(0)
    assert (await client.response(client.call()))[0]["grpc-status"] == "0"


async def test_a_call_may_come_byte_by_byte(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    client.greet()
    for byte in client.unsent_call():
        client.send(bytes([byte]))
        await asyncio.sleep(0)
    assert (await client.response(1))[1] == b"\0\0\0\0\0"


@pytest.mark.parametrize("start", [b"", b"P", PREFACE[:-1]])
async def test_a_connection_that_does_not_say_what_it_is_is_closed(
    listen: Listen, connect: Connect, start: bytes
) -> None:
    client = await connect(await listen(opening=SHORT))
    client.send(start)
    await client.rest()


@pytest.mark.parametrize("start", [b"", b"P", PREFACE[:-1], PREFACE, PREFACE + b"\0\0", b"GET / HT"])
async def test_a_client_that_stops_sending_half_way_is_closed(listen: Listen, connect: Connect, start: bytes) -> None:
    client = await connect(await listen())
    client.send(start)
    client.writer.write_eof()
    await client.rest()


@pytest.mark.parametrize("start", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
async def test_half_an_http1_request_and_then_silence_is_closed(listen: Listen, connect: Connect, start: bytes) -> None:
    client = await connect(await listen(patience=SHORT))
    client.send(start)
    await client.rest()


@pytest.mark.parametrize("start", [b"", b"\0\0", SettingsFrame(0).serialize() + b"\0\0\x10\1"])
async def test_a_silent_http2_client_is_pinged_and_then_closed(listen: Listen, connect: Connect, start: bytes) -> None:
    client = await connect(await listen(silence=SHORT))
    client.send(PREFACE + start)
    assert b"gcptasks" in await client.rest()


async def test_an_idle_client_that_answers_pings_stays(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(silence=2 * SHORT))
    client.greet()
    for _ in range(3):
        await client.until(PingReceived)
        client.events.clear()
    assert (await client.response(client.call()))[0]["grpc-status"] == "0"


async def test_half_a_request_and_then_silence_is_answered_and_ended(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(request=SHORT))
    client.greet()
    stream = client.begin()
    client.h2.send_data(stream, b"\0\0\0\0\5hel")
    client.flush()
    fields, _ = await client.response(stream)
    assert (fields["grpc-status"], fields["grpc-message"]) == ("4", "The request did not arrive in time.")
    await client.until(StreamReset, stream=stream)
    assert (await client.response(client.call()))[0]["grpc-status"] == "0"


async def test_a_deadline_holds_while_the_request_still_arrives(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(request=LONG))
    client.greet()
    fields, _ = await client.response(client.begin(("grpc-timeout", "20m")))
    assert (fields["grpc-status"], fields["grpc-message"]) == ("4", "Deadline Exceeded")


async def test_a_passed_deadline_is_answered_and_the_call_goes_on(listen: Listen, connect: Connect) -> None:
    go, finished = asyncio.Event(), asyncio.Event()

    async def slow(method: str, message: bytes) -> bytes:
        await go.wait()
        finished.set()
        return message

    client = await connect(await listen(slow))
    client.greet()
    fields, body = await client.response(client.call(b"hello", ("grpc-timeout", "20m")))
    assert (fields["grpc-status"], body) == ("4", b"")
    assert not finished.is_set()
    go.set()
    await finished.wait()
    assert (await client.response(client.call()))[0]["grpc-status"] == "0"


async def test_a_call_whose_client_is_gone_is_cancelled(listen: Listen, connect: Connect) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(method: str, message: bytes) -> bytes:
        started.set()
        try:
            return await asyncio.Future()
        finally:
            cancelled.set()

    client = await connect(await listen(wait))
    client.greet()
    client.call()
    await started.wait()
    client.writer.transport.abort()
    await cancelled.wait()


async def test_headers_over_the_limit_end_the_connection(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(headers=4096))
    client.greet()
    client.begin(("x-large", "x" * 5000))
    ended = await client.until(ConnectionTerminated)
    assert ended.error_code is ErrorCodes.ENHANCE_YOUR_CALM
    await client.ended()


async def test_a_gzip_bomb_is_refused(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    client.greet()
    bomb = gzip.compress(b"\0" * 40_000_000)
    fields, _ = await client.response(client.call(bomb, ("grpc-encoding", "gzip"), flag=1))
    assert fields["grpc-status"] == "8"
    assert (await client.response(client.call()))[0]["grpc-status"] == "0"


@pytest.mark.parametrize(
    ("header", "http", "code"),
    [
        (("content-type", "application/json"), "415", "3"),
        (("content-type", "application/grpc-web+proto"), "415", "3"),
        (("content-type", "application/grpc+json"), "415", "3"),
        ((":method", "GET"), "405", "12"),
        ((":method", "HEAD"), "405", "12"),
        (("grpc-timeout", "soon"), "200", "13"),
    ],
)
async def test_what_is_not_grpc_is_told_so(
    listen: Listen, connect: Connect, header: tuple[str, str], http: str, code: str
) -> None:
    client = await connect(await listen())
    client.greet()
    fields, text = await client.response(client.call(b"", header))
    assert (fields[":status"], fields["grpc-status"]) == (http, code)
    assert fields["grpc-message"]
    # What speaks gRPC has its reason in a field; other clients show a text.
    has_text = http != "200" and header[1] != "HEAD"
    assert text.decode() == (fields["grpc-message"] + "\n" if has_text else "")
    assert (await client.response(client.call()))[0]["grpc-status"] == "0"


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_call_without_a_message_is_told_so(listen: Listen, connect: Connect, encoding: str) -> None:
    client = await connect(await listen())
    client.greet()
    stream = client.begin(("grpc-encoding", encoding))
    client.h2.end_stream(stream)
    client.flush()
    fields, _ = await client.response(stream)
    assert (fields["grpc-status"], fields["grpc-message"]) == ("13", "the request ended before its message was whole")
    assert (await client.response(client.call()))[0]["grpc-status"] == "0"


async def test_the_text_for_what_is_not_grpc_waits_for_the_clients_window(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    client.greet()
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    stream = client.begin((":method", "GET"))
    await client.until(ResponseReceived, stream=stream)
    # It is not over: a reset would have taken the text away.
    client.h2.increment_flow_control_window(1000, stream)
    client.flush()
    _, text = await client.response(stream)
    assert b"REST is served here over HTTP/1.1" in text


async def test_texts_that_wait_count_against_the_streams(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(streams=3))
    client.greet()
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    streams = [client.begin((":method", "GET")) for _ in range(4)]
    reset = await client.until(StreamReset)
    assert (reset.stream_id, reset.error_code) == (streams[3], ErrorCodes.REFUSED_STREAM)


async def test_a_request_whose_headers_come_twice_ends_the_connection(listen: Listen, connect: Connect) -> None:
    """RFC 9113, 8.1: the second ones are trailers, with which the request has to end."""
    client = await connect(await listen())
    client.greet()
    stream = client.begin()
    client.send(HeadersFrame(stream, client.h2.encoder.encode([("x-late", "1")]), flags=["END_HEADERS"]).serialize())
    assert (await client.until(ConnectionTerminated)).error_code is ErrorCodes.PROTOCOL_ERROR
    await client.ended()


@pytest.mark.parametrize("length", ["4", "6"])
async def test_a_body_of_another_length_than_announced_ends_the_connection(
    listen: Listen, connect: Connect, length: str
) -> None:
    client = await connect(await listen())
    client.greet()
    stream = client.begin(("content-length", length))
    client.send(DataFrame(stream, b"\0\0\0\0\0", flags=["END_STREAM"]).serialize())
    assert (await client.until(ConnectionTerminated)).error_code is ErrorCodes.PROTOCOL_ERROR
    await client.ended()


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([(":scheme", "http"), (":path", "/a.B/C")], id="no method"),
        pytest.param([(":method", "POST"), (":scheme", "http")], id="no path"),
        pytest.param([(":method", "POST"), (":scheme", "http"), (":path", "")], id="empty path"),
        pytest.param([*REQUEST, (":path", "/twice")], id="path twice"),
        pytest.param([*REQUEST, (":status", "200")], id="a field of answers"),
        pytest.param([*REQUEST, ("a", "b"), (":authority", "late")], id="pseudo field after others"),
        pytest.param([*REQUEST, ("Upper", "case")], id="upper case"),
        pytest.param([*REQUEST, ("", "nameless")], id="empty name"),
        pytest.param([*REQUEST, ("a", "b\r\nc: d")], id="line break"),
        pytest.param([*REQUEST, ("a", " b")], id="leading space"),
        pytest.param([*REQUEST, ("connection", "close")], id="connection"),
        pytest.param([*REQUEST, ("te", "gzip")], id="te"),
    ],
)
async def test_a_malformed_request_is_reset_and_the_next_served(
    listen: Listen, connect: Connect, headers: list[tuple[str, str]]
) -> None:
    """RFC 9113, 8.1.1."""
    client = await connect(await listen())
    client.greet()
    stream = client.h2.get_next_available_stream_id()
    client.h2.send_headers(stream, headers, end_stream=True)
    client.flush()
    reset = await client.until(StreamReset)
    assert (reset.stream_id, reset.error_code) == (stream, ErrorCodes.PROTOCOL_ERROR)
    assert (await client.response(client.call()))[0]["grpc-status"] == "0"


@pytest.mark.parametrize(("field", "is_fine"), [(("x-checksum", "1"), True), ((":path", "/"), False)])
async def test_trailers_of_a_request_may_not_name_another(
    listen: Listen, connect: Connect, field: tuple[str, str], is_fine: bool
) -> None:
    client = await connect(await listen())
    client.greet()
    stream = client.begin()
    client.h2.send_data(stream, b"\0\0\0\0\0")
    client.h2.send_headers(stream, [field], end_stream=True)
    client.flush()
    fields, _ = await client.response(stream)
    assert fields.get("grpc-status") == ("0" if is_fine else None)
    assert (await client.response(client.call()))[0]["grpc-status"] == "0"


async def test_a_client_may_forbid_the_header_table(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    client.greet()
    client.h2.update_settings({SettingCodes.HEADER_TABLE_SIZE: 0})
    for _ in range(3):
        assert (await client.response(client.call()))[0]["grpc-status"] == "0"
    client.h2.update_settings({SettingCodes.HEADER_TABLE_SIZE: 4096})
    assert (await client.response(client.call(b"", ("grpc-timeout", "?"))))[0]["grpc-status"] == "13"


async def test_an_unknown_encoding_is_refused_with_those_we_know(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    client.greet()
    fields, _ = await client.response(client.call(b"x", ("grpc-encoding", "snappy"), flag=1))
    assert (fields["grpc-status"], fields["grpc-accept-encoding"]) == ("12", "identity,deflate,gzip")


async def test_resetting_without_end_ends_the_connection(listen: Listen, connect: Connect) -> None:
    cancelled = 0

    async def wait(method: str, message: bytes) -> bytes:
        nonlocal cancelled
        try:
            return await asyncio.Future()
        finally:
            cancelled += 1

    listener = await listen(wait, resets=50)
    client = await connect(listener)
    client.greet()
    for _ in range(200):
        client.h2.reset_stream(client.call())
        client.flush()
        await asyncio.sleep(0)
    ended = await client.until(ConnectionTerminated)
    assert ended.error_code is ErrorCodes.ENHANCE_YOUR_CALM
    await client.ended()
    assert cancelled <= 51


async def test_resets_that_answers_make_up_for_are_fine(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(resets=3))
    client.greet()
    for _ in range(20):
        client.h2.reset_stream(client.begin())
        assert (await client.response(client.call()))[0]["grpc-status"] == "0"


async def test_reset_calls_that_still_run_count_against_the_streams(listen: Listen, connect: Connect) -> None:
    started, go = asyncio.Semaphore(0), asyncio.Event()

    async def stubborn(method: str, message: bytes) -> bytes:
        started.release()
        try:
            await go.wait()
        except asyncio.CancelledError:
            await go.wait()
        return message

    client = await connect(await listen(stubborn, streams=2))
    client.greet()
    for _ in range(2):
        stream = client.call()
        await started.acquire()
        client.h2.reset_stream(stream)
    refused = client.call()
    assert (await client.until(StreamReset, stream=refused)).error_code is ErrorCodes.REFUSED_STREAM
    go.set()


async def test_a_large_answer_waits_for_the_clients_window(listen: Listen, connect: Connect) -> None:
    async def large(method: str, message: bytes) -> bytes:
        return b"x" * 3_000_000

    client = await connect(await listen(large))
    client.greet()
    client.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 1000})
    stream = client.call()
    received = 0
    while received < 3_000_005:
        assert await client.read()
        for event in client.events:
            if length := getattr(event, "flow_controlled_length", 0):
                client.h2.acknowledge_received_data(length, stream)
                received += length
        client.flush()
        client.events = [event for event in client.events if not hasattr(event, "flow_controlled_length")]
    assert (await client.response(stream))[0]["grpc-status"] == "0"


async def test_a_client_that_never_opens_its_window_is_refused_more_calls(listen: Listen, connect: Connect) -> None:
    async def large(method: str, message: bytes) -> bytes:
        return b"x" * 200_000

    client = await connect(await listen(large, memory=8 * 300_000))
    client.greet()
    for _ in range(2):
        client.call()
    client.h2.ping(b"answered")
    client.flush()
    await client.until(PingAckReceived)
    refused = client.call()
    reset = await client.until(StreamReset)
    assert isinstance(reset, StreamReset)
    assert (reset.stream_id, reset.error_code) == (refused, ErrorCodes.REFUSED_STREAM)


async def test_a_client_that_does_not_read_is_closed_and_others_are_served(listen: Listen, connect: Connect) -> None:
    answered, cancelled = asyncio.Event(), asyncio.Event()

    async def large_then_never(method: str, message: bytes) -> bytes:
        if message == b"large":
            answered.set()
            return b"x" * 20_000_000
        try:
            return await asyncio.Future()
        finally:
            cancelled.set()

    listener = await listen(large_then_never, silence=3 * SHORT)
    deaf = await connect(listener)
    deaf.greet()
    deaf.h2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 2**31 - 1})
    deaf.h2.increment_flow_control_window(2**30)
    deaf.call(b"never")
    deaf.call(b"large")
    await answered.wait()
    good = await connect(listener)
    good.greet()
    fields, _ = await good.response(good.call(b"x", ("content-type", "none")))
    assert fields[":status"] == "415"
    await cancelled.wait()


async def test_connections_over_the_limit_are_closed_and_room_is_made_again(listen: Listen, connect: Connect) -> None:
    listener = await listen(connections=2)
    first, second = await connect(listener), await connect(listener)
    for client in (first, second):
        client.greet()
        assert (await client.response(client.call()))[0]["grpc-status"] == "0"
    third = await connect(listener)
    await third.rest()
    first.writer.close()
    # The server may take a moment to see it.
    while True:
        fourth = await connect(listener)
        fourth.greet()
        stream = fourth.call()
        if await fourth.read():
            break
    assert (await fourth.response(stream))[0]["grpc-status"] == "0"


async def test_padding_does_not_use_up_a_requests_window(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    client.greet()
    stream = client.begin()
    message = b"x" * 60_000
    wire = b"\0" + len(message).to_bytes(4, "big") + message
    for start in range(0, len(wire), 100):
        while client.h2.local_flow_control_window(stream) < 400:
            assert await client.read()
        client.h2.send_data(stream, wire[start : start + 100], pad_length=255)
        client.flush()
    client.h2.end_stream(stream)
    client.flush()
    assert (await client.response(stream))[1] == wire


async def test_windows_beyond_the_largest_end_the_connection(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    client.greet()
    client.send(WindowUpdateFrame(0, window_increment=2**31 - 1).serialize())
    ended = await client.until(ConnectionTerminated)
    assert ended.error_code is ErrorCodes.FLOW_CONTROL_ERROR
