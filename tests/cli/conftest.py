from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.cli_programs import Program, Start, Worker


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
