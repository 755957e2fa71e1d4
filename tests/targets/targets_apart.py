"""A network of one's own for a program of a test's: no other, and whatever is set there ends with it."""

import fcntl
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

import pytest

_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1


def run_apart(module: str) -> None:
    """Run that module of the tests there; skips the test where the system does not allow it."""
    apart = ["unshare", "--map-root-user", "--net", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], capture_output=True).returncode:
        pytest.skip("a network of one's own cannot be had here")
    command = [*apart, sys.executable, "-W", "error", "-m", module]
    folder = Path(__file__).parent.parent
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=40)
    assert ended.returncode == 0, ended.stderr


def set_loopback_up() -> None:
    """In there: have 127.0.0.1."""
    with socket.socket() as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _IFF_UP))
