"""`fastapi-gcp-tasks jobs`, against a local service on a port."""

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.cloud.scheduler_v1 import AppEngineHttpTarget, Job, PubsubTarget, RetryConfig

from cli.cli_programs import PATIENCE, Worker, free_port
from cli.cli_resources import Service, piped

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def nightly(service: Service, location: str) -> str:
    return service.job(f"{location}/jobs/nightly", url="http://localhost:1/night", time_zone="Europe/Berlin", body=b"x")


def state(service: Service, job: str) -> str:
    return service.scheduler.get_job(name=job).state.name


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def hourly(times: list[datetime]) -> bool:
    return all(later - time == timedelta(hours=1) for time, later in pairwise(times))


def attempted(service: Service, job: str) -> Any:
    """The job, once its first attempt has ended."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = service.scheduler.get_job(name=job)
        if found.status.code >= 0:
            return found
    raise AssertionError("there was no attempt")


def test_a_pipe_gets_a_line_with_the_full_name_for_each_job(service: Service, location: str, nightly: str) -> None:
    service.scheduler.pause_job(name=service.job(f"{location}/jobs/weekly", "every monday 09:00"))
    due: Any = service.scheduler.get_job(name=nightly).schedule_time
    night = due.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert service.piped("jobs", "list", "--location", location).lines == [
        f"JOB{' ' * len(nightly[3:])}  STATE    SCHEDULE            TIME ZONE      NEXT RUN{' ' * 12}  "
        "LAST RUN  ENDED  TARGET",
        f"{nightly}  ENABLED  0 3 * * *           Europe/Berlin  {night}  -         -      POST http://localhost:1/night",
        f"{location}/jobs/weekly   PAUSED   every monday 09:00  UTC            -{' ' * 19}  -         -      "
        "POST http://localhost:1",
    ]


def test_other_targets_are_listed_by_their_topic_and_their_path(service: Service, location: str) -> None:
    named = f"projects/{location.split('/')[1]}/topics/t"
    for target in (
        Job(pubsub_target=PubsubTarget(topic_name=named, data=b"hello", attributes={"colour": "red"})),
        Job(app_engine_http_target=AppEngineHttpTarget(relative_uri="/work")),
    ):
        target.schedule = "0 3 * * *"
        service.scheduler.create_job(parent=location, job=target)
    lines = service.piped("jobs", "list", "--location", location).lines[1:]
    ends = ["POST App Engine /work", f"Pub/Sub {named}"]
    assert sorted(line.rpartition("  ")[2] for line in lines) == ends
    (topic,) = [line.split()[0] for line in lines if line.endswith(ends[1])]
    described = service.piped("jobs", "describe", topic).lines
    at = described.index("  data: 5 bytes")
    assert described[at + 1 : at + 4] == ["    hello", "  attributes:", "    colour: red"]


def test_jobs_are_found_wherever_they_are_and_listed_as_json(service: Service, nightly: str) -> None:
    (job,) = [job for job in service.piped("jobs", "list", "--json").json if job["name"] == nightly]
    assert job["httpTarget"]["uri"] == "http://localhost:1/night"
    assert (job["schedule"], job["timeZone"], job["state"]) == ("0 3 * * *", "Europe/Berlin", "ENABLED")
    assert service.piped("jobs", "describe", nightly, "--json").json == job
    assert service.piped("jobs", "list", "--project", "nobodys", "--json").json == []
    assert service.piped("jobs", "list", "--project", "nobodys").err == (
        f"there is no job in projects/nobodys on {service.address}\n"
    )


def test_a_terminal_gets_a_table_and_a_description_with_local_times(
    service: Service, location: str, nightly: str
) -> None:
    local = "%Y-%m-%d %H:%M:%S JST"
    due: Any = service.scheduler.get_job(name=nightly).schedule_time
    shown = due.astimezone(ZoneInfo("Asia/Tokyo")).strftime(local)
    where = {"NO_COLOR": "1", "TZ": "Asia/Tokyo"}
    table = service.on_terminal("jobs", "list", "--location", location, columns=200, **where).out.splitlines()
    assert table[0] == f"{location} on {service.address}"
    assert table[2].startswith(f"nightly  ENABLED  0 3 * * *  Europe/Berlin  {shown}  -")
    description = service.on_terminal("jobs", "describe", nightly, columns=200, **where).out.splitlines()
    for line in (f"name: {nightly}", "  body: 1 bytes", "    x", f"scheduleTime: {shown}", "timeZone: Europe/Berlin"):
        assert line in description


def test_how_the_last_run_ended_is_shown(service: Service, location: str) -> None:
    job = service.job(f"{location}/jobs/failing", url=f"http://localhost:{free_port()}")
    service.scheduler.run_job(name=job)
    last: Any = attempted(service, job).last_attempt_time
    (line,) = service.piped("jobs", "list", "--location", location).lines[1:]
    assert line.split()[-4:-2] == [last.strftime("%Y-%m-%dT%H:%M:%SZ"), "UNKNOWN"]


def test_a_job_is_run_now(service: Service, location: str, worker: Worker) -> None:
    job = service.job(f"{location}/jobs/j", url=f"{worker.url}/job")
    assert service.piped("jobs", "run", job).lines == [f"started {job} on {service.address}"]
    worker.wait("/job")


def test_a_job_is_paused_and_resumed(service: Service, location: str, nightly: str) -> None:
    assert service.piped("jobs", "pause", "nightly", "--location", location).lines == [
        f"paused {nightly} on {service.address}"
    ]
    assert state(service, nightly) == "PAUSED"
    assert service.piped("jobs", "resume", nightly).lines == [f"resumed {nightly} on {service.address}"]
    assert state(service, nightly) == "ENABLED"


def test_a_job_is_deleted_after_a_question(service: Service, location: str, nightly: str) -> None:
    question = f"Delete {nightly} on {service.address}? [y/N]: "
    refused = service.on_terminal("jobs", "delete", nightly, answer="n\n", NO_COLOR="1")
    assert (refused.code, refused.out) == (1, f"{question}n\nnothing was changed\n")
    assert service.piped("jobs", "delete", nightly).failure[0] == 2
    assert state(service, nightly) == "ENABLED"
    assert service.piped("jobs", "delete", nightly, "--yes").lines == [f"deleted {nightly} on {service.address}"]
    assert list(service.scheduler.list_jobs(parent=location)) == []


@pytest.mark.parametrize("command", ["describe", "run", "pause", "resume", "delete", "next"])
def test_a_job_that_does_not_exist_is_named(service: Service, location: str, command: str) -> None:
    words = {"delete": ["delete", "--yes"], "next": ["next", "3"]}.get(command, [command])
    code, line = service.piped("jobs", *words, f"{location}/jobs/nowhere").failure
    assert code == 1
    assert line.startswith(f"{location}/jobs/nowhere on {service.address}: ")
    assert line.endswith("(NOT_FOUND)")


def test_the_next_times_of_a_job_are_in_utc_and_in_its_zone(service: Service, nightly: str) -> None:
    lines = [line.split() for line in service.piped("jobs", "next", "400", nightly).lines]
    assert len(lines) == 400
    for utc, there in lines:
        assert at(utc) == at(there)
        assert at(there).replace(tzinfo=BERLIN).utcoffset() == at(there).utcoffset()
        assert at(there).strftime("%H:%M") == "03:00"
    first: Any = service.scheduler.get_job(name=nightly).schedule_time
    assert at(lines[0][0]) == first
    assert service.piped("jobs", "next", "2", nightly, "--json").json == [utc for utc, _ in lines[:2]]


def test_times_that_are_counted_from_the_end_of_a_run_begin_with_what_the_job_says(
    service: Service, location: str
) -> None:
    # Its next run is a retry, in ten minutes.
    retries = RetryConfig(retry_count=1, min_backoff_duration=timedelta(minutes=10))
    job = service.job(f"{location}/jobs/often", "every 60 minutes", retry_config=retries)
    service.scheduler.run_job(name=job)
    first: Any = attempted(service, job).schedule_time
    ended = service.piped("jobs", "next", "3", job)
    times = [at(line.split()[0]) for line in ended.out.splitlines()]
    assert times[0] == first.replace(microsecond=0)
    assert hourly([first.replace(second=0, microsecond=0), *times[1:]])
    assert ended.err == "each run is counted from the end of the one before: these are the times if runs take no time\n"


def test_of_a_paused_job_it_says_so(service: Service, nightly: str) -> None:
    service.scheduler.pause_job(name=nightly)
    ended = service.piped("jobs", "next", "1", nightly)
    assert len(ended.out.splitlines()) == 1
    assert ended.err == "the job is PAUSED: it does not run at these times unless it is resumed before\n"


def test_the_next_times_of_a_text_need_no_service() -> None:
    times = [at(line.split()[0]) for line in piped("jobs", "next", "5", "--schedule", "30 * * * *").lines]
    assert datetime.now(UTC) - timedelta(minutes=1) < times[0] < datetime.now(UTC) + timedelta(minutes=61)
    assert hourly(times)
    assert {time.minute for time in times} == {30}
    words = ("jobs", "next", "3", "--schedule", "every monday 09:00", "--time-zone", "Europe/Berlin")
    for line in piped(*words).lines:
        there = at(line.split()[1])
        assert (there.weekday(), there.strftime("%H:%M")) == (0, "09:00")
    assert piped("jobs", "next", "1", "--schedule", "0 0 30 2 *", "--json").out == "[]\n"


def test_a_schedule_of_several_lines_is_shown_in_one(service: Service, location: str) -> None:
    name = service.job(f"{location}/jobs/j", schedule="0\n3 * *\r*")
    for words in (("next", "1", name), ("list",), ("describe", name)):
        shown = service.on_terminal("jobs", *words, columns=200).out
        assert "0\\n3 * *\\r*" in shown, shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["next", "3"], "give either a JOB or --schedule"),
        (["next", "3", "j", "--schedule", "* * * * *"], "give either a JOB or --schedule"),
        (["next", "3", "j", "--time-zone", "UTC"], "--time-zone goes with --schedule"),
        (
            ["next", "3", "--schedule", "sometimes"],
            "schedule 'sometimes': The provided schedule or timezone are invalid.",
        ),
        (
            ["next", "3", "--schedule", "* * * * *", "--time-zone", "Mars"],
            "time zone 'Mars': The provided schedule or timezone are invalid.",
        ),
        (["next", "0", "--schedule", "* * * * *"], "'N'"),
        (["next", "99999999999999999999", "--schedule", "* * * * *"], "'N'"),
        (["run", "projects/p/jobs/j"], "Job name must be formatted"),
    ],
)
def test_what_is_wrong_in_the_command_itself_is_said_in_one_line(words: list[str], said: str) -> None:
    code, line = piped("jobs", *words, "--emulator", "localhost:1").failure
    assert code == 2
    assert said in line
