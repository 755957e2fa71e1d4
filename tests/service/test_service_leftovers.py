"""A queue that is purged or deleted is empty at once, for everybody; its rows are dropped bit by bit."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gcptasks.base.events import AttemptSucceeded, QueueChanged
from gcptasks.engine.model import Reply
from gcptasks.service import dispatch
from gcptasks.store.due import BEGINNING
from service.service_kept import Kept
from service.test_service_repeats import GONE, NEVER, TOO_RECENT

MANY = 250
"""More than two sweeps drop."""
DAY = timedelta(days=1)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "tasks.db")
    yield made
    made.store.close()


def swept(kept: Kept) -> int:
    """Sweep to the end; how often it took."""
    times = 1
    while kept.sweep():
        times += 1
    return times


def fill(kept: Kept, count: int = MANY) -> list[str]:
    """Add tasks, half of them named; their names."""
    queue = kept.queue
    return [kept.api.task(queue, name=f"{queue}/tasks/t{n}" if n % 2 else "").name for n in range(count)]


def check_gone(kept: Kept, names: list[str]) -> None:
    """To all who ask by name, these are no more, and cannot be made again."""
    for name in names:
        assert kept.api.refusal("get_task", name=name) == GONE
        assert kept.api.refusal("delete_task", name=name) == NEVER
        assert kept.api.refusal("run_task", name=name) == NEVER
        assert kept.api.no_task(kept.queue, name=name) == TOO_RECENT


def test_a_purged_queue_is_empty_at_once_and_its_tasks_are_dropped_bit_by_bit(kept: Kept) -> None:
    purged = fill(kept)
    kept.api.call("purge_queue", name=kept.queue)
    assert kept.rows("tasks") == MANY
    assert kept.names() == []
    check_gone(kept, purged[:4])
    new = fill_after(kept)
    assert kept.sweep() is True
    assert kept.rows("tasks") == MANY - 100 + len(new)
    check_gone(kept, purged[::49])
    assert swept(kept) < 5
    assert (kept.rows("tasks"), kept.rows("leftovers"), kept.names()) == (len(new), 0, new)
    check_gone(kept, purged)


def fill_after(kept: Kept) -> list[str]:
    queue = kept.queue
    return [kept.api.task(queue, name=f"{queue}/tasks/new").name, kept.api.task(queue).name]


def test_the_names_of_purged_tasks_are_free_after_a_day_swept_or_not(kept: Kept) -> None:
    purged = fill(kept)
    named = [name for name in purged if "/tasks/t" in name]
    kept.api.call("purge_queue", name=kept.queue)
    kept.sweep()
    kept.clock.advance(DAY)
    for name in named:
        assert kept.api.refusal("get_task", name=name) == NEVER
        assert kept.api.task(kept.queue, name=name).name == name
    # Deleted again, they are blocked anew, and the end of the sweep does not free them.
    for name in named:
        kept.api.call("delete_task", name=name)
    swept(kept)
    check_gone(kept, named)
    assert kept.rows("tasks") == 0


def test_a_queue_is_purged_again_while_the_first_purge_is_swept(kept: Kept) -> None:
    purged = fill(kept, 150)
    kept.api.call("purge_queue", name=kept.queue)
    kept.sweep()
    purged += [kept.api.task(kept.queue, name=f"{kept.queue}/tasks/second{n}").name for n in range(150)]
    kept.api.call("purge_queue", name=kept.queue)
    check_gone(kept, purged)
    kept.sweep()
    check_gone(kept, purged)
    swept(kept)
    check_gone(kept, purged)
    assert kept.rows("tasks") == 0


def test_a_deleted_queue_leaves_nothing_and_one_of_its_name_has_none_of_its_tasks(kept: Kept) -> None:
    names = fill(kept)
    kept.api.call("purge_queue", name=kept.queue)
    kept.sweep()
    names += [kept.api.task(kept.queue, name=f"{kept.queue}/tasks/late").name]
    kept.api.call("delete_queue", name=kept.queue)
    kept.sweep()
    kept.clock.advance(timedelta(days=8))
    kept.api.queue()
    for name in names:
        assert kept.api.refusal("get_task", name=name) == NEVER
    again = kept.api.task(kept.queue, name=names[1]).name
    swept(kept)
    assert kept.names() == [again]
    assert [kept.rows(table) for table in ("tasks", "blocked_tasks", "leftovers", "forced")] == [1, 0, 0, 0]


def test_attempts_of_purged_tasks_are_neither_begun_nor_written_back(kept: Kept) -> None:
    """CT-084: what is under way ends as it may."""
    store, now = kept.store, kept.clock.now()
    fill(kept, 4)
    queue = store.read(dispatch.queues_after, 0, 0, 1).queues[0].queue
    numbers = [due.number for due in store.read(dispatch.due_tasks, queue.name, BEGINNING, 2**62, 10)]
    first, second = store.write_sync(dispatch.lease, dispatch.Wanted({queue.name: numbers[:2]}), now)
    kept.api.call("run_task", name=str(first.task.name))
    kept.api.call("purge_queue", name=kept.queue)
    assert store.read(dispatch.due_tasks, queue.name, BEGINNING, 2**62, 10) == []
    wanted = dispatch.Wanted({queue.name: numbers}, forced=True)
    assert store.write_sync(dispatch.lease, wanted, now) == []
    ended = [dispatch.Ended(first, Reply(status=200), now), dispatch.Ended(second, Reply(status=500), now)]
    store.write_sync(dispatch.acknowledge, ended)
    assert not [event for event in kept.heard.events if isinstance(event, AttemptSucceeded)]
    assert kept.names() == []
    check_gone(kept, [str(first.task.name), str(second.task.name)])
    swept(kept)
    assert [kept.rows(table) for table in ("tasks", "leftovers", "forced")] == [0, 0, 0]


def test_a_page_token_of_before_a_purge_shows_what_came_after_it(kept: Kept) -> None:
    fill(kept, 4)
    page = kept.api.call("list_tasks", parent=kept.queue, page_size=2)
    kept.api.call("purge_queue", name=kept.queue)
    new = kept.api.task(kept.queue).name
    rest = kept.api.call("list_tasks", parent=kept.queue, page_token=page.next_page_token)
    assert [task.name for task in rest.tasks] == [new]


@pytest.mark.parametrize("method", ["purge_queue", "delete_queue"])
def test_another_process_and_one_after_a_kill_find_the_queue_empty(tmp_path: Path, method: str) -> None:
    path = tmp_path / "tasks.db"
    other = Kept(path)
    names = fill(other)
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from service.service_kept import Kept\n"
        "kept = Kept(Path(sys.argv[1]))\n"
        "kept.api.call(sys.argv[2], name=kept.queue)\n"
        "kept.sweep()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", program, str(path), method]
    assert subprocess.run(command, cwd=Path(__file__).parents[1]).returncode == -signal.SIGKILL
    found = GONE if method == "purge_queue" else NEVER
    for _ in range(2):
        assert other.api.refusal("get_task", name=names[0]) == found
        assert other.api.refusal("get_task", name=names[-1]) == found
        other.store.close()
    swept(other)
    assert [other.rows(table) for table in ("tasks", "leftovers")] == [0, 0]
    assert other.api.refusal("get_task", name=names[-1]) == found
    other.store.close()


def test_how_many_tasks_went_is_counted_up_to_a_hundred_thousand(kept: Kept) -> None:
    fill(kept, 1)
    copies = (
        "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 101000) "
        "INSERT INTO tasks (id, queue, scheduled_at, created_at, method, url, headers, body, deadline_us) "
        "SELECT i, queue, scheduled_at, created_at, method, url, headers, body, deadline_us FROM tasks, n"
    )
    with closing(sqlite3.connect(kept.path, isolation_level=None)) as connection:
        connection.execute(copies)
    kept.api.call("purge_queue", name=kept.queue)
    assert [event.tasks for event in kept.heard.events if isinstance(event, QueueChanged)][-1] == 100_000


def test_a_file_of_before_is_brought_along(tmp_path: Path) -> None:
    """Written by the version before: two paused queues, each with a named and an unnamed task, and a blocked name."""
    path = tmp_path / "tasks.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((Path(__file__).parent / "service_schema_3.sql").read_text())
    old = Kept(path, queue="first")
    first = old.names()
    assert len(first) == 2
    for name in first:
        assert old.api.get(name).name == name
    check_gone(old, [f"{old.queue}/tasks/gone"])
    old.api.call("purge_queue", name=old.queue)
    assert old.names() == []
    check_gone(old, [*first, f"{old.queue}/tasks/gone"])
    swept(old)
    check_gone(old, [*first, f"{old.queue}/tasks/gone"])
    second = old.queue.replace("first", "second")
    assert len(old.api.call("list_tasks", parent=second).tasks) == 2
    assert old.rows("tasks") == 2
    old.store.close()
