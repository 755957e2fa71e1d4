"""`fastapi-gcp-tasks check`: whether the tasks of an application can run, told before anything is enqueued."""

import json
from pathlib import Path

import pytest

from cli.cli_dev import StartDev, up
from cli.cli_programs import DEV, Program, Start, get

CHECK = ["fastapi-gcp-tasks", "check"]
ROUTER = """
from fastapi import APIRouter, Depends, FastAPI, Header
from fastapi_gcp_tasks import DelayedRouter, LocalService
tasks = DelayedRouter(base_url="http://localhost:8000/tasks", queue_path="projects/p/locations/l/queues/q")

@tasks.post("/hello")
async def hello(word: str) -> None: ...

@tasks.post("/other")
async def other() -> None: ...

print("the application's own words")
"""
GOOD = ROUTER + "app = FastAPI()\napp.include_router(tasks, prefix='/tasks')\n"
SHADOWED = ROUTER + "app = FastAPI()\napp.post('/tasks/other')(print)\napp.include_router(tasks, prefix='/tasks')\n"
WITHOUT_PREFIX = ROUTER + "app = FastAPI()\napp.include_router(tasks)\n"
SERVED_BY_ITSELF = WITHOUT_PREFIX + "local = LocalService('memory:', app_url='http://localhost:8000')\n"


@pytest.fixture
def check(start: Start, tmp_path: Path) -> Start:
    """Checks this code."""

    def check(code: str, *options: str, app: str = "main.py", terminal: bool = False) -> Program:
        (tmp_path / "main.py").write_text(code)
        return start([*CHECK, app], *options, terminal=terminal)

    return check


def test_an_application_whose_tasks_can_run_passes_and_it_says_what_it_checked(check: Start) -> None:
    program = check(GOOD)
    assert program.ended() == 0
    assert program.lines == [
        "task         hello  POST  http://localhost:8000/tasks/hello  projects/p/locations/l/queues/q",
        "task         other  POST  http://localhost:8000/tasks/other  projects/p/locations/l/queues/q",
        "checked 2 tasks: what surrounds their routes, and which route answers first",
        "not checked the URLs of 2 tasks: --app-url says at which URL this application is served",
        "all can run",
    ]
    assert program.errors == ["the application's own words"]


def test_with_the_url_of_the_application_those_of_its_tasks_are_checked(check: Start) -> None:
    program = check(GOOD, "--app-url", "http://localhost:8000", "--app-url", "https://example.com")
    assert program.ended() == 0
    assert program.lines[-2:] == ["checked the URLs of 2 tasks: whether they lead to the endpoints", "all can run"]
    wrong = check(WITHOUT_PREFIX, "--app-url", "http://localhost:8000")
    assert wrong.ended() == 1
    assert wrong.lines[1].startswith(
        "fault        hello (POST /hello): its tasks go to POST http://localhost:8000/tasks/"
    )
    assert wrong.lines[-1] == "2 tasks cannot run"


def test_the_url_of_a_local_service_in_the_module_counts(check: Start) -> None:
    assert check(SERVED_BY_ITSELF).ended() == 1
    assert check(SERVED_BY_ITSELF, "--app-url", "http://elsewhere.local").ended() == 0


@pytest.mark.parametrize(("code", "exit_code"), [(GOOD, 0), (SHADOWED, 1)])
def test_json_has_it_all(check: Start, code: str, exit_code: int) -> None:
    program = check(code, "--json")
    assert program.ended() == exit_code
    found = json.loads("\n".join(program.lines))
    assert found["ok"] is (exit_code == 0)
    hello, other = found["tasks"]
    assert hello == {
        "name": "hello",
        "methods": "POST",
        "url": "http://localhost:8000/tasks/hello",
        "queue": "projects/p/locations/l/queues/q",
        "location": "",
        "url_checked": False,
        "faults": [],
    }
    assert [fault[:40] for fault in other["faults"]] == ["other at POST /tasks/other is never reach"[:40]] * exit_code


def test_scheduled_routes_are_checked_beside_tasks(check: Start) -> None:
    code = (
        "from fastapi import FastAPI\nfrom fastapi_gcp_tasks import ScheduledRouter\n"
        "jobs = ScheduledRouter(base_url='http://localhost:8000', location_path='projects/p/locations/l')\n"
        "@jobs.post('/nightly')\ndef nightly() -> None: ...\n"
        "app = FastAPI()\napp.include_router(jobs, prefix='/jobs')\n"
    )
    program = check(code)
    assert program.ended() == 0
    assert program.lines[0] == "scheduled    nightly  POST  http://localhost:8000/nightly  projects/p/locations/l"
    wrong = check(code, "--app-url", "http://localhost:8000", "--json")
    assert wrong.ended() == 1
    (found,) = json.loads("\n".join(wrong.lines))["tasks"]
    assert (found["queue"], found["location"]) == ("", "projects/p/locations/l")
    assert "set the base URL to http://localhost:8000/jobs" in found["faults"][0]


def test_a_factory_makes_the_application(check: Start) -> None:
    code = ROUTER + "def create_app():\n    app = FastAPI()\n    app.include_router(tasks)\n    return app\n"
    assert check(code, "--factory", app="main:create_app").ended() == 0
    program = check(code)
    assert program.ended() == 2
    assert program.errors[-1].endswith("create_app may make one: give main:create_app --factory")


@pytest.mark.parametrize(
    ("code", "options", "said"),
    [
        ("1 / 0\n", [], "error: the application cannot be imported: see above"),
        (GOOD, ["--app-url", "localhost"], "error: app_url must be a URL such as"),
        ("", [], "error: main has no FastAPI application"),
    ],
)
def test_what_cannot_be_checked_is_said_in_one_line(check: Start, code: str, options: list[str], said: str) -> None:
    program = check(code, *options)
    assert program.ended() == 2
    assert program.errors[-1].startswith(said)
    assert program.lines == []


def test_an_application_without_tasks_passes_with_a_warning(check: Start) -> None:
    program = check("from fastapi import FastAPI\napp = FastAPI()\n")
    assert program.ended() == 0
    assert program.lines == [
        "warning: no route of this application is a task yet: is the router of the tasks included?"
    ]


def test_a_base_url_that_nobody_knows_yet_is_no_fault(check: Start) -> None:
    code = GOOD.replace('base_url="http://localhost:8000/tasks"', "base_url=lambda: {}['url']")
    program = check(code, "--app-url", "http://localhost:8000")
    assert program.ended() == 0
    assert program.lines[0] == "task         hello  POST  ?/hello  projects/p/locations/l/queues/q"


def test_help_teaches_what_is_checked(start: Start) -> None:
    program = start([*CHECK, "--help"])
    assert program.ended() == 0
    assert "The exit code is 0 if all tasks can run, 1 if one" in program.output


def test_colours_are_for_terminals_alone(check: Start) -> None:
    program = check(SHADOWED, terminal=True)
    assert program.ended() == 1
    assert any("\x1b[31mfault" in line for line in program.lines)
    assert "\x1b" not in check(SHADOWED).output


def test_dev_does_not_serve_an_application_whose_tasks_cannot_run(dev: StartDev) -> None:
    running = dev(code=WITHOUT_PREFIX)
    assert running.program.ended() == 2
    assert any(line.startswith("fault        hello (POST /hello): its tasks go to") for line in running.program.lines)
    assert running.program.errors[-1] == "error: a task cannot run as the application serves it: see above"


def test_dev_goes_on_when_the_fault_is_mended(dev: StartDev, tmp_path: Path) -> None:
    running = up(dev(code=GOOD))
    main = tmp_path / "main.py"
    good = main.read_text()
    main.write_text(good.replace("prefix='/tasks'", "prefix='/task'"))
    running.program.wait("^fault +hello .*set the base URL to http://localhost:[0-9]+/task$")
    running.program.wait("cannot run as the application serves it: see above; it starts again when its code changes")
    main.write_text(good)
    running.program.wait("the code has changed")
    assert get(f"{running.url}/openapi.json")


def test_dev_asks_nothing_of_tasks_for_another_port(dev: StartDev) -> None:
    running = dev(code=WITHOUT_PREFIX.replace("8000", "1"))
    running.program.wait("^warning: tasks go to http://localhost:1, but this application listens at port")
    assert get(f"{running.url}/openapi.json")


def test_one_row_for_a_task_that_is_included_twice(start: Start, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(GOOD + "app.include_router(tasks, prefix='/again')\n")
    program = start([*DEV[:1], "check", "main.py"])
    assert program.ended() == 0
    assert len([line for line in program.lines if line.startswith("task ")]) == 2


FUNCTIONS = """
from fastapi import FastAPI
from cloudtask import CloudTaskClient
from cloudtask.fastapi import CloudTaskRouter
client = CloudTaskClient(project="p", location="l", url="http://localhost:8000/tasks/run", secret="s")
other = CloudTaskClient(project="p", location="l", url="http://localhost:8000/tasks/run", secret="s")
app = FastAPI()

@client.task(name="welcome", queue="mails")
async def send_welcome(user: str) -> None: ...

@client.task(name="elsewhere", url="https://example.com/run")
def run_elsewhere() -> None: ...
"""
HERE = ["--app-url", "http://localhost:8000"]


def test_functions_that_a_router_serves_are_tasks_too(check: Start) -> None:
    program = check(FUNCTIONS + "app.include_router(CloudTaskRouter(client), prefix='/tasks')\n", *HERE)
    assert program.ended() == 0
    assert program.lines == [
        "task         welcome    POST  http://localhost:8000/tasks/run  projects/p/locations/l/queues/mails",
        "task         elsewhere  POST  https://example.com/run          projects/p/locations/l/queues/default",
        "checked the URLs of 1 task: whether they lead to the endpoints",
        "not checked the URLs of 1 task: --app-url says at which URL this application is served",
        "all can run",
    ]


@pytest.mark.parametrize(
    ("served", "said"),
    [
        (
            "app.include_router(CloudTaskRouter(client), prefix='/task')",
            "nothing answers (404). The app serves it at /task/run: set url to http://localhost:8000/task/run",
        ),
        (
            "app.get('/tasks/run')(print)\napp.include_router(CloudTaskRouter(client), prefix='/api')",
            "only GET /tasks/run (print) is there (405). The app serves it at /api/run: "
            "set url to http://localhost:8000/api/run",
        ),
        (
            "app.include_router(CloudTaskRouter(other), prefix='/tasks')\n"
            "app.include_router(CloudTaskRouter(client), prefix='/api')",
            "POST /tasks/run (run_task) answers for another client. The app serves it at /api/run: "
            "set url to http://localhost:8000/api/run",
        ),
    ],
)
def test_a_url_that_does_not_lead_to_the_worker_of_its_client_is_a_fault(check: Start, served: str, said: str) -> None:
    program = check(f"{FUNCTIONS}{served}\n", *HERE)
    assert program.ended() == 1
    assert f"fault        welcome: its tasks go to POST http://localhost:8000/tasks/run, where {said}" in program.lines
    assert program.lines[-1] == "1 task cannot run"


@pytest.mark.parametrize(
    "served",
    [
        "app.include_router(CloudTaskRouter(client), prefix='/tasks')\n",
        "app.mount('/tasks', FastAPI(routes=CloudTaskRouter(client, prefix='').routes[:1]))\n",
        "app.post('/tasks/run')(print)\napp.include_router(CloudTaskRouter(client), prefix='/tasks')\n",
        "app.include_router(CloudTaskRouter(client), prefix='/other')\napp.post('/tasks/run')(print)\n",
    ],
)
def test_a_worker_may_be_anything_that_answers(check: Start, served: str) -> None:
    assert check(FUNCTIONS + served, *HERE).ended() == 0


def test_json_has_the_functions(check: Start) -> None:
    program = check(FUNCTIONS + "app.include_router(CloudTaskRouter(client), prefix='/task')\n", "--json", *HERE)
    assert program.ended() == 1
    found = json.loads("\n".join(program.lines))
    assert (found["ok"], found["tasks"]) == (False, [])
    assert [(one["name"], one["url_checked"], len(one["faults"])) for one in found["functions"]] == [
        ("welcome", True, 1),
        ("elsewhere", False, 0),
    ]


def test_a_router_of_a_client_without_functions_is_asked_about(check: Start) -> None:
    program = check(FUNCTIONS + "app.include_router(CloudTaskRouter(other), prefix='/tasks')\n")
    assert program.ended() == 0
    assert program.lines == [
        "warning: the CloudTaskRouter at /tasks/run has no function to run: is the module that declares them imported?"
    ]
