"""SQLResults: the engines that it takes, and what databases may do to it."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from secrets import token_hex
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, MetaData, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gcptasks.base.errors import SetupError
from gcptasks.engine.task_records import Cancelled, Heard, ProgressInfo, Succeeded, TaskStatus
from gcptasks.results.sql import SQLResults
from gcptasks.results.store import AsyncStore, Attempt, BlockingStore, Query
from results.database_servers import Server
from results.results_store_suite import STARTED, changed, new, until, waiting

DATABASES = ("sqlite", "postgresql", "mysql")


@pytest.fixture
def url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if database == "sqlite":
        return f"sqlite:///{tmp_path}/results.db"
    server: Server = request.getfixturevalue({"postgresql": "postgresql", "mysql": "mariadb"}[database])
    return server.url


@pytest.fixture
def table() -> str:
    return f"records_{token_hex(4)}"


@contextmanager
def kept_in(url: "str | Engine", table: str, **options: Any) -> Generator[BlockingStore]:
    """A store, blocking, whose table is there."""
    results = SQLResults(url, table=table, **options)
    results.create_tables()
    store = results.blocking()
    try:
        yield store
    finally:
        store.close()


@asynccontextmanager
async def awaited_in(given: "str | Engine | AsyncEngine", table: str) -> AsyncGenerator[AsyncStore]:
    results = SQLResults(given, table=table)
    await results.async_create_tables()
    store = results.awaiting()
    try:
        yield store
    finally:
        await store.close()


def driver(url: str, name: str) -> str:
    return make_url(url).set(drivername=name).render_as_string()


# What it takes


@pytest.mark.parametrize("given", ["url", "engine"])
@pytest.mark.parametrize(
    ("database", "name"),
    [
        ("sqlite", "sqlite+aiosqlite"),
        ("postgresql", "postgresql+asyncpg"),
        ("postgresql", "postgresql+psycopg"),
    ],
)
async def test_a_driver_that_is_awaited_serves_coroutines(url: str, table: str, name: str, given: str) -> None:
    url = driver(url, name)
    engine = create_async_engine(url) if given == "engine" else None
    async with awaited_in(engine or url, table) as store, awaited_in(engine or url, table) as other:
        record = await store.add(new(labels={"a": "b"}))
        async with waiting(store, record.id, record.version, many=3):
            await changed(other, record.id, STARTED)
        await changed(store, record.id, Succeeded(1, b"\x00\xff"))
        assert [found.id for found in (await other.find(Query(labels={"a": "b"}))).records] == [record.id]
        ended = await other.get(record.id)
        assert ended is not None
        assert ended.result == b"\x00\xff"
    if engine is not None:
        async with engine.connect() as connection:  # it stays the user's
            assert await connection.scalar(text("SELECT 1")) == 1
        await engine.dispose()


@pytest.mark.parametrize("database", DATABASES)
async def test_a_blocking_engine_serves_both_and_stays_open(url: str, table: str) -> None:
    engine = create_engine(url)
    with kept_in(engine, table) as blocking:
        async with awaited_in(engine, table) as awaited:
            record = blocking.add(new())
            async with waiting(awaited, record.id, record.version, many=3):
                blocking.change(record.id, 1, STARTED)
    assert engine.pool.status().endswith("Current Checked out connections: 0")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    engine.dispose()


@pytest.mark.parametrize("database", ["postgresql"])
@pytest.mark.parametrize("given", ["url", "engine"])
def test_what_can_only_be_awaited_does_not_block(url: str, given: str) -> None:
    url = driver(url, "postgresql+asyncpg")
    results = SQLResults(url if given == "url" else create_async_engine(url))
    with pytest.raises(TypeError, match="needs an Engine, or a URL whose driver blocks"):
        results.blocking()
    with pytest.raises(TypeError, match="async_create_tables"):
        results.create_tables()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("sqlite://", ValueError, "in memory"),
        ("sqlite:///:memory:", ValueError, "in memory"),
        ("sqlite:///file:x?mode=memory&uri=true", ValueError, "in memory"),
        ("no url with secret", ValueError, "not one that SQLAlchemy can read"),
        ("oracle+oracledb://scott:secret@h/db", ValueError, "PostgreSQL, MySQL, MariaDB and SQLite, not in oracle"),
        ("nosuch://u:secret@h/db", ValueError, "does not know the database or the driver of nosuch"),
        ("mysql+mysqldb://u:secret@h/db", ImportError, r"driver of mysql\+mysqldb is not installed"),
        (7, TypeError, "a URL or an engine"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once_and_shows_no_password(
    given: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as refused:
        SQLResults(given)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("table", ["", "t" * 51])
def test_a_table_has_a_name_that_databases_take(table: str) -> None:
    with pytest.raises(ValueError, match="1 to 50 characters"):
        SQLResults("sqlite:///results.db", table=table)


# The table


@pytest.mark.parametrize("database", DATABASES)
def test_tables_are_created_once_whoever_does_it_at_the_same_time(url: str, table: str) -> None:
    stores = [SQLResults(url, table=table) for _ in range(4)]
    start = threading.Barrier(len(stores))

    def create(results: SQLResults) -> None:
        start.wait(10)
        results.create_tables()

    with ThreadPoolExecutor(len(stores)) as threads:
        list(threads.map(create, stores))
    record = stores[0].blocking().add(new())
    assert stores[1].blocking().get(record.id) == record
    for results in stores:
        results.blocking().close()


@pytest.mark.parametrize("database", DATABASES)
async def test_a_table_that_is_missing_is_named_with_what_creates_it(url: str, table: str) -> None:
    results = SQLResults(url, table=table)
    message = rf"no table {table}\. Create it with create_tables\(\)"
    with pytest.raises(SetupError, match=message):
        results.blocking().get("a" * 32)
    with pytest.raises(SetupError, match=message):
        await results.awaiting().add(new())
    await results.awaiting().close()


@pytest.mark.parametrize("database", DATABASES)
async def test_a_table_of_another_version_is_told_from_a_store_that_is_down(url: str, table: str) -> None:
    results = SQLResults(url, table=table)
    results.create_tables()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN progress")
    engine.dispose()
    message = rf"(?s)the table {table} of the database is not the one of this version: .*progress.* in a migration"
    with pytest.raises(SetupError, match=message):
        results.blocking().get("a" * 32)
    with pytest.raises(SetupError, match=message):
        await results.awaiting().add(new())
    await results.awaiting().close()


@pytest.mark.parametrize("database", DATABASES)
def test_a_migration_creates_the_same_table(url: str, table: str) -> None:
    results = SQLResults(url, table=table)
    of_user = MetaData()
    results.table.to_metadata(of_user)
    engine = create_engine(url)
    of_user.create_all(engine)
    engine.dispose()
    results.create_tables()  # finds it, with its indexes
    record = results.blocking().add(new())
    assert results.blocking().get(record.id) == record
    results.blocking().close()


def test_a_sqlite_file_is_in_wal_mode(tmp_path: Path, table: str) -> None:
    with kept_in(f"sqlite:///{tmp_path}/results.db", table):
        engine = create_engine(f"sqlite:///{tmp_path}/results.db")
        with engine.connect() as connection:
            assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        engine.dispose()


# What is kept


@pytest.mark.parametrize("database", DATABASES)
def test_expired_records_are_dropped_while_others_are_added(url: str, table: str) -> None:
    engine = create_engine(url)
    with kept_in(url, table) as early, kept_in(url, table) as store:
        early.add_many([new() for _ in range(70)])
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE {table} SET expires_at = 1"))

        def rows() -> int:
            with engine.connect() as connection:
                return int(connection.scalar(text(f"SELECT COUNT(*) FROM {table}")) or 0)

        assert rows() == 70
        store.add(new())
        assert rows() == 1
    engine.dispose()


@pytest.mark.parametrize("database", DATABASES)
def test_pages_have_each_record_once_also_of_those_made_at_one_time(url: str, table: str) -> None:
    with kept_in(url, table) as store:
        many = [new() for _ in range(450)]
        store.add_many(many)
        found: list[str] = []
        page = store.find(Query(limit=100))
        while page.next is not None:
            found += [record.id for record in page.records]
            page = store.find(Query(limit=100, after=page.next))
        found += [record.id for record in page.records]
        assert sorted(found) == sorted(record.id for record in many)


@pytest.mark.parametrize("cursor", ["", "x", "12", "-1-a", "9" * 30 + "-a"])
def test_a_page_that_begins_nowhere_is_refused(tmp_path: Path, cursor: str, table: str) -> None:
    with kept_in(f"sqlite:///{tmp_path}/results.db", table) as store, pytest.raises(ValueError, match="page begins"):
        store.find(Query(after=cursor))


# What databases may do


@contextmanager
def session(url: str, **options: Any) -> Generator["psycopg.Connection[Any]"]:
    folder = str(make_url(url).query["host"])
    with psycopg.connect(host=folder, user="tester", dbname="postgres", **options) as connection:
        yield connection


def waiting_for_locks(watch: "psycopg.Connection[Any]") -> int:
    """How many sessions wait for another one."""
    row = watch.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_serialization_failure_is_tried_again(url: str, table: str) -> None:
    strict = make_url(url).update_query_dict({"options": "-c default_transaction_isolation=serializable"})
    with (
        kept_in(strict.render_as_string(), table) as store,
        session(url) as other,
        session(url, autocommit=True) as watch,
        ThreadPoolExecutor(1) as threads,
    ):
        id = store.add(new()).id
        other.execute(f'UPDATE "{table}" SET endpoint = endpoint WHERE id = %s'.encode(), [id])
        changing = threads.submit(store.change, id, 1, STARTED)
        at_once(lambda: waiting_for_locks(watch) == 1)
        other.commit()
        change = changing.result(20)
        assert change is not None
        assert (change.made, change.record.attempt) == (True, 1)


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_deadlock_is_tried_again(url: str, table: str) -> None:
    # Whoever waits looks for a deadlock once, after that time: here only the store does.
    soon = make_url(url).update_query_dict({"options": "-c deadlock_timeout=50ms"})
    lock = f'UPDATE "{table}" SET endpoint = endpoint WHERE id = %s'.encode()
    with (
        kept_in(url, table) as plain,
        kept_in(soon.render_as_string(), table) as store,
        session(url) as third,
        session(url, options="-c deadlock_timeout=1h") as other,
        session(url, autocommit=True) as watch,
        ThreadPoolExecutor(2) as threads,
    ):
        ids = [plain.add(new()).id for _ in range(3)]
        before = [plain.change(id, 1, STARTED) for id in ids]

        def take_first() -> None:
            other.execute(lock, [ids[0]])
            other.commit()

        third.execute(lock, [ids[1]])
        other.execute(lock, [ids[2]])
        hearing = threads.submit(store.hear, [Attempt(id, 1, 1) for id in ids])
        at_once(
            lambda: waiting_for_locks(watch) == 1
        )  # the store has the first record, and waits for the third session
        taking = threads.submit(take_first)
        at_once(lambda: waiting_for_locks(watch) == 2)
        third.commit()  # now the store waits for the last record, whose holder waits for the store
        hearing.result(20)
        taking.result(20)
        for id, change in zip(ids, before, strict=True):
            heard = plain.get(id)
            assert heard is not None
            assert heard.heard_at is not None
            assert change is not None
            assert change.record.heard_at is not None
            assert heard.heard_at > change.record.heard_at


def at_once(happens: Callable[[], bool]) -> None:
    """Return when it happens, which must be soon."""
    ends = time.monotonic() + 20
    while not happens():
        assert time.monotonic() < ends


@pytest.mark.parametrize("database", ["postgresql"])
def test_a_user_who_may_only_read_changes_nothing(url: str, table: str) -> None:
    with kept_in(url, table) as store:
        record = store.add(new())
        reader = f"reader_{token_hex(4)}"
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE USER {reader}"))
            connection.execute(text(f"GRANT SELECT ON {table} TO {reader}"))
        engine.dispose()
        with_rights = SQLResults(make_url(url).set(username=reader), table=table)
        only_reads = with_rights.blocking()
        assert only_reads.get(record.id) == record
        assert only_reads.find(Query()).records == [record]
        for call in (
            partial(only_reads.add, new()),
            partial(only_reads.add_many, [new()]),
            partial(only_reads.change, record.id, 1, Cancelled()),
            partial(only_reads.remove, record.id),
            partial(only_reads.hear, [Attempt(record.id, 1, 1)]),
        ):
            with pytest.raises(DBAPIError, match="permission denied"):
                call()
        assert store.get(record.id) == record
        only_reads.close()


@pytest.mark.parametrize("database", ["postgresql", "mysql"])
@pytest.mark.parametrize("how", ["blocking", "awaited"])
async def test_a_database_that_was_restarted_is_used_again(
    database: str, url: str, table: str, how: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue({"postgresql": "postgresql", "mysql": "mariadb"}[database])
    with kept_in(url, table) as blocking:
        async with awaited_in(url, table) as awaited:

            async def call(name: str, *arguments: Any) -> Any:
                if how == "awaited":
                    return await getattr(awaited, name)(*arguments)
                return await asyncio.to_thread(getattr(blocking, name), *arguments)

            record = await call("add", new())
            await asyncio.gather(*(call("get", record.id) for _ in range(5)))  # several connections
            wait = asyncio.create_task(call("wait", record.id, record.version, 30.0))
            server.stop()
            with pytest.raises(OperationalError):
                await call("get", record.id)
            assert not wait.done()  # who waits goes on
            server.start()
            # Each call finds a connection that was lost, or makes a new one.
            assert await call("get", record.id) == record
            await call("add_many", [new() for _ in range(3)])
            change = await call("change", record.id, 1, STARTED)
            assert change.record.status is TaskStatus.RUNNING
            await asyncio.wait_for(wait, 20)


@pytest.mark.parametrize("name", ["postgresql+psycopg", "postgresql+asyncpg", "mysql+pymysql"])
async def test_a_database_that_is_not_there_is_an_error_at_once(name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        store = SQLResults(f"{name}://tester@127.0.0.1:{taken.getsockname()[1]}/test").awaiting()
        with pytest.raises((OperationalError, OSError)):
            await store.add(new())
        await store.wait("a" * 32, 1, 0.05)  # its time is over, and that is all that it says
        await store.close()


@pytest.mark.parametrize("database", ["postgresql"])
async def test_waiting_holds_one_connection_however_many_wait(url: str, table: str) -> None:
    with session(url, autocommit=True) as watch:

        def connections() -> int:
            counted = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
            row = watch.execute(counted, [table]).fetchone()
            assert row is not None
            return int(row[0])

        named = make_url(url).update_query_dict({"application_name": table})
        async with awaited_in(named.render_as_string(), table) as store:
            record = await store.add(new())
            async with waiting(store, record.id, record.version, many=1000) as waits:
                await until(lambda: connections() == 2)  # one that asks, and one that listens
                assert not any(wait.done() for wait in waits)
                await changed(store, record.id, STARTED)
        await until(lambda: connections() == 0)


@pytest.mark.parametrize("database", ["postgresql"])
async def test_progress_is_told_while_a_thread_waits(url: str, table: str) -> None:
    with kept_in(url, table) as store:
        id = store.add(new()).id
        started = store.change(id, 1, STARTED)
        assert started is not None
        wait = asyncio.create_task(asyncio.to_thread(store.wait, id, started.record.version, 30.0))
        async with awaited_in(url, table) as worker:
            await changed(worker, id, Heard(1, ProgressInfo(1)))
            await asyncio.wait_for(wait, 20)


@pytest.mark.parametrize("keep", [timedelta(0), timedelta(seconds=-1), timedelta(microseconds=999_999), timedelta.max])
def test_records_stay_for_a_time_that_there_is(keep: timedelta) -> None:
    with pytest.raises(ValueError, match="a second or more and at most 36500 days"):
        SQLResults("sqlite:///results.db", expires_after=keep)


@pytest.mark.parametrize("database", DATABASES)
def test_records_may_stay_for_a_century(url: str, table: str) -> None:
    with kept_in(url, table, expires_after=timedelta(days=36_500)) as store:
        id = store.add(new()).id
        change = store.change(id, 1, Cancelled())
        assert change is not None
        assert store.get(id) == change.record
