"""What is done with the jobs of endpoints, call by call. Each is written once; the sync and the async twin drive it."""

from typing import TYPE_CHECKING, TypeVar

from fastapi_gcp_tasks.job_changes import needs_update
from gcptasks.client.bounded_calls import TimeLimit, bounded
from gcptasks.client.call_flows import Flow

if TYPE_CHECKING:
    from google.cloud.scheduler_v1 import CreateJobRequest, Job

T = TypeVar("T")


def about(job: str, flow: Flow[T]) -> Flow[T]:
    """The same calls; a note says of which job an error is, since most of the service's words do not."""
    try:
        return (yield from flow)
    except Exception as error:
        error.add_note(f"This is about {job}.")
        raise


def put_job(request: "CreateJobRequest", limit: TimeLimit, *, force: bool) -> "Flow[Job]":
    """The job, created, or updated if it is another than the request's, or if `force`."""
    from google.api_core.exceptions import AlreadyExists, NotFound

    name = request.job.name
    try:
        current = yield from get_job(name, limit)
    except NotFound:
        pass
    else:
        return (yield from _brought_up_to_date(current, request.job, limit, force=force))
    try:
        job: Job = yield from bounded("create_job", request, limit)
    except AlreadyExists:
        pass
    else:
        return job
    # Another worker was faster.
    current = yield from get_job(name, limit)
    return (yield from _brought_up_to_date(current, request.job, limit, force=force))


def _brought_up_to_date(current: "Job", wanted: "Job", limit: TimeLimit, *, force: bool) -> "Flow[Job]":
    from google.cloud.scheduler_v1 import UpdateJobRequest

    if not (force or needs_update(current, wanted)):
        return current
    # Without a mask the request is the whole job: what it leaves out gets its default again (CS-042).
    job: Job = yield from bounded("update_job", UpdateJobRequest(job=wanted), limit)
    return job


def get_job(name: str, limit: TimeLimit) -> "Flow[Job]":
    """The job; NotFound if there is none."""
    from google.cloud.scheduler_v1 import GetJobRequest

    job: Job = yield from bounded("get_job", GetJobRequest(name=name), limit)
    return job


def delete_job(name: str, limit: TimeLimit) -> Flow[bool]:
    """True once the job is deleted; False if there was none."""
    from google.api_core.exceptions import NotFound
    from google.cloud.scheduler_v1 import DeleteJobRequest

    try:
        yield from bounded("delete_job", DeleteJobRequest(name=name), limit)
    except NotFound:
        return False
    return True


def pause_job(name: str, limit: TimeLimit) -> "Flow[Job]":
    """The job, paused."""
    from google.cloud.scheduler_v1 import PauseJobRequest

    job: Job = yield from bounded("pause_job", PauseJobRequest(name=name), limit)
    return job


def resume_job(name: str, limit: TimeLimit) -> "Flow[Job]":
    """The job, enabled."""
    from google.cloud.scheduler_v1 import ResumeJobRequest

    job: Job = yield from bounded("resume_job", ResumeJobRequest(name=name), limit)
    return job


def run_job(name: str, limit: TimeLimit) -> "Flow[Job]":
    """The job, of which a run begins."""
    from google.cloud.scheduler_v1 import RunJobRequest

    job: Job = yield from bounded("run_job", RunJobRequest(name=name), limit)
    return job
