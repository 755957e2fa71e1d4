"""The service as a process of its own, on a free port."""

import queue
import re
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parent.parent
TOOLS = ROOT / ".tools"
"""Where programs in other languages are installed; git ignores it."""

_SERVES = re.compile(r" serve at (\S+):(\d+),")
_PATIENCE = 60
"""Seconds for the service to start or to stop, on a machine that is busy."""
_TROUBLE = re.compile(r"Traceback|\bERROR\b|\bfailed\b.*INTERNAL")


class Service:
    """`cloud-tasks-emulator`, running."""

    def __init__(self, process: "subprocess.Popen[str]", host: str, port: int, log: list[str]) -> None:
        self._process = process
        self.host = host
        self.port = port
        self._log = log

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`."""
        return f"{self.host}:{self.port}"

    @property
    def is_up(self) -> bool:
        """Whether its process runs."""
        return self._process.poll() is None

    def memory(self) -> int:
        """Bytes that it has in memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (kib,) = re.findall(r"VmRSS:\s+(\d+) kB", status)
        return int(kib) * 1024

    def trouble(self) -> str:
        """What its log says of failures of its own; empty if there were none."""
        first = next((number for number, line in enumerate(self._log) if _TROUBLE.search(line)), None)
        return "" if first is None else "\n".join(self._log[first : first + 40])


@contextmanager
def serving(*options: str) -> Generator[Service]:
    """A service with these options inside of the block, which is stopped and waited for at its end."""
    command = [sys.executable, "-c", "from gcptasks.cli.main import emulator; emulator()"]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", "0", "--log-level", "warning", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that Ctrl-C here reaches it by us alone
    )
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    log: list[str] = []
    reader = threading.Thread(target=_read, args=(process.stdout, log, lines), daemon=True)
    reader.start()
    try:
        host, port = _address(lines, log)
        yield Service(process, host, port, log)
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        finally:
            process.kill()
            process.wait()
            reader.join(_PATIENCE)


def _read(output: IO[str] | Any, log: list[str], lines: "queue.SimpleQueue[str]") -> None:
    for line in output:
        log.append(line.rstrip("\n"))
        lines.put(line)
    lines.put("")


def _address(lines: "queue.SimpleQueue[str]", log: list[str]) -> tuple[str, int]:
    while line := lines.get(timeout=_PATIENCE):
        if found := _SERVES.search(line):
            return found[1], int(found[2])
    raise RuntimeError("the service did not start:\n" + "\n".join(log))
