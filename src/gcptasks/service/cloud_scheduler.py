"""The table of Cloud Scheduler: its methods, and how they are served."""

from google.protobuf.message import Message

from gcptasks.engine.job_model import Job
from gcptasks.service import jobs
from gcptasks.service.method import HttpRule, Method
from gcptasks.wire import common
from gcptasks.wire.cloud_scheduler import jobs as job_wire
from gcptasks.wire.cloud_scheduler import messages
from gcptasks.wire.cloud_scheduler.names import SERVICE


def _job(answer: Job, request: Message) -> messages.Job:
    return job_wire.job_message(answer)


def _page(answer: jobs.JobPage, request: Message) -> messages.ListJobsResponse:
    return job_wire.job_list(answer.jobs, answer.next_token)


def _nothing(answer: None, request: Message) -> common.Empty:
    return common.Empty()


METHODS = (
    Method(
        path=f"/{SERVICE}/CreateJob",
        http=(HttpRule("POST", "/v1/{parent=projects/*/locations/*}/jobs", body="job"),),
        request=messages.CreateJobRequest,
        response=messages.Job,
        decode=job_wire.create_job,
        verb=jobs.create_job,
        encode=_job,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/GetJob",
        http=(HttpRule("GET", "/v1/{name=projects/*/locations/*/jobs/*}"),),
        request=messages.GetJobRequest,
        response=messages.Job,
        decode=job_wire.job_name,
        verb=jobs.get_job,
        encode=_job,
        writes=False,
    ),
    Method(
        path=f"/{SERVICE}/ListJobs",
        http=(HttpRule("GET", "/v1/{parent=projects/*/locations/*}/jobs"),),
        request=messages.ListJobsRequest,
        response=messages.ListJobsResponse,
        decode=job_wire.list_jobs,
        verb=jobs.list_jobs,
        encode=_page,
        writes=False,
    ),
    Method(
        path=f"/{SERVICE}/UpdateJob",
        http=(HttpRule("PATCH", "/v1/{job.name=projects/*/locations/*/jobs/*}", body="job"),),
        request=messages.UpdateJobRequest,
        response=messages.Job,
        decode=job_wire.update_job,
        verb=jobs.update_job,
        encode=_job,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/DeleteJob",
        http=(HttpRule("DELETE", "/v1/{name=projects/*/locations/*/jobs/*}"),),
        request=messages.DeleteJobRequest,
        response=common.Empty,
        decode=job_wire.job_name,
        verb=jobs.delete_job,
        encode=_nothing,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/PauseJob",
        http=(HttpRule("POST", "/v1/{name=projects/*/locations/*/jobs/*}:pause", body="*"),),
        request=messages.PauseJobRequest,
        response=messages.Job,
        decode=job_wire.job_name,
        verb=jobs.pause_job,
        encode=_job,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/ResumeJob",
        http=(HttpRule("POST", "/v1/{name=projects/*/locations/*/jobs/*}:resume", body="*"),),
        request=messages.ResumeJobRequest,
        response=messages.Job,
        decode=job_wire.job_name,
        verb=jobs.resume_job,
        encode=_job,
        writes=True,
    ),
    Method(
        path=f"/{SERVICE}/RunJob",
        http=(HttpRule("POST", "/v1/{name=projects/*/locations/*/jobs/*}:run", body="*"),),
        request=messages.RunJobRequest,
        response=messages.Job,
        decode=job_wire.job_name,
        verb=jobs.run_job,
        encode=_job,
        writes=True,
    ),
)
