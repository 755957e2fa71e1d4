"""What `.scheduler` of an endpoint gives, and what that does."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fastapi_gcp_tasks import job_flows as flows
from fastapi_gcp_tasks import option_checks as check
from fastapi_gcp_tasks.builder_clients import AsyncBuilderClients, BuilderClients
from fastapi_gcp_tasks.call_arguments import by_name
from fastapi_gcp_tasks.job_options import JOB_OPTIONS, JobOptions
from fastapi_gcp_tasks.job_request import job_request
from fastapi_gcp_tasks.labels import endpoint_label
from fastapi_gcp_tasks.options import NO_OPTIONS, TaskOptions, options_layer, url_of
from fastapi_gcp_tasks.task_plans import TaskPlans, task_method
from gcptasks.base.flows import drive, drive_async
from gcptasks.base.unset import UNSET, merged
from gcptasks.client.api import SCHEDULER
from gcptasks.client.bounded_calls import ClientCalls, TimeLimit
from gcptasks.client.call_flows import Flow

if TYPE_CHECKING:
    from google.cloud.scheduler_v1 import CloudSchedulerAsyncClient, CloudSchedulerClient, Job

T = TypeVar("T")
C = TypeVar("C", "BuilderClients[CloudSchedulerClient]", "AsyncBuilderClients[CloudSchedulerAsyncClient]")


class JobSettings:
    """One job of an endpoint: what it is called, when it runs, and its options."""

    def __init__(self, plans: TaskPlans, name: str, schedule: str, options: JobOptions) -> None:
        self.name = f"{options.location_path}/jobs/{check.job_id('name', name)}"
        """In full."""
        self.options = options
        self._plans = plans
        self._schedule = check.schedule("schedule", schedule)

    def put(self, positional: tuple[Any, ...], values: dict[str, Any]) -> "Flow[Job]":
        """What makes the job call the endpoint with these arguments; nothing is called before they are accepted."""
        limit = self.limit()
        route = self._plans.route
        if positional:
            values = by_name(route.endpoint, "schedule", positional, values)
        options = self.options._replace(callback_base_url=url_of(self.options))
        method = task_method(route)
        plan = self._plans.plan(method, str(options.callback_base_url))
        request = job_request(plan, method, values, name=self.name, schedule=self._schedule, options=options)
        job = f"{self.name}, schedule {self._schedule!r}, time zone {options.time_zone!r}"
        return flows.about(job, flows.put_job(request, limit, force=options.force))

    def flow(self, flow_of: Callable[[str, TimeLimit], Flow[T]]) -> Flow[T]:
        """What does this to the job."""
        return flows.about(self.name, flow_of(self.name, self.limit()))

    def limit(self) -> TimeLimit:
        """The time that the service's calls of one of ours have together."""
        return TimeLimit(self.options.job_create_timeout)


class _Scheduler(Generic[C]):
    """One job of an endpoint."""

    def __init__(self, settings: JobSettings, clients: C) -> None:
        self._settings = settings
        self._clients: C = clients


class Scheduler(_Scheduler["BuilderClients[CloudSchedulerClient]"]):
    """One job of an endpoint."""

    def schedule(self, /, *args: Any, **values: Any) -> "Job":
        """Create the job, or update it if something changed. The endpoint gets these arguments at each run."""
        return self._drive(self._settings.put(args, values))

    def delete(self) -> bool:
        """Delete the job; True if there was one, False if not."""
        return self._call(flows.delete_job)

    def pause(self) -> "Job":
        """Let the job not run until `.resume()`; NotFound if there is none."""
        return self._call(flows.pause_job)

    def resume(self) -> "Job":
        """Let a paused job run again, from its next time on; NotFound if there is none."""
        return self._call(flows.resume_job)

    def run(self) -> "Job":
        """Run the job now as well; NotFound if there is none."""
        return self._call(flows.run_job)

    def get(self) -> "Job":
        """The job as the service has it; NotFound if there is none."""
        return self._call(flows.get_job)

    def _call(self, flow_of: Callable[[str, TimeLimit], Flow[T]]) -> T:
        return self._drive(self._settings.flow(flow_of))

    def _drive(self, flow: Flow[T]) -> T:
        return drive(flow, ClientCalls(SCHEDULER, self._clients.get(self._settings.options.client)))


class AsyncScheduler(_Scheduler["AsyncBuilderClients[CloudSchedulerAsyncClient]"]):
    """One job of an endpoint. It does not block the event loop."""

    async def schedule(self, /, *args: Any, **values: Any) -> "Job":
        """Create the job, or update it if something changed. The endpoint gets these arguments at each run."""
        return await self._drive(self._settings.put(args, values))

    async def delete(self) -> bool:
        """Delete the job; True if there was one, False if not."""
        return await self._call(flows.delete_job)

    async def pause(self) -> "Job":
        """Let the job not run until `.resume()`; NotFound if there is none."""
        return await self._call(flows.pause_job)

    async def resume(self) -> "Job":
        """Let a paused job run again, from its next time on; NotFound if there is none."""
        return await self._call(flows.resume_job)

    async def run(self) -> "Job":
        """Run the job now as well; NotFound if there is none."""
        return await self._call(flows.run_job)

    async def get(self) -> "Job":
        """The job as the service has it; NotFound if there is none."""
        return await self._call(flows.get_job)

    async def _call(self, flow_of: Callable[[str, TimeLimit], Flow[T]]) -> T:
        return await self._drive(self._settings.flow(flow_of))

    async def _drive(self, flow: Flow[T]) -> T:
        client = self._clients.getter(self._settings.options.client)()
        return await drive_async(flow, ClientCalls(SCHEDULER, client))


class _Scheduled(Generic[C]):
    """Names the jobs of one endpoint."""

    def __init__(self, plans: TaskPlans, clients: C, options: JobOptions) -> None:
        self.plans = plans
        self._clients: C = clients
        self._options = options

    def settle(self, defaults: TaskOptions) -> None:
        """`TypeError` for default options, which tasks have and jobs do not."""
        if defaults != NO_OPTIONS:
            name = endpoint_label(self.plans.route.endpoint)
            raise TypeError(
                f"task_default_options are for tasks, and {name} is scheduled: give its options to .scheduler"
            )

    def look_again(self) -> None:
        """See anew, at the next call, which apps serve the route."""
        self.plans.look_again()

    def own_options(self) -> JobOptions:
        """The options of its jobs, so far as no call says otherwise. The base URL is not asked for yet."""
        return self._options

    def _job(self, name: str, schedule: str, options: dict[str, Any]) -> JobSettings:
        layer = options_layer(JOB_OPTIONS, options)
        if layer.client is not UNSET:
            self._clients.check(layer.client)
        return JobSettings(self.plans, name, schedule, merged(self._options, layer))


class Scheduled(_Scheduled["BuilderClients[CloudSchedulerClient]"]):
    """Names the jobs of one endpoint."""

    def scheduler(self, *, name: str, schedule: str, **options: Any) -> Scheduler:
        """The job of that name: `.schedule(...)` creates or updates it, `.delete()` deletes it."""
        return Scheduler(self._job(name, schedule, options), self._clients)


class AsyncScheduled(_Scheduled["AsyncBuilderClients[CloudSchedulerAsyncClient]"]):
    """Names the jobs of one endpoint."""

    def scheduler(self, *, name: str, schedule: str, **options: Any) -> AsyncScheduler:
        """The job of that name: `.schedule(...)` creates or updates it, `.delete()` deletes it."""
        return AsyncScheduler(self._job(name, schedule, options), self._clients)
