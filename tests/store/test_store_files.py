"""What files the service makes, and that it never comes between SQLite and its locks."""

import os
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gcptasks.base.errors import StoreError
from gcptasks.base.events import Events
from gcptasks.runtime.leader_lock import LeaderLock
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from store.store_verbs import add_task, all_tasks


def store_on(path: Path) -> Store:
    return Store(parse_database(str(path)), Events())


def in_another_process(path: Path, do: str) -> str:
    """What a process prints that opens the store, does this with it, and closes it."""
    program = f"""
from gcptasks.base.events import Events
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from store.store_verbs import add_task, all_tasks
store = Store(parse_database({str(path)!r}), Events())
{do}
store.close()
"""
    tests = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", program], check=True, cwd=tests, capture_output=True, text=True)
    return done.stdout.strip()


WRITE, COUNT = "store.write_sync(add_task)", "print(len(store.read(all_tasks)))"


def test_two_stores_on_a_file_lose_nothing_to_a_process_that_closes_it(tmp_path: Path) -> None:
    path = tmp_path / "tasks.db"
    one, other = store_on(path), store_on(path)
    one.write_sync(add_task)
    one.read(all_tasks)
    other.write_sync(add_task)
    in_another_process(path, WRITE)
    one.write_sync(add_task)
    other.write_sync(add_task)
    assert in_another_process(path, COUNT) == "5"
    one.close()
    other.close()
    assert in_another_process(path, COUNT) == "5"


def test_a_store_loses_nothing_while_another_is_opened_and_closed_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "tasks.db"
    stays, comes_and_goes = store_on(path), store_on(path)
    stays.write_sync(add_task)
    for _ in range(3):
        comes_and_goes.write_sync(add_task)
        comes_and_goes.read(all_tasks)
        comes_and_goes.close()
        in_another_process(path, WRITE)
        stays.write_sync(add_task)
    stays.close()
    assert in_another_process(path, COUNT) == "10"


@contextmanager
def umask(mask: int) -> Generator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_what_the_service_makes_is_for_its_user_alone(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "new" / "deep" / "tasks.db"
    store = store_on(path)
    with umask(mask):
        store.write_sync(add_task)
        lock = LeaderLock(store.database.lock_path)
        assert lock.take()
    modes = {found.name: mode(found) for found in (tmp_path / "new").rglob("*")}
    store.close()
    lock.release()
    assert mode(tmp_path / "new") == 0o700
    assert modes == {
        "deep": 0o700,
        "tasks.db": 0o600,
        "tasks.db-wal": 0o600,
        "tasks.db-shm": 0o600,
        "tasks.db.lock": 0o600,
    }


def test_where_the_platform_lets_only_root_make_files_by_mknod_they_are_made_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def for_root_alone(path: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "mknod", for_root_alone)
    path = tmp_path / "tasks.db"
    store = store_on(path)
    with umask(0):
        store.write_sync(add_task)
    store.close()
    assert mode(path) == 0o600


def test_what_the_user_made_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    path, lock_path = folder / "tasks.db", folder / "tasks.db.lock"
    for made, its_mode in ((folder, 0o755), (path, 0o664), (lock_path, 0o644)):
        made.touch()
        made.chmod(its_mode)
    store = store_on(path)
    store.write_sync(add_task)
    lock = LeaderLock(store.database.lock_path)
    assert lock.take()
    assert [mode(folder), mode(path), mode(lock_path)] == [0o755, 0o664, 0o644]
    assert mode(folder / "tasks.db-wal") == 0o664
    store.close()
    lock.release()


def test_a_file_has_one_leader_by_whichever_way_it_is_reached(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "folder").symlink_to(tmp_path / "data")
    (tmp_path / "file.db").symlink_to(tmp_path / "data" / "tasks.db")  # which is not there yet
    ways = [tmp_path / "file.db", tmp_path / "data" / "tasks.db", tmp_path / "folder" / "tasks.db"]
    stores = [store_on(way) for way in ways]
    for store in stores:
        store.write_sync(add_task)
    assert [len(store.read(all_tasks)) for store in stores] == [3, 3, 3]
    locks = [LeaderLock(store.database.lock_path) for store in stores]
    assert [lock.take() for lock in locks] == [True, False, False]
    for store in stores:
        store.close()
    locks[0].release()


@pytest.mark.parametrize("replaced", [False, True], ids=["deleted", "replaced"])
async def test_nothing_is_accepted_into_a_file_that_is_no_longer_there(tmp_path: Path, replaced: bool) -> None:
    path, away = tmp_path / "tasks.db", tmp_path / "away.db"
    store = store_on(path)
    task = store.write_sync(add_task)
    path.rename(away)
    if replaced:
        path.touch()
    for _ in range(2):
        with pytest.raises(StoreError, match=rf"the database {path} was deleted or replaced.*restart"):
            store.write_sync(add_task)
        with pytest.raises(StoreError, match="deleted or replaced"):
            await store.write(add_task)
    away.rename(path)
    assert store.read(all_tasks) == [task]
    store.write_sync(add_task)
    store.close()
    assert in_another_process(path, COUNT) == "2"


def test_what_is_no_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name, reason in (
        ("pipe", "no regular file"),
        ("text/tasks.db", "Not a directory"),
        ("loop", "symbolic links"),
    ):
        with pytest.raises(StoreError, match=rf"the database {tmp_path / name} cannot be written: .*{reason}"):
            store_on(tmp_path / name).open()
