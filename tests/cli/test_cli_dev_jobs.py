"""`fastapi-gcp-tasks dev` runs an application's schedules, and shows them."""

from pathlib import Path

from cli.cli_dev import StartDev, up
from cli.cli_programs import get

SCHEDULED = """
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from fastapi import FastAPI
from fastapi_gcp_tasks import AsyncScheduledRouter

jobs = AsyncScheduledRouter(base_url=os.environ["BASE_URL"], location_path="projects/p/locations/l")

@jobs.post("/report/{kind}")
async def report(kind: str) -> None:
    print(f"report {kind} was written", flush=True)

daily = report.scheduler(name="daily", schedule="0 9 * * mon-fri", time_zone="Europe/Paris")
yearly = report.scheduler(name="yearly", schedule="0 0 1 1 *")

@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    await yearly.schedule("of the year")
    if not os.path.exists("paused"):
        await daily.schedule("of the day")
        await daily.pause()
    yield

app = FastAPI(lifespan=lifespan)
app.include_router(jobs)

@app.get("/run")
async def run() -> str:
    return (await yearly.run()).name
"""


def test_the_schedules_of_the_application_are_shown_and_run(dev: StartDev) -> None:
    running = dev("--no-reload", code=SCHEDULED)
    running.program.wait(rf"^scheduled +report +POST +{running.url}/report/\{{kind\}} +projects/p/locations/l$")
    running.program.wait(r"^job +daily +0 9 \* \* mon-fri +Europe/Paris +paused$")
    running.program.wait(r"^job +yearly +0 0 1 1 \* +UTC +next run 20\d\d-01-01T00:00:00Z$")
    assert get(f"{running.url}/run") == '"projects/p/locations/l/jobs/yearly"'
    running.program.wait("^report of the year was written$")
    assert "warning" not in running.program.output


def test_jobs_of_an_older_version_are_shown_with_a_warning(dev: StartDev, tmp_path: Path) -> None:
    older = up(dev("--no-reload", code=SCHEDULED))
    older.program.wait("^job +yearly")
    older.program.ctrl_c()
    assert older.program.ended() == 0
    (tmp_path / "paused").touch()
    newer = SCHEDULED.replace("/report/{kind}", "/reports/{kind}")
    running = dev("--no-reload", code=newer, port=older.port)
    running.program.wait("^job +daily +.* paused$")
    running.program.wait("^job +yearly")
    warning = (
        r"^warning: job (.+) calls .*/report/of%20the%20day, where this application has no .*fastapi-gcp-tasks (.*)$"
    )
    said = running.program.wait(warning)
    assert said[1] == "daily"
    # Without the address the command would delete the job of that name on Google.
    assert said[2] == f"jobs delete daily --emulator {running.service}"
    assert running.program.output.count("warning: job") == 1


def test_jobs_are_shown_again_after_a_reload_that_changed_them(dev: StartDev, tmp_path: Path) -> None:
    (tmp_path / "paused").touch()
    running = dev(code=SCHEDULED)
    running.program.wait("^job +yearly +0 0 1 1")
    (tmp_path / "main.py").write_text((tmp_path / "main.py").read_text().replace("0 0 1 1 *", "0 0 2 1 *"))
    running.program.wait("^job +yearly +0 0 2 1")


def test_an_application_without_jobs_says_nothing_of_them(dev: StartDev) -> None:
    running = up(dev("--no-reload"))
    running.program.ctrl_c()
    assert running.program.ended() == 0
    assert not [line for line in running.program.lines if line.startswith(("job", "scheduled"))]


def test_an_application_that_fails_to_start_ends_the_command_as_before(dev: StartDev) -> None:
    failing = SCHEDULED.replace('await yearly.schedule("of the year")', "1 / 0")
    running = dev("--no-reload", code=failing)
    assert running.program.ended() == 3
