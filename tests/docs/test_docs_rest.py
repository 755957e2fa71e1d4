"""The curl commands of docs/local-service.md, and its Python, do what the page says."""

import json
import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anyio.from_thread import start_blocking_portal

from gcptasks.server.emulator import emulating
from gcptasks.server.settings import PortSettings

PAGE = Path(__file__).parents[2] / "docs" / "local-service.md"
TOKEN = "let-me-in"
NOW = datetime(2030, 1, 1, tzinfo=UTC)
BLOCK = re.compile(r"^```console\n(\$ curl .*?)^```$", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(from google|import grpc)(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*?)(?=^\$ |\Z)", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [command for block in BLOCK.findall(PAGE.read_text()) for command in COMMAND.findall(block)]


def run(command: str, address: str) -> Any:
    script = command.replace("localhost:8123", address).replace("curl", "curl --silent --fail-with-body", 1)
    environment = os.environ | {"CLOUD_TASKS_ADMIN_TOKEN": TOKEN}
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, (script, done.stdout, done.stderr)
    return json.loads(done.stdout)


def test_the_curl_commands_do_what_they_say() -> None:
    settings = PortSettings(port=0, grace=0.0, admin_token=TOKEN, manual_clock=NOW)
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(emulating(settings)) as emulator,
    ):
        done = [run(each, emulator.address) for each in commands()]
    queue, task, listed, updated, paused, found, deleted, job, run_job, waited, reset, clock = done
    assert queue["name"] == "projects/my-project/locations/us-central1/queues/orders"
    assert task["name"] == f"{queue['name']}/tasks/hello"
    assert [task["httpRequest"]["body"] for task in listed["tasks"]] == ["aGVsbG8="]
    assert updated["rateLimits"]["maxDispatchesPerSecond"] == 5
    assert paused["state"] == "PAUSED"
    assert found["queues"] == [paused]
    assert deleted == {}
    assert job["name"] == "projects/my-project/locations/us-central1/jobs/nightly"
    assert job["scheduleTime"].endswith("T03:00:00Z")
    assert run_job["name"] == job["name"]
    assert waited == {"reached": True, "queues": [], "jobs": []}
    assert reset == {}
    assert clock == {"time": "2030-01-01T01:00:00Z", "manual": True}


def test_googles_client_in_python_calls_the_service_as_the_page_connects_it() -> None:
    blocks = ["".join(found.groups()) for found in PYTHON.finditer(PAGE.read_text())]
    assert ["CloudTasksGrpcTransport" in block for block in blocks] == [True, False]
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(emulating(PortSettings(port=0, grace=0.0))) as emulator,
    ):
        for block in blocks:
            there: dict[str, Any] = {}
            exec(block.replace("localhost:8123", emulator.address), there)
            with there["client"] as client:
                assert list(client.list_queues(parent="projects/my-project/locations/us-central1")) == []
