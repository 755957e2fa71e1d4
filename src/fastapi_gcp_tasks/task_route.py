"""What all routes of tasks do on the worker."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

from gcptasks.base.log_text import log_text
from gcptasks.worker.retrying import DoNotRetry, RetryLater

_log = logging.getLogger("fastapi_gcp_tasks")


class TaskRoute(APIRoute):
    """A route whose endpoint is a task: it may say itself whether it is tried again."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's handler, which answers to `RetryLater` and `DoNotRetry` as they ask."""
        handle = super().get_route_handler()

        # Raised as FastAPI's own exceptions: the app's handlers and its dependencies with `yield` see them as usual.
        async def handle_task(request: Request) -> Response:
            try:
                return await handle(request)
            except RetryLater as error:
                raise HTTPException(503, "to be tried again later", {"Retry-After": str(error.seconds)}) from error
            except DoNotRetry as error:
                _log.warning("%s is not tried again: %s", log_text(request.url.path), log_text(error.reason))
                raise HTTPException(200, "not to be tried again") from error

        return handle_task
