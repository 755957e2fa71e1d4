"""Servers that a contestant brings with it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from bench.places import CRATE, redis_server

REDIS_URL = "BENCH_REDIS_URL"
ASKED = "BENCH_ASKED"
"""In the environment if results are asked for."""


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def server(
    command: Sequence[str],
    port: int | None = None,
    env: Mapping[str, str] | None = None,
    complaints: int | None = None,
) -> Generator[int]:
    """Run a server, once it listens if it has a port, and end it afterwards; gives its process id."""
    # Its output would mix with our figures; its complaints go where ours go unless said otherwise.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=complaints, env={**os.environ, **(env or {})})
    try:
        if port is not None:
            _wait_until_listening(process, port)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_listening(process: subprocess.Popen[bytes], port: int, seconds: float = 30) -> None:
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
        if process.poll() is not None:
            break
    raise RuntimeError(f"{process.args!r} does not listen on port {port}")


@contextmanager
def crate() -> Generator[str]:
    """The Rust service on a free port; gives its address."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    told = {"LISTEN_ADDR": address, "OIDC_ISSUER": f"http://{address}", "QUEUES": ""}
    # It writes a line for each task, which must cost it as little as can be.
    with server([str(CRATE)], port, told, complaints=subprocess.DEVNULL):
        yield address


@contextmanager
def uvicorn(factory: str, port: int | None = None) -> Generator[str]:
    """One uvicorn worker of the application that `factory` makes; gives its URL."""
    port = port or free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--port", str(port), "--log-level", "warning"]
    with server([*command, "--no-access-log"], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def redis() -> Generator[None]:
    """A Redis server that writes nothing to disk; its URL is in the environment."""
    binary = redis_server()
    assert binary, "no redis-server"
    port = free_port()
    command = [binary, "--port", str(port), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"]
    with server(command, port):
        os.environ[REDIS_URL] = f"redis://127.0.0.1:{port}"
        yield
