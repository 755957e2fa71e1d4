"""From an encoded call to Google's CreateTaskRequest."""

import time
from typing import TYPE_CHECKING

from fastapi_gcp_tasks.options import TaskOptions

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CreateTaskRequest

    from fastapi_gcp_tasks.encode import Encoded

_SECOND = 1_000_000_000
_JSON = (("content-type", "application/json"),)


class TaskRequests:
    """Makes the requests of one endpoint under one set of options.

    Everything that is the same for all of them stands in a raw protobuf message that is copied: raw and wrapped once
    for the hook, it costs a few microseconds where building Google's own wrappers field by field costs forty.
    """

    __slots__ = ("_base_url", "_countdown", "_hook", "_json", "_plain", "_raw", "_wrap")

    def __init__(self, method: str, options: TaskOptions) -> None:
        from google.cloud.tasks_v2 import CreateTaskRequest, HttpMethod

        self._raw = CreateTaskRequest.pb()
        self._wrap = CreateTaskRequest.wrap
        self._plain = self._raw(parent=options.queue_path)
        self._plain.task.http_request.http_method = HttpMethod[method].value
        if options.task_id is not None:
            self._plain.task.name = f"{options.queue_path}/tasks/{options.task_id}"
        # The usual headers stand in a template of their own: to set one costs as much as all the rest.
        self._json = self._raw()
        self._json.CopyFrom(self._plain)
        self._json.task.http_request.headers.update(_JSON)
        self._base_url = options.callback_base_url
        self._countdown = int((options.countdown or 0) * _SECOND)
        self._hook = options.pre_create_hook

    def make(self, encoded: "Encoded") -> "CreateTaskRequest":
        """The request, as the hook left it."""
        raw = self._raw()
        usual = encoded.headers == _JSON
        raw.CopyFrom(self._json if usual else self._plain)
        http = raw.task.http_request
        http.url = self._base_url + encoded.path
        if not usual:
            for name, value in encoded.headers:
                http.headers[name] = value
        if encoded.body is not None:
            http.body = encoded.body
        if self._countdown:
            at = raw.task.schedule_time
            at.seconds, at.nanos = divmod(time.time_ns() + self._countdown, _SECOND)
        request = self._wrap(raw)
        return self._hooked(request) if self._hook else request

    def _hooked(self, request: "CreateTaskRequest") -> "CreateTaskRequest":
        assert self._hook
        hooked = self._hook(request)
        if hooked is None:
            raise TypeError(f"pre_create_hook must return the request: {self._hook!r} returned None")
        return hooked  # type: ignore[no-any-return]  # the hook's word
