"""The write-ahead log stays short and its file does not grow at each commit, whoever writes; no event loop waits."""

import asyncio
import logging
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from gcptasks.base.events import Events
from gcptasks.store import checkpoints
from gcptasks.store.connection import LOG_LIMIT, connect, open_writer
from gcptasks.store.database import Database, parse_database, prepare_file
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx
from store.store_verbs import NOW, add_task

MIB = 2**20
PAGE = 4096 + 24
"""Bytes that a page takes in the log."""
BOUND = 80 * MIB
"""Five times what it has when it is copied: what is written meanwhile, on a busy machine, comes on top."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tasks.db"


def log_of(path: Path) -> int:
    try:
        return Path(f"{path}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def content_of_log(path: Path) -> int:
    """Bytes in the log, whose file may be longer."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM tasks").fetchone()
        _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages) * PAGE


def lengthened(path: Path, store: Store, least: int) -> None:
    """Write small tasks until the log's file has so many bytes."""
    until = time.monotonic() + 30
    while log_of(path) < least:
        store.write_sync(add_task)
        assert time.monotonic() < until


def count(tx: Tx) -> int:
    found: int = tx._sql.execute("SELECT count(*) FROM tasks").fetchone()[0]
    return found


def writing(path: Path, many: int, size: int, way: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "store.store_busy_writer", str(path), str(many), str(size), way]
    return subprocess.Popen(
        command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def longest_log(path: Path, processes: "list[subprocess.Popen[str]]") -> int:
    """The longest that the log was until the processes had ended, which they must do well."""
    longest = 0

    def read(process: "subprocess.Popen[str]") -> None:
        nonlocal longest
        assert process.stdout is not None
        for _ in process.stdout:
            longest = max(longest, log_of(path))

    threads = [threading.Thread(target=read, args=(process,)) for process in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        assert process.stderr is not None
        assert (process.stderr.read(), process.wait()) == ("", 0)
        process.stderr.close()
        assert process.stdout is not None
        process.stdout.close()
    return longest


@contextmanager
def long_reader(path: Path) -> Generator[None]:
    """Another process that reads from the database as it is now, until the end of the block."""
    program = (
        "import sqlite3, sys\n"
        f"reader = sqlite3.connect({str(path)!r}, isolation_level=None)\n"
        "reader.execute('BEGIN')\n"
        "reader.execute('SELECT count(*) FROM tasks').fetchone()\n"
        "print(flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        yield
        assert reader.stdin is not None
        reader.stdin.close()


@pytest.mark.parametrize(
    ("processes", "many", "size", "way"),
    [
        (1, 8000, 10_000, "loop"),
        (1, 2000, 10_000, "thread"),
        pytest.param(4, 2500, 10_000, "loop", marks=pytest.mark.slow),
        pytest.param(1, 50_000, 2000, "loop", marks=pytest.mark.slow),
        pytest.param(1, 50_000, 2000, "thread", marks=pytest.mark.slow),
        pytest.param(4, 15_000, 2000, "loop", marks=pytest.mark.slow),
        pytest.param(4, 15_000, 2000, "thread", marks=pytest.mark.slow),
    ],
)
def test_the_log_stays_short_under_steady_writes(path: Path, processes: int, many: int, size: int, way: str) -> None:
    Store(parse_database(str(path)), Events()).open()
    longest = longest_log(path, [writing(path, many, size, way) for _ in range(processes)])
    print(f"the longest log: {longest / MIB:.1f} MiB")
    assert longest <= BOUND
    with closing(Store(parse_database(str(path)), Events())) as store:
        assert store.read(count) == processes * many


def test_no_commit_copies_the_log(path: Path) -> None:
    with closing(open_writer(prepare_file(Database(path)))) as connection:
        connection.execute("CREATE TABLE large (body BLOB)")
        size = path.stat().st_size
        for _ in range(30):
            connection.execute("INSERT INTO large VALUES (zeroblob(1000000))")
        assert path.stat().st_size == size
        assert log_of(path) > 30_000_000


async def test_the_log_is_copied_in_a_thread_and_begins_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[threading.Thread] = set()
    copy = checkpoints._copy

    def noted(copying: sqlite3.Connection) -> tuple[int, int]:
        threads.add(threading.current_thread())
        return copy(copying)

    monkeypatch.setattr(checkpoints, "_copy", noted)
    with closing(Store(parse_database(str(path)), Events())) as store:
        await store.write(add_task, NOW, b"x" * 2 * LOG_LIMIT)
        async with asyncio.timeout(10):
            while log_of(path) > LOG_LIMIT:
                await store.write(add_task)
    assert threads
    assert threading.current_thread() not in threads


def test_a_log_is_copied_even_if_no_thread_can_be_started(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    with closing(Store(parse_database(str(path)), Events())) as store:
        store.write_sync(add_task, NOW, b"x" * 2 * LOG_LIMIT)
        store.write_sync(add_task)
        assert log_of(path) <= LOG_LIMIT


def test_a_long_reader_is_named_once_and_the_log_is_cut_back_afterwards(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(Store(parse_database(str(path)), Events())) as store:
        store.write_sync(add_task)
        with long_reader(path):
            until = time.monotonic() + 30
            while not caplog.messages and time.monotonic() < until:
                store.write_sync(add_task, NOW, b"x" * MIB)
            # Trouble that lasts is not told again.
            for _ in range(20):
                store.write_sync(add_task, NOW, b"x" * MIB)
            assert log_of(path) > 64 * MIB
        [message] = caplog.messages
        assert f"the log of the database {path} has " in message
        assert "somebody else reads from the database, in a transaction that does not end" in message
        until = time.monotonic() + 30
        while log_of(path) > LOG_LIMIT and time.monotonic() < until:
            store.write_sync(add_task)
        assert log_of(path) <= LOG_LIMIT


def test_a_log_that_cannot_be_copied_is_told_once_and_copied_later(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(copying: sqlite3.Connection) -> tuple[int, int]:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(checkpoints, "_LONG_PAUSE", 0.0)
    with closing(Store(parse_database(str(path)), Events())) as store:
        with monkeypatch.context() as trouble:
            trouble.setattr(checkpoints, "_copy", broken)
            for _ in range(LOG_LIMIT // MIB + 5):
                store.write_sync(add_task, NOW, b"x" * MIB)
            store.close()
            assert [record.levelno for record in caplog.records] == [logging.WARNING]
            assert "disk I/O error" in caplog.text
        until = time.monotonic() + 30
        store.write_sync(add_task, NOW, b"x" * 2 * LOG_LIMIT)
        while log_of(path) > LOG_LIMIT and time.monotonic() < until:
            store.write_sync(add_task)
        assert log_of(path) <= LOG_LIMIT


def test_a_store_is_closed_while_its_log_is_copied(path: Path) -> None:
    store = Store(parse_database(str(path)), Events())
    for done in range(10):
        store.write_sync(add_task, NOW, b"x" * 2 * LOG_LIMIT)
        store.close()
        assert not any(thread.name == "gcptasks-checkpoint" for thread in threading.enumerate())
        assert log_of(path) == 0
        assert store.read(count) == done + 1
    store.close()


@pytest.mark.parametrize("kills", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_a_process_that_is_killed_while_it_copies_loses_nothing(path: Path, kills: int) -> None:
    """Its log is copied once in 400 large tasks or lengthened once in 200 small ones, so some kills come meanwhile."""
    chance, durable, copied = random.Random(1), 0, 0
    for _ in range(kills):
        size, way = chance.choice([(10_000, "loop"), (300, "thread")])
        with writing(path, 100_000, size, way) as process:
            assert process.stdout is not None
            said = 0
            stop_after = chance.randrange(100, 3000 if size > 300 else 800)
            while said < stop_after:
                said = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            said = int(([str(said), *process.stdout.read().split()])[-1])
            assert process.stderr is not None
            process.stderr.read()
        durable += said
        copied += log_of(path) > LOG_LIMIT
        with closing(Store(parse_database(str(path)), Events())) as store:
            found = store.read(count)
            assert found >= durable
            durable = found
            assert store.read(lambda tx: tx._sql.execute("PRAGMA integrity_check").fetchone()) == ("ok",)
    print(f"{copied} of {kills} while the log was to be copied")


def test_the_file_of_the_log_is_lengthened_before_it_is_needed_and_stays_so(path: Path) -> None:
    with closing(Store(parse_database(str(path)), Events())) as store:
        store.write_sync(add_task)
        for least in (4 * MIB, 8 * MIB):
            lengthened(path, store, least)
            # A file that commits had lengthened would be as long as what is in it.
            assert content_of_log(path) < log_of(path) - 3 * MIB
        assert store.read(page_count) * 4096 < MIB
        assert store.read(lambda tx: tx._sql.execute("PRAGMA integrity_check").fetchone()) == ("ok",)
        assert "room" not in store.read(table_names)
        store.write_sync(add_task, NOW, b"x" * 2 * LOG_LIMIT)
        until = time.monotonic() + 30
        while log_of(path) > LOG_LIMIT and time.monotonic() < until:
            store.write_sync(add_task)
        # It began anew, and is not lengthened further.
        for _ in range(100):
            store.write_sync(add_task)
        assert log_of(path) == LOG_LIMIT


def test_the_file_of_the_log_is_not_lengthened_on_a_disk_that_is_nearly_full(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_SPARE", 2**62)
    with closing(Store(parse_database(str(path)), Events())) as store:
        lengthened(path, store, MIB)
        assert log_of(path) < 2 * MIB


def test_what_fails_while_the_file_of_the_log_is_lengthened_is_no_concern_of_those_who_write(
    path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(path: Path, *, patience: float) -> sqlite3.Connection:
        tries.append(log_of(path))
        return connect(path, patience=patience, read_only=True)

    tries: list[int] = []
    monkeypatch.setattr(checkpoints, "connect", read_only)
    with closing(Store(parse_database(str(path)), Events())) as store:
        lengthened(path, store, 2 * MIB)
        assert log_of(path) < 3 * MIB
    assert 0 < len(tries) < 10
    assert caplog.messages == []


def test_what_is_deleted_is_not_written_once_more(path: Path) -> None:
    store = Store(parse_database(str(path)), Events())
    store.write_sync(add_task, NOW, b"x" * MIB)
    before = content_of_log(path)
    assert before > MIB
    store.write_sync(drop_all)
    assert content_of_log(path) - before < MIB / 10
    assert store.read(count) == 0
    store.close()


def page_count(tx: Tx) -> int:
    found: int = tx._sql.execute("PRAGMA page_count").fetchone()[0]
    return found


def table_names(tx: Tx) -> set[str]:
    return {name for (name,) in tx._sql.execute("SELECT name FROM sqlite_schema")}


def drop_all(tx: Tx) -> None:
    numbers = [number for (number,) in tx._sql.execute("SELECT id FROM tasks")]
    tx.tasks.delete(numbers, NOW)
