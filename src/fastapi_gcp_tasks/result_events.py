"""What becomes of a task, as server-sent events, for an `EventSource` of a browser."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gcptasks.engine.task_records import TaskRecord
from gcptasks.results.store import AsyncStore
from gcptasks.results.task_info import info_of

PING_EVERY = 15.0
"""Seconds without an event after which a comment is sent: proxies close what is silent for long."""


def event_id(record: TaskRecord) -> str:
    """The id of an event: another one with each change, and as an attempt falls silent, which changes no record."""
    return f"{record.version}-{record.status}"


class ResultEvents(Response):
    """An event for each change that is told, from now on to the end of the task."""

    media_type = "text/event-stream"

    def __init__(
        self,
        store: AsyncStore,
        record: TaskRecord,
        seen: str | None,
        data: Callable[[TaskRecord], Awaitable[str | None]],
    ) -> None:
        """`seen` is the id of the last event that the client had; `data` is None where there is nothing to tell."""
        super().__init__(headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._store = store
        self._record = record
        self._seen = seen
        self._data = data

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until there are no more, or the client has gone."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        both = asyncio.ensure_future(self._send_all(send)), asyncio.ensure_future(_gone(receive))
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in both:
                one.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        for one in done:
            one.result()

    async def _send_all(self, send: Send) -> None:
        record: TaskRecord | None = self._record
        told = self._record if event_id(self._record) == self._seen else None
        sent_at = time.monotonic()
        while record is not None:
            text = ""
            if told is None or info_of(record) != info_of(told):
                data = await self._data(record)
                if data is None:
                    break
                text, told = f"id: {event_id(record)}\ndata: {data}\n\n", record
            elif time.monotonic() - sent_at >= PING_EVERY:
                text = ": ping\n\n"
            if text:
                await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
                sent_at = time.monotonic()
            if record.status.final:
                break
            await self._store.wait(record.id, record.version, max(sent_at + PING_EVERY - time.monotonic(), 0.01))
            record = await self._store.get(record.id)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
