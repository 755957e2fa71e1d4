"""Asks for runs of a job in a process that may write no larger files for a while: `python -m … DATABASE`.

It fails where a run that was accepted is lost, one that was refused comes, or one comes twice.
"""

import asyncio
import logging
import resource
import signal
import sys

from fastapi import FastAPI, Request
from google.api_core import exceptions
from google.cloud.scheduler_v1 import HttpTarget, Job

from fastapi_gcp_tasks import LocalService
from server.server_apps import URL, Done, serving
from server.server_full_disk_program import Log, limit_files

PARENT = "projects/p/locations/l"
TROUBLE = "the scheduler cannot use the database; it tries again"


async def main(database: str) -> None:
    log = Log()
    logging.getLogger("gcptasks").addHandler(log)
    local, app, ran = LocalService(database, app_url=URL), FastAPI(), Done()

    @app.post("/job")
    async def run(request: Request) -> None:
        ran.append(request.headers["X-CloudScheduler-JobName"])

    local.install(app)
    client = local.scheduler_client()
    created: list[str] = []

    def create_and_run() -> None:
        name = f"{PARENT}/jobs/{len(created)}"
        job = Job(name=name, schedule="0 0 29 2 *", http_target=HttpTarget(uri=f"{URL}/job"))
        created.append(name)
        client.create_job(parent=PARENT, job=job)
        client.run_job(name=name)

    create_and_run()
    limit_files(200_000)
    accepted, refusal = 0, ""
    while not refusal:
        try:
            create_and_run()
            accepted = len(created)
        except exceptions.InternalServerError as error:
            refusal = str(error)
    assert "the database cannot be used" in refusal, refusal
    limit_files(1)  # nor is there room for a smaller write
    async with serving(app):
        # Not one attempt can be counted, so none is begun; the scheduler goes on trying.
        await ran.until(lambda: TROUBLE in log.messages)
        assert ran == []
        limit_files(resource.RLIM_INFINITY)
        await ran.reach(accepted)
        await asyncio.sleep(0.2)  # whether there are more
    assert sorted(ran, key=int) == [str(number) for number in range(accepted)]


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    asyncio.run(main(sys.argv[1]))
