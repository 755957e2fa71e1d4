"""Dependencies of task endpoints: what the service says about an attempt, and when to give up."""

import logging
from collections.abc import Callable
from datetime import UTC
from typing import Annotated

from fastapi import Depends, Header, HTTPException
from pydantic import AwareDatetime

from fastapi_gcp_tasks.verification import verify_oidc as verify_oidc
from fastapi_gcp_tasks.verification import verify_secret as verify_secret
from gcptasks.base import wall_clock
from gcptasks.base.log_text import log_text
from gcptasks.worker.retrying import DoNotRetry as DoNotRetry
from gcptasks.worker.retrying import RetryLater as RetryLater

_log = logging.getLogger("fastapi_gcp_tasks")


class CloudTasksHeaders:
    """What the queue says about this attempt: `headers: Annotated[CloudTasksHeaders, Depends()]`.

    A request that does not come from a queue has no such headers. It counts as a first attempt that is due now.
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
        """0 on the first attempt, 1 on the second (CT-164)."""
        self.execution_count = x_cloudtasks_taskexecutioncount
        """How many earlier attempts got a response outside 5xx (CT-165)."""
        self.queue_name = x_cloudtasks_queuename
        """The queue's id, without the path before it (CT-163)."""
        self.task_name = x_cloudtasks_taskname
        """The task's id, without the path before it (CT-163)."""
        # It is sent as seconds since the epoch (CT-169), which pydantic reads as such.
        self.eta = wall_clock.now() if x_cloudtasks_tasketa is None else x_cloudtasks_tasketa.astimezone(UTC)
        """When this attempt was due, in UTC."""
        self.previous_response = x_cloudtasks_taskpreviousresponse
        """The HTTP status of the previous attempt; None on the first (CT-166)."""
        self.retry_reason = x_cloudtasks_taskretryreason
        """Why the task is tried again; always empty for HTTP tasks (CT-167)."""


class CloudSchedulerHeaders:
    """What the scheduler says about this run: `headers: Annotated[CloudSchedulerHeaders, Depends()]`.

    A request that does not come from a scheduler has no such headers. It counts as a run that is due now.
    """

    def __init__(
        self,
        x_cloudscheduler_jobname: Annotated[str, Header()] = "",
        x_cloudscheduler_scheduletime: Annotated[AwareDatetime | None, Header()] = None,
    ) -> None:
        self.job_name = x_cloudscheduler_jobname
        """The job's id, without the path before it (CS-157)."""
        # It is sent in the time of Los Angeles, with a fraction or without (CS-158, CS-159).
        self.schedule_time = (x_cloudscheduler_scheduletime or wall_clock.now()).astimezone(UTC)
        """When this run was due, in UTC; the same for all its attempts (CS-150)."""


def max_retries(count: int = 20) -> Callable[[CloudTasksHeaders], None]:
    """A dependency that ends a task after `count` retries: `Depends(max_retries(5))`.

    It answers with 200 before the endpoint runs, so that the queue stops retrying. `ValueError` if `count` is below 0.
    """
    if count < 0:
        raise ValueError(f"the count of max_retries must be 0 or more, not {count}")

    def end_after_retries(headers: Annotated[CloudTasksHeaders, Depends()]) -> None:
        if headers.retry_count >= count:
            _log.warning("task %s is given up after %d retries", log_text(headers.task_name), headers.retry_count)
            raise HTTPException(200, f"given up after {headers.retry_count} retries")

    return end_after_retries
