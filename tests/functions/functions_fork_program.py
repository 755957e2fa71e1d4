"""A server that loads its app and forks: parent and child both push and run tasks of one client.

With a path as its argument it keeps tasks there, and pushes some before the fork as well. Without one it sends them to
the service that the environment names, and pushes none before: a process that has called gRPC cannot fork.
"""

import asyncio
import json
import os
import signal
import sys
from typing import Annotated

from fastapi import Depends

from cloudtask import CloudTaskClient, injected
from fastapi_gcp_tasks import LocalService
from functions.functions_shop import APP, SECRET, make_app, make_client, message, post

PATIENCE = 40
"""Seconds after which the child is taken to hang."""

QUEUE = "projects/p/locations/l/queues/default"


def make(path: str | None) -> CloudTaskClient:
    if path is None:
        return make_client()
    local = LocalService(f"sqlite:///{path}", app_url=APP)
    return make_client(client=local.tasks_client(), async_client=local.async_tasks_client)


def main(path: str | None) -> None:
    client = make(path)

    @client.task(name="work")
    def work(number: int) -> None: ...

    @client.task(name="later")
    async def later(number: int, made: Annotated[str, Depends(lambda: "made")] = injected) -> None: ...

    @client.task(name="plain")
    async def plain() -> None: ...

    app = make_app(client)

    def push_by_blocking() -> list[str | None]:
        return [work(1).sync_push(), later(2).sync_push()]

    async def push_and_run() -> list[str | None]:
        said = await asyncio.gather(*(post(app, message("later", 3)) for _ in range(3)))
        assert [one.status for one in said] == [200] * 3
        assert (await client.execute(message("work", 3), SECRET)).status == 200
        return [await work(3).push(), await later(4).push()]

    def push_all() -> list[str | None]:
        assert client.sync_execute(message("plain"), SECRET).status == 200
        return [*push_by_blocking(), *asyncio.run(push_and_run())]

    pushed = push_all() if path else []
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE)  # for a child that waits for a thread which it does not have
        names = push_all()
        os.write(writing, json.dumps(names).encode())
        os._exit(0)
    os.close(writing)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0, f"the child ended with {code}"
    with os.fdopen(reading) as told:
        pushed += json.loads(told.read())
    pushed += push_all()
    assert len(set(pushed)) == (12 if path else 8), pushed
    assert all(name and name.startswith(f"{QUEUE}/tasks/") for name in pushed)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
