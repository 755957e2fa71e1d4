"""The example of tasks as functions, started by the command of its README, on free ports."""

import json
import re
import shlex
import urllib.request
from pathlib import Path

from cli.cli_programs import PATIENCE, Start, free_port

EXAMPLE = Path(__file__).parents[2] / "examples" / "functions"
README = (EXAMPLE / "README.md").read_text()


def test_the_example_does_what_its_readme_says(start: Start) -> None:
    (command,) = re.findall(r"^\$ (fastapi-gcp-tasks dev .*)$", README, re.MULTILINE)
    (order,) = re.findall(r"-d '(.*)'$", README, re.MULTILINE)
    port, service = free_port(), free_port()
    words = shlex.split(command)
    url = f"http://localhost:{port}"
    app = start(
        [*words, "--port", str(port), "--service-port", str(service)],
        WORKER_URL=f"{url}/tasks/run",
        PYTHONPATH=str(EXAMPLE),
    )
    app.wait("Uvicorn running on|Application startup complete")

    def buy() -> list[str]:
        request = urllib.request.Request(f"{url}/orders", order.encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            names: list[str] = json.loads(answer.read())
            return names

    assert [name.rpartition("/queues/")[2].partition("/")[0] for name in buy()] == ["payments", "default"]
    app.wait("Order 7 was charged 12.50 at attempt 2")
    app.wait("Committed")
    assert "Order 7 was confirmed to a@example.com" in app.output
    assert "Rolled back" in app.output
    assert buy() == []
