"""What a worker refuses, in which order, and what it answers: the same in every framework."""

import asyncio
import gzip
import json
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from typing import Annotated, Any, NamedTuple

import pytest
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator

from cloudtask import CloudTaskClient, DoNotRetry, RetryLater
from functions.functions_shop import SECRET, make_app, make_client, message, post
from gcptasks.engine.task_limits import LARGEST


class Answered(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


async def by_execute(client: CloudTaskClient, body: bytes, headers: Mapping[str, str]) -> Any:
    return await client.execute(body, headers)


async def by_sync_execute(client: CloudTaskClient, body: bytes, headers: Mapping[str, str]) -> Any:
    return client.sync_execute(body, headers)


async def by_the_router(client: CloudTaskClient, body: bytes, headers: Mapping[str, str]) -> Any:
    return await post(make_app(client), body, headers)


Ask = Callable[[CloudTaskClient, bytes, Mapping[str, str]], Coroutine[Any, Any, Answered]]

each_way = pytest.mark.parametrize("ask", [by_execute, by_sync_execute, by_the_router])


@pytest.fixture
def ran() -> list[Any]:
    return []


@pytest.fixture
def client(ran: list[Any]) -> CloudTaskClient:
    client = make_client()

    def explode(value: int) -> int:
        raise KeyError("internal")

    @client.task(name="work")
    def work(number: int, note: str = "") -> None:
        ran.append((number, note))

    @client.task(name="odd")
    def odd(value: Annotated[int, AfterValidator(explode)]) -> None: ...

    return client


class ExitOfMyOwn(BaseException):
    pass


def group(text: str) -> BaseException:
    return BaseExceptionGroup(text, [SystemExit(1), asyncio.CancelledError()])


def detail(answered: Answered) -> Any:
    return json.loads(answered.body)["detail"]


@each_way
async def test_what_fits_is_run(ask: Ask, client: CloudTaskClient, ran: list[Any]) -> None:
    answered = await ask(client, message("work", number="3"), SECRET)
    assert (answered.status, answered.body, ran) == (200, b"", [(3, "")])


@each_way
@pytest.mark.parametrize("headers", [{}, {"X-PYCT-SECRET": "other"}, {"X-PYCT-SECRET": ""}, {"X-PYCT-SECRET": "é€"}])
@pytest.mark.parametrize("body", [message("work", 1), b"{", message("nothing")])
async def test_who_does_not_know_the_secret_learns_nothing_else(
    ask: Ask, client: CloudTaskClient, ran: list[Any], headers: dict[str, str], body: bytes
) -> None:
    if ask is by_the_router:
        headers = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    answered = await ask(client, body, headers)
    assert (answered.status, detail(answered), ran) == (403, "not permitted", [])


@each_way
async def test_each_check_comes_before_the_next(ask: Ask, client: CloudTaskClient) -> None:
    """Secret, size, JSON and shape, path, arguments: a request with all faults learns of the first alone."""
    wrong = {"X-PYCT-SECRET": "other"}
    long = b" " * (LARGEST + 1)
    asked = [(long, wrong), (b"{", wrong), (message("nothing"), wrong), (message("work"), wrong), (long, SECRET)]
    asked += [(b'{"path": "nothing", "args": 3}', SECRET), (message("nothing", "x"), SECRET), (message("work"), SECRET)]
    answered = [(await ask(client, body, headers)).status for body, headers in asked]
    assert answered == [403, 403, 403, 403, 413, 422, 404, 422]


@each_way
async def test_the_secret_is_asked_for_in_its_own_header(ask: Ask) -> None:
    client = make_client(secret_header_name="X-Who")
    client.task(name="work")(_take)
    assert (await ask(client, message("work", 1), {"x-who": "known"})).status == 200
    assert (await ask(client, message("work", 1), SECRET)).status == 403


@each_way
@pytest.mark.parametrize("body", [message("work", 1), b"{"])
async def test_an_empty_secret_is_known_to_nobody(ask: Ask, body: bytes) -> None:
    client = make_client(secret="")
    client.task(name="work")(_take)
    if ask is by_the_router:
        with pytest.raises(ValueError, match="give CloudTaskClient a secret="):
            await ask(client, body, {"X-PYCT-SECRET": ""})
        return
    for headers in ({}, {"X-PYCT-SECRET": ""}):
        assert (await ask(client, body, headers)).status == 403


async def test_a_caller_that_was_verified_before_needs_no_secret() -> None:
    client = make_client(secret="")
    client.task(name="work")(_take)
    assert (await client.execute(message("work", 1), {}, verified=True)).status == 200
    assert client.sync_execute(message("work", 1), {}, verified=True).status == 200
    assert (await make_client().execute(message("work", 1), {}, verified=True)).status == 403


@each_way
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "Invalid JSON: EOF while parsing"),
        (b"{", "Invalid JSON: EOF while parsing"),
        (b"\xff\xfe", "Invalid JSON"),
        (b"[]", "Input should be an object"),
        (b"{}", "path: Field required"),
        (b'{"path": 3}', "path: Input should be a valid string"),
        (b'{"path": "work", "args": {}}', "args: Input should be a valid array"),
        (b'{"path": "work", "kwargs": []}', "kwargs: Input should be an object"),
        (b'{"path": "nothing", "args": 1}', "args: Input should be a valid array"),
        (b'{"path": "work", "args": ' + b"[" * 100_000, "Invalid JSON: recursion limit exceeded"),
        (b'{"path": "work", "args": [NaN]}', "Invalid JSON"),
        (b'{"path": "work", "args": [-Infinity]}', "Invalid JSON"),
        (b'{"path": "work", "args": [%b]}' % (b"9" * 5000), "Invalid JSON: number out of range"),
        (b'{"path": "work", "args": ["\\ud800"]}', "Invalid JSON"),
        (b'{"path": "work", "args": ["\xe9"]}', "Invalid JSON"),
        (b'{"path": "work"} {"path": "work"}', "Invalid JSON: trailing characters"),
        (b'\xef\xbb\xbf{"path": "work"}', "Invalid JSON"),
        ('{"path": "work"}'.encode("utf-16"), "Invalid JSON"),
        (gzip.compress(message("work", 1), mtime=0), "Invalid JSON"),
        (b"path=work&args=1", "Invalid JSON"),
    ],
)
async def test_a_body_that_is_no_message_is_refused_before_its_function_is_looked_for(
    ask: Ask, client: CloudTaskClient, body: bytes, said: str
) -> None:
    answered = await ask(client, body, SECRET)
    assert answered.status == 422
    assert detail(answered).startswith('the body must be a JSON object with "path", "args" and "kwargs": ')
    assert said in detail(answered)


@each_way
@pytest.mark.parametrize("path", ["nothing", "", "os.system", "xml.dom.pulldom.parse", "__main__.work", "work "])
async def test_what_was_not_registered_is_not_there_and_nothing_is_imported_for_it(
    ask: Ask, client: CloudTaskClient, path: str
) -> None:
    await ask(client, message("work", 1), SECRET)
    loaded = set(sys.modules)
    answered = await ask(client, message(path, 1, 2, 3), SECRET)
    assert (answered.status, detail(answered)) == (404, "no task of that path is registered")
    assert set(sys.modules) == loaded


@each_way
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (message("work"), "missing a required argument: 'number'"),
        (message("work", 1, "", 3), "too many positional arguments"),
        (message("work", 1, number=1), "multiple values for argument 'number'"),
        (message("work", 1, other=1), "got an unexpected keyword argument 'other'"),
        (message("work", "one"), "number: Input should be a valid integer"),
        (message("work", 1, None), "note: Input should be a valid string"),
    ],
)
async def test_arguments_that_do_not_fit_are_refused(
    ask: Ask, client: CloudTaskClient, ran: list[Any], body: bytes, said: str
) -> None:
    answered = await ask(client, body, SECRET)
    assert (answered.status, ran) == (422, [])
    assert said in detail(answered)


@each_way
async def test_a_body_that_no_task_has_is_too_long(ask: Ask, client: CloudTaskClient) -> None:
    answered = await ask(client, b" " * (LARGEST + 1), SECRET)
    assert (answered.status, detail(answered)) == (413, "the body has more than 1048569 bytes, which no task has")


@each_way
async def test_a_validator_that_fails_is_a_failure_and_tells_nothing(
    ask: Ask, client: CloudTaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    answered = await ask(client, message("odd", 1), SECRET)
    assert (answered.status, detail(answered)) == (500, "the task failed")
    assert "odd failed" in caplog.text


@each_way
@pytest.mark.parametrize(
    "kind",
    [
        RuntimeError,
        asyncio.CancelledError,
        StopIteration,
        GeneratorExit,
        SystemExit,
        KeyboardInterrupt,
        ExitOfMyOwn,
        group,
    ],
)
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_task_that_fails_is_answered_without_internals_and_logged_by_its_name(
    ask: Ask, kind: Callable[[str], BaseException], is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    client = make_client()

    def fail() -> None:
        raise kind("password is 123")

    async def fail_later() -> None:
        fail()

    client.task(name="shop.fail")(fail_later if is_async else fail)
    async with asyncio.timeout(20):
        answered = await ask(client, message("shop.fail"), SECRET)
    assert (answered.status, answered.body) == (500, b'{"detail":"the task failed"}')
    logged = next(record for record in caplog.records if record.levelname == "ERROR")
    assert (logged.name, logged.getMessage()) == ("cloudtask", "shop.fail failed")
    assert "password is 123" in caplog.text
    assert "Traceback" in caplog.text


@each_way
async def test_a_task_says_when_it_is_tried_again(ask: Ask) -> None:
    client = make_client()

    @client.task(name="later")
    async def later() -> None:
        raise RetryLater(after=1.5)

    @client.task(name="never")
    def never() -> None:
        raise DoNotRetry("the order is gone")

    answered = await ask(client, message("later"), SECRET)
    sent = {name.lower(): value for name, value in answered.headers.items()}
    assert (answered.status, sent["retry-after"]) == (503, "2")
    answered = await ask(client, message("never"), SECRET)
    assert (answered.status, answered.body) == (200, b"")


class NoText(str):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class BrokenHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError("the log is broken")


@pytest.fixture
def broken_log() -> Iterator[None]:
    log, handler = logging.getLogger("cloudtask"), BrokenHandler()
    log.addHandler(handler)
    yield
    log.removeHandler(handler)


@each_way
async def test_a_log_that_fails_changes_no_answer(ask: Ask, client: CloudTaskClient, broken_log: None) -> None:
    @client.task(name="fail")
    async def fail() -> None:
        raise LookupError

    @client.task(name="never")
    def never() -> None:
        raise DoNotRetry(NoText())

    asked: list[tuple[bytes, dict[str, str]]] = [(b"{", {}), (b"{", SECRET)]
    asked += [(message("nothing"), SECRET), (message("work"), SECRET)]
    asked += [(message("fail"), SECRET), (message("never"), SECRET)]
    answered = [(await ask(client, body, headers)).status for body, headers in asked]
    assert answered == [403, 422, 404, 422, 500, 200]


@each_way
async def test_what_is_refused_is_in_the_log_in_one_line_each(
    ask: Ask, client: CloudTaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    for body, headers in (
        (b"{", {}),
        (b"{", SECRET),
        (b" " * (LARGEST + 1), SECRET),
        (message("forged\nERROR all is lost"), SECRET),
        (message("work", **{"forged\nline": 1}), SECRET),
    ):
        caplog.clear()
        await ask(client, body, headers)
        (record,) = (one for one in caplog.records if one.name == "cloudtask")
        assert record.levelname == "WARNING"
        assert "\n" not in record.getMessage()
        assert "known" not in record.getMessage()


@pytest.mark.parametrize("name", ["x-pyct-secret", "X-Pyct-Secret", "X-PYCT-SECRET"])
async def test_names_of_headers_are_taken_in_any_case(client: CloudTaskClient, name: str) -> None:
    class Headers(Mapping[str, str]):
        def __getitem__(self, key: str) -> str:
            return {name: "known"}[key]

        def __iter__(self) -> Iterator[str]:
            return iter([name])

        def __len__(self) -> int:
            return 1

    assert (await client.execute(message("work", 1), Headers())).status == 200
    assert client.sync_execute(message("work", 1), {name: "known"}).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("X-PYCT-SECRET", "known")], 200),
        ([(b"host", b"a"), (b"x-pyct-secret", b"known")], 200),
        (((b"x-pyct-secret", b"\xff\xfe"),), 403),
        ({b"X-Pyct-Secret": b"known"}, 200),
        ({"X-PYCT-SECRET": "known, other"}, 403),
        ([("x-pyct-secret", "other"), ("x-pyct-secret", "known")], 403),
        ({"X-PYCT-SECRET": ["known"]}, 403),
        ({"X-PYCT-SECRET": None}, 403),
        ({"X-PYCT-SECRET": "known "}, 403),
        ({"X_PYCT_SECRET": "known"}, 403),
        ({"X-PYCT-SECRET": "\ud800"}, 403),
        ({3: 4}, 403),
        ([], 403),
    ],
)
async def test_the_secret_is_found_in_whatever_form_headers_have(
    client: CloudTaskClient, headers: Any, status: int
) -> None:
    assert client.sync_execute(message("work", 1), headers).status == status
    assert (await client.execute(message("work", 1), headers)).status == status


@pytest.mark.parametrize("body", ["{}", None, 3])
async def test_a_body_that_is_no_bytes_is_the_error_of_who_passes_it(client: CloudTaskClient, body: Any) -> None:
    said = f"^body must be bytes, not {type(body).__name__}$"
    with pytest.raises(TypeError, match=said):
        client.sync_execute(body, SECRET)
    with pytest.raises(TypeError, match=said):
        await client.execute(body, SECRET)


def test_ctrl_c_leaves_a_worker_that_blocks(client: CloudTaskClient) -> None:
    @client.task(name="interrupted")
    def interrupted() -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        client.sync_execute(message("interrupted"), SECRET)


@each_way
@pytest.mark.parametrize("is_async", [False, True])
async def test_what_a_function_returns_is_nobodys(ask: Ask, is_async: bool) -> None:
    client = make_client()

    def give() -> Any:
        return StreamingResponse(iter([b"text"]), status_code=500)

    async def give_later() -> Any:
        return give()

    client.task(name="give")(give_later if is_async else give)
    answered = await ask(client, message("give"), SECRET)
    assert (answered.status, answered.body) == (200, b"")


@each_way
async def test_many_calls_at_once_are_each_answered(ask: Ask, client: CloudTaskClient, ran: list[Any]) -> None:
    bodies = [message("work", number) for number in range(100)] + [message("nothing"), b"{"]
    answered = await asyncio.gather(*(ask(client, body, SECRET) for body in bodies))
    assert [one.status for one in answered] == [200] * 100 + [404, 422]
    assert sorted(ran) == [(number, "") for number in range(100)]


async def test_a_function_that_blocks_does_not_hold_the_event_loop(client: CloudTaskClient) -> None:
    import threading

    threads: list[str] = []
    going = threading.Event()

    @client.task(name="block")
    def block() -> None:
        threads.append(threading.current_thread().name)
        assert going.wait(20)

    for ask in (by_execute, by_the_router):
        going.clear()
        running = asyncio.ensure_future(ask(client, message("block"), SECRET))
        async with asyncio.timeout(20):
            while len(threads) < 1 + (ask is by_the_router):
                await asyncio.sleep(0)
        going.set()
        assert (await running).status == 200
    assert threading.current_thread().name not in threads


@pytest.mark.parametrize("on_a_loop", [False, True])
def test_a_coroutine_function_runs_in_a_worker_that_blocks(client: CloudTaskClient, on_a_loop: bool) -> None:
    ran: list[asyncio.AbstractEventLoop] = []

    @client.task(name="async")
    async def run_async() -> None:
        await asyncio.sleep(0)
        ran.append(asyncio.get_running_loop())

    async def ask() -> int:
        return client.sync_execute(message("async"), SECRET).status

    status = asyncio.run(ask()) if on_a_loop else client.sync_execute(message("async"), SECRET).status
    assert (status, len(ran)) == (200, 1)


@each_way
async def test_what_a_plain_decorator_hands_on_is_awaited(ask: Ask) -> None:
    import functools

    client, ran = make_client(), list[int]()

    def twice(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return function(*args, **kwargs)

        return call

    @client.task(name="wrapped")
    @twice
    async def wrapped(number: int) -> None:
        await asyncio.sleep(0)
        ran.append(number)

    assert (await ask(client, message("wrapped", "7"), SECRET)).status == 200
    assert ran == [7]


async def test_the_cancelling_of_an_attempt_is_no_failure(client: CloudTaskClient) -> None:
    started = asyncio.Event()

    @client.task(name="wait")
    async def wait() -> None:
        started.set()
        await asyncio.Event().wait()

    for ask in (by_execute, by_the_router):
        started.clear()
        running = asyncio.ensure_future(ask(client, message("wait"), SECRET))
        async with asyncio.timeout(20):
            await started.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running


def _take(number: int) -> None: ...
