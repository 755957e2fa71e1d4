"""Where the database is: a file on a local disk, or memory."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from gcptasks.base.errors import StoreError

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "fuse.sshfs"})


@dataclass(frozen=True, slots=True)
class Database:
    """A database file, or memory when `path` is None."""

    path: Path | None

    @property
    def lock_path(self) -> Path | None:
        """The file beside the database whose lock the one dispatching process holds."""
        return None if self.path is None else self.path.with_name(self.path.name + ".lock")

    def __str__(self) -> str:
        return "memory" if self.path is None else str(self.path)


def parse_database(text: str) -> Database:
    """The database of `memory:`, `:memory:`, `sqlite:///relative.db`, `sqlite:////absolute.db` or a plain path."""
    if text in ("memory:", ":memory:"):
        return Database(None)
    path = text.removeprefix("sqlite:///") if text.startswith("sqlite:///") else text
    if "://" in path or not path:
        raise ValueError(f"{text!r} is no database: give 'sqlite:///tasks.db' (a file) or 'memory:'")
    return Database(Path(path).absolute())


def prepare_file(database: Database) -> Path | None:
    """The path of the file, made together with its folder; `StoreError` if a database cannot live there."""
    path = database.path
    if path is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "ab"):
            pass
    except OSError as error:
        raise StoreError(f"the database {path} cannot be written: {error.strerror}") from error
    kind = file_system(path)
    if kind in _NETWORK:
        raise StoreError(
            f"the database {path} is on a network file system ({kind}), where SQLite's write-ahead log loses data: "
            "put it on a local disk"
        )
    return path


def file_system(path: Path) -> str | None:
    """The kind of file system that holds `path`, or None where it cannot be told."""
    if sys.platform != "linux":
        return None
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return kind_of(os.path.realpath(path), mounts)


def kind_of(path: str, mounts: str) -> str | None:
    """The kind of file system that holds that absolute path, by the lines of `/proc/self/mounts`."""
    best, kind = "", None
    for line in mounts.rstrip("\n").split("\n"):
        point, this = line.split(" ")[1:3]
        point = point.replace("\\040", " ")
        # The longest holds it; of two on the same point the later one, which hides the other.
        if len(point) >= len(best) and (path == point or path.startswith(point.rstrip("/") + "/")):
            best, kind = point, this
    return kind
