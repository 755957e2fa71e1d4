"""Files beside the database that are there to be locked."""

import os
from pathlib import Path


def open_lock_file(path: Path) -> int:
    """The open file. If it must be made, it is for this user alone, whatever the umask."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        file = os.open(path, flags | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags, 0o600)
    os.fchmod(file, 0o600)  # the umask may have left less
    return file
