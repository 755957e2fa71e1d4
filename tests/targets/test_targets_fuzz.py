"""Whatever a worker answers, its attempt ends by its deadline, with what a retry rule can use."""

import asyncio
import itertools
import logging
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gcptasks.engine.delivery import status_text
from gcptasks.runtime.targets.address import parse_app_url
from gcptasks.runtime.targets.asgi import AsgiApp, AsgiTarget
from gcptasks.runtime.targets.router import Targets
from gcptasks.runtime.targets.target import HopReply
from targets.targets_workers import answer_of, outgoing

DEADLINE = 0.1
TICKS, TICK = 22, 0.05
"""A second beyond the deadline, in ticks of the loop: a busy machine makes them longer."""
AT_ONCE = 25
"""Answers in an example: those that hang share one deadline."""


class Answer(NamedTuple):
    """What a worker writes, and whether it hangs up then."""

    data: bytes
    closes: bool


_digits = st.text("0123456789", min_size=1, max_size=12) | st.sampled_from(["0", "00", "9" * 5000])
_zone = st.sampled_from(["GMT", "UTC", "EST", "-0000", "", "Z"]) | st.builds(
    str.__add__, st.sampled_from(["+", "-", "--"]), _digits
)
_date = st.tuples(
    st.sampled_from(["Wed, ", "", "Wed,"]),
    _digits,
    st.sampled_from([" Oct ", "-Oct-", " Foo ", " ", "/"]),
    _digits,
    st.sampled_from([" 07:28:00 ", " 99:99:99 ", " 23:59:60 ", " 7.28 ", " ", " ::: "]),
    _zone,
).map(lambda parts: "".join(parts).encode())
_odd = st.binary(max_size=12) | st.sampled_from([b"", b"\x00", b"\x1b[2J", b"\xff\xfe", b"\r", b"\n", b" \t", b"\xb2"])
_retry_after = _date | _digits.map(str.encode) | _odd
_locations = [b"/1", b"//[", b"http://[fe80::1%25\xff]/", b"http://a\xff/", b"http://h:99999/", b"/%zz", b"?", b"#"]
_locations += [b"/" * 9000, b"http://%b.invalid/" % (b"a" * 64), b"http://[::1%25a%00b]:1/", b"http://127.0.0.1:1/"]
_location = _odd | st.sampled_from(_locations)
_length = st.sampled_from([b"0", b"3", b"999999", b"-1", b"+3", b"3, 3", b"9" * 40, b""]) | _odd
_header = st.one_of(
    st.tuples(st.sampled_from([b"Location", b"lOCATION"]), _location),
    st.tuples(st.just(b"Retry-After"), _retry_after),
    st.tuples(st.just(b"Content-Length"), _length),
    st.tuples(st.just(b"Transfer-Encoding"), st.sampled_from([b"chunked", b"gzip", b"chunked, chunked"]) | _odd),
    st.tuples(st.just(b"Connection"), st.sampled_from([b"close", b"keep-alive", b"upgrade"])),
    st.tuples(_odd, _odd),
)
_headers = st.lists(_header, max_size=4).map(lambda fields: b"".join(b"%b: %b\r\n" % field for field in fields))
_codes = st.sampled_from([b"200", b"204", b"302", b"307", b"429", b"503", b"100", b"101", b"999", b"000", b"42", b"-1"])
_line = st.builds(
    b"%b %b %b\r\n".__mod__,
    st.tuples(st.sampled_from([b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"ICY"]), _codes | _odd, _odd),
)
_chunk = st.sampled_from(
    [b"3\r\nabc\r\n", b"0\r\n", b"FFFFFFFFFFFFFFFFF\r\n", b"-1\r\n", b"3;x=y\r\nabc\r\n", b"z\r\n"]
)
_body = st.lists(_chunk | _odd, max_size=3).map(b"".join)
_response = st.builds(
    lambda *parts: b"".join(parts), _line, _headers, st.sampled_from([b"\r\n", b"", b"\n"]), _body, _headers, _odd
)
_data = st.lists(_response, min_size=1, max_size=2).map(b"".join) | st.binary(max_size=40)
_answers = st.lists(st.builds(Answer, _data, st.booleans()), min_size=AT_ONCE, max_size=AT_ONCE)


def check(reply: HopReply) -> None:
    """It is an outcome that can be decided on, written down and explained."""
    assert reply.status == 0 or 100 <= reply.status <= 999
    assert reply.reason or reply.status not in (0, 504)
    assert status_text(reply.status)
    if isinstance(reply.retry_after, datetime):
        assert isinstance(reply.retry_after - datetime.now(UTC), timedelta)


async def _over_a_socket(answers: list[Answer]) -> None:
    ask_again = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].strip(b"/")
            answer = answers[int(path)] if path.isdigit() and int(path) < len(answers) else answers[0]
            writer.write(answer.data)
            if not answer.closes:
                await ask_again.wait()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    targets = Targets()
    try:
        asking = (answer_of(targets, outgoing(f"{url}/{n}", deadline=DEADLINE)) for n in range(len(answers)))
        for reply in await _in_time(asyncio.gather(*asking)):
            check(reply)
    finally:
        ask_again.set()
        await targets.close()
        server.close()
        await server.wait_closed()


async def _in_time(replies: asyncio.Future[list[HopReply]]) -> list[HopReply]:
    for _ in range(TICKS):
        done, _ = await asyncio.wait([replies], timeout=TICK)
        if done:
            return replies.result()
    replies.cancel()
    pytest.fail("an attempt went on for more than a second beyond its deadline")


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run it, and let nothing fail unseen, in a callback of the loop."""

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unseen.append(context))
        await work

    unseen: list[dict[str, Any]] = []
    asyncio.run(watched())
    assert unseen == []


@given(answers=_answers)
@settings(max_examples=20)
def test_an_attempt_over_http_ends_whatever_is_answered(answers: list[Answer]) -> None:
    _run(_over_a_socket(answers))


@pytest.mark.slow
@pytest.mark.timeout(600)
@given(answers=_answers)
@settings(max_examples=500, derandomize=False)
def test_an_attempt_over_http_ends_whatever_is_answered_at_length(answers: list[Answer]) -> None:
    _run(_over_a_socket(answers))


class Odd(BaseException):
    """No `Exception`."""

    def __str__(self) -> str:
        raise ValueError("no text")


def _endless() -> Iterator[tuple[bytes, bytes]]:
    yield (b"retry-after", b"1")
    raise LookupError("the headers break off")


_value = _retry_after | _location | st.sampled_from([None, "str", 7, bytearray(b"5"), memoryview(b"5"), object()])
_name = st.sampled_from([b"location", b"Retry-After", bytearray(b"location"), "location", None, 7, b"x"])
_asgi_headers = st.lists(st.tuples(_name, _value) | st.sampled_from([None, (), (b"x",), 7]), max_size=3)
_status = st.floats() | st.sampled_from(
    [200, 204, 307, 429, 503, 0, -1, 99, 600, 10**30, "200", "x", None, 5.5, True, b"200"]
)
_start = st.fixed_dictionaries(
    {"type": st.just("http.response.start")},
    optional={
        "status": st.sampled_from(
            [200, 204, 307, 429, 503, 0, -1, 99, 600, 10**30, "200", "x", None, 5.5, True, b"200"]
        )
        | st.floats(),
        "headers": _asgi_headers | _asgi_headers.map(iter) | st.builds(_endless) | st.sampled_from([None, "text", 7]),
    },
)
_asgi_body = st.fixed_dictionaries(
    {"type": st.just("http.response.body")},
    optional={"body": st.sampled_from([b"x", None, "x"]), "more_body": st.sampled_from([False, True, None, "yes"])},
)
_messages: st.SearchStrategy[list[Any]] = st.one_of(
    st.tuples(_start, _asgi_body).map(list),
    st.lists(_start | _asgi_body | st.sampled_from([{}, {"type": None}, None, 7]), max_size=4),
)
_endings = st.sampled_from(["returns", "hangs", ValueError(), Odd(), GeneratorExit(), asyncio.CancelledError()])
_behaviours = st.lists(st.tuples(_messages, _endings, st.booleans()), min_size=AT_ONCE, max_size=AT_ONCE)
Behaviours = list[tuple[list[Any], Any, bool]]


def _behaving(behaviours: Behaviours) -> AsgiApp:
    turns = itertools.cycle(behaviours)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        messages, ending, stubborn = next(turns)
        for message in messages:
            try:
                await send(message)
            except Exception:
                if not stubborn:
                    raise
        if isinstance(ending, BaseException):
            raise ending
        if ending == "hangs":
            await asyncio.Event().wait()

    return app


async def _in_process(behaviours: Behaviours) -> None:
    targets = Targets({parse_app_url("http://app.local"): AsgiTarget(_behaving(behaviours))})
    sending: set[asyncio.Task[None]] = set()
    replies: asyncio.Queue[HopReply] = asyncio.Queue()
    for _ in behaviours:
        request = outgoing("http://app.local/0", deadline=DEADLINE)
        sending.add(asyncio.create_task(targets.send(request, replies.put_nowait)))
    for reply in await _in_time(asyncio.gather(*(replies.get() for _ in behaviours))):
        check(reply)
    # An app may go on after its response for as long as it likes.
    for task in sending:
        task.cancel()
    for outcome in await asyncio.gather(*sending, return_exceptions=True):
        assert outcome is None or isinstance(outcome, asyncio.CancelledError)
    assert replies.empty()


@given(behaviours=_behaviours)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_attempt_in_process_ends_whatever_the_app_does(
    caplog: pytest.LogCaptureFixture, behaviours: Behaviours
) -> None:
    caplog.set_level(logging.CRITICAL, "gcptasks")
    _run(_in_process(behaviours))


@pytest.mark.slow
@pytest.mark.timeout(600)
@given(behaviours=_behaviours)
@settings(max_examples=500, derandomize=False, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_attempt_in_process_ends_whatever_the_app_does_at_length(
    caplog: pytest.LogCaptureFixture, behaviours: Behaviours
) -> None:
    caplog.set_level(logging.CRITICAL, "gcptasks")
    _run(_in_process(behaviours))
