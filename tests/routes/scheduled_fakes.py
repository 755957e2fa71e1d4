"""Clients of jobs as users write them for their own tests, and the shortest way from an endpoint to a job."""

import inspect
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from google.api_core.exceptions import AlreadyExists, NotFound
from google.cloud.scheduler_v1 import CloudSchedulerAsyncClient, CloudSchedulerClient, Job
from google.protobuf.duration_pb2 import Duration
from google.rpc.status_pb2 import Status

from fastapi_gcp_tasks import AsyncScheduledRouteBuilder, ScheduledRouteBuilder
from routes.routes_fakes import URL

LOCATION = "projects/p/locations/l"
EACH_MORNING = "0 9 * * *"


class Scheduler:
    """A service of jobs that fills in what it fills in; `refusals` are raised once, by method, before it does."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.refusals: dict[str, list[Exception]] = {}
        self.calls: list[tuple[str, Any]] = []
        self.timeouts: list[Any] = []

    @property
    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    def answer(self, method: str, request: Any, timeout: Any) -> Any:
        self.calls.append((method, request))
        self.timeouts.append(timeout)
        if self.refusals.get(method):
            raise self.refusals[method].pop(0)
        answer: Callable[[Any], Any] = getattr(self, f"_{method}")
        return answer(request)

    def _get_job(self, request: Any) -> Job:
        if request.name not in self.jobs:
            raise NotFound("Job not found.")
        return self.jobs[request.name]

    def _create_job(self, request: Any) -> Job:
        if request.job.name in self.jobs:
            raise AlreadyExists(f"Job {request.job.name} already exists.")
        return self._kept(request.job)

    def _update_job(self, request: Any) -> Job:
        assert not request.update_mask.paths
        self._get_job(request.job)
        return self._kept(request.job)

    def _delete_job(self, request: Any) -> None:
        self._get_job(request)
        del self.jobs[request.name]

    def _pause_job(self, request: Any) -> Job:
        self._get_job(request).state = Job.State.PAUSED
        return self.jobs[request.name]

    def _resume_job(self, request: Any) -> Job:
        self._get_job(request).state = Job.State.ENABLED
        return self.jobs[request.name]

    def _run_job(self, request: Any) -> Job:
        return self._get_job(request)

    def _kept(self, job: Job) -> Job:
        kept = Job.deserialize(Job.serialize(job))
        kept.state = Job.State.ENABLED
        kept.status = Status(code=-1)
        kept.attempt_deadline = kept.attempt_deadline or Duration(seconds=180)
        kept.http_target.headers["User-Agent"] = "Google-Cloud-Scheduler"
        self.jobs[job.name] = kept
        return kept


class FakeClient(CloudSchedulerClient):
    """Asks a service as Google's client does, by its documented keywords."""

    def __init__(self, service: Scheduler) -> None:
        self.service = service

    def get_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("get_job", request, timeout)

    def create_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("create_job", request, timeout)

    def update_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("update_job", request, timeout)

    def delete_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("delete_job", request, timeout)

    def pause_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("pause_job", request, timeout)

    def resume_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("resume_job", request, timeout)

    def run_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("run_job", request, timeout)


class FakeAsyncClient(CloudSchedulerAsyncClient):
    """Asks a service as Google's client does, by its documented keywords."""

    def __init__(self, service: Scheduler) -> None:
        self.service = service

    async def get_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("get_job", request, timeout)

    async def create_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("create_job", request, timeout)

    async def update_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("update_job", request, timeout)

    async def delete_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("delete_job", request, timeout)

    async def pause_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("pause_job", request, timeout)

    async def resume_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("resume_job", request, timeout)

    async def run_job(self, *, request: Any, timeout: Any) -> Any:  # type: ignore[override]
        return self.service.answer("run_job", request, timeout)


def scheduled_router(service: Scheduler, *, prefix: str = "", **options: Any) -> APIRouter:
    """A router of scheduled endpoints; `options` are the builder's."""
    options = {"location_path": LOCATION, "callback_base_url": URL, "client": FakeClient(service), **options}
    return APIRouter(prefix=prefix, route_class=ScheduledRouteBuilder(**options))


def async_scheduled_router(service: Scheduler, *, prefix: str = "", **options: Any) -> APIRouter:
    """A router of async scheduled endpoints; `options` are the builder's."""
    options = {"location_path": LOCATION, "callback_base_url": URL, "client": FakeAsyncClient(service), **options}
    return APIRouter(prefix=prefix, route_class=AsyncScheduledRouteBuilder(**options))


async def awaited(answer: Any) -> Any:
    """The answer of a sync call, or of an async one."""
    return await answer if inspect.isawaitable(answer) else answer
