"""The application's own process, without the command that starts it."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from gcptasks.cli.serving import _PROGRAM

APP = "from fastapi import FastAPI\napp = FastAPI()\n"
ENDLESS = """
import asyncio
from fastapi import FastAPI
app = FastAPI()

@app.get("/")
async def endless() -> None:
    print("begun", flush=True)
    await asyncio.sleep(3600)
"""


def test_an_application_ends_with_a_parent_that_never_read_what_it_told(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APP)
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.create_server(("127.0.0.1", 0)) as listening:
        numbers = [theirs.fileno(), listening.fileno()]
        command = [sys.executable, "-c", _PROGRAM, *map(str, numbers), str(tmp_path), "main"]
        process = subprocess.Popen(command, pass_fds=numbers)
        theirs.close()
        try:
            assert select.select([ours], [], [], 30)[0], "the application told nothing"
            ours.close()  # with what it told unread: the other end is reset
            assert process.wait(30) is not None
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize("stopping", [False, True], ids=["serving", "stopping"])
def test_an_application_whose_parent_has_ended_waits_for_no_request(tmp_path: Path, stopping: bool) -> None:
    (tmp_path / "main.py").write_text(ENDLESS)
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.create_server(("127.0.0.1", 0)) as listening:
        numbers = [theirs.fileno(), listening.fileno()]
        patient = _PROGRAM.replace(
            "from gcptasks", "import gcptasks.cli.serve_app as s; s._GRACE = 3600\nfrom gcptasks"
        )
        command = [sys.executable, "-uc", patient, *map(str, numbers), str(tmp_path), "main"]
        piped = subprocess.Popen(command, pass_fds=numbers, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        theirs.close()
        with piped as process, killed_at_the_end(process):
            with socket.create_connection(listening.getsockname(), 30) as request:
                request.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                _wait_for(process.stdout, b"begun")
                if stopping:
                    process.send_signal(signal.SIGTERM)
                    _wait_for(process.stderr, b"Shutting down")
                ours.close()
                _, said = process.communicate(timeout=30)
            assert b"Application shutdown complete" in said


@contextmanager
def killed_at_the_end(process: subprocess.Popen[bytes]) -> Generator[None]:
    try:
        yield
    finally:
        process.kill()


def _wait_for(output: IO[bytes] | None, text: bytes) -> None:
    assert output is not None
    seen = b""
    while text not in seen:
        assert select.select([output], [], [], 30)[0], f"no {text!r} in {seen!r}"
        more = os.read(output.fileno(), 65536)
        assert more, f"no {text!r} in {seen!r}"
        seen += more
