"""`--synchronous`, by what a user has of it: on a disk that cannot sync, nothing is accepted that needs a sync."""

import sys
from pathlib import Path

import pytest
from google.api_core.exceptions import InternalServerError
from google.cloud.tasks_v2 import HttpRequest, Task

from cli.cli_disk_without_sync import SYNCS
from cli.cli_programs import DEV, EMULATOR, QUEUE, Start, client

WITHOUT_SYNC = Path(__file__).with_name("cli_disk_without_sync.py")
ADDRESS = r"(?:serve at|local tasks) +([^\s,]+)"

pytestmark = pytest.mark.skipif(not SYNCS, reason="on this machine the test cannot make a disk fail")


@pytest.fixture(params=["emulator", "dev"])
def command(request: pytest.FixtureRequest, start: Start, tmp_path: Path) -> list[str]:
    """A command that serves `tasks.db`, whose log has begun: SQLite syncs its first entry at each setting."""
    first = start(EMULATOR, "--port", "0", "--db", "tasks.db", "--queue", QUEUE)
    first.wait(ADDRESS)
    first.kill_all()
    if request.param == "emulator":
        return [*EMULATOR, "--port", "0", "--db", "tasks.db"]
    (tmp_path / "main.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    return [*DEV, "main.py", "--no-reload", "--port", "0", "--service-port", "0", "--db", "tasks.db"]


def create_task_without_sync(start: Start, command: list[str], *options: str) -> str:
    program = str(Path(sys.executable).with_name(command[0]))
    running = start([Path(sys.executable).name, str(WITHOUT_SYNC), program, *command[1:], *options])
    task = Task(http_request=HttpRequest(url="http://localhost:9/"))
    return client(running.wait(ADDRESS)[1]).create_task(parent=QUEUE, task=task).name


@pytest.mark.parametrize("options", [(), ("--synchronous", "full")], ids=["default", "full"])
def test_full_accepts_no_task_that_a_power_cut_could_take(
    start: Start, command: list[str], options: tuple[str, ...]
) -> None:
    with pytest.raises(InternalServerError, match="disk I/O error"):
        create_task_without_sync(start, command, *options)


def test_normal_accepts_tasks_without_a_sync(start: Start, command: list[str]) -> None:
    assert create_task_without_sync(start, command, "--synchronous", "normal").startswith(QUEUE)
