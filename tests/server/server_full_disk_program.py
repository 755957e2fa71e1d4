"""Enqueues and delivers in a process that may write no larger files for a while: `python -m … DATABASE`.

It fails where a task that was accepted is lost, or one that was refused runs.
"""

import asyncio
import logging
import resource
import signal
import sys

from google.api_core import exceptions

from server.server_apps import QUEUE, Carrier, serving


class Log(logging.Handler):
    """What the service logs."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def limit_files(size: int) -> None:
    """No file may be larger than that; what is larger already may not grow."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def enqueue_until_refused(carrier: Carrier, accepted: list[str]) -> str:
    """The message of the refusal."""
    while True:
        text = str(len(accepted))
        try:
            carrier.note.delay(text=text)
        except exceptions.InternalServerError as error:
            return str(error)
        accepted.append(text)


async def refusal_of_an_awaited_call(carrier: Carrier) -> str | None:
    try:
        await carrier.async_note.delay(text="refused")
    except exceptions.InternalServerError as error:
        return str(error)
    return None


async def main(database: str) -> None:
    log = Log()
    logging.getLogger("gcptasks").addHandler(log)
    carrier = Carrier(database)
    client = carrier.local.tasks_client()
    accepted = ["first"]
    carrier.note.delay(text="first")
    limit_files(200_000)
    refusal = enqueue_until_refused(carrier, accepted)
    assert "the database cannot be used" in refusal, refusal
    limit_files(1)  # nor is there room for a smaller write
    assert await refusal_of_an_awaited_call(carrier) == refusal
    async with serving(carrier.app):
        # Not one attempt can be counted, so none is begun; the dispatcher goes on trying.
        await carrier.done.until(lambda: "the dispatcher cannot use the database; it tries again" in log.messages)
        assert carrier.done == []
        limit_files(resource.RLIM_INFINITY)
        await carrier.done.until(lambda: not list(client.list_tasks(parent=QUEUE)))
    assert sorted(carrier.done) == sorted(accepted), (carrier.done, accepted)


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    asyncio.run(main(sys.argv[1]))
