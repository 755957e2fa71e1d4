"""An endpoint whose tasks are recorded: what is recorded of them, and how their results are read."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_type_hints

from fastapi.routing import APIRoute
from starlette.responses import Response

from fastapi_gcp_tasks.encode import Plan
from fastapi_gcp_tasks.labels import endpoint_path
from fastapi_gcp_tasks.options import TaskOptions
from fastapi_gcp_tasks.task_request import digest_maker, recorded_request_maker
from gcptasks.client.call_flows import CallsFlow
from gcptasks.client.handle_flows import Store, TaskKind
from gcptasks.client.recorded_calls import QuietCalls, RecordedRequest, RecordedTasks
from gcptasks.client.result_type import ResultType
from gcptasks.results.given import GivenStore


class RecordedEndpoint:
    """An endpoint of a builder with `results=`."""

    def __init__(self, route: APIRoute, results: GivenStore) -> None:
        self.path = endpoint_path(route.endpoint)
        self.results = results
        self._type = ResultType(self.path, lambda: _result_type(route), by_alias=route.response_model_by_alias)

    def tasks(self, client: Callable[[], Any]) -> TaskKind[Any]:
        """What its tasks have in common; that client deletes them."""
        return TaskKind(self.path, self.results.get, self._type.read, client)


class Recording:
    """Makes the requests and the records of an endpoint's tasks under one set of options."""

    def __init__(self, endpoint: str, plan: Plan, method: str, options: TaskOptions) -> None:
        self._make = recorded_request_maker(plan, method, options)
        self._digest_of = digest_maker(plan, options)
        self.key = options.key
        self._tasks = RecordedTasks(
            endpoint=endpoint,
            names=f"{options.queue_path}/tasks/",
            task_id=options.task_id,
            labels=options.labels,
            rerun=options.rerun,
        )

    def new(self, values: Mapping[str, Any]) -> RecordedRequest:
        """A task with these arguments."""
        return self._tasks.new(partial(self._make, values))

    def submit_once(
        self, key: str, values: Mapping[str, Any], store: Store, quiet: QuietCalls, send: Callable[[Any], Any]
    ) -> CallsFlow[tuple[str, str]]:
        """The id and the name of the task with that key: of a new one with these arguments, unless there is one."""
        digest = partial(self._digest_of, values)
        return self._tasks.submit_once(key, partial(self._make, values), digest, store, quiet, send)


def _result_type(route: APIRoute) -> Any:
    """What the endpoint's results are read as: its `response_model`, else what it says that it returns."""
    if route.response_model is not None:
        return route.response_model
    try:
        returned: Any = get_type_hints(route.endpoint, include_extras=True).get("return", Any)
    except (NameError, TypeError):  # names that only type checkers know; an instance with `__call__`
        return Any
    # A response says nothing of its content.
    return Any if _is_response(returned) else returned


def _is_response(returned: object) -> bool:
    return isinstance(returned, type) and issubclass(returned, Response)
