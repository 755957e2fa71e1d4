"""`dev` under storms of changes: one process at a time, no task lost, and Ctrl-C works in the midst of it."""

import os
import random
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from google.cloud.tasks_v2 import HttpRequest, Queue, Task

from cli.cli_dev import APP, StartDev, listens, up
from cli.cli_programs import QUEUE, Program, client, get

BROKEN = "def broken(:\n"


def children(program: Program) -> list[str]:
    """The states of the processes that it has started, such as `S`; `Z` is one that nobody has waited for."""
    listed = subprocess.run(["ps", "-e", "-o", "ppid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [state for parent, state in rows if int(parent) == program.process.pid]


@contextmanager
def watched(program: Program) -> Generator[list[int]]:
    """How many processes of the application there were, each time that somebody looked."""
    counts: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            counts.append(sum(not state.startswith("Z") for state in children(program)))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield counts
    finally:
        over.set()
        thread.join()


def code_for(port: str, word: str) -> str:
    return APP.replace("localhost:8000", f"localhost:{port}").replace("the old one", word)


@pytest.mark.parametrize("saves", [30, pytest.param(600, marks=pytest.mark.slow)])
def test_a_storm_of_saves_ends_with_what_was_saved_last_and_loses_no_task(
    dev: StartDev, tmp_path: Path, saves: int
) -> None:
    running = up(dev())
    port, main = running.url.rpartition(":")[2], tmp_path / "main.py"
    service = client(running.service)
    service.create_queue(parent="projects/p/locations/l", queue=Queue(name=QUEUE))
    chance = random.Random(saves)
    with watched(running.program) as counts:
        for number in range(saves):
            match chance.randrange(4):
                case 0:
                    main.write_text(BROKEN)
                case 1:
                    main.unlink(missing_ok=True)
                case _:
                    main.write_text(code_for(port, f"number {number}"))
            if number % 10 == 0:
                request = HttpRequest(url=f"{running.url}/hello?word=w{number}")
                service.create_task(parent=QUEUE, task=Task(http_request=request))
        main.write_text(code_for(port, "the last one"))
        running.program.wait("Started server process")
        while "I am the last one" not in running.program.output:
            with suppress(ConnectionError):  # the one that ends may have accepted it just before
                get(f"{running.url}/trigger?word=again")
            os.sched_yield()
    for number in range(0, saves, 10):
        if f"hello w{number}," not in running.program.output:
            running.program.wait(f"hello w{number},")
    assert max(counts) == 1  # also while one ends and the next begins
    assert [state[0] for state in children(running.program)] in (["S"], ["R"])
    running.program.ctrl_c()
    assert running.program.ended() == 0


@pytest.mark.parametrize(
    "moment",
    ["ending", pytest.param("importing", marks=pytest.mark.slow), pytest.param("broken", marks=pytest.mark.slow)],
)
def test_ctrl_c_works_in_the_midst_of_a_reload(dev: StartDev, tmp_path: Path, moment: str) -> None:
    slow_end = """
import contextlib, pathlib, time

@contextlib.asynccontextmanager
async def lifespan(app):
    yield
    print("it is ending", flush=True)
    time.sleep(1)
"""
    code = (slow_end + APP).replace("app = FastAPI()", "app = FastAPI(lifespan=lifespan)")
    running = up(dev(code=code))
    main = tmp_path / "main.py"
    match moment:
        case "ending":
            main.write_text(code + "\n# changed\n")
            running.program.wait("it is ending")
        case "importing":
            main.write_text("import time\nprint('it is imported', flush=True)\ntime.sleep(60)\n")
            running.program.wait("it is imported")
        case _:
            main.write_text(BROKEN)
            running.program.wait("it starts again when its code changes")
    since = time.monotonic()
    running.program.ctrl_c()
    assert running.program.ended() == 0
    assert time.monotonic() - since < 30  # what is imported would go on for a minute, and is not waited for
    assert not listens(int(running.url.rpartition(":")[2]))
