"""The verbs on jobs."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from gcptasks.base.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from gcptasks.base.events import JobChange, JobChanged, JobForced
from gcptasks.base.names import JobName
from gcptasks.engine import app_engine, jobs
from gcptasks.engine.job_model import Job, NewJob
from gcptasks.engine.model import AppEngineRequest
from gcptasks.service.policy import Policy
from gcptasks.store.jobs import StoredJob
from gcptasks.store.tx import Tx
from gcptasks.wire import paging
from gcptasks.wire.cloud_scheduler.jobs import CreateJob, ListJobs, UpdateJob, changed

NO_JOB = "Job not found."
_LARGEST_PAGE = 500
_PAGE_SIZE = 2 * 1024 * 1024
"""Bytes of bodies, targets and descriptions (CS-L14)."""


@dataclass(frozen=True, slots=True)
class JobPage:
    jobs: list[Job]
    next_token: str


def create_job(tx: Tx, request: CreateJob, now: datetime, policy: Policy) -> Job:
    name = request.job.name or JobName(request.parent, str(secrets.randbelow(10**19) + 10**19))
    if name.location != request.parent:
        raise InvalidArgument(f"The location of the job ('{name.location}') must be the parent ('{request.parent}').")
    _refuse_without_app(request.job, policy)
    job = jobs.create(request.job, name, now)
    if tx.jobs.find(job.name) is not None:
        raise AlreadyExists(f"Job {job.name} already exists.")
    tx.jobs.insert(job)
    _changed(tx, job, JobChange.CREATED, now)
    return job


def get_job(tx: Tx, request: JobName, now: datetime, policy: Policy) -> Job:
    return _existing(tx, request).job


def list_jobs(tx: Tx, request: ListJobs, now: datetime, policy: Policy) -> JobPage:
    scope = str(request.parent)
    if request.page_size < 0:
        raise InvalidArgument("ListJobsRequest.pageSize cannot be negative.")
    after = paging.cursor_of(request.page_token, "jobs", scope, now) if request.page_token else ""
    limit = min(request.page_size or _LARGEST_PAGE, _LARGEST_PAGE)
    found = tx.jobs.page(request.parent, str(after), limit, _PAGE_SIZE)
    more = bool(found) and bool(tx.jobs.page(request.parent, str(found[-1].name), 1, 0))
    return JobPage(found, paging.token("jobs", scope, str(found[-1].name), now) if more else "")


def update_job(tx: Tx, request: UpdateJob, now: datetime, policy: Policy) -> Job:
    stored = _existing(tx, request.name)
    new = changed(stored.job, request)
    _refuse_without_app(new, policy)
    job = jobs.update(stored.job, new, now)
    tx.jobs.save(StoredJob(stored.number, job))
    _changed(tx, job, JobChange.UPDATED, now)
    return _existing(tx, job.name).job  # with the time of a retry that waits


def delete_job(tx: Tx, request: JobName, now: datetime, policy: Policy) -> None:
    stored = _existing(tx, request)
    tx.jobs.delete(stored.number)
    tx.changes.jobs = True
    tx.happened([JobChanged(request, JobChange.DELETED, None, now)])


def pause_job(tx: Tx, request: JobName, now: datetime, policy: Policy) -> Job:
    stored = _existing(tx, request)
    job = jobs.pause(stored.job, now)
    tx.jobs.end_unasked(stored.number)
    tx.jobs.save(StoredJob(stored.number, job))
    _changed(tx, job, JobChange.PAUSED, now)
    return job


def resume_job(tx: Tx, request: JobName, now: datetime, policy: Policy) -> Job:
    stored = _existing(tx, request)
    job = jobs.resume(stored.job, now)
    tx.jobs.save(StoredJob(stored.number, job))
    _changed(tx, job, JobChange.RESUMED, now)
    return job


def run_job(tx: Tx, request: JobName, now: datetime, policy: Policy) -> Job:
    stored = _existing(tx, request)
    job, execution = jobs.force(stored.job, now, paused_too=policy.run_paused_jobs)
    tx.executions.add(stored.number, execution, now)
    tx.executions.set_times([(stored.number, job.next_at, None)])
    tx.changes.jobs = True
    tx.happened([JobForced(request, now)])
    return job


def _existing(tx: Tx, name: JobName) -> StoredJob:
    stored = tx.jobs.find(name)
    if stored is None:
        raise NotFound(NO_JOB)
    return stored


def _refuse_without_app(new: NewJob, policy: Policy) -> None:
    if policy.app_engine is None and isinstance(new.target, AppEngineRequest):
        raise FailedPrecondition(app_engine.NO_ADDRESS)


def _changed(tx: Tx, job: Job, change: JobChange, now: datetime) -> None:
    tx.changes.jobs = True
    tx.happened([JobChanged(job.name, change, job.next_at, now)])
