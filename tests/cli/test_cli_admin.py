"""`fastapi-gcp-tasks admin`, against a local service on a port."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.tasks_v2 import HttpRequest, Task

from cli.cli_dev import StartDev
from cli.cli_programs import EMULATOR, QUEUE, Start, Worker, client, free_port
from cli.cli_resources import SERVES, Service, on_terminal, piped

TOKEN = "let-me-in"
TOMORROW = datetime(2030, 1, 2, 3, tzinfo=UTC)


@pytest.mark.timeout(180)  # each command is a process
def test_a_script_waits_moves_the_clock_and_drops_everything(start: Start, worker: Worker) -> None:
    program = start(
        *(EMULATOR, "--port", "0", "--queue", QUEUE, "--manual-clock", "2030-01-01T00:00:00Z"),
        CLOUD_TASKS_ADMIN_TOKEN=TOKEN,
    )
    address = program.wait(SERVES)["address"]
    program.wait("the clock stands at 2030-01-01T00:00:00")
    assert TOKEN not in program.output
    there = {"CLOUD_TASKS_EMULATOR_HOST": address, "CLOUD_TASKS_ADMIN_TOKEN": TOKEN}
    task = Task(http_request=HttpRequest(url=f"{worker.url}/made"), schedule_time=TOMORROW)
    client(address).create_task(parent=QUEUE, task=task)
    assert piped("admin", "status", **there).lines == [
        "QUEUE                            STATE    TASKS  DUE  UNDER WAY  NEXT",
        f"{QUEUE}  RUNNING  1      0    0          2030-01-02T03:00:00Z",
    ]
    waited = piped("admin", "wait", "--timeout", "0", "--json", **there)
    assert (waited.code, waited.err) == (1, "")
    left = json.loads(waited.out)
    said = f"It is not empty after 0 s: {QUEUE} has 1 task, 0 of them due, 0 under way."
    assert (left["reached"], left["error"]["message"]) == (False, said)
    assert worker.asked == []
    assert piped("admin", "clock", "--to", "2030-01-02T03:00:00Z", **there).lines == ["2030-01-02T03:00:00Z"]
    assert piped("admin", "wait", "q", "--location", "projects/p/locations/l", **there).lines == [
        f"{QUEUE} on {address} is empty"
    ]
    assert worker.asked == ["/made"]
    client(address).create_task(parent=QUEUE, task=task)
    assert piped("admin", "reset", "--yes", **there).lines == [f"reset {address}"]
    assert list(client(address).list_tasks(parent=QUEUE)) == []


def test_a_reset_asks_and_needs_the_token(service: Service, location: str) -> None:
    name = service.queue(f"{location}/queues/q")
    code, line = service.piped("admin", "reset").failure
    assert (code, "give --yes to go on" in line) == (2, True)
    asked = service.on_terminal("admin", "reset", answer="n\n")
    assert f"Reset {service.address}? This drops all its queues, tasks, jobs and results [y/N]: n" in asked.out
    for words, token in ((["reset", "--yes"], {}), (["clock"], {"CLOUD_TASKS_ADMIN_TOKEN": "guessed"})):
        code, line = service.piped("admin", *words, **token).failure
        assert code == 1
        assert line.startswith("This path needs the admin token, in the header Authorization: Bearer TOKEN.")
    assert service.client.get_queue(name=name).name == name


def test_what_cannot_be_is_said(service: Service) -> None:
    nobody = f"localhost:{free_port()}"
    wrong = {
        ("status",): (2, "the commands admin are for a local service: name it with --emulator localhost:8123"),
        ("status", "--emulator", nobody): (1, f"no local service answers at {nobody}: is it running? "),
        ("wait", "--until", "full", "--emulator", nobody): (2, "Invalid value for '--until'"),
        ("clock", "--advance", "soon", "--emulator", nobody): (2, "Invalid value: 'soon' is no span such as 90s"),
        ("clock", "--advance", "1s", "--to", "x"): (2, "Invalid value: --advance and --to exclude each other"),
    }
    for words, (code, said) in wrong.items():
        ended = piped("admin", *words).failure
        assert (ended[0], ended[1].startswith(said)) == (code, True), ended
    assert service.piped("admin", "wait", "projects/p/locations/l/queues/none").failure == (
        1,
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize. "
        "(NOT_FOUND)",
    )


def test_a_made_token_is_shown_at_the_start(start: Start) -> None:
    program = start(EMULATOR, "--port", "0")
    address = program.wait(SERVES)["address"]
    token = program.wait("export CLOUD_TASKS_ADMIN_TOKEN=(.*)$")[1]
    shown = on_terminal("admin", "clock", "--emulator", address, CLOUD_TASKS_ADMIN_TOKEN=token)
    assert (shown.code, ", by the machine's clock" in shown.out) == (0, True)


def test_dev_has_the_same_calls(dev: StartDev) -> None:
    started = dev("--manual-clock", "now", "--admin-token", TOKEN, "--allowed-host", "tasks.example.com")
    there = ("--json", "--admin-token", TOKEN, "--emulator", started.service)
    clock = piped("admin", "clock", "--advance", "1d2h30m1s", *there).json
    assert clock["manual"] is True
    moved = datetime.fromisoformat(clock["time"]) - datetime.now(UTC)
    assert timedelta(days=1, hours=2) < moved <= timedelta(days=1, hours=2, minutes=30, seconds=1)


def test_a_clock_or_a_token_that_cannot_be_is_said(start: Start) -> None:
    for option, value, said in (
        ("--manual-clock", "2030-01-01", "'2030-01-01' is neither 'now' nor a time such as 2030-01-01T00:00:00Z"),
        ("--admin-token", "a b", "admin token must be a word"),
    ):
        program = start(EMULATOR, "--port", "0", option, value)
        program.wait(said)
        assert program.ended() == 2
