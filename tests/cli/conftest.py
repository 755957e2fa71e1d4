from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.cli_dev import APP, Dev, StartDev
from cli.cli_programs import DEV, EMULATOR, Program, Start, Worker, free_port
from cli.cli_resources import SERVES, Service


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    programs: list[Program] = []

    def start(command: list[str], *more: str, terminal: bool = False, **environment: str) -> Program:
        program = Program([*command, *more], tmp_path, terminal=terminal, **environment)
        programs.append(program)
        return program

    yield start
    for program in programs:
        program.kill_all()


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker()
    yield worker
    worker.close()


@pytest.fixture
def dev(start: Start, tmp_path: Path) -> StartDev:
    """Starts `dev` on free ports, with this code for `main.py` unless that is there already."""

    def dev(
        *options: str, app: str = "main.py", code: str | None = APP, port: int | None = None, **settings: Any
    ) -> Dev:
        port = port or free_port()
        if code is not None:
            (tmp_path / "main.py").write_text(code.replace("localhost:8000", f"localhost:{port}"))
        settings.setdefault("BASE_URL", f"http://localhost:{port}")
        return Dev(start(DEV, app, "--port", str(port), "--service-port", "0", *options, **settings), port)

    return dev


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A local service on a port, which the tests of a file share: each has a project of its own."""
    command = [*EMULATOR, "--port", "0", "--app-engine", "http://localhost:1"]
    program = Program(command, tmp_path_factory.mktemp("emulator"))
    yield Service(program.wait(SERVES)["address"])
    program.kill_all()


@pytest.fixture
def location(service: Service) -> str:
    """A location whose project no other test has."""
    return service.location()
