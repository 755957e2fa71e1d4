"""RedisResults: the clients that it takes, and what Redis may do to it."""

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
import redis
import redis.asyncio

from gcptasks.engine.task_records import Cancelled, Heard, ProgressInfo, Restarted, Succeeded, TaskStatus
from gcptasks.results.redis import RedisResults
from gcptasks.results.store import AsyncStore, Query
from results import database_servers
from results.database_servers import Server
from results.results_store_suite import STARTED, changed, new, until, waiting


@pytest.fixture
def prefix() -> str:
    return f"records_{token_hex(4)}"


@pytest.fixture
def client(redis_server: Server) -> Generator[redis.Redis]:
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@asynccontextmanager
async def awaited(given: Any, **options: Any) -> AsyncGenerator[AsyncStore]:
    store = RedisResults(given, **options).awaiting()
    try:
        yield store
    finally:
        await store.close()


async def lives(store: AsyncStore, other: AsyncStore) -> None:
    """A record is made, changes while somebody waits, is found and removed."""
    record = await store.add(new(labels={"owner": "Zoë"}))
    async with waiting(store, record.id, record.version, many=3):
        await changed(other, record.id, STARTED)
    await changed(other, record.id, Heard(1, ProgressInfo(1, note="é")))
    result = bytes(range(256))
    await changed(other, record.id, Succeeded(1, result))
    (found,) = (await store.find(Query(labels={"owner": "Zoë"}))).records
    assert (found.id, found.progress) == (record.id, ProgressInfo(1, note="é"))
    ended = await store.get(record.id)
    assert ended is not None
    assert ended.result == result
    assert await store.remove(record.id)


# What it takes


@pytest.mark.parametrize("decodes", [False, True])
@pytest.mark.parametrize("protocol", [2, 3])
async def test_an_asyncio_client_serves_coroutines_and_stays_open(
    redis_server: Server, prefix: str, decodes: bool, protocol: int
) -> None:
    url = redis_server.url
    async with redis.asyncio.Redis.from_url(url, decode_responses=decodes, protocol=protocol) as client:
        results = RedisResults(client, prefix=prefix)
        with pytest.raises(TypeError, match=r"needs a URL or a redis\.Redis"):
            results.blocking()
        async with awaited(url, prefix=prefix) as other:
            await lives(results.awaiting(), other)
        await results.awaiting().close()
        assert await client.ping() is True


@pytest.mark.parametrize("decodes", [False, True])
@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_blocking_client_serves_both_and_stays_open(
    redis_server: Server, prefix: str, decodes: bool, protocol: int
) -> None:
    with redis.Redis.from_url(redis_server.url, decode_responses=decodes, protocol=protocol) as client:
        results = RedisResults(client, prefix=prefix)
        record = results.blocking().add(new())
        assert await results.awaiting().get(record.id) == record
        async with awaited(redis_server.url, prefix=prefix) as other:
            await other.remove(record.id)
            await lives(results.awaiting(), other)
        results.blocking().close()
        assert client.ping() is True


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [("http://h", ValueError, "scheme"), (7, TypeError, "a URL, or a client of redis-py")],
)
def test_what_cannot_be_used_is_refused_at_once(given: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        RedisResults(given)


# What it keeps


async def test_indexes_lose_what_expired_and_are_gone_with_the_last_record(
    redis_server: Server, prefix: str, client: redis.Redis
) -> None:
    async with awaited(redis_server.url, prefix=prefix, expires_after=timedelta(seconds=1)) as store:
        await store.add_many([new() for _ in range(40)])
        await until(lambda: client.keys(f"{prefix}:record:*") == [])
        for _ in range(11):
            await store.add(new())
        sizes = [client.zcard(f"{prefix}:{index}") for index in ("created", "created:app.hello", "expiring")]
        assert max(sizes) <= 11
        await until(lambda: client.keys(f"{prefix}:*") == [])


async def test_a_record_that_is_started_anew_is_among_the_newest_once(redis_server: Server, prefix: str) -> None:
    async with awaited(redis_server.url, prefix=prefix) as store:
        first, second = [(await store.add(new())).id for _ in range(2)]
        await changed(store, first, Cancelled())
        await changed(store, first, Restarted("again", b"", {}))
        assert [record.id for record in (await store.find(Query())).records] == [first, second]


@pytest.mark.parametrize("cursor", ["", "x", "12 a", "1" * 16, "١" * 16 + " a"])
async def test_a_page_that_begins_nowhere_is_refused(redis_server: Server, prefix: str, cursor: str) -> None:
    async with awaited(redis_server.url, prefix=prefix) as store:
        with pytest.raises(ValueError, match="page begins"):
            await store.find(Query(after=cursor))


@pytest.mark.slow
async def test_a_page_is_short_where_many_records_must_be_looked_at(redis_server: Server, prefix: str) -> None:
    async with awaited(redis_server.url, prefix=prefix) as store:
        wanted = await store.add(new(labels={"a": "b"}))
        await store.add_many([new() for _ in range(10_500)])
        first = await store.find(Query(labels={"a": "b"}))
        assert first.records == []
        second = await store.find(Query(labels={"a": "b"}, after=first.next))
        assert ([record.id for record in second.records], second.next) == ([wanted.id], None)


# What Redis may do


async def test_scripts_that_redis_forgot_are_sent_again(redis_server: Server, prefix: str, client: redis.Redis) -> None:
    async with awaited(redis_server.url, prefix=prefix) as store:
        record = await store.add(new())
        client.script_flush()
        await changed(store, record.id, STARTED)
        client.script_flush()
        await store.add_many([new() for _ in range(3)])
        assert len((await store.find(Query())).records) == 4


async def test_a_redis_that_is_full_says_so_and_changes_nothing(prefix: str) -> None:
    with database_servers.redis("--maxmemory-policy", "noeviction") as server:
        async with awaited(server.url, prefix=prefix) as store:
            record = await store.add(new())
            started = await changed(store, record.id, STARTED)
            with redis.Redis.from_url(server.url) as client:
                client.config_set("maxmemory", 1)
                for call in (
                    store.add(new()),
                    store.change(record.id, 1, Succeeded(1, b"1")),
                    store.add_many([new(), new()]),
                ):
                    with pytest.raises(redis.ResponseError, match="maxmemory"):
                        await call
                assert await store.get(record.id) == started
                assert [found.id for found in (await store.find(Query())).records] == [record.id]
                client.config_set("maxmemory", 0)
            await changed(store, record.id, Succeeded(1, b"1"))


async def test_a_redis_that_was_restarted_is_used_again_and_who_waits_learns_what_it_forgot(prefix: str) -> None:
    with database_servers.redis(tcp=True) as server:
        blocking = RedisResults(server.url, prefix=prefix).blocking()
        async with awaited(server.url, prefix=prefix) as store:
            record = await store.add(new())
            waits = [
                asyncio.create_task(store.wait(record.id, record.version, 30)),
                asyncio.create_task(asyncio.to_thread(blocking.wait, record.id, record.version, 30.0)),
            ]
            await asyncio.gather(*(store.get(record.id) for _ in range(5)))  # several connections
            server.kill()
            with pytest.raises((redis.ConnectionError, OSError)):
                await store.get(record.id)
            assert not any(wait.done() for wait in waits)
            server.start()
            assert await store.get(record.id) is None  # it keeps nothing on disk
            assert blocking.get(record.id) is None
            assert await store.change(record.id, 1, STARTED) is None
            await asyncio.wait_for(asyncio.gather(*waits), 20)
            assert (await changed(store, (await store.add(new())).id, STARTED)).status is TaskStatus.RUNNING
        blocking.close()


async def test_a_redis_that_is_not_there_is_an_error_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        async with awaited(f"redis://127.0.0.1:{taken.getsockname()[1]}") as store:
            with pytest.raises(redis.ConnectionError):
                await store.add(new())
            await store.wait("a" * 32, 1, 0.05)  # its time is over, and that is all that it says


async def test_waiting_holds_one_subscription_however_many_wait(
    redis_server: Server, prefix: str, client: redis.Redis
) -> None:
    async with awaited(redis_server.url, prefix=prefix) as store, awaited(redis_server.url, prefix=prefix) as other:

        def subscribed() -> Any:
            return client.pubsub_numsub(f"{prefix}:changes")[0][1]

        record = await store.add(new())
        async with waiting(store, record.id, record.version, many=1000):
            await until(lambda: subscribed() == 1)
            await changed(other, record.id, STARTED)
    await until(lambda: subscribed() == 0)


@contextmanager
def losing_an_answer(path: Path, redis_path: str) -> Generator[threading.Event]:
    """A Redis at `path` that once makes what it is asked, and closes instead of answering: after the event was set."""
    loses = threading.Event()
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()

    def serve(one: socket.socket) -> None:
        with one, socket.socket(socket.AF_UNIX) as other:
            other.connect(redis_path)
            other.settimeout(0.2)
            while asked := one.recv(1 << 20):
                other.sendall(asked)
                try:
                    answer = other.recv(1 << 20)
                except TimeoutError:
                    continue
                if loses.is_set() and b"EVALSHA" in asked:
                    loses.clear()
                    return
                one.sendall(answer)

    def accept() -> None:
        while True:
            try:
                one, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=[one], daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield loses
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join(10)


async def test_a_change_whose_answer_was_lost_is_made_once(redis_server: Server, prefix: str, tmp_path: Path) -> None:
    path = tmp_path / "proxy"
    with losing_an_answer(path, redis_server.url.removeprefix("unix://")) as loses:
        async with awaited(f"unix://{path}", prefix=prefix) as store:
            id = (await store.add(new())).id
            await changed(store, id, STARTED)
            loses.set()
            second = await changed(store, id, STARTED)  # it is asked for again
            assert not loses.is_set()
            assert second.attempt == 2
            loses.set()
            change = await store.change(id, 1, Cancelled())
            assert not loses.is_set()
            assert change is not None
            assert change.made


@pytest.mark.parametrize("most", [2, None])
async def test_hundreds_of_calls_at_once_wait_for_a_connection(
    redis_server: Server, prefix: str, most: int | None
) -> None:
    """redis-py refuses who comes when its pool of 100 has none."""
    url = redis_server.url
    given: Any = url if most is None else redis.asyncio.Redis.from_url(url, max_connections=most)
    async with awaited(given, prefix=prefix) as store:
        many = [new() for _ in range(300)]
        await store.add_many(many)
        changes = await asyncio.gather(*(store.change(one.id, 1, STARTED) for one in many))
        assert [change.record.id for change in changes if change] == [one.id for one in many]
    if most is not None:
        await given.aclose()


def test_hundreds_of_threads_wait_for_a_connection(redis_server: Server, prefix: str) -> None:
    store = RedisResults(redis_server.url, prefix=prefix).blocking()
    many = [new() for _ in range(300)]
    with ThreadPoolExecutor(150) as threads:
        added = list(threads.map(store.add, many))
    store.close()
    assert [record.id for record in added] == [one.id for one in many]
