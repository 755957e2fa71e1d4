"""What `.delay`, `.submit` and `.options` of an endpoint do."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from fastapi_gcp_tasks.call_arguments import by_name
from fastapi_gcp_tasks.decorators import defaults_of
from fastapi_gcp_tasks.labels import endpoint_label
from fastapi_gcp_tasks.options import NO_OPTIONS, TASK_OPTIONS, TaskOptions, check_together, options_layer, url_of
from fastapi_gcp_tasks.sender import AsyncSender, Sender
from fastapi_gcp_tasks.task_plans import TaskPlans, task_method
from fastapi_gcp_tasks.task_request import named_message_maker, request_maker
from gcptasks.base.unset import UNSET, merged

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import Task

    from fastapi_gcp_tasks.bulk import Bulk, BulkResult
    from fastapi_gcp_tasks.bulk_records import BulkRecords
    from fastapi_gcp_tasks.encode import Plan
    from fastapi_gcp_tasks.recorded_endpoint import RecordedEndpoint
    from fastapi_gcp_tasks.submitters import AsyncSubmitter, Submitter
    from gcptasks.client.handle_flows import TaskKind
    from gcptasks.client.handles import AsyncTaskHandle, TaskHandle

S = TypeVar("S", Sender, AsyncSender)

Bound = tuple[Callable[[Mapping[str, Any]], Any], Callable[[Any], Any]]

_VERBS = "delay", "delay_many", "submit", "handle", "options"


class _Delayed(Generic[S]):
    """Creates tasks of one endpoint."""

    def __init__(
        self,
        plans: TaskPlans,
        sender: S,
        recorded: "RecordedEndpoint | None" = None,
        over: TaskOptions = NO_OPTIONS,
    ) -> None:
        self._route = plans.route
        self.plans = plans
        self._sender: S = sender
        self._recorded = recorded
        self._over = over
        self._bound: Bound | None = None
        """What makes a request, and what sends it; known from the first call on, as it takes Google's client."""
        self._may_go_straight = True
        """Until a client turns out not to lead to a service of this process."""
        self._submits: Any = None
        """What `submit` calls, likewise."""

    def attributes(self) -> Mapping[str, object]:
        """What the endpoint gets."""
        return {verb: getattr(self, verb) for verb in _VERBS}

    def settle(self, defaults: TaskOptions) -> None:
        """The endpoint's default options are these from now on; `TypeError` for the wrong kind of client."""
        if defaults.client is not UNSET:
            self._sender.check(defaults.client)
        self._bound = self._submits = None

    def look_again(self) -> None:
        """See anew, at the next call, which apps serve the route."""
        self.plans.look_again()
        self._bound = self._submits = None

    def own_options(self) -> TaskOptions:
        """The options of its calls, so far as no call says otherwise. The base URL is not asked for yet."""
        return merged(merged(self._sender.options, defaults_of(self._route.endpoint)), self._over)

    def options(self, /, **options: Any) -> Self:
        """The same task, with these options for its calls."""
        layer = options_layer(TASK_OPTIONS, options)
        if layer.client is not UNSET:
            self._sender.check(layer.client)
        return type(self)(self.plans, self._sender, self._recorded, merged(self._over, layer))

    def _plan(self, options: TaskOptions) -> "tuple[Plan, str]":
        """The plan under these options, and the HTTP method."""
        method = task_method(self._route)
        return self.plans.plan(method, str(options.callback_base_url)), method

    def _bulk(
        self,
        items: Iterable[Mapping[str, Any]],
        task_ids: Iterable[str] | None,
        concurrency: int,
        progress: Callable[[int], None] | None,
    ) -> "tuple[Bulk, TaskOptions]":
        """The items as work to be done, and the options for it; `TypeError` or `ValueError` for what does not fit."""
        from fastapi_gcp_tasks.bulk import Bulk

        options = self._options()
        if options.task_id is not None:
            raise TypeError("the option task_id names one task: give delay_many task_ids")
        if not isinstance(cast("object", concurrency), int):
            raise TypeError(f"concurrency must be a whole number, not {concurrency!r}")
        if concurrency < 1:
            raise ValueError(f"concurrency must be 1 or more, not {concurrency}")
        recorded = self._recorded is not None
        check_together(options, self._label("delay_many"), recorded=recorded)
        make = named_message_maker(*self._plan(options), options, recorded=recorded)
        return Bulk(make, items, task_ids, progress), options

    def _options(self) -> TaskOptions:
        options = self.own_options()
        return options._replace(callback_base_url=url_of(options))

    def _bind(self) -> Bound:
        options = self._options()
        check_together(options, self._label("delay"), recorded=self._recorded is not None)
        if self._recorded is None:
            bound = self._bind_unrecorded(options)
        else:
            submitter = self._submitter(self._recorded, options)
            bound = submitter.recording.new, submitter.create
        self._bound = bound
        return bound

    def _bind_unrecorded(self, options: TaskOptions) -> Bound:
        plan, method = self._plan(options)
        goes_straight = self._may_go_straight and options.pre_create_hook is None
        if not (goes_straight and self._sender.may_lead_straight(options)):
            return request_maker(plan, method, options), self._sender.sending(options)
        from fastapi_gcp_tasks.straight_tasks import StraightTasks  # here, as only local services lead there

        straight = StraightTasks(plan, method, options, self._go_by_requests)
        return straight.encoded, self._sender.sending_straight(options, straight)

    def _go_by_requests(self) -> None:
        self._may_go_straight = False
        self._bound = None

    def _bind_submit(self) -> Any:
        options = self._options()
        check_together(options, self._label("submit"), recorded=self._recorded is not None)
        self._submits = submitter = self._submitter(self._needed_store("submit"), options)
        return submitter

    @abstractmethod
    def _submitter(self, recorded: "RecordedEndpoint", options: TaskOptions) -> Any:
        """What creates recorded tasks under these options."""

    def _tasks(self, verb: str) -> "TaskKind[Any]":
        """What its handles need to know; `TypeError` where nothing is recorded."""
        options = self.own_options()
        return self._needed_store(verb).tasks(lambda: self._sender.client(options))

    def _needed_store(self, verb: str) -> "RecordedEndpoint":
        if self._recorded is None:
            raise TypeError(
                f"{self._label(verb)} needs a store of results: give the builder results=, such as local.results() of "
                "a LocalService"
            )
        return self._recorded

    def _label(self, verb: str) -> str:
        return f"{endpoint_label(self._route.endpoint)}.{verb}"


class Delayed(_Delayed[Sender]):
    """Creates tasks of one endpoint."""

    def delay(self, /, *args: Any, **values: Any) -> "Task":
        """Create a task that calls the endpoint with these arguments."""
        if args:
            values = by_name(self._route.endpoint, "delay", args, values)
        make, send = self._bound or self._bind()
        return send(make(values))  # type: ignore[no-any-return]  # what a Sender sends comes back as a Task

    def delay_many(
        self,
        items: Iterable[Mapping[str, Any]],
        *,
        task_ids: Iterable[str] | None = None,
        concurrency: int = 10,
        progress: Callable[[int], None] | None = None,
    ) -> "BulkResult":
        """Create a task for each item, a mapping of the endpoint's arguments; what became of each."""
        from fastapi_gcp_tasks.bulk_calls import run_bulk

        bulk, options = self._bulk(items, task_ids, concurrency, progress)
        client = self._sender.ready_client(options)
        return run_bulk(bulk, self._bulk_records(options), client, options.task_create_timeout, concurrency)

    def submit(self, /, *args: Any, **values: Any) -> "TaskHandle[Any]":
        """Create a task that calls the endpoint with these arguments, and get its handle."""
        if args:
            values = by_name(self._route.endpoint, "submit", args, values)
        submitter: Submitter = self._submits or self._bind_submit()
        return submitter.submit(values)

    def handle(self, id: str) -> "TaskHandle[Any]":
        """The handle of the task with that id, whoever created it."""
        from gcptasks.client.handles import TaskHandle

        return TaskHandle(self._tasks("handle"), id)

    def _submitter(self, recorded: "RecordedEndpoint", options: TaskOptions) -> "Submitter":
        from fastapi_gcp_tasks.recorded_endpoint import Recording
        from fastapi_gcp_tasks.submitters import Submitter

        recording = Recording(recorded.path, *self._plan(options), options)
        return Submitter(recording, self._tasks("submit"), recorded.results, self._sender.sending(options))

    def _bulk_records(self, options: TaskOptions) -> "BulkRecords | None":
        recorded = self._recorded
        if recorded is None:
            return None
        from fastapi_gcp_tasks.bulk_records import BulkRecords

        return BulkRecords(recorded.results.guarded().quiet, recorded.path, options.labels)


class AsyncDelayed(_Delayed[AsyncSender]):
    """Creates tasks of one endpoint, and does not block the event loop."""

    async def delay(self, /, *args: Any, **values: Any) -> "Task":
        """Create a task that calls the endpoint with these arguments."""
        if args:
            values = by_name(self._route.endpoint, "delay", args, values)
        make, send = self._bound or self._bind()
        return await send(make(values))  # type: ignore[no-any-return]  # as above

    async def delay_many(
        self,
        items: Iterable[Mapping[str, Any]],
        *,
        task_ids: Iterable[str] | None = None,
        concurrency: int = 10,
        progress: Callable[[int], None] | None = None,
    ) -> "BulkResult":
        """Create a task for each item, a mapping of the endpoint's arguments; what became of each."""
        from fastapi_gcp_tasks.bulk_calls import run_bulk_async

        bulk, options = self._bulk(items, task_ids, concurrency, progress)
        client = await self._sender.ready_client(options)
        records = self._bulk_records(options)
        return await run_bulk_async(bulk, records, client, options.task_create_timeout, concurrency)

    async def submit(self, /, *args: Any, **values: Any) -> "AsyncTaskHandle[Any]":
        """Create a task that calls the endpoint with these arguments, and get its handle."""
        if args:
            values = by_name(self._route.endpoint, "submit", args, values)
        submitter: AsyncSubmitter = self._submits or self._bind_submit()
        return await submitter.submit(values)

    def handle(self, id: str) -> "AsyncTaskHandle[Any]":
        """The handle of the task with that id, whoever created it."""
        from gcptasks.client.handles import AsyncTaskHandle

        return AsyncTaskHandle(self._tasks("handle"), id)

    def _submitter(self, recorded: "RecordedEndpoint", options: TaskOptions) -> "AsyncSubmitter":
        from fastapi_gcp_tasks.recorded_endpoint import Recording
        from fastapi_gcp_tasks.submitters import AsyncSubmitter

        recording = Recording(recorded.path, *self._plan(options), options)
        return AsyncSubmitter(recording, self._tasks("submit"), recorded.results, self._sender.sending(options))

    def _bulk_records(self, options: TaskOptions) -> "BulkRecords | None":
        recorded = self._recorded
        if recorded is None:
            return None
        from fastapi_gcp_tasks.bulk_records import BulkRecords

        return BulkRecords(recorded.results.guarded().awaiting, recorded.path, options.labels)
