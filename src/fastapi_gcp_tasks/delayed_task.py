"""What `.delay` and `.options` of an endpoint do."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from fastapi_gcp_tasks.call_arguments import by_name
from fastapi_gcp_tasks.decorators import defaults_of
from fastapi_gcp_tasks.options import NO_OPTIONS, TASK_OPTIONS, TaskOptions, options_layer, url_of
from fastapi_gcp_tasks.sender import AsyncSender, Sender
from fastapi_gcp_tasks.task_plans import TaskPlans, task_method
from fastapi_gcp_tasks.task_request import MakeRequest, named_message_maker, request_maker
from gcptasks.base.unset import UNSET, merged

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CreateTaskRequest, Task

    from fastapi_gcp_tasks.bulk import Bulk, BulkResult
    from fastapi_gcp_tasks.encode import Plan

S = TypeVar("S", Sender, AsyncSender)


class _Delayed(Generic[S]):
    """Creates tasks of one endpoint."""

    def __init__(self, plans: TaskPlans, sender: S, over: TaskOptions = NO_OPTIONS) -> None:
        self._route = plans.route
        self.plans = plans
        self._sender: S = sender
        self._over = over
        self._bound: tuple[MakeRequest, Callable[[CreateTaskRequest], Any]] | None = None
        """What makes a request, and what sends it; known from the first call on, as it takes Google's client."""

    def settle(self, defaults: TaskOptions) -> None:
        """The endpoint's default options are these from now on; `TypeError` for the wrong kind of client."""
        if defaults.client is not UNSET:
            self._sender.check(defaults.client)
        self._bound = None

    def look_again(self) -> None:
        """See anew, at the next call, which apps serve the route."""
        self.plans.look_again()
        self._bound = None

    def own_options(self) -> TaskOptions:
        """The options of its calls, so far as no call says otherwise. The base URL is not asked for yet."""
        return merged(merged(self._sender.options, defaults_of(self._route.endpoint)), self._over)

    def options(self, /, **options: Any) -> Self:
        """The same task, with these options for its calls."""
        layer = options_layer(TASK_OPTIONS, options)
        if layer.client is not UNSET:
            self._sender.check(layer.client)
        return type(self)(self.plans, self._sender, merged(self._over, layer))

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
        return Bulk(named_message_maker(*self._plan(options), options), items, task_ids, progress), options

    def _options(self) -> TaskOptions:
        options = self.own_options()
        return options._replace(callback_base_url=url_of(options))

    def _bind(self) -> "tuple[MakeRequest, Callable[[CreateTaskRequest], Any]]":
        options = self._options()
        self._bound = bound = request_maker(*self._plan(options), options), self._sender.sending(options)
        return bound


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
        return run_bulk(bulk, self._sender.ready_client(options), options.task_create_timeout, concurrency)


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
        return await run_bulk_async(bulk, client, options.task_create_timeout, concurrency)
