"""`fastapi-gcp-tasks dev`: an application and the local service beside it, as its user has them."""

import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest
from google.cloud.tasks_v2 import HttpRequest, Queue, Task

from cli.cli_dev import APP, PLAIN, StartDev, listens, up
from cli.cli_programs import DEV, QUEUE, Program, Start, Worker, client, get, slow

ROOT = Path(__file__).parents[2]

FACTORY = "from fastapi import FastAPI\ndef create_app() -> FastAPI:\n    return FastAPI()\n"


def failed(program: Program) -> str:
    """The last line on stderr of a program that ended with exit code 2, leaving nothing behind."""
    assert program.ended() == 2, program.output
    assert [line for line in program.errors if line.startswith("error: ")] == program.errors[-1:]
    return program.errors[-1]


def test_the_example_of_the_readme_does_what_the_readme_says(dev: StartDev) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    running = dev("--no-reload", code="\n".join(blocks))
    assert "/queues/default/tasks/" in get(f"{running.url}/sign-up")
    name = get(f"{running.url}/trigger")
    assert "/queues/simple/tasks/" in name
    running.program.wait("Hello task ran with payload: Triggered task")


def test_the_simple_example_runs(dev: StartDev) -> None:
    running = dev("--no-reload", app=str(ROOT / "examples" / "simple" / "main.py"), code=None)
    assert "/tasks/" in get(f"{running.url}/trigger")
    running.program.wait("Hello task ran with payload: Triggered task")


def test_the_addresses_reach_the_application_and_tasks_are_kept_in_the_current_folder(
    dev: StartDev, tmp_path: Path
) -> None:
    running = dev("--no-reload")
    seen = get(f"{running.url}/environment")
    assert f'"CLOUD_TASKS_EMULATOR_HOST":"{running.service}"' in seen
    assert f'"CLOUD_SCHEDULER_EMULATOR_HOST":"{running.service}"' in seen
    assert (tmp_path / ".fastapi-gcp-tasks" / "tasks.db").exists()
    assert get(f"http://{running.service}/health")


def test_a_queue_that_a_task_names_first_is_made_and_logged(dev: StartDev) -> None:
    running = dev("--no-reload")
    task = Task(http_request={"url": f"{running.url}/environment"})
    client(running.service).create_task(parent=QUEUE, task=task)
    running.program.wait(f"queue {QUEUE.rpartition('/')[2]} created")
    assert client(running.service).get_queue(name=QUEUE).rate_limits.max_dispatches_per_second == 500


def test_queues_may_come_from_a_queue_yaml(dev: StartDev, tmp_path: Path) -> None:
    (tmp_path / "queue.yaml").write_text("queue: [{name: q, rate: 20/s}]")
    running = dev("--no-reload", "--queues", "queue.yaml", "--location", QUEUE.partition("/queues/")[0])
    assert client(running.service).get_queue(name=QUEUE).rate_limits.max_dispatches_per_second == 20


def test_app_engine_tasks_go_to_the_application_unless_told_otherwise(dev: StartDev, worker: Worker) -> None:
    """CT-L8, CT-L13."""
    running = up(dev("--no-reload"))
    task = Task(app_engine_http_request={"relative_uri": "/hello?word=App-Engine"})
    client(running.service).create_task(parent=QUEUE, task=task)
    running.program.wait("hello App-Engine, I am the old one")
    elsewhere = up(dev("--no-reload", "--db", "other.db", APP_ENGINE_EMULATOR_HOST=worker.url))
    client(elsewhere.service).create_task(parent=QUEUE, task=task)
    worker.wait("/hello?word=App-Engine")


@pytest.mark.parametrize(
    ("where", "app"),
    [
        ("main.py", "main.py"),
        ("main.py", "main:app"),
        slow("main.py", "main"),
        slow("main.py", "main.py:app"),
        slow("package/inner/web.py", "package/inner/web.py"),
        ("package/inner/web.py", "package.inner.web:app"),
        slow("folder/web.py", "folder/web.py"),
    ],
)
def test_an_application_is_found_by_its_file_or_its_module(dev: StartDev, tmp_path: Path, where: str, app: str) -> None:
    file = tmp_path / where
    file.parent.mkdir(parents=True, exist_ok=True)
    if where.startswith("package"):
        (tmp_path / "package/__init__.py").touch()
        (tmp_path / "package/inner/__init__.py").touch()
    file.write_text(f"{PLAIN}@app.get('/name')\ndef name() -> str: return __name__\n")
    running = dev("--no-reload", app=app, code=None)
    name = where.removesuffix(".py").removeprefix("folder/").replace("/", ".")
    assert get(f"{running.url}/name") == f'"{name}"'


@pytest.mark.parametrize(
    ("code", "app"),
    [
        ("from fastapi import FastAPI\nsite = FastAPI()\n", "main.py"),
        ("from fastapi import FastAPI\nsite = FastAPI()\nother = FastAPI()\n", "main:site"),
        slow("from fastapi import FastAPI\nadmin = FastAPI()\napp = FastAPI()\n", "main.py"),
        slow("from fastapi import FastAPI\napp = FastAPI()\napplication = app\n", "main.py"),
        slow("from fastapi import FastAPI\nsite = FastAPI()\nalias = site\n", "main.py"),
    ],
)
def test_an_application_may_have_any_name_that_is_plain(dev: StartDev, code: str, app: str) -> None:
    up(dev("--no-reload", app=app, code=code))


@pytest.mark.parametrize(
    ("app", "code", "said"),
    [
        ("main.py", "from fastapi import FastAPI\nsite, admin = FastAPI(), FastAPI()\n", "(admin, site)"),
        ("main.py", "x = 1\n", "main has no FastAPI application"),
        ("main:other", PLAIN, "main has no 'other'"),
        ("main:make", f"{PLAIN}def make(): return app\n", "a function: if it makes one, add --factory"),
        slow("main.py", FACTORY, "create_app may make one: give main:create_app --factory"),
        slow("main:FastAPI", PLAIN, "'FastAPI' in main is no FastAPI application, but a type"),
        slow("nowhere.py", PLAIN, "there is no file"),
        slow("nowhere:app", PLAIN, "there is no module nowhere"),
        slow("nowhere.inner:app", PLAIN, "there is no module nowhere"),
        slow("a-b:app", PLAIN, "'a-b:app' is no application"),
        slow("main:a b", PLAIN, "'a b'"),
        slow("", PLAIN, "is no application"),
    ],
)
def test_an_application_that_cannot_be_found_is_said_in_one_line(
    start: Start, tmp_path: Path, app: str, code: str, said: str
) -> None:
    (tmp_path / "main.py").write_text(code)
    program = start(DEV, app, "--port", "0", "--service-port", "0")
    assert said in failed(program)
    assert len(program.errors) == 1


@pytest.mark.parametrize("app", ["main:create_app", "main.py:create_app", "main.py"])
def test_a_factory_makes_the_application_again_at_each_reload(dev: StartDev, tmp_path: Path, app: str) -> None:
    made = APP.replace("app = FastAPI()", "def create_app():\n  app = FastAPI()")
    head, _, body = made.partition("def create_app():\n")
    code = head + "def create_app():\n" + body.replace("\n", "\n  ") + "\n  return app\n"
    running = dev("--factory", app=app, code=code)
    get(f"{running.url}/trigger?word=world")
    running.program.wait("^task +hello ")
    running.program.wait("hello world, I am the old one")
    port = running.url.rpartition(":")[2]
    (tmp_path / "main.py").write_text(code.replace("localhost:8000", f"localhost:{port}").replace("old one", "new one"))
    running.program.wait("Started server process")
    get(f"{running.url}/trigger?word=again")
    running.program.wait("hello again, I am the new one")


@pytest.mark.parametrize(
    ("app", "code", "said"),
    [
        ("main.py", PLAIN, "main has none of create_app, make_app, get_app, build_app: say which function"),
        ("main.py", f"{FACTORY}def make_app(): ...\n", "main has several (create_app, make_app): say which function"),
        ("main:app", PLAIN, "'app' in main is an application itself: leave out --factory"),
        slow("main:other", PLAIN, "main has no 'other'"),
        slow("main:x", "x = 1\n", "'x' in main is no function that makes an application, but a int"),
        slow("main:make", "async def make(): ...\n", "'make' in main is `async`"),
        slow("main:make", "def make(name): ...\n", "'make' in main cannot be called without arguments"),
        slow("main:make", "def make(): ...\n", "'make' made no FastAPI application, but a NoneType"),
    ],
)
def test_a_factory_that_is_none_is_said_in_one_line(
    start: Start, tmp_path: Path, app: str, code: str, said: str
) -> None:
    (tmp_path / "main.py").write_text(code)
    program = start(DEV, app, "--factory", "--port", "0", "--service-port", "0")
    assert said in failed(program)
    assert len(program.errors) == 1


def test_a_factory_that_fails_shows_its_own_traceback_alone(start: Start, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("def make():\n    raise ValueError('no such setting')\n")
    program = start(DEV, "main:make", "--factory", "--port", "0", "--service-port", "0")
    assert "cannot be imported" in failed(program)
    assert program.errors[-2].startswith("ValueError: no such setting")
    assert set(re.findall(r'File "(.*?)"', "\n".join(program.errors))) == {str(tmp_path / "main.py")}


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("def broken():\n    raise ValueError('no such setting')\nbroken()\n", "ValueError: no such setting"),
        ("def broken(:\n", "SyntaxError: "),
        ("import no_such_package\n", "ModuleNotFoundError: No module named 'no_such_package'"),
    ],
)
def test_an_application_that_cannot_be_imported_shows_its_own_traceback_alone(
    start: Start, tmp_path: Path, code: str, raised: str
) -> None:
    (tmp_path / "main.py").write_text(code)
    program = start(DEV, "main.py", "--port", "0", "--service-port", "0")
    assert "cannot be imported" in failed(program)
    assert program.errors[-2].startswith(raised)
    files = re.findall(r'File "(.*?)"', "\n".join(program.errors))
    assert set(files) == {str(tmp_path / "main.py")}


def test_an_application_that_exits_while_it_is_imported_is_said_too(start: Start, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import sys\nsys.exit(0)\n")
    assert "cannot be imported" in failed(start(DEV, "main.py", "--port", "0", "--service-port", "0"))


@pytest.mark.parametrize("option", ["--port", "--service-port"])
def test_a_port_in_use_is_said_in_one_line(start: Start, tmp_path: Path, option: str) -> None:
    (tmp_path / "main.py").write_text(PLAIN)
    other = "--service-port" if option == "--port" else "--port"
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        program = start(DEV, "main.py", option, str(port), other, "0")
        line = failed(program)
    assert f"localhost:{port}" in line
    assert "in use" in line
    assert f"another port with {option} (0" in line
    assert len(program.errors) == 1


def test_a_missing_application_is_said_in_one_line(start: Start) -> None:
    program = start(DEV)
    assert "APP" in failed(program)
    assert len(program.errors) == 1


def test_an_edit_reloads_the_application_while_service_and_port_live_on(dev: StartDev, tmp_path: Path) -> None:
    running = dev()
    name = get(f"{running.url}/trigger?word=one&countdown=3600").strip('"')
    (tmp_path / "main.py").write_text(APP.replace("the old one", "the new one, and I am longer"))
    running.program.wait("the code has changed")
    running.program.wait("Application startup complete")
    client(running.service).run_task(name=name)
    running.program.wait("hello one, I am the new one")
    assert "the old one" not in running.program.output


def test_an_edit_that_breaks_the_application_waits_for_the_next_one(dev: StartDev, tmp_path: Path) -> None:
    running = up(dev())
    (tmp_path / "main.py").write_text(f"{APP}\nraise RuntimeError('half an edit')\n")
    running.program.wait("RuntimeError: half an edit")
    running.program.wait("cannot be imported: see above; it starts again when its code changes")
    (tmp_path / "main.py").write_text(APP.replace("/hello", "/welcome"))
    running.program.wait(f"^task .* {running.url}/welcome ")
    up(running)


def test_a_request_waits_while_the_application_reloads(dev: StartDev, tmp_path: Path) -> None:
    running = up(dev())
    (tmp_path / "main.py").write_text(f"import time\ntime.sleep(0.5)\n{APP}")
    running.program.wait("Finished server process")
    up(running)


def test_without_reload_an_edit_changes_nothing(dev: StartDev, tmp_path: Path) -> None:
    running = up(dev("--no-reload"))
    other = up(dev("--db", ":memory:"))
    (tmp_path / "main.py").write_text(APP.replace("the old one", "the new one"))
    other.program.wait("Finished server process")
    up(other)
    get(f"{running.url}/trigger?word=two")
    running.program.wait("hello two, I am the old one")


@pytest.mark.parametrize("options", [(), slow(("--no-reload",))], ids=["reload", "no reload"])
@pytest.mark.parametrize("how", ["ctrl-c", "sigint alone", "sigterm alone"])
def test_it_stops_cleanly_when_asked(dev: StartDev, how: str, options: tuple[str, ...]) -> None:
    running = up(dev(*options))
    program = running.program
    if how == "ctrl-c":
        program.ctrl_c()
    else:
        program.process.send_signal(signal.SIGINT if how == "sigint alone" else signal.SIGTERM)
    program.wait("^stopping")
    program.wait("^stopped$")
    assert program.ended() == 0
    assert "Application shutdown complete" in program.output
    assert "Traceback" not in program.output


def test_ctrl_c_lets_a_task_under_way_finish_and_enqueue(dev: StartDev, tmp_path: Path) -> None:
    slow = """
import asyncio, pathlib

@app.get("/slow")
def start_slow() -> str:
    return slow.delay().name

@as_delayed_task
@tasks.post("/slow")
async def slow() -> None:
    print("slow has begun", flush=True)
    await asyncio.to_thread(pathlib.Path("go").read_text)
    print(await asyncio.to_thread(lambda: hello.options(countdown=3600).delay(word="next").name), flush=True)

app.include_router(tasks, prefix="")
"""
    code = APP.replace("app.include_router(tasks)", "").replace(
        '\n@app.get("/trigger")', slow + '\n@app.get("/trigger")'
    )
    os.mkfifo(tmp_path / "go")
    running = dev("--no-reload", "--log-level", "debug", code=code + "app.include_router(tasks)\n")
    get(f"{running.url}/slow")
    running.program.wait("slow has begun")
    running.program.ctrl_c()
    running.program.wait("^stopping")
    (tmp_path / "go").write_text("")
    running.program.wait("/tasks/")
    running.program.wait("attempt 1 done with 200")
    assert running.program.ended() == 0


def test_a_second_ctrl_c_ends_both_at_once(dev: StartDev) -> None:
    code = APP.replace(
        'print(f"hello', 'import asyncio; print("begun", flush=True); await asyncio.sleep(3600); print(f"'
    )
    running = dev("--no-reload", code=code)
    get(f"{running.url}/trigger?word=long")
    running.program.wait("begun")
    running.program.ctrl_c()
    running.program.wait("^stopping")
    running.program.ctrl_c()
    assert running.program.ended() == -signal.SIGINT


@pytest.mark.slow
@pytest.mark.parametrize("stubborn", [False, True])
def test_a_stop_has_one_limit_whatever_the_application_does(dev: StartDev, stubborn: bool) -> None:
    """An attempt and a request that do not end, and an application that may not even notice that it is cancelled."""
    hang = """
import asyncio, contextlib

@contextlib.asynccontextmanager
async def lifespan(app):
    yield
    print("the lifespan ends", flush=True)

async def hang():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            if not STUBBORN:
                raise
""".replace("STUBBORN", str(stubborn))
    code = APP.replace('    print(f"hello', '    print("begun", flush=True); await hang(); print(f"')
    code = code.replace("app = FastAPI()", "app = FastAPI(lifespan=lifespan)").replace("Route = ", hang + "Route = ", 1)
    running = dev("--no-reload", code=code)
    get(f"{running.url}/trigger?word=long")
    running.program.wait("begun")
    with socket.create_connection(("localhost", int(running.url.rpartition(":")[2]))) as half:
        half.sendall(b"POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf")
        since = time.monotonic()
        running.program.ctrl_c()
        assert running.program.ended() == 0
        assert time.monotonic() - since < 15
    assert ("the lifespan ends" in running.program.output) != stubborn


@pytest.mark.parametrize("options", [(), ("--no-reload",)], ids=["reload", "no reload"])
def test_a_kill_of_the_command_ends_the_application_too(dev: StartDev, options: tuple[str, ...]) -> None:
    running = up(dev(*options))
    os.kill(running.program.process.pid, signal.SIGKILL)
    assert running.program.ended() == -signal.SIGKILL
    assert not listens(int(running.url.rpartition(":")[2]))


def test_what_waits_is_there_at_the_next_start(dev: StartDev) -> None:
    running = dev("--no-reload")
    name = get(f"{running.url}/trigger?word=later&countdown=3600").strip('"')
    running.program.ctrl_c()
    assert running.program.ended() == 0
    again = up(dev("--no-reload"))
    assert client(again.service).get_task(name=name).name == name


def test_the_exit_of_the_application_is_that_of_the_command(dev: StartDev) -> None:
    code = f"{PLAIN}import os\n@app.get('/leave')\ndef leave(): os._exit(7)\n"
    running = up(dev("--no-reload", code=code))
    with pytest.raises(ConnectionError):
        get(f"{running.url}/leave")
    assert running.program.ended() == 7


def test_a_start_that_fails_ends_the_command(dev: StartDev) -> None:
    code = (
        "from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n"
        "@asynccontextmanager\nasync def lifespan(app):\n    raise RuntimeError('no database')\n    yield\n"
        "app = FastAPI(lifespan=lifespan)\n"
    )
    running = dev("--no-reload", code=code)
    running.program.wait("RuntimeError: no database")
    assert running.program.ended() == 3


def test_with_reload_an_application_that_ended_starts_again_when_its_code_changes(
    dev: StartDev, tmp_path: Path
) -> None:
    running = up(dev(code=f"{PLAIN}import os\n@app.get('/leave')\ndef leave(): os._exit(7)\n"))
    with pytest.raises(ConnectionError):
        get(f"{running.url}/leave")
    running.program.wait("exit code 7; it starts again when its code changes")
    (tmp_path / "main.py").write_text(PLAIN)
    up(running)


def test_the_tasks_are_listed_for_people_and_for_scripts(dev: StartDev) -> None:
    long = "a" * 60
    code = APP.replace('"/hello"', f'"/hello/{long}"').replace(
        "app = FastAPI()",
        """
@as_delayed_task
@tasks.put("/again/{number}")
async def again(number: int) -> None: ...

app = FastAPI()
""",
    )
    running = up(dev("--no-reload", code=code))
    running.program.wait("^task +again ")  # the application may answer before it is read what is in it
    listed = [line.split() for line in running.program.lines if line.startswith("task ")]
    assert listed == [
        ["task", "hello", "POST", f"{running.url}/hello/{long}", "projects/p/locations/l/queues/q"],
        ["task", "again", "PUT", f"{running.url}/again/{{number}}", "projects/p/locations/l/queues/q"],
    ]


def test_tasks_that_go_to_another_port_of_this_machine_are_told(dev: StartDev) -> None:
    running = dev("--no-reload", BASE_URL="http://localhost:1")
    port = running.url.rpartition(":")[2]
    assert running.program.wait(
        f"tasks go to http://localhost:1, but this application listens at port {port}: change their URL"
    )


@pytest.mark.parametrize("settings", [{}, {"BASE_URL": "https://worker.example.com"}], ids=str)
def test_tasks_that_go_to_the_application_or_to_another_machine_are_not_warned_of(
    dev: StartDev, settings: dict[str, str]
) -> None:
    running = up(dev("--no-reload", **settings))
    running.program.wait("^task +hello ")
    running.program.ctrl_c()
    assert running.program.ended() == 0
    assert "tasks go to" not in running.program.output


def test_an_application_without_tasks_is_told(dev: StartDev) -> None:
    assert dev(code=PLAIN).program.wait(
        "no route of this application is a task yet: is the router of the tasks included\\?"
    )


@pytest.mark.parametrize(
    ("builder", "cast", "client_"),
    [
        ("DelayedRouteBuilder", "as_delayed_task", "local.tasks_client()"),
        ("AsyncDelayedRouteBuilder", "as_async_delayed_task", "local.async_tasks_client"),
        ("AsyncDelayedRouteBuilder", "as_async_delayed_task", "lambda: local.async_tasks_client()"),
    ],
)
def test_an_application_that_carries_a_local_service_is_told(
    dev: StartDev, builder: str, cast: str, client_: str
) -> None:
    code = f"""
from fastapi import APIRouter, FastAPI
from fastapi_gcp_tasks import {builder}, LocalService, {cast}

local = LocalService("memory:", app_url="http://app.local")
route = {builder}(client={client_}, base_url="http://app.local", queue_path="projects/p/locations/l/queues/q")
tasks = APIRouter(route_class=route)

@{cast}
@tasks.post("/hello")
async def hello(word: str) -> None: ...

app = FastAPI()
app.include_router(tasks)
local.install(app)
"""
    assert dev(code=code).program.wait("carries a LocalService")


def test_another_address_in_the_environment_is_told(dev: StartDev) -> None:
    running = dev("--no-reload", CLOUD_TASKS_EMULATOR_HOST="localhost:1")
    warning = running.program.wait(
        "^warning: CLOUD_TASKS_EMULATOR_HOST is (.*) here; the application gets (.*) instead"
    )
    assert (warning[1], warning[2]) == ("localhost:1", running.service)
    assert f'"CLOUD_TASKS_EMULATOR_HOST":"{running.service}"' in get(f"{running.url}/environment")


def test_free_ports_can_be_asked_for(start: Start, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(PLAIN)
    program = start(DEV, "main.py", "--port", "0", "--service-port", "0", "--no-reload")
    get(program.wait(r"^application +(\S+)$")[1] + "/openapi.json")


def test_help_teaches(start: Start) -> None:
    shown = start(DEV, "--help")
    assert shown.ended() == 0
    text = " ".join(shown.output.split())
    for part in ("APP", "main.py", "module:app", "--port", "8000", "--service-port", "8123", "--no-reload", "--db"):
        assert part in text
    assert "CLOUD_TASKS_EMULATOR_HOST" in text


def test_nothing_is_coloured_in_a_pipe_nor_with_no_color(dev: StartDev) -> None:
    for settings in ({}, {"terminal": True, "NO_COLOR": "1"}):
        running = up(dev("--no-reload", **settings))
        get(f"{running.url}/trigger?word=plain")
        running.program.wait("attempt 1 done")
        running.program.ctrl_c()
        assert running.program.ended() == 0
        assert "\x1b" not in running.program.output


def test_a_task_is_delivered_when_the_application_is_up_again(dev: StartDev, tmp_path: Path) -> None:
    """Its address waits: no attempt is lost on an application that is restarting."""
    running = up(dev("--log-level", "debug"))
    (tmp_path / "main.py").write_text(f"import time\ntime.sleep(0.5)\n{APP}")
    running.program.wait("Finished server process")
    request = HttpRequest(url=f"{running.url}/hello?word=meanwhile")
    client(running.service).create_queue(
        parent="projects/p/locations/l", queue=Queue(name="projects/p/locations/l/queues/q")
    )
    client(running.service).create_task(parent="projects/p/locations/l/queues/q", task=Task(http_request=request))
    running.program.wait("hello meanwhile")
    running.program.wait("attempt 1 done with 200")
    assert "failed" not in running.program.output


FUNCTIONS = """
import os
from cloudtask import CloudTaskClient
from cloudtask.fastapi import CloudTaskRouter
from fastapi import FastAPI

tasks = CloudTaskClient(project="p", location="l", url=os.environ["BASE_URL"] + "/tasks/run", secret="s")

@tasks.task(name="hello")
async def hello(word: str) -> None:
    print(f"hello {word}", flush=True)

app = FastAPI()
app.include_router(CloudTaskRouter(tasks), prefix="/tasks")

@app.get("/trigger")
async def trigger(word: str) -> str | None:
    return await hello(word).push()
"""


def test_tasks_that_are_functions_run_and_nothing_is_missed_in_routes(dev: StartDev) -> None:
    running = dev("--no-reload", code=FUNCTIONS)
    get(f"{running.url}/trigger?word=there")
    running.program.wait("^hello there$")
    assert "warning" not in running.program.output
