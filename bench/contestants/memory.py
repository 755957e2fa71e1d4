"""How much memory a process holds."""

import os
from pathlib import Path


def resident(pid: int | None = None) -> int:
    """Bytes of memory in use by this process, or another one."""
    return int(Path(f"/proc/{pid or os.getpid()}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
