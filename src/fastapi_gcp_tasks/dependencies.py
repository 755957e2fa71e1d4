"""What an endpoint can ask of the request that a queue sends."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Header, HTTPException
from pydantic import AwareDatetime

_log = logging.getLogger("fastapi_gcp_tasks")


class CloudTasksHeaders:
    """What the queue says about this attempt: `headers: Annotated[CloudTasksHeaders, Depends()]`.

    A request that no queue sent has no such headers; then it counts as a first attempt that is due now.
    """

    def __init__(
        self,
        x_cloudtasks_taskretrycount: Annotated[int, Header()] = 0,
        x_cloudtasks_taskexecutioncount: Annotated[int, Header()] = 0,
        x_cloudtasks_queuename: Annotated[str, Header()] = "",
        x_cloudtasks_taskname: Annotated[str, Header()] = "",
        x_cloudtasks_tasketa: Annotated[AwareDatetime | None, Header()] = None,
        x_cloudtasks_taskpreviousresponse: Annotated[int | None, Header()] = None,
        x_cloudtasks_taskretryreason: Annotated[str, Header()] = "",
    ) -> None:
        self.retry_count = x_cloudtasks_taskretrycount
        """0 on the first attempt, one more on each later one (CT-164)."""
        self.execution_count = x_cloudtasks_taskexecutioncount
        """How many attempts before this got an answer outside 5xx (CT-165)."""
        self.queue_name = x_cloudtasks_queuename
        """The queue's id, not its path (CT-163)."""
        self.task_name = x_cloudtasks_taskname
        """The task's id, not its path (CT-163)."""
        # It is sent as seconds since the epoch (CT-169), which pydantic reads as such.
        self.eta = datetime.now(UTC) if x_cloudtasks_tasketa is None else x_cloudtasks_tasketa.astimezone(UTC)
        """When this attempt was due, in UTC."""
        self.previous_response = x_cloudtasks_taskpreviousresponse
        """The HTTP status of the attempt before; None on the first (CT-166)."""
        self.retry_reason = x_cloudtasks_taskretryreason
        """Why it is tried again; HTTP tasks leave it empty (CT-167)."""


def max_retries(count: int = 20) -> Callable[[CloudTasksHeaders], None]:
    """A dependency that ends the task once it was retried `count` times: `Depends(max_retries(5))`.

    The request is answered with 200 before the endpoint runs, so that the queue stops retrying.
    """
    if count < 0:
        raise ValueError(f"max_retries counts from 0, so it cannot be {count}")

    def end_after_retries(headers: Annotated[CloudTasksHeaders, Depends()]) -> None:
        if headers.retry_count >= count:
            _log.warning("task %s is given up after %d retries", headers.task_name, headers.retry_count)
            raise HTTPException(200, f"given up after {headers.retry_count} retries")

    return end_after_retries
