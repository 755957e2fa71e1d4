"""`cloud-tasks-emulator`, the service on a port, as its user has it."""

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from google.api_core.exceptions import FailedPrecondition, InvalidArgument, NotFound
from google.cloud.tasks_v2 import HttpRequest, Queue, RateLimits, Task

from cli.cli_programs import DEV, EMULATOR, QUEUE, Program, Start, Worker, client, get, slow
from gcptasks.store.schema import APPLICATION_ID

SERVES = r"serve at (?P<address>\S+),"
FREE = ("--port", "0")


def address(program: Program) -> str:
    return program.wait(SERVES)["address"]


def create_task(where: str, url: str, **task: Any) -> Task:
    return client(where).create_task(parent=QUEUE, task=Task(http_request=HttpRequest(url=url), **task))


@pytest.mark.parametrize("command", [["cloud-tasks-emulator"], ["fastapi-gcp-tasks", "emulator"]])
def test_it_serves_grpc_and_health_on_one_port(start: Start, command: list[str]) -> None:
    program = start(command, *FREE, "--queue", QUEUE)
    where = address(program)
    for variable in ("CLOUD_TASKS_EMULATOR_HOST", "CLOUD_SCHEDULER_EMULATOR_HOST"):
        assert program.wait(f"export {variable}=(.*)$")[1] == where
    assert client(where).get_queue(name=QUEUE).name == QUEUE
    assert json.loads(get(f"http://{where}/health"))["status"] == "ok"


def test_queues_come_from_a_queue_yaml(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "queue.yaml"
    file.write_text("queue:\n- name: orders\n  rate: 20/s\n- name: mails\n")
    options = ("--db", str(tmp_path / "tasks.db"), "--queues", str(file), "--queue", QUEUE)
    program = start(EMULATOR, *FREE, *options, GOOGLE_CLOUD_PROJECT="p")
    api = client(address(program))
    assert program.wait(r"queues in (\S+): (.*)$").groups() == ("projects/p/locations/us-central1", "orders, mails")
    orders = api.get_queue(name="projects/p/locations/us-central1/queues/orders")
    assert (orders.rate_limits.max_dispatches_per_second, orders.rate_limits.max_burst_size) == (20, 5)
    program.ctrl_c()
    assert program.ended() == 0
    file.write_text("queue: [{name: mails}]\n")
    again = start(EMULATOR, *FREE, *options, "--location", "projects/p/locations/us-central1")
    assert again.wait("not in queue.yaml, left alone: (.*)$")[1] == "orders"


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        (
            "queue: [{name: a, rate: x}]",
            ["--project", "p"],
            r"queue\.yaml:1: rate must be a number and a unit, .* not 'x'",
        ),
        ("queue: []", [], "--queues needs a project: give --project P, or set GOOGLE_CLOUD_PROJECT"),
        ("queue: []", ["--project", "a b"], "Location name must be formatted: .*"),
    ],
    ids=["wrong", "no project", "wrong project"],
)
def test_a_queue_yaml_that_cannot_be_had_ends_the_command(
    start: Start, tmp_path: Path, text: str, options: list[str], said: str
) -> None:
    file, database = tmp_path / "queue.yaml", tmp_path / "tasks.db"
    file.write_text(text)
    program = start(EMULATOR, *FREE, "--queues", str(file), "--db", str(database), *options, GOOGLE_CLOUD_PROJECT="")
    assert program.ended() == 2
    assert re.search(said, " ".join(program.errors))
    assert not database.exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_children_of_a_program_that_has_enqueued_enqueue_too(start: Start) -> None:
    where = address(start(EMULATOR, *FREE, "--create-queues"))
    # A process of its own, since the fork of a process with threads warns.
    program = [sys.executable, "-m", "cli.cli_fork_program"]
    environment = os.environ | {"CLOUD_TASKS_EMULATOR_HOST": where}
    subprocess.run(program, check=True, cwd=Path(__file__).parent.parent, env=environment)


@pytest.mark.parametrize("by", ["option", "variable"])
def test_app_engine_tasks_go_to_the_address_that_is_given(start: Start, worker: Worker, by: str) -> None:
    """CT-L8, CT-L13."""
    options = ["--app-engine", worker.url] if by == "option" else []
    environment = {} if by == "option" else {"APP_ENGINE_EMULATOR_HOST": worker.url}
    program = start(EMULATOR, *FREE, "--queue", QUEUE, *options, **environment)
    where = address(program)
    assert program.wait("for App Engine go to (.*)$")[1] == worker.url
    client(where).create_task(parent=QUEUE, task=Task(app_engine_http_request={"relative_uri": "/made"}))
    worker.wait("/made")


def test_without_an_address_app_engine_tasks_are_refused_with_what_to_do(start: Start) -> None:
    """CT-L8."""
    where = address(start(EMULATOR, *FREE, "--queue", QUEUE))
    with pytest.raises(FailedPrecondition, match="set --app-engine or APP_ENGINE_EMULATOR_HOST to its address"):
        client(where).create_task(parent=QUEUE, task=Task(app_engine_http_request={}))


def test_a_path_that_does_not_exist_says_what_the_port_serves(start: Start) -> None:
    where = address(start(EMULATOR, *FREE))
    with pytest.raises(HTTPError) as refused:
        get(f"http://{where}/v2/nothing")
    with refused.value as response:
        assert response.status == 404
        assert response.read().decode() == (
            "There is nothing at GET /v2/nothing.\n"
            "This port serves over gRPC, and over REST at Google's paths:\n"
            "  google.cloud.tasks.v2.CloudTasks (/v2/…)\n"
            "  google.cloud.scheduler.v1.CloudScheduler (/v1/…)\n"
            "  google.cloud.location.Locations (/v2/…, /v1/…)\n"
            "  google.longrunning.Operations (/v2/…)\n"
            "and over HTTP:\n"
            "  GET /health\n  GET /.well-known/openid-configuration\n  GET /.well-known/jwks.json\n"
            "  POST /v2/{queue}/tasks:buffer\n  POST /v2/{queue}/tasks/{task}:buffer\n"
            "  POST /v2beta3/{queue}/tasks:buffer\n  POST /v2beta3/{queue}/tasks/{task}:buffer\n"
            "  GET /admin/status\n  GET /admin/wait\n  POST /admin/reset\n  GET /admin/clock\n  POST /admin/clock\n"
            "  GET /published\n"
        )


def test_each_queue_that_is_asked_for_is_there(start: Start) -> None:
    names = [f"projects/p/locations/l/queues/q{number}" for number in range(3)]
    where = address(start(EMULATOR, *FREE, *(part for name in names for part in ("--queue", name))))
    assert sorted(queue.name for queue in client(where).list_queues(parent="projects/p/locations/l")) == names


def test_a_queue_may_be_asked_for_again(start: Start) -> None:
    for _ in range(2):
        program = start(EMULATOR, *FREE, "--db", "tasks.db", "--queue", QUEUE)
        assert client(address(program)).get_queue(name=QUEUE).name == QUEUE
        program.ctrl_c()
        assert program.ended() == 0


def test_a_task_for_a_queue_that_is_not_there_is_refused_unless_queues_are_created(
    start: Start, worker: Worker
) -> None:
    with pytest.raises(NotFound):
        create_task(address(start(EMULATOR, *FREE)), worker.url)
    create_task(address(start(EMULATOR, *FREE, "--create-queues")), f"{worker.url}/made")
    worker.wait("/made")


def test_quotas_can_be_lifted(start: Start) -> None:
    queue = Queue(name=QUEUE, rate_limits=RateLimits(max_dispatches_per_second=5000))
    with pytest.raises(InvalidArgument):
        client(address(start(EMULATOR, *FREE, "--quotas", "google"))).create_queue(
            parent="projects/p/locations/l", queue=queue
        )
    made = client(address(start(EMULATOR, *FREE, "--quotas", "none"))).create_queue(
        parent="projects/p/locations/l", queue=queue
    )
    assert made.rate_limits.max_dispatches_per_second == 5000


@pytest.mark.parametrize("program", [["cloud-tasks-emulator"], ["fastapi-gcp-tasks", "emulator"]])
def test_help_teaches(start: Start, program: list[str]) -> None:
    shown = start(program, "--help")
    assert shown.ended() == 0
    text = " ".join(shown.output.split())
    for part in (
        *("--host", "--port", "--db :memory:|PATH", "--queue projects/P/locations/L/queues/Q", "--create-queues"),
        *("--quotas", "google|none", "--log-level", "8123", "CLOUD_TASKS_EMULATOR_HOST=localhost:8123"),
    ):
        assert part in text
    assert "completion" not in text
    assert "…" not in text


def test_the_version_can_be_asked_for(start: Start) -> None:
    program = start(["fastapi-gcp-tasks", "--version"])
    assert program.ended() == 0
    assert program.lines[0].count(".") == 2


def refused(program: Program) -> str:
    """The one line on stderr with which a program ends that was asked for something that cannot be."""
    assert program.ended() == 2, program.output
    assert program.lines == []
    (line,) = program.errors
    return line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--nope"], "--nope"),
        slow(["--port", "many"], "--port"),
        slow(["--port", "99999"], "--port"),
        slow(["--port", "-1"], "--port"),
        slow(["--queue"], "--queue"),
        slow(["--quotas", "half"], "--quotas"),
        slow(["--log-level", "loud"], "--log-level"),
        slow(["surplus"], "surplus"),
        (["--queue", "orders"], "queue 'orders': Queue name must be formatted: \"projects/<PROJECT_ID>/locations/"),
        slow(["--queue", "projects/p/locations/l/queues/no_underscores"], "Queue ID"),
        slow(["--db", "postgres://here/tasks"], "postgres://here/tasks"),
        slow(["--db", ""], "no database"),
        slow(["--db", "/proc/nowhere/tasks.db"], "/proc/nowhere/tasks.db cannot be written"),
        (["--db", "."], "cannot be written"),
        slow(["--host", "host.invalid"], "host.invalid"),
        slow(["--app-engine", "http://localhost/app"], "app_engine must be an address such as 'http://localhost:8080'"),
        slow(["--app-engine", "http://localhost/app"], "'--app-engine' (env var: 'APP_ENGINE_EMULATOR_HOST')"),
        slow(
            ["--pubsub", "http://localhost:8085"],
            "'--pubsub' (env var: 'PUBSUB_EMULATOR_HOST'): pubsub must be host:port",
        ),
        (["--pubsub", "localhost:99999"], "pubsub must be host:port"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(start: Start, options: list[str], said: str) -> None:
    line = refused(start(EMULATOR, *FREE, *options))
    assert line.startswith("error: ")
    assert said in line


@pytest.mark.parametrize("command", [["cloud-tasks-emulator"], ["fastapi-gcp-tasks", "emulator"]], ids=" ".join)
def test_a_wrong_option_names_the_help_of_its_command(start: Start, command: list[str]) -> None:
    assert refused(start(command, "--nope")).endswith(f"see {' '.join(command)} --help")


def test_a_port_in_use_is_refused_in_one_line(start: Start) -> None:
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(start(EMULATOR, "--port", str(port)))
    assert f"localhost:{port}" in line
    assert "in use" in line
    assert "another port with --port (0" in line


def test_a_due_task_is_not_delivered_by_a_service_whose_port_is_in_use(start: Start, worker: Worker) -> None:
    first = start(EMULATOR, *FREE, "--db", "tasks.db", "--queue", QUEUE)
    worker.gate.clear()
    create_task(address(first), f"{worker.url}/due")
    worker.wait("/due")
    first.kill_all()  # so that the task is due again
    with socket.create_server(("localhost", 0)) as taken:
        refused(start(EMULATOR, "--port", str(taken.getsockname()[1]), "--db", "tasks.db"))
    assert worker.asked == ["/due"]


@pytest.mark.parametrize(
    "command", [[*EMULATOR, "--port"], [*DEV, "main.py", "--port", "0", "--service-port"]], ids=["emulator", "dev"]
)
def test_a_port_in_use_is_noticed_before_the_database_is_opened(
    start: Start, command: list[str], tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    with socket.create_server(("localhost", 0)) as taken:
        refused(start(command, str(taken.getsockname()[1]), "--db", "new/tasks.db"))
    assert not (tmp_path / "new").exists()


def test_a_database_of_a_newer_version_is_refused_in_one_line_and_left_alone(start: Start, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "tasks.db") as database:
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute("PRAGMA user_version = 1000")
    database.close()
    line = refused(start(EMULATOR, *FREE, "--db", "tasks.db"))
    assert "schema 1000" in line
    assert "upgrade fastapi-gcp-tasks" in line
    with sqlite3.connect(tmp_path / "tasks.db") as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1000,)
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    database.close()


def test_a_file_that_is_no_database_is_refused_in_one_line_and_left_alone(start: Start, tmp_path: Path) -> None:
    text = "my letters\n" * 1000
    (tmp_path / "letters.txt").write_text(text)
    assert "not a database" in refused(start(EMULATOR, *FREE, "--db", "letters.txt"))
    assert (tmp_path / "letters.txt").read_text() == text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_stops_cleanly_when_asked_and_what_is_under_way_finishes(
    start: Start, worker: Worker, number: signal.Signals
) -> None:
    program = start(EMULATOR, *FREE, "--queue", QUEUE)
    where = address(program)
    worker.gate.clear()
    create_task(where, f"{worker.url}/slow")
    worker.wait("/slow")
    program.process.send_signal(number)
    program.wait("stopping")
    # What is under way may still enqueue.
    worker.before_answer = lambda: create_task(where, f"{worker.url}/next")
    worker.gate.set()
    program.wait("attempt 1 done with 200")
    program.wait("^stopped$")
    assert program.ended() == 0
    assert program.errors == []
    assert worker.answered == ["/slow"]


def test_a_second_ctrl_c_ends_it_at_once(start: Start, worker: Worker) -> None:
    program = start(EMULATOR, *FREE, "--queue", QUEUE)
    where = address(program)
    worker.gate.clear()
    create_task(where, f"{worker.url}/endless")
    worker.wait("/endless")
    program.ctrl_c()
    program.wait("stopping")
    program.ctrl_c()
    assert program.ended() == -signal.SIGINT
    assert program.errors == []
    assert worker.answered == []


def test_what_waits_survives_in_a_file(start: Start, worker: Worker, tmp_path: Path) -> None:
    program = start(EMULATOR, *FREE, "--queue", QUEUE, "--db", "folder/tasks.db")
    later = datetime.now(UTC) + timedelta(hours=1)
    name = create_task(address(program), f"{worker.url}/later", schedule_time=later).name
    program.ctrl_c()
    assert program.ended() == 0
    assert (tmp_path / "folder" / "tasks.db").exists()
    again = address(start(EMULATOR, *FREE, "--db", "folder/tasks.db"))
    assert client(again).get_task(name=name).http_request.url == f"{worker.url}/later"
    client(again).run_task(name=name)
    worker.wait("/later")


def test_it_says_where_tasks_are_kept(start: Start) -> None:
    assert start(EMULATOR, *FREE).wait("tasks and jobs are kept in (.*)")[1].startswith("memory only")
    # What rich would take for markup or an emoji.
    assert (
        start(EMULATOR, *FREE, "--db", "[bold]:smile:.db").wait("tasks and jobs are kept in (.*)")[1]
        == "[bold]:smile:.db"
    )


def test_a_service_that_others_can_reach_says_so(start: Start) -> None:
    assert "other machines" in start(EMULATOR, *FREE, "--host", "0.0.0.0").wait("^warning: (.*)")[1]
    program = start(EMULATOR, *FREE, "--host", "127.0.0.1")
    address(program)
    program.ctrl_c()
    assert program.ended() == 0
    assert "warning" not in program.output


def test_a_second_one_on_a_file_says_that_another_delivers(start: Start, worker: Worker) -> None:
    first = start(EMULATOR, *FREE, "--db", "tasks.db", "--queue", QUEUE)
    address(first)
    second = start(EMULATOR, *FREE, "--db", "tasks.db")
    where = address(second)
    second.wait("^warning: another process delivers")
    create_task(where, f"{worker.url}/by-either")
    worker.wait("/by-either")


def test_an_ipv6_address_stands_in_brackets(start: Start) -> None:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    where = address(start(EMULATOR, *FREE, "--host", "::1", "--queue", QUEUE))
    assert where.startswith("[::1]:")
    assert client(where).get_queue(name=QUEUE).name == QUEUE


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def output_of(start: Start, *, terminal: bool, **environment: str) -> str:
    program = start(EMULATOR, *FREE, "--queue", QUEUE, terminal=terminal, TERM="xterm-256color", **environment)
    program.wait("serve at")
    program.wait("queues/q|kept|export")
    program.ctrl_c()
    assert program.ended() == 0
    return program.output


def test_colours_are_for_terminals(start: Start) -> None:
    assert "\x1b[" in output_of(start, terminal=True)
    assert "\x1b" not in output_of(start, terminal=False)


def test_no_color_means_no_escapes_at_all(start: Start) -> None:
    assert "\x1b" not in output_of(start, terminal=True, NO_COLOR="1")


def test_a_mistake_is_red_on_a_terminal_alone(start: Start) -> None:
    assert "\x1b" not in refused(start(EMULATOR, "--queue", "q"))


@pytest.mark.parametrize(
    ("level", "shown", "hidden"),
    [
        ("debug", ["created", "started", "done"], []),
        ("info", ["done"], ["created,", "started"]),
        ("error", [], ["done"]),
    ],
)
def test_the_log_says_as_much_as_is_asked_for(
    start: Start, worker: Worker, level: str, shown: list[str], hidden: list[str]
) -> None:
    program = start(EMULATOR, *FREE, "--queue", QUEUE, "--log-level", level)
    create_task(address(program), f"{worker.url}/logged")
    worker.wait("/logged")
    for word in shown:
        program.wait(f" task q/.* {word}")
    program.ctrl_c()
    assert program.ended() == 0
    assert [word for word in hidden if f" {word}" in program.output] == []


@pytest.mark.parametrize(
    "headers",
    [b"".join(b"X-%d: 1\r\n" % number for number in range(33)), b"X: " + b"y" * 4097 + b"\r\n"],
    ids=["too many", "too long"],
)
def test_a_connection_over_http_1_holds_few_headers(start: Start, headers: bytes) -> None:
    """Or a thousand connections that never end theirs would take gigabytes."""
    host, _, port = address(start(EMULATOR, *FREE)).rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as client, client.makefile("rb") as answer:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + headers)
        assert answer.readline().split()[1] == b"400"
        assert get(f"http://{host}:{port}/health")
