"""`fastapi-gcp-tasks tasks`, against a local service on a port."""

import base64
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli.cli_programs import PATIENCE, Worker, free_port
from cli.cli_resources import Service

URL = "http://localhost:1/hello"


@pytest.fixture
def queue(service: Service, location: str) -> str:
    return service.queue(f"{location}/queues/q")


def failed(service: Service, queue: str) -> Any:
    """A task whose first attempt found nobody."""
    name = service.task(queue, "failed", url=f"http://localhost:{free_port()}")
    service.client.run_task(name=name)
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        task = service.client.get_task(name=name)
        if "response_time" in task.last_attempt:
            return task
    raise AssertionError("there was no attempt")


def test_a_pipe_gets_a_line_with_the_full_name_for_each_task(service: Service, queue: str) -> None:
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    for task_id, method in (("a", "POST"), ("bcd", "GET")):
        service.task(queue, task_id, url=URL, due=due, http_method=method)
    at = due.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert service.piped("tasks", "list", queue).lines == [
        f"TASK{' ' * len(queue)}        DUE                   ATTEMPTS  LAST  TARGET",
        f"{queue}/tasks/a    {at}  0         -     POST {URL}",
        f"{queue}/tasks/bcd  {at}  0         -     GET {URL}",
    ]
    local = due.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    shown = service.on_terminal("tasks", "list", queue, NO_COLOR="1").out
    assert [line.rstrip() for line in shown.splitlines()] == [
        f"{queue} on {service.address}",
        f"TASK  {'DUE'.ljust(len(local))}  ATTEMPTS  LAST  TARGET",
        f"a     {local}  0         -     POST {URL}",
        f"bcd   {local}  0         -     GET {URL}",
    ]


def test_an_app_engine_task_is_listed_by_its_path(service: Service, queue: str) -> None:
    task: Any = {"name": f"{queue}/tasks/t", "app_engine_http_request": {"relative_uri": "/work"}}
    service.client.create_task(parent=queue, task=task)
    (line,) = service.piped("tasks", "list", queue).lines[1:]
    assert line.endswith("  POST App Engine /work")


def test_a_list_ends_at_its_limit_and_says_so(service: Service, queue: str) -> None:
    names = [service.task(queue, f"t{number}") for number in range(3)]
    two = service.piped("tasks", "list", "q", "--location", queue.rpartition("/queues/")[0], "--limit", "2")
    assert [line.split()[0] for line in two.out.splitlines()[1:]] == names[:2]
    assert two.err == "there are more than these 2: --limit 20 shows more, --limit 0 all\n"
    assert len(service.piped("tasks", "list", queue, "--limit", "3").lines) == 4
    assert [task["name"] for task in service.piped("tasks", "list", queue, "--limit", "0", "--json").json] == names


def test_a_list_goes_on_page_by_page(service: Service, queue: str) -> None:
    parts = [f"{queue}/tasks/t{number:04}" for number in range(1100)]
    for start in range(0, len(parts), 100):
        requests = [
            {"parent": queue, "task": {"name": name, "http_request": {"url": URL}}}
            for name in parts[start : start + 100]
        ]
        service.client.batch_create_tasks(request={"parent": queue, "requests": requests}).result(PATIENCE)
    assert len(service.piped("tasks", "list", queue, "--limit", "0").lines) == 1 + 1100
    assert len(service.piped("tasks", "list", queue, "--limit", "1050").out.splitlines()) == 1 + 1050


def test_an_empty_list_says_so(service: Service, queue: str) -> None:
    ended = service.piped("tasks", "list", queue)
    assert (ended.code, ended.out, ended.err) == (0, "", f"there is no task in {queue} on {service.address}\n")


def test_a_description_has_headers_and_the_body_as_text(service: Service, queue: str) -> None:
    headers = {"X-Time": "noon"}
    name = service.task(queue, "t", url=URL, headers=headers, body=b'{\n  "word": "h\xc3\xa9\x1b[31m"\n}')
    project, location = queue.split("/")[1:4:2]
    lines = service.piped(
        "tasks", "describe", "t", *("--queue", "q", "--project", project, "--location", location)
    ).lines
    assert lines[:5] == [f"name: {name}", "httpRequest:", f"  url: {URL}", "  httpMethod: POST", "  headers:"]
    body = lines.index("  body: 24 bytes")
    assert set(lines[5:body]) == {
        "    User-Agent: Google-Cloud-Tasks",
        "    X-Time: noon",
    }
    assert lines[body + 1 : body + 4] == ["    {", r'      "word": "hé\x1b[31m"', "    }"]
    assert service.piped("tasks", "describe", name).lines == lines


def test_a_body_that_is_no_text_is_shown_in_base64(service: Service, queue: str) -> None:
    name = service.task(queue, "t", body=b"\xff\x00")
    lines = service.piped("tasks", "describe", name).lines
    at = lines.index("  body (base64): 2 bytes")
    assert lines[at + 1] == "    /wA="


def test_a_long_body_is_cut_unless_all_of_it_is_asked_for(service: Service, queue: str) -> None:
    name = service.task(queue, "t", body=b"x" * 50_000)
    lines = service.piped("tasks", "describe", name).lines
    assert f"    {'x' * 2_000}" in lines
    assert "    … and 48,000 more characters, which --full shows" in lines
    assert f"    {'x' * 50_000}" in service.piped("tasks", "describe", name, "--full").lines
    shown = service.piped("tasks", "describe", name, "--json").json
    assert base64.b64decode(shown["httpRequest"]["body"]) == b"x" * 50_000


def test_what_became_of_the_last_attempt_is_shown(service: Service, queue: str) -> None:
    task = failed(service, queue)
    (row,) = service.piped("tasks", "list", queue).lines[1:]
    assert row.split()[2:4] == ["1", "UNKNOWN"]
    lines = service.piped("tasks", "describe", task.name).lines
    at = lines.index("lastAttempt:")
    assert "dispatchCount: 1" in lines[:at]
    assert f"    message: {task.last_attempt.response_status.message}" in lines[at:]


def test_a_task_is_run_before_its_time(service: Service, queue: str, worker: Worker) -> None:
    name = service.task(queue, "t", url=f"{worker.url}/hello")
    assert service.piped("tasks", "run", name).lines == [f"started {name} on {service.address}"]
    worker.wait("/hello")


def test_a_task_is_deleted_after_a_question(service: Service, queue: str) -> None:
    name = service.task(queue, "t")
    question = f"Delete {name} on {service.address}? [y/N]: "
    refused = service.on_terminal("tasks", "delete", name, answer="n\n", columns=200, NO_COLOR="1")
    assert (refused.code, refused.out) == (1, f"{question}n\nnothing was changed\n")
    assert service.piped("tasks", "delete", name).failure[0] == 2
    assert service.tasks(queue) == [name]
    assert service.piped("tasks", "delete", "t", "--queue", queue, "--yes").lines == [
        f"deleted {name} on {service.address}"
    ]
    assert service.tasks(queue) == []


@pytest.mark.parametrize("command", ["describe", "run", "delete"])
def test_a_task_that_does_not_exist_is_named(service: Service, queue: str, command: str) -> None:
    yes = ["--yes"] if command == "delete" else []
    code, line = service.piped("tasks", command, f"{queue}/tasks/nowhere", *yes).failure
    assert code == 1
    assert line.startswith(f"{queue}/tasks/nowhere on {service.address}: ")
    assert line.endswith("(NOT_FOUND)")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["describe", "t"], "which queue is task 't' in? Give --queue QUEUE, or the full name of the task"),
        (["describe", "q/t"], "Task name must be formatted"),
        (["list"], "Missing argument 'QUEUE'"),
        (["list", "q", "--limit", "-1"], "--limit"),
    ],
)
def test_what_is_wrong_in_the_command_itself_is_said_in_one_line(service: Service, words: list[str], said: str) -> None:
    code, line = service.piped("tasks", *words).failure
    assert code == 2
    assert said in line
