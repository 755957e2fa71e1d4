"""The full example, started by the commands of its README, on free ports."""

import json
import re
import shlex
import urllib.error
import urllib.request
from pathlib import Path

from cli.cli_programs import PATIENCE, Program, Start, free_port

FULL = Path(__file__).parents[2] / "examples" / "full"
COMMAND = re.compile(r"^\$ (.*(?:cloud-tasks-emulator|uvicorn).*)$", re.MULTILINE)
PORTS = ("8123", "8001", "8000")


def commands() -> list[str]:
    """The three programs of the README; the first says nothing of its port, which is its default."""
    service, worker, web = COMMAND.findall((FULL / "README.md").read_text())
    shown = [f"{service} --port 8123", *(f"WORKER_URL=http://localhost:8001 {one}" for one in (worker, web))]
    free = {port: str(free_port()) for port in PORTS}
    return [re.sub("|".join(PORTS), lambda found: free[found[0]], command) for command in shown]


def run(start: Start, command: str) -> Program:
    words = shlex.split(command)
    settings = dict(word.split("=", 1) for word in words if re.match("[A-Z_]+=", word))
    return start(words[len(settings) :], **settings, PYTHONPATH=str(FULL))


def post(url: str, body: object = None) -> int:
    """The status of the answer."""
    data = b"" if body is None else json.dumps(body).encode()
    try:
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_full_example_does_what_its_readme_says(start: Start) -> None:
    service, worker, web = (run(start, command) for command in commands())
    service.wait("serve at")
    at_worker, at_web = (program.wait(r"Uvicorn running on (\S+)")[1] for program in (worker, web))

    order = {"number": 7, "email": "a@example.com", "cents": 1250}
    assert post(f"{at_web}/orders", order) == 202
    worker.wait("Order 7 was charged at attempt 2")
    assert post(f"{at_web}/orders", order) == 409
    assert post(f"{at_web}/orders/7/confirmation?to=a@example.com") == 202
    worker.wait("Order 7 was confirmed to a@example.com")
    assert post(f"{at_web}/orders", order | {"number": 8, "cents": 100_001}) == 202
    worker.wait("order 8 was declined")
    assert post(f"{at_web}/reports/daily") == 202
    worker.wait("The daily report was written for job daily-report")
    for path in ("confirm/7?to=a@example.com", "reports/daily"):
        assert post(f"{at_worker}/{path}") == 401
