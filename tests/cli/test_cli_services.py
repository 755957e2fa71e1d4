"""Which service the commands on queues and tasks talk to, and what they say if it does not answer."""

import json
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cli.cli_programs import PATIENCE, free_port
from cli.cli_resources import PROGRAM, RESOURCE_COMMANDS, Service, environment, help_of, piped

QUEUE = "projects/p/locations/l/queues/q"
JOB = "projects/p/locations/l/jobs/j"


def service_account(tmp_path: Path, **fields: str) -> str:
    """A file of credentials that no service accepts."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "credentials.json"
    account = {
        "type": "service_account",
        "client_email": "tasks@example.com",
        "private_key": key.decode(),
        "token_uri": f"http://127.0.0.1:{free_port()}/token",
    }
    path.write_text(json.dumps(account | fields))
    return str(path)


def test_the_option_comes_before_the_environment(service: Service, location: str) -> None:
    name = service.queue(f"{location}/queues/q")
    elsewhere = f"localhost:{free_port()}"
    shown = piped("queues", "describe", name, "--emulator", service.address, CLOUD_TASKS_EMULATOR_HOST=elsewhere)
    assert shown.lines[0] == f"name: {name}"
    assert service.piped("queues", "describe", name, "--emulator", elsewhere).code == 1


def test_nobody_who_answers_is_said_at_once() -> None:
    address = f"localhost:{free_port()}"
    # Google's own client of Cloud Scheduler would try for ten minutes.
    for words in (["queues", "list"], ["tasks", "run", f"{QUEUE}/tasks/t"], ["jobs", "describe", JOB]):
        code, line = piped(*words, "--emulator", address).failure
        assert code == 1
        assert line.startswith(f"no local service answers at {address}: is it running? ")


def test_without_a_service_and_without_credentials_both_ways_are_named(tmp_path: Path) -> None:
    # A home where nobody has signed in; that this is no machine of Google's need not be found out.
    variables = {"HOME": str(tmp_path), "NO_GCE_CHECK": "true"}
    for words in (["queues", "list"], ["tasks", "list", QUEUE], ["jobs", "list"]):
        code, line = piped(*words, **variables).failure
        assert code == 2
        variable = "CLOUD_SCHEDULER_EMULATOR_HOST" if words[0] == "jobs" else "CLOUD_TASKS_EMULATOR_HOST"
        for part in ("--emulator localhost:8123", variable, "gcloud auth application-default login"):
            assert part in line


def test_credentials_that_cannot_be_used_are_said(tmp_path: Path) -> None:
    code, line = piped("queues", "list", GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "none.json")).failure
    assert code == 2
    assert line.startswith("the credentials for Google cannot be used: File ")
    (tmp_path / "broken.json").write_text("{}")
    code, line = piped("queues", "list", GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "broken.json")).failure
    assert code == 2


def test_credentials_without_a_project_need_one(tmp_path: Path) -> None:
    variables = {"GOOGLE_APPLICATION_CREDENTIALS": service_account(tmp_path), "HOME": str(tmp_path)}
    code, line = piped("queues", "list", **variables).failure
    assert code == 2
    assert line.startswith("which project of Google's?")
    assert "GOOGLE_CLOUD_PROJECT" in line


def test_google_that_cannot_be_reached_is_said_soon(tmp_path: Path) -> None:
    variables = {"GOOGLE_APPLICATION_CREDENTIALS": service_account(tmp_path, project_id="p")}
    code, line = piped("queues", "purge", QUEUE, "--yes", **variables).failure
    assert code == 1
    assert "Google Cloud" in line


@pytest.mark.slow
def test_a_service_that_hangs_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        assert piped("queues", "list", "--emulator", address).failure == (
            1,
            f"{address} did not answer within 10 seconds",
        )


def test_ctrl_c_ends_a_call_that_hangs() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(PATIENCE)
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [PROGRAM, "queues", "list", "--emulator", address], env=environment(), stderr=subprocess.PIPE
        )
        try:
            with silent.accept()[0]:
                process.send_signal(signal.SIGINT)
                assert process.communicate(timeout=PATIENCE)[1] == b""
                assert process.returncode == 130
        finally:
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    "words", [["queues", "list"], ["queues", "list", "--json"], ["queues", "describe", "NAME"]], ids=" ".join
)
def test_who_stops_reading_hears_no_more(service: Service, location: str, words: list[str]) -> None:
    name = service.queue(f"{location}/queues/q")
    process = subprocess.Popen(
        [PROGRAM, *(name if word == "NAME" else word for word in words)],
        env=environment(CLOUD_TASKS_EMULATOR_HOST=service.address),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) == 1
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "words",
    [
        ["queues", "list"],
        ["queues", "list", "--json"],
        ["queues", "describe", "NAME"],
        ["jobs", "next", "3", "--schedule", "* * * * *"],
        ["queues", "--help"],
    ],
    ids=" ".join,
)
def test_a_disk_that_is_full_is_said_in_one_line(service: Service, location: str, words: list[str]) -> None:
    name = service.queue(f"{location}/queues/q")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [PROGRAM, *(name if word == "NAME" else word for word in words)],
            env=environment(**service.variables),
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
        )
    assert (done.returncode, done.stderr) == (1, b"error: [Errno 28] No space left on device\n")


def test_what_a_terminal_would_obey_is_escaped_in_errors(service: Service, location: str) -> None:
    queue = service.queue(f"{location}/queues/q")
    ended = service.piped("tasks", "describe", "\x1b[2J\u202ex", "--queue", queue)
    code, line = ended.failure
    assert code == 1
    assert line.startswith(f"{queue}/tasks/\\x1b[2J\\u202ex on ")
    assert "\x1b" not in line


@pytest.mark.parametrize("command", RESOURCE_COMMANDS, ids=" ".join)
def test_the_help_of_each_command_has_an_example(command: tuple[str, str]) -> None:
    shown = help_of("fastapi-gcp-tasks", *command).splitlines()
    assert any(line.startswith(f"    fastapi-gcp-tasks {' '.join(command)}") for line in shown), shown


@pytest.mark.parametrize("group", ["queues", "tasks", "jobs", "admin"])
def test_a_group_alone_shows_its_commands(group: str) -> None:
    shown = piped(group)
    listed = re.findall(r"^  ([a-z]+)  ", shown.out.partition("Commands:")[2], re.MULTILINE)
    assert (shown.code, listed) == (0, [word for first, word in RESOURCE_COMMANDS if first == group])


def completed(*words: str, **variables: str) -> list[str]:
    """What bash offers for the last of these words."""
    line = {"COMP_WORDS": " ".join(("fastapi-gcp-tasks", *words)), "COMP_CWORD": str(len(words))}
    done = piped(_FASTAPI_GCP_TASKS_COMPLETE="complete_bash", **line, **variables)
    assert done.err == ""
    return done.out.split()


def test_a_shell_completes_the_names_of_queues_and_jobs(service: Service, location: str) -> None:
    name = service.queue(f"{location}/queues/orders")
    service.queue(f"{location}/queues/orphans")
    service.queue(f"{location}/queues/mails")
    there = service.variables
    assert completed("tasks", "describe", "t", "--location", location, "--queue", "or", **there) == [
        "orders",
        "orphans",
    ]
    job = service.job(f"{location}/jobs/nightly")
    assert completed("jobs", "run", "--location", location, "n", **there) == ["nightly"]
    assert completed("jobs", "next", "3", job[:-3], **there) == [job]
    assert completed("queues", "pause", name[:-3], **there) == [name]
    assert completed("queues", "pause", "--emulator", service.address, "--location", location, "mai") == ["mails"]


def test_a_shell_completes_nothing_where_nobody_answers(tmp_path: Path) -> None:
    nobody = f"localhost:{free_port()}"
    assert completed("queues", "pause", "or", CLOUD_TASKS_EMULATOR_HOST=nobody) == []
    assert completed("queues", "pause", "or", CLOUD_TASKS_EMULATOR_HOST="nonsense") == []
    assert completed("queues", "pause", "or", HOME=str(tmp_path), NO_GCE_CHECK="true") == []
