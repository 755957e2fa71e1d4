"""The tables, as numbered migrations: `PRAGMA user_version` says how many a file has had.

Times are whole microseconds since 1970 in UTC. A task's `id` is its number; an unnamed task has no `task_id`, its name
is made from the number (`engine.made_ids`), so a finished one needs nothing kept to be told from one that never was.
A queue that is purged gets another `id`, and its tasks stay behind under the old one, where nobody finds them
(`store/leftovers.py`). Its `first_id` is then the one that it was created with: blocked names and made ids go by that.
A job's `next_at` is its next scheduled time. An execution is one run of a job that is not over: without `due_at` an
attempt is under way, else the next is made at that time.
A record's `sweep_at` is when to look whether it has expired: when it would have, had nothing come of it, so that what
comes of it touches no index. If its task was deleted while an attempt ran, it is when that attempt may have fallen
silent.
"""

import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path

from gcptasks.base.errors import StoreError, WrongSchema

APPLICATION_ID = int.from_bytes(b"fgct", "big")
"""Says in the header of the file whose database it is: `file` shows it, and no program takes over another's."""

_TASKS = """
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id_key INTEGER NOT NULL,
    next_number INTEGER NOT NULL
);
CREATE TABLE queues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    max_dispatches_per_second REAL NOT NULL,
    max_concurrent_dispatches INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    max_retry_duration_ns INTEGER NOT NULL,
    min_backoff_ns INTEGER NOT NULL,
    max_backoff_ns INTEGER NOT NULL,
    max_doublings INTEGER NOT NULL,
    sampling_ratio REAL NOT NULL,
    purged_at INTEGER
);
CREATE TABLE blocked_queues (
    name TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    task_id TEXT,
    scheduled_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    method TEXT NOT NULL,
    url TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    token TEXT,
    deadline_us INTEGER NOT NULL,
    retry TEXT,
    dispatch_count INTEGER NOT NULL DEFAULT 0,
    response_count INTEGER NOT NULL DEFAULT 0,
    first_dispatched_at INTEGER,
    attempt_scheduled_at INTEGER,
    attempt_dispatched_at INTEGER,
    attempt_responded_at INTEGER,
    attempt_status INTEGER
);
CREATE INDEX tasks_due ON tasks (queue, scheduled_at);
CREATE UNIQUE INDEX tasks_named ON tasks (queue, task_id) WHERE task_id IS NOT NULL;
CREATE TABLE blocked_tasks (
    queue INTEGER NOT NULL,
    task_id TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (queue, task_id)
) WITHOUT ROWID;
CREATE INDEX blocked_tasks_until ON blocked_tasks (until);
CREATE TABLE forced (
    id INTEGER PRIMARY KEY,
    task INTEGER NOT NULL
);
"""
_FIRST_TABLES = frozenset({"meta", "queues", "blocked_queues", "tasks", "blocked_tasks", "forced"})


def _add_tasks(connection: sqlite3.Connection) -> None:
    _run(connection, _TASKS)
    connection.execute("INSERT INTO meta VALUES (1, ?, 1)", (secrets.randbits(63),))


def _add_signing_keys(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE signing_keys (one INTEGER PRIMARY KEY CHECK (one = 1), pem TEXT NOT NULL)")


def _add_operations(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE operations (name TEXT PRIMARY KEY, done_at INTEGER NOT NULL, message BLOB NOT NULL)"
    )
    connection.execute("CREATE INDEX operations_done ON operations (done_at)")


def _add_leftovers(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE queues ADD COLUMN first_id INTEGER")
    connection.execute(
        "CREATE TABLE leftovers (first_id INTEGER NOT NULL, queue INTEGER NOT NULL, names_until INTEGER, "
        "PRIMARY KEY (first_id, queue)) WITHOUT ROWID"
    )


def _add_versions(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE meta ADD COLUMN queues_version INTEGER NOT NULL DEFAULT 0")
    connection.execute("ALTER TABLE queues ADD COLUMN version INTEGER NOT NULL DEFAULT 0")
    connection.execute("CREATE INDEX queues_version ON queues (version)")


_JOBS = """
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    state TEXT NOT NULL,
    schedule TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    interval_us INTEGER,
    target TEXT NOT NULL,
    retry TEXT,
    deadline_us INTEGER,
    updated_at INTEGER NOT NULL,
    next_at INTEGER,
    last_attempt_at INTEGER,
    status INTEGER NOT NULL
);
CREATE TABLE job_bodies (
    job INTEGER PRIMARY KEY,
    body BLOB NOT NULL
);
CREATE INDEX jobs_next ON jobs (next_at) WHERE next_at IS NOT NULL;
CREATE TABLE executions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job INTEGER NOT NULL,
    scheduled_at INTEGER NOT NULL,
    forced INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    first_attempt_at INTEGER,
    due_at INTEGER
);
CREATE INDEX executions_due ON executions (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX executions_under_way ON executions (id) WHERE due_at IS NULL;
CREATE INDEX executions_job ON executions (job);
CREATE UNIQUE INDEX executions_scheduled ON executions (job) WHERE NOT forced;
"""


def _add_jobs(connection: sqlite3.Connection) -> None:
    # Bodies stand apart, for a row is written anew, however large it is, whenever a time in it is.
    _run(connection, _JOBS)


def _add_app_engine(connection: sqlite3.Connection) -> None:
    # A task that has a routing is an App Engine task, and its url a relative one.
    connection.execute("ALTER TABLE tasks ADD COLUMN app_engine_routing TEXT")
    connection.execute("ALTER TABLE queues ADD COLUMN app_engine_routing_override TEXT")


_TASK_RECORDS = """
CREATE TABLE task_records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    endpoint TEXT NOT NULL,
    task_name TEXT NOT NULL,
    labels TEXT NOT NULL,
    arguments BLOB NOT NULL,
    confirmed INTEGER NOT NULL,
    run INTEGER NOT NULL,
    version INTEGER NOT NULL,
    keep_us INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    sweep_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    started_at INTEGER,
    heard_at INTEGER,
    finished_at INTEGER,
    progress TEXT,
    error TEXT,
    result BLOB
);
CREATE INDEX task_records_endpoint ON task_records (endpoint);
CREATE INDEX task_records_sweep ON task_records (sweep_at);
"""


def _add_task_records(connection: sqlite3.Connection) -> None:
    _run(connection, _TASK_RECORDS)


def _add_iam_policies(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE iam_policies (queue INTEGER PRIMARY KEY, version INTEGER NOT NULL, bindings TEXT NOT NULL, "
        "etag BLOB NOT NULL)"
    )
    connection.execute("CREATE TABLE cmek_configs (location TEXT PRIMARY KEY, kms_key TEXT NOT NULL) WITHOUT ROWID")


def _add_http_targets(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE queues ADD COLUMN http_target TEXT")
    connection.execute("ALTER TABLE queues ADD COLUMN max_burst_size INTEGER NOT NULL DEFAULT 0")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _add_tasks,
    _add_signing_keys,
    _add_operations,
    _add_leftovers,
    _add_versions,
    _add_jobs,
    _add_app_engine,
    _add_task_records,
    _add_iam_policies,
    _add_http_targets,
)
"""What brings a file from each schema to the next, within a transaction. One that was released never changes."""


def check_owner(connection: sqlite3.Connection, path: Path) -> None:
    """Only read, and raise `StoreError` if the file is neither new nor of this service."""
    connection.execute("BEGIN")  # so that all that is read is of one moment, as another process may make the tables
    try:
        owned_by, version = owner(connection), _version(connection)
        tables = {
            str(name)
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~'"
            )
        }
    finally:
        connection.rollback()
    is_new = owned_by == version == 0 and not tables
    # Files of before there was an application id.
    is_first = owned_by == 0 and version == 1 and tables >= _FIRST_TABLES
    if owned_by != APPLICATION_ID and not is_new and not is_first:
        raise StoreError(
            f"the database {path} belongs to another program, and was left as it is: "
            "give the path of a file that does not exist yet"
        )


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest schema; `WrongSchema` if a newer version of this service wrote it."""
    if _version(connection) == len(MIGRATIONS) and owner(connection) == APPLICATION_ID:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have migrated while we waited for the lock.
        version = _version(connection)
        if version > len(MIGRATIONS):
            raise WrongSchema(
                f"the database has schema {version}, this version of fastapi-gcp-tasks knows {len(MIGRATIONS)}: "
                "upgrade fastapi-gcp-tasks, or use another file"
            )
        for migrate_further in MIGRATIONS[version:]:
            migrate_further(connection)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    except BaseException:
        connection.rollback()  # SQLite may have ended the transaction by itself
        raise
    connection.execute("COMMIT")


def owner(connection: sqlite3.Connection) -> int:
    """Whose database it is: `APPLICATION_ID` if it is ours."""
    return _number(connection, "application_id")


def _version(connection: sqlite3.Connection) -> int:
    return _number(connection, "user_version")


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _run(connection: sqlite3.Connection, statements: str) -> None:
    # Not executescript, which would commit the transaction first.
    for statement in statements.split(";"):
        if statement.strip():
            connection.execute(statement)
