"""`fastapi-gcp-tasks queues`, against a local service on a port."""

from datetime import datetime
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from google.cloud.tasks_v2 import Queue

from cli.cli_programs import EMULATOR, Start
from cli.cli_resources import CTRL_C, SERVES, Service, piped


def state(service: Service, queue: str) -> str:
    return service.client.get_queue(name=queue).state.name


def purged_at(service: Service, queue: str) -> datetime:
    # Google's class is a datetime, which the checkers do not know.
    return cast("datetime", service.client.get_queue(name=queue).purge_time)


def test_without_a_place_all_queues_of_a_local_service_are_listed(start: Start) -> None:
    program = start(EMULATOR, "--port", "0", "--queue", "projects/a/locations/l/queues/named")
    where = program.wait(SERVES)["address"]
    Service(where).queue("projects/b/locations/m/queues/q")
    for words, variables in (([], {"CLOUD_TASKS_EMULATOR_HOST": where}), (["--emulator", where], {})):
        assert piped("queues", "list", *words, **variables).lines == [
            "QUEUE                                STATE    RATE   CONCURRENT  ATTEMPTS",
            "projects/a/locations/l/queues/named  RUNNING  500/s  1000        100",
            "projects/b/locations/m/queues/q      PAUSED   500/s  1000        100",
        ]


def test_the_queues_of_a_project_or_a_location_are_listed(service: Service, location: str) -> None:
    project = location.split("/")[1]
    here = service.queue(f"{location}/queues/q")
    elsewhere = service.queue(f"projects/{project}/locations/other/queues/q")
    service.queue(f"projects/{project}-other/locations/l/queues/q")

    def listed(*options: str, **variables: str) -> list[str]:
        return [queue["name"] for queue in service.piped("queues", "list", "--json", *options, **variables).json]

    assert listed(GOOGLE_CLOUD_PROJECT=project) == [here, elsewhere]
    assert listed("--project", project, "--location", "l") == [here]
    assert listed("--location", location) == [here]
    assert listed("--location", location, GOOGLE_CLOUD_PROJECT="another") == [here]
    in_any_project = listed("--location", "other")
    assert (elsewhere in in_any_project, here in in_any_project) == (True, False)


def test_locations_are_looked_through_page_by_page(service: Service) -> None:
    client = service.client
    for number in range(1001):
        parent = f"projects/many/locations/l{number:04}"
        client.create_queue(parent=parent, queue=Queue(name=f"{parent}/queues/q"))
    assert service.piped("queues", "resume", "q", "--location", "l1000").lines == [
        f"resumed projects/many/locations/l1000/queues/q on {service.address}"
    ]


def test_json_is_googles_form_in_one_array(service: Service, location: str) -> None:
    name = service.queue(f"{location}/queues/q")
    service.client.purge_queue(name=name)
    purged = purged_at(service, name).strftime("%Y-%m-%dT%H:%M:%S")
    expected = {
        "name": name,
        "rateLimits": {"maxDispatchesPerSecond": 500.0, "maxBurstSize": 100, "maxConcurrentDispatches": 1000},
        "retryConfig": {"maxAttempts": 100, "minBackoff": "0.100s", "maxBackoff": "3600s", "maxDoublings": 16},
        "state": "PAUSED",
    }
    described = service.piped("queues", "describe", name, "--json").json
    assert described.pop("purgeTime")[:19] == purged
    assert described == expected
    (listed,) = service.piped("queues", "list", "--location", location, "--json").json
    assert listed.pop("purgeTime")[:19] == purged
    assert listed == expected


def test_where_there_is_no_queue_json_is_an_empty_array_and_people_are_told(service: Service, location: str) -> None:
    assert service.piped("queues", "list", "--location", location, "--json").json == []
    plain = service.piped("queues", "list", "--location", location)
    assert (plain.code, plain.out) == (0, "")
    assert plain.err == f"there is no queue in {location} on {service.address}\n"


def test_a_terminal_gets_a_table_for_each_location(service: Service, location: str) -> None:
    project = location.split("/")[1]
    service.client.resume_queue(name=service.queue(f"{location}/queues/first"))
    service.queue(f"{location}/queues/second")
    service.queue(f"projects/{project}/locations/m/queues/third")
    plain = service.on_terminal("queues", "list", "--project", project, NO_COLOR="1")
    assert [line.rstrip() for line in plain.out.splitlines()] == [
        f"{location} on {service.address}",
        "QUEUE   STATE    RATE   CONCURRENT  ATTEMPTS",
        "first   RUNNING  500/s  1000        100",
        "second  PAUSED   500/s  1000        100",
        "",
        f"projects/{project}/locations/m on {service.address}",
        "QUEUE  STATE   RATE   CONCURRENT  ATTEMPTS",
        "third  PAUSED  500/s  1000        100",
    ]
    coloured = service.on_terminal("queues", "list", "--project", project).out
    assert "\x1b[32mRUNNING" in coloured
    assert "\x1b[33mPAUSED" in coloured


def test_a_narrow_terminal_loses_nothing(service: Service, location: str) -> None:
    queue = f"q{'abcdefghij' * 5}"
    service.queue(f"{location}/queues/{queue}")
    shown = service.on_terminal("queues", "list", "--location", location, columns=50, NO_COLOR="1").out
    lines = [line.rstrip() for line in shown.splitlines()]
    assert max(map(len, lines)) <= 50
    assert "".join(line.split(" ")[0] for line in lines[2:]) == queue


def test_times_are_local_on_a_terminal(service: Service, location: str) -> None:
    name = service.queue(f"{location}/queues/q")
    service.client.purge_queue(name=name)
    at = purged_at(service, name)
    local = at.astimezone(ZoneInfo("Asia/Tokyo")).strftime("%Y-%m-%d %H:%M:%S JST")
    assert f"purgeTime: {local}\n" in service.on_terminal("queues", "describe", name, NO_COLOR="1", TZ="Asia/Tokyo").out
    assert f"purgeTime: {at.strftime('%Y-%m-%dT%H:%M:%SZ')}" in service.piped("queues", "describe", name).lines


def test_a_queue_is_paused_and_resumed(service: Service, location: str) -> None:
    name = service.queue(f"{location}/queues/q")
    assert service.piped("queues", "resume", name).lines == [f"resumed {name} on {service.address}"]
    assert state(service, name) == "RUNNING"
    assert service.piped("queues", "pause", "q", "--location", location).lines == [
        f"paused {name} on {service.address}"
    ]
    assert state(service, name) == "PAUSED"


def test_an_id_is_enough_where_one_queue_has_it(service: Service, location: str) -> None:
    project = location.split("/")[1]
    name = service.queue(f"{location}/queues/of-{project}")
    service.queue(f"projects/{project}/locations/m/queues/another")
    assert service.piped("queues", "resume", f"of-{project}").lines == [f"resumed {name} on {service.address}"]
    # A hyphen sorts before a slash.
    again = service.queue(f"projects/{project}-b/locations/l/queues/of-{project}")
    assert service.piped("queues", "pause", f"of-{project}").failure == (
        2,
        f"there are several queues 'of-{project}', give the full name: {again}, {name}",
    )
    assert state(service, name) == "RUNNING"
    assert service.piped("queues", "pause", "nowhere").failure == (
        1,
        f"there is no queue 'nowhere' on {service.address}",
    )


@pytest.mark.parametrize(("command", "done"), [("purge", "purged"), ("delete", "deleted")])
def test_purge_and_delete_name_the_service_and_ask(service: Service, location: str, command: str, done: str) -> None:
    name = service.queue(f"{location}/queues/q", tasks=3)
    question = f"{command.title()} {name} on {service.address}? This deletes all its tasks, 3 now [y/N]: "
    refused = service.on_terminal("queues", command, name, answer="n\n", NO_COLOR="1")
    assert refused.code == 1
    assert refused.out == f"{question}n\nnothing was changed\n"
    interrupted = service.on_terminal("queues", command, name, answer=CTRL_C)
    assert (interrupted.code, interrupted.out[-1]) == (130, "\n")
    assert len(service.tasks(name)) == 3
    agreed = service.on_terminal("queues", command, name, answer="y\n", NO_COLOR="1")
    assert (agreed.code, agreed.out) == (0, f"{question}y\n{done} {name} on {service.address}\n")


@pytest.mark.parametrize("command", ["purge", "delete"])
def test_where_nobody_can_be_asked_yes_must_be_said(service: Service, location: str, command: str) -> None:
    name = service.queue(f"{location}/queues/q", tasks=1)
    said = "this asks before it deletes, and there is no terminal to ask at: give --yes to go on"
    assert service.piped("queues", command, name).failure == (2, said)
    assert service.tasks(name) == [f"{name}/tasks/t0"]
    assert service.piped("queues", command, name, "--yes").code == 0
    left = [queue.name for queue in service.client.list_queues(parent=location)]
    assert left == ([name] if command == "purge" else [])
    assert command == "delete" or service.tasks(name) == []


@pytest.mark.parametrize("command", ["describe", "pause", "resume", "purge", "delete"])
def test_a_queue_that_does_not_exist_is_named(service: Service, location: str, command: str) -> None:
    name = f"{location}/queues/nowhere"
    yes = ["--yes"] if command in ("purge", "delete") else []
    code, line = service.piped("queues", command, name, *yes).failure
    assert code == 1
    assert line.startswith(f"{name} on {service.address}: ")
    assert line.endswith(" (NOT_FOUND)")
    if yes:  # and it is not asked about
        asked = service.on_terminal("queues", command, name)
        assert (asked.code, "[y/N]" in asked.out) == (1, False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pause", "projects/p/locations/l/q"], "Queue name must be formatted"),
        (["pause", "projects/p/locations/l/queues/no_underscores"], "Queue ID"),
        (["pause"], "Missing argument 'QUEUE'"),
        (["list", "--location", "projects/p"], "Location name must be formatted"),
        (["list", "--location", "projects/p/locations/l", "--project", "q"], "--project is q, but --location is"),
        (["list", "--project", "p/q"], "Project name must be formatted"),
        (["list", "--emulator", "localhost"], "--emulator must be host:port"),
        (["list", "--nope"], "--nope"),
        (["nope"], "nope"),
    ],
)
def test_what_is_wrong_in_the_command_itself_is_said_in_one_line(service: Service, words: list[str], said: str) -> None:
    code, line = service.piped("queues", *words).failure
    assert code == 2
    assert said in line
