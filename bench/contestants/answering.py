"""The time in which an app answers the request of a task, without a server: `answering endpoint|function`.

The function's requests carry a secret, which is checked.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from time import process_time
from typing import Annotated, Any

from fastapi import Depends, FastAPI

from bench.contestants.delay import BATCHES, ORDER, Order, Payload
from cloudtask import CloudTaskClient, injected
from cloudtask.fastapi import CloudTaskRouter

REQUESTS = 500
SECRET = "of the queue"
SMALL = Payload(message="Hello")

Ask = Callable[[], Awaitable[None]]


async def prefix() -> str:
    return "a dependency"


Prefix = Annotated[str, Depends(prefix)]


async def small(payload: Payload) -> None: ...


async def nested(order: Order) -> None: ...


async def dependent(payload: Payload, prefix: Prefix = injected) -> None: ...


WORK: dict[str, tuple[Any, Any]] = {
    "small": (small, SMALL),
    "nested": (nested, ORDER),
    "dependent": (dependent, SMALL),
}
"""What is asked for, and with which value."""


def endpoints() -> dict[str, Ask]:
    """What asks for each of them as an endpoint."""
    app = FastAPI()
    for name, (work, _) in WORK.items():
        app.post(f"/{name}")(work)
    return {name: _ask(app, f"/{name}", value.model_dump_json().encode()) for name, (_, value) in WORK.items()}


def functions() -> dict[str, Ask]:
    """What asks for each of them as a function."""
    client = CloudTaskClient(project="p", location="l", url="http://app.local/tasks/run", secret=SECRET)
    tasks = {name: client.task(name=name)(work)(value) for name, (work, value) in WORK.items()}
    app = FastAPI()
    app.include_router(CloudTaskRouter(client), prefix="/tasks")
    return {name: _ask(app, "/tasks/run", task.body) for name, task in tasks.items()}


def _ask(app: FastAPI, path: str, body: bytes) -> Ask:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (b"host", b"app.local"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-pyct-secret", SECRET.encode()),
        ],
        "server": ("app.local", 80),
        "client": ("127.0.0.1", 1),
    }
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def ask() -> None:
        await app({**scope}, receive, send)
        assert statuses.pop() == 200

    return ask


async def microseconds(ask: Ask) -> float:
    """The processor time of a request: of the batch that the rest of the machine disturbed least."""
    batches: list[float] = []
    for _ in range(BATCHES):
        began = process_time()
        for _ in range(REQUESTS):
            await ask()
        batches.append(process_time() - began)
    return min(batches) / REQUESTS * 1e6


def main(which: str) -> None:
    requests = endpoints() if which == "endpoint" else functions()
    print(json.dumps({name: asyncio.run(microseconds(ask)) for name, ask in requests.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
