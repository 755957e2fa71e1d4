"""Where a database may be."""

import sys
from pathlib import Path

import pytest

from gcptasks.base.errors import StoreError
from gcptasks.base.events import Events
from gcptasks.store.database import file_system, kind_of, parse_database
from gcptasks.store.store import Store
from store.store_verbs import add_task

MOUNTS = """overlay / overlay rw 0 0
proc /proc proc rw 0 0
/dev/sdb /data ext4 rw 0 0
server:/share /data/shared nfs4 rw 0 0
server:/team /mnt/our\\040team cifs rw 0 0
/dev/sdc /hidden ext4 rw 0 0
server:/other /hidden nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/tasks.db", "overlay"),
        ("/data/tasks.db", "ext4"),
        ("/data/shared", "nfs4"),
        ("/data/shared/deep/tasks.db", "nfs4"),
        ("/data/shared-not/tasks.db", "ext4"),
        ("/database/tasks.db", "overlay"),
        ("/mnt/our team/tasks.db", "cifs"),
        ("/hidden/tasks.db", "nfs"),
    ],
)
def test_the_file_system_is_that_of_the_nearest_mount_which_nothing_hides(path: str, kind: str) -> None:
    assert kind_of(path, MOUNTS) == kind


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it cannot be told")
def test_the_file_system_is_asked_of_the_system() -> None:
    assert file_system(Path("/proc/self/status")) == "proc"


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def on_nfs(path: Path) -> str:
        return "nfs4"

    monkeypatch.setattr("gcptasks.store.database.file_system", on_nfs)
    store = Store(parse_database(str(tmp_path / "tasks.db")), Events())
    with pytest.raises(StoreError, match=r"network file system \(nfs4\).*local disk"):
        store.open()


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    store = Store(parse_database(str(tmp_path / "a" / "b" / "tasks.db")), Events())
    store.write_sync(add_task)
    assert (tmp_path / "a" / "b" / "tasks.db").exists()
    store.close()


@pytest.mark.parametrize("text", ["memory:", ":memory:", "sqlite://", "sqlite:///:memory:"])
def test_memory_has_the_names_that_others_give_it(text: str) -> None:
    assert parse_database(text).path is None


@pytest.mark.parametrize("text", ["", "postgres://host/db", "sqlite:///", "file:tasks.db?mode=memory", ":memory:?a=b"])
def test_a_malformed_database_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no database: give 'sqlite:///tasks.db'"):
        parse_database(text)
