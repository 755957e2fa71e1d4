"""The application's own process, without the command that starts it."""

import select
import socket
import subprocess
import sys
from pathlib import Path

from gcptasks.cli.serving import _PROGRAM

APP = "from fastapi import FastAPI\napp = FastAPI()\n"


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
