"""Tasks for a service of this process, which takes them as its own values: there is no request of Google's between.

That is for what nothing is particular about: no hook sees it, and its headers are the same in each call. All else is a
request, and so becomes whatever turns out to go to another client.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fastapi_gcp_tasks.encode import JSON_TYPE, Plan
from fastapi_gcp_tasks.encode.plan import Encoded
from fastapi_gcp_tasks.options import TaskOptions
from fastapi_gcp_tasks.task_request import countdown_ns, encoding, fixed_parts, message_writer
from gcptasks.base import wall_clock
from gcptasks.base.epoch import EPOCH
from gcptasks.engine.task_limits import LARGEST

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CreateTaskRequest

    from gcptasks.engine.model import NewTask

_LARGE = LARGEST // 2
"""Bytes of a path or a body from which on only the request tells whether the service takes it."""


class StraightTasks:
    """The tasks of one endpoint under one set of options."""

    def __init__(self, plan: Plan, method: str, options: TaskOptions, give_up: Callable[[], None]) -> None:
        self._plan, self._method, self._options = plan, method, options
        self.give_up = give_up
        """To be called when their client turns out not to lead there: from then on they are requests at once."""
        self._encode = encoding(plan, options)

    def encoded(self, values: Mapping[str, Any]) -> "Encoded | CreateTaskRequest":
        """What the arguments become: parts, or the request itself if there is something particular about it."""
        encoded = path, headers, body = self._encode(values)
        is_large = len(path) > _LARGE or (body is not None and len(body) > _LARGE)
        return self.request(encoded) if is_large or (headers and headers is not JSON_TYPE) else encoded

    @cached_property
    def request(self) -> "Callable[[Encoded], CreateTaskRequest]":
        """Makes the request of these parts."""
        from google.cloud.tasks_v2 import CreateTaskRequest

        parse, wrap = CreateTaskRequest.pb().FromString, CreateTaskRequest.wrap
        write_message = message_writer(self._plan, self._method, self._options)
        return lambda encoded: wrap(parse(write_message(encoded)))

    @cached_property
    def new(self) -> "Callable[[Encoded], NewTask]":
        """Makes what the service reads in that request."""
        from gcptasks.client.new_tasks import tasks_like  # here, as only a service of this process takes them

        fixed_path, base_url = self._plan.fixed_path, self._options.callback_base_url
        countdown = countdown_ns(self._options)
        make_plain, make_json = map(tasks_like, fixed_parts(self._method, fixed_path, self._options))

        def make_new(encoded: Encoded) -> "NewTask":
            path, headers, body = encoded
            make = make_json if headers else make_plain
            url = f"{base_url}{path}" if fixed_path is None else None
            if not countdown:
                return make(body or b"", url)
            microseconds, ns = divmod(wall_clock.now_ns() + countdown, 1000)
            return make(body or b"", url, EPOCH + timedelta(microseconds=microseconds), ns)

        return make_new
