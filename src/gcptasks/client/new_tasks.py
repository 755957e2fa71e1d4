"""Tasks as a service of this process reads them, for the straight way to it (`bare_calls.py`)."""

from datetime import datetime
from typing import Any, Protocol

from gcptasks.engine.model import HttpRequest, NewTask
from gcptasks.wire.cloud_tasks.tasks import new_task


class MakeNew(Protocol):
    """Makes a task of its body, its URL and its time."""

    def __call__(
        self, body: bytes, url: str | None = None, scheduled_at: datetime | None = None, scheduled_ns: int = 0
    ) -> NewTask: ...


def tasks_like(request: Any) -> MakeNew:
    """What makes tasks like that of the raw request, which is read once; with its URL and time if none is given."""
    like = new_task(request)
    sent = like.request
    assert isinstance(sent, HttpRequest)

    def make_new(
        body: bytes, url: str | None = None, scheduled_at: datetime | None = None, scheduled_ns: int = 0
    ) -> NewTask:
        return NewTask(
            queue=like.queue,
            name=like.name,
            request=HttpRequest(
                url=sent.url if url is None else url,
                method=sent.method,
                headers=sent.headers,
                body=body,
                token=sent.token,
            ),
            scheduled_at=like.scheduled_at if scheduled_at is None else scheduled_at,
            scheduled_ns=like.scheduled_ns if scheduled_at is None else scheduled_ns,
            dispatch_deadline=like.dispatch_deadline,
            retry_config=like.retry_config,
            view=like.view,
        )

    return make_new
