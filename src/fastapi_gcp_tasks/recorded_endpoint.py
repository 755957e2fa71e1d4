"""An endpoint whose tasks are recorded: what is recorded of them, and how their results are read."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from fastapi.routing import APIRoute
from starlette.responses import Response

from fastapi_gcp_tasks.encode import Plan
from fastapi_gcp_tasks.labels import endpoint_path
from fastapi_gcp_tasks.options import TaskOptions
from fastapi_gcp_tasks.task_request import digest_maker, recorded_request_maker
from gcptasks.client.call_flows import CallsFlow
from gcptasks.client.handle_flows import Store, TaskKind
from gcptasks.client.recorded_calls import QuietCalls, RecordedRequest, create_once, create_recorded, id_of_key, new_id
from gcptasks.client.result_type import ResultType
from gcptasks.engine.task_records import record_tag
from gcptasks.results.given import GivenStore
from gcptasks.results.store import NewRecord


class RecordedEndpoint:
    """An endpoint of a builder with `results=`."""

    def __init__(self, route: APIRoute, results: GivenStore) -> None:
        self.path = endpoint_path(route.endpoint)
        self.results = results
        self._type = ResultType(self.path, lambda: _result_type(route))

    def tasks(self, client: Callable[[], Any]) -> TaskKind[Any]:
        """What its tasks have in common; that client deletes them."""
        return TaskKind(self.path, self.results.get, self._type.read, client)


class Recording:
    """Makes the requests and the records of an endpoint's tasks under one set of options."""

    def __init__(self, endpoint: str, plan: Plan, method: str, options: TaskOptions) -> None:
        self.key = options.key
        self.rerun = options.rerun
        self._endpoint = endpoint
        self._make = recorded_request_maker(plan, method, options)
        self._digest_of = digest_maker(plan, options)
        self._task_id = options.task_id
        self._names = f"{options.queue_path}/tasks/"
        self._labels = options.labels

    def new(self, values: Mapping[str, Any]) -> RecordedRequest:
        """A task with these arguments."""
        id = new_id()
        made = f"{self._names}{self._task_id or id}"
        request, name = self._make(values, made, record_tag(id, 1))
        record = NewRecord(id=id, endpoint=self._endpoint, task_name=name, labels=self._labels)
        return RecordedRequest(request, record, named_here=self._task_id is None and name == made)

    def submit(
        self, values: Mapping[str, Any], store: Callable[[], Store], quiet: QuietCalls, send: Callable[[Any], Any]
    ) -> CallsFlow[tuple[str, str]]:
        """The id and the name of a task with these arguments: of a new one, unless there is one with its key."""
        if self.key is None:
            new = self.new(values)
            yield from create_recorded(quiet, new, send)
            return new.record.id, new.record.task_name
        id = id_of_key(self._endpoint, self.key)

        def request_of(name: str, run: int) -> Any:
            request, own = self._make(values, name, record_tag(id, run))
            if own != name:
                raise ValueError(f"the key names the task, so pre_create_hook cannot name it {own!r}")
            return request

        # A name of its own: that of an earlier task with this key, whose record is gone, may still be taken.
        name = f"{self._names}{id}-{secrets.token_hex(8)}"
        record = NewRecord(
            id=id,
            endpoint=self._endpoint,
            task_name=name,
            labels=self._labels,
            arguments=self._digest_of(values),
            confirmed=False,
        )
        new = RecordedRequest(request_of(name, 1), record, named_here=True)
        found = yield from create_once(store(), quiet, new, request_of, send, rerun=self.rerun)
        return found.id, found.task_name


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
