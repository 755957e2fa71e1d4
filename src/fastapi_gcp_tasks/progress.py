"""Dependencies by which a task says how far it has come, and learns that it was cancelled."""

import asyncio
from typing import ClassVar

from fastapi import Request

from gcptasks.base.asgi import RECORDING
from gcptasks.results.errors import TaskCancelled
from gcptasks.worker.injected import injected
from gcptasks.worker.progress import CurrentTask as CurrentTask
from gcptasks.worker.progress import Reporter
from gcptasks.worker.recording import Recording


class Progress(Reporter):
    """Says how far a task has come, in a `def` endpoint: `progress: Annotated[Progress, Depends()] = injected`.

    `progress(3, of=10, note="encoding")` is stored at most four times a second, and the last one always. It raises
    `TaskCancelled` if the task was cancelled meanwhile; `progress.cancelled` says so without that.
    Where no task is recorded it does nothing.
    """

    awaited_progress: ClassVar[bool] = False

    def __init__(self, request: Request = injected) -> None:
        super().__init__(_recording_of(request))

    def __call__(self, done: float, *, of: float | None = None, note: str | None = None) -> None:
        """Say that so much is done, `of` so much; `TypeError` or `ValueError` for what is no finite number."""
        self._report(done, of, note)
        if self.cancelled:
            raise TaskCancelled("the task was cancelled")


class AsyncProgress(Reporter):
    """The same in an `async def` endpoint: `progress: Annotated[AsyncProgress, Depends()] = injected`, awaited.

    A task that was cancelled gets `CancelledError` at its next `await`, so at this one too.
    """

    awaited_progress: ClassVar[bool] = True

    def __init__(self, request: Request = injected) -> None:
        super().__init__(_recording_of(request))

    async def __call__(self, done: float, *, of: float | None = None, note: str | None = None) -> None:
        """Say that so much is done, `of` so much; `TypeError` or `ValueError` for what is no finite number."""
        self._report(done, of, note)
        await asyncio.sleep(0)


def _recording_of(request: Request) -> Recording | None:
    # Whoever calls the endpoint directly has no request to give.
    return request.scope.get(RECORDING) if isinstance(request, Request) else None  # pyright: ignore[reportUnnecessaryIsInstance]  # `injected` is none
