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
from fastapi_gcp_tasks.task_request import countdown_ns, encoding, fixed_part, message_writer
from gcptasks.base import wall_clock
from gcptasks.base.epoch import EPOCH
from gcptasks.engine.header_rules import Headers
from gcptasks.engine.task_limits import LARGEST

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CreateTaskRequest

    from gcptasks.client.new_tasks import MakeNew
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
        self._base_url, self._countdown = options.callback_base_url, countdown_ns(options)
        self._like_plain: MakeNew | None = None
        self._like_json: MakeNew | None = None
        """What makes tasks without a body, and with one; known when first needed, as many options are of one call."""

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

    def new(self, encoded: Encoded) -> "NewTask":
        """What the service reads in the request of these parts."""
        path, headers, body = encoded
        make = self._like_json or self._read_json() if headers else self._like_plain or self._read_plain()
        url = f"{self._base_url}{path}" if self._plan.fixed_path is None else None
        if not self._countdown:
            return make(body or b"", url)
        microseconds, ns = divmod(wall_clock.now_ns() + self._countdown, 1000)
        return make(body or b"", url, EPOCH + timedelta(microseconds=microseconds), ns)

    def _read_plain(self) -> "MakeNew":
        self._like_plain = make = self._tasks_with(())
        return make

    def _read_json(self) -> "MakeNew":
        self._like_json = make = self._tasks_with(JSON_TYPE)
        return make

    def _tasks_with(self, headers: Headers) -> "MakeNew":
        from gcptasks.client.new_tasks import tasks_like  # here, as only a service of this process takes them

        fixed = fixed_part(self._method, self._plan.fixed_path, self._options)
        fixed.task.http_request.headers.update(headers)
        return tasks_like(fixed)
