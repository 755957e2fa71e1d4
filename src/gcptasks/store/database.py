"""Where the database is: a file on a local disk, or memory.

Nothing here opens the file, nor its -shm: whoever closes one of them, though it had it open for a moment only,
drops every POSIX lock of this process on it, those that SQLite relies on. Another process that ends then takes itself
for the last one, deletes the log, and what is committed to it afterwards is lost. So `stat` and `access` must do.
"""

import errno
import os
import stat
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
        """The file beside the database whose lock the one dispatching process holds.

        It is the same by whichever symbolic links the database is reached, or each would have its own leader.
        """
        return None if self.path is None else Path(os.path.realpath(self.path) + ".lock")

    @property
    def turn_path(self) -> Path | None:
        """The file beside the database whose lock the process holds that writes next; likewise the same for all."""
        return None if self.path is None else Path(os.path.realpath(self.path) + ".turn")

    def __str__(self) -> str:
        return "memory" if self.path is None else str(self.path)


def parse_database(text: str) -> Database:
    """The database of `memory:`, `sqlite:///relative.db`, `sqlite:////absolute.db` or a plain path.

    Memory has the names too by which SQLite and SQLAlchemy know it.
    """
    if text in ("memory:", ":memory:", "sqlite://", "sqlite:///:memory:"):
        return Database(None)
    path = text.removeprefix("sqlite:///") if text.startswith("sqlite:///") else text
    if "://" in path or not path or path.startswith((":memory:", "file:")):
        raise ValueError(f"{text!r} is no database: give 'sqlite:///tasks.db' (a file) or 'memory:'")
    return Database(Path(path).absolute())


def prepare_file(database: Database) -> Path | None:
    """The path of the file, made together with its folder; `StoreError` if a database cannot live there.

    What is made is for this user alone, whatever the umask; what is there stays as it is.
    """
    path = database.path
    if path is None:
        return None
    kind = file_system(path)
    if kind in _NETWORK:
        raise StoreError(
            f"the database {path} is on a network file system ({kind}), where SQLite's write-ahead log loses data: "
            "put it on a local disk"
        )
    real = Path(os.path.realpath(path))
    try:
        _make_folder(real.parent)
        if not real.exists():
            _make_file(real)
        _check_writable(real)
    except OSError as error:
        raise StoreError(f"the database {path} cannot be written: {error.strerror}") from error
    return path


def _make_folder(folder: Path) -> None:
    """Make the folder, and those above it that are missing."""
    if folder.is_dir():
        return
    if folder.exists():
        raise _os_error(errno.ENOTDIR)
    _make_folder(folder.parent)
    try:
        folder.mkdir(0o700)
    except FileExistsError:
        return  # another process made it just now
    folder.chmod(0o700)  # the umask may have left less


def _make_file(path: Path) -> None:
    """Make an empty file, which SQLite takes for a new database, and gives the log the same mode.

    `mknod` makes it without opening it. Another store of this process may have it open by SQLite a moment later, and to
    close it then would drop its locks. Not to set the umask, which is that of all threads.
    """
    try:
        os.mknod(path, 0o600)
    except FileExistsError:
        return  # another process made it just now
    except PermissionError:
        # macOS has mknod for root alone. Only a store that opens this new file within these two calls could lose its
        # locks; and where the folder is what forbids it, this says so.
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return
    path.chmod(0o600)  # the umask may have left less


def _check_writable(path: Path) -> None:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise _os_error(errno.EISDIR)
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is no regular file")
    # In the folder SQLite makes the log.
    if not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK | os.X_OK):
        raise _os_error(errno.EACCES)


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


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
