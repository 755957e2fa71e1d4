"""The application whose tasks do nothing, the same for ours and for the peer."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

from bench.contestants.frozen import lifespan
from bench.contestants.tally import Tally

PARENT = "projects/p/locations/l"
QUEUES = [f"{PARENT}/queues/q{number}" for number in range(20)]


class Ping(BaseModel):
    number: int
    sent: float


def application(route_class: type[APIRoute], *, sync: bool = False) -> tuple[FastAPI, Any]:
    """An application, and its one task: a coroutine, or a plain function that FastAPI runs in a thread."""
    tally = Tally()
    router = APIRouter(route_class=route_class)

    async def noop(ping: Ping) -> None:
        tally.ran(ping.number, ping.sent)

    def noop_in_thread(ping: Ping) -> None:
        tally.ran(ping.number, ping.sent)

    task: Any = router.post("/noop")(noop_in_thread if sync else noop)
    app = FastAPI(lifespan=lifespan)
    app.include_router(router)
    return app, task


def in_turns(task: Any) -> Any:
    """What enqueues the task, on one queue after another: one of Google's starts no more than 500 tasks a second."""
    delays = [task.options(queue_path=queue).delay for queue in QUEUES]

    def call(number: int, sent: float) -> Any:
        return delays[number % len(delays)](ping=Ping(number=number, sent=sent))

    return call


def scheduled_in_turns(task: Any) -> Any:
    """The same, each for a time that is told too."""

    def call(number: int, sent: float, when: datetime) -> Any:
        later = task.options(queue_path=QUEUES[number % len(QUEUES)], schedule_time=when)
        return later.delay(ping=Ping(number=number, sent=sent))

    return call


def asked_in_turns(task: Any) -> Any:
    """The same, and what it returned is waited for."""
    submits = [task.options(queue_path=queue).submit for queue in QUEUES]

    async def call(number: int, sent: float) -> None:
        handle = await submits[number % len(submits)](ping=Ping(number=number, sent=sent))
        await handle.result(timeout=60)

    return call
