"""Another program's database is left alone; one of this service is known by its application id."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gcptasks.base.errors import StoreError
from gcptasks.base.events import Events
from gcptasks.engine.model import Task
from gcptasks.store import schema
from gcptasks.store.database import parse_database
from gcptasks.store.schema import APPLICATION_ID
from gcptasks.store.store import Store
from store.store_verbs import add_task, all_tasks


def run_sql(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def tables_of_its_own(path: Path) -> None:
    run_sql(path, "CREATE TABLE accounts (name TEXT)")


def tables_and_a_version(path: Path) -> None:
    run_sql(path, "CREATE TABLE tasks (name TEXT)", "PRAGMA user_version = 1")


def a_version_alone(path: Path) -> None:
    run_sql(path, "PRAGMA user_version = 1")


def an_application_id_alone(path: Path) -> None:
    run_sql(path, "PRAGMA application_id = 7")


def a_write_ahead_log(path: Path) -> None:
    run_sql(path, "PRAGMA journal_mode = WAL", "CREATE TABLE accounts (name TEXT)")


def a_log_that_a_killed_process_left(path: Path) -> None:
    a_write_ahead_log(path)
    program = f"""
import os, sqlite3
connection = sqlite3.connect({str(path)!r}, isolation_level=None)
connection.execute("INSERT INTO accounts VALUES ('left in the log')")
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert path.with_name(path.name + "-wal").stat().st_size > 0


def contents(folder: Path) -> dict[str, bytes]:
    """What the files hold, but for the index of the log, which is made anew by whoever reads."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


@pytest.mark.parametrize(
    "prepare",
    [
        tables_of_its_own,
        tables_and_a_version,
        a_version_alone,
        an_application_id_alone,
        a_write_ahead_log,
        a_log_that_a_killed_process_left,
    ],
)
def test_another_programs_database_is_refused_and_stays_as_it_is(
    tmp_path: Path, prepare: Callable[[Path], None]
) -> None:
    path = tmp_path / "accounts.db"
    prepare(path)
    before = contents(tmp_path)
    store = Store(parse_database(str(path)), Events())
    with pytest.raises(StoreError, match=rf"database {path} belongs to another program.*give the path of a file"):
        store.write_sync(add_task)
    with pytest.raises(StoreError, match="belongs to another program"):
        store.read(all_tasks)
    store.close()
    assert contents(tmp_path) == before


def application_id(path: Path) -> int:
    connection = sqlite3.connect(path)
    found = connection.execute("PRAGMA application_id").fetchone()[0]
    connection.close()
    return int(found)


def of_the_first_version(folder: Path) -> tuple[Task, Path]:
    """A task, and a file with it as the first version would have written it."""
    newer, path = folder / "newer.db", folder / "tasks.db"
    store = Store(parse_database(str(newer)), Events())
    task = store.write_sync(add_task)
    store.close()
    path.touch()
    connection = sqlite3.connect(path, isolation_level=None)
    schema.MIGRATIONS[0](connection)
    connection.execute("ATTACH ? AS newer", (str(newer),))
    connection.execute("DELETE FROM meta")
    for table in ("meta", "queues", "tasks"):
        columns = ", ".join(row[1] for row in connection.execute(f"PRAGMA main.table_info({table})"))
        connection.execute(f"INSERT INTO main.{table} SELECT {columns} FROM newer.{table}")
    connection.execute("PRAGMA main.user_version = 1")
    connection.close()
    return task, path


def test_a_file_of_before_there_was_an_application_id_is_adopted(tmp_path: Path) -> None:
    task, path = of_the_first_version(tmp_path)
    assert application_id(path) == 0
    run_sql(path, "CREATE TABLE notes_of_its_user (text TEXT)", "ANALYZE")
    store = Store(parse_database(str(path)), Events())
    assert store.read(all_tasks) == [task]
    store.close()
    assert application_id(path) == APPLICATION_ID


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "tasks.db"
    path.touch()
    store = Store(parse_database(str(path)), Events())
    store.write_sync(add_task)
    store.close()
    assert application_id(path) == APPLICATION_ID


def test_a_file_whose_process_was_killed_goes_on(tmp_path: Path) -> None:
    """All that it has may stand in the log."""
    path, copy = tmp_path / "tasks.db", tmp_path / "copy"
    copy.mkdir()
    store = Store(parse_database(str(path)), Events())
    task = store.write_sync(add_task)
    for file in tmp_path.glob("tasks.db*"):
        shutil.copy(file, copy)
    store.close()
    left = Store(parse_database(str(copy / "tasks.db")), Events())
    assert left.read(all_tasks) == [task]
    left.close()
