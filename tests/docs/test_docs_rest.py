"""The curl commands of docs/local-service.md do what the page says."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal

from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings

PAGE = Path(__file__).parents[2] / "docs" / "local-service.md"
BLOCK = re.compile(r"^```console\n(\$ curl .*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*?)(?=^\$ |\Z)", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [command for block in BLOCK.findall(PAGE.read_text()) for command in COMMAND.findall(block)]


def run(command: str, address: str) -> Any:
    script = command.replace("localhost:8123", address).replace("curl", "curl --silent --fail-with-body", 1)
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, (script, done.stdout, done.stderr)
    return json.loads(done.stdout)


def test_the_curl_commands_do_what_they_say() -> None:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(emulating(PortSettings(port=0, grace=0.0))) as emulator,
    ):
        queue, task, listed, paused, deleted, job, run_job = (run(each, emulator.address) for each in commands())
    assert queue["name"] == "projects/my-project/locations/us-central1/queues/orders"
    assert task["name"] == f"{queue['name']}/tasks/hello"
    assert [task["httpRequest"]["body"] for task in listed["tasks"]] == ["aGVsbG8="]
    assert paused["state"] == "PAUSED"
    assert deleted == {}
    assert job["name"] == "projects/my-project/locations/us-central1/jobs/nightly"
    assert job["scheduleTime"].endswith("T03:00:00Z")
    assert run_job["name"] == job["name"]
