"""How a file gets the tables of a newer version."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from gcptasks.base.errors import StoreError
from gcptasks.base.events import Events
from gcptasks.store import schema
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx
from store.store_verbs import add_task, all_tasks


def add_notes(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE notes (text TEXT)")


def add_notes_and_fail(connection: sqlite3.Connection) -> None:
    add_notes(connection)
    add_notes(connection)


def add_notes_to_a_full_disk(connection: sqlite3.Connection) -> None:
    """SQLite ends this transaction by itself."""
    connection.execute("PRAGMA max_page_count = 100")
    add_notes(connection)
    connection.execute("INSERT INTO notes VALUES (zeroblob(20000000))")


def notes(tx: Tx) -> list[str]:
    return [text for (text,) in tx._sql.execute("SELECT text FROM notes")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of this version, with a task."""
    path = tmp_path / "tasks.db"
    store = Store(parse_database(str(path)), Events())
    store.write_sync(add_task)
    store.close()
    return path


def test_a_newer_version_adds_its_tables_and_keeps_the_tasks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, add_notes))
    for _ in range(2):
        store = Store(parse_database(str(path)), Events())
        assert (len(store.read(all_tasks)), store.read(notes)) == (1, [])
        store.close()


@pytest.mark.parametrize(
    ("migration", "reason"),
    [(add_notes_and_fail, "table notes already exists"), (add_notes_to_a_full_disk, "database or disk is full")],
)
def test_tables_that_cannot_be_added_leave_the_file_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch, migration: Callable[[sqlite3.Connection], None], reason: str
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, migration))
        with pytest.raises(StoreError, match=reason):
            Store(parse_database(str(path)), Events()).open()
    store = Store(parse_database(str(path)), Events())
    assert len(store.read(all_tasks)) == 1
    with pytest.raises(StoreError, match="no such table: notes"):
        store.read(notes)
    store.close()
