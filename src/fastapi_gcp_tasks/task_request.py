"""From the arguments of a call to Google's CreateTaskRequest.

What is the same in all requests of an endpoint is serialized once. A call appends its URL and its body as two more
fields `task`, which the parser merges into the first, as protobuf does with a message that occurs again: one call in C,
where building Google's own wrappers field by field costs twenty times that.
"""

import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fastapi_gcp_tasks.encode import JSON_TYPE, Plan
from fastapi_gcp_tasks.options import TaskOptions

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CreateTaskRequest

MakeRequest = Callable[[Mapping[str, Any]], "CreateTaskRequest"]

_SECOND = 1_000_000_000
# The tags of length-delimited fields: CreateTaskRequest.task, Task.http_request, HttpRequest.url and .body.
_TASK, _HTTP_REQUEST, _URL, _BODY = b"\x12", b"\x1a", b"\x0a", b"\x22"


def request_maker(plan: Plan, method: str, options: TaskOptions) -> MakeRequest:
    """What makes the requests of one endpoint under one set of options, and has the hook change them."""
    from google.cloud.tasks_v2 import CreateTaskRequest, HttpMethod

    new = CreateTaskRequest.pb()
    parse, wrap = new.FromString, CreateTaskRequest.wrap
    encode, fixed_path = plan.encode, plan.fixed_path
    base_url, countdown = options.callback_base_url, int((options.countdown or 0) * _SECOND)

    fixed = new(parent=options.queue_path)
    fixed.task.http_request.http_method = HttpMethod[method].value
    if options.task_id is not None:
        fixed.task.name = f"{options.queue_path}/tasks/{options.task_id}"
    if fixed_path is not None:
        fixed.task.http_request.url = base_url + fixed_path
    plain = fixed.SerializeToString()
    # The usual header is serialized too: to set one costs as much as all the rest.
    fixed.task.http_request.headers.update(JSON_TYPE)
    json = fixed.SerializeToString()

    def make_request(values: Mapping[str, Any]) -> "CreateTaskRequest":
        path, headers, body = encode(values)
        usual = headers is JSON_TYPE
        message: bytes = json if usual else plain
        if fixed_path is None:
            url = (base_url + path).encode()
            message += _url_head(len(url)) + url
        if body is not None:
            message += _body_head(len(body)) + body
        raw = parse(message)
        if not usual:
            for name, value in headers:
                raw.task.http_request.headers[name] = value
        if countdown:
            at = raw.task.schedule_time
            at.seconds, at.nanos = divmod(time.time_ns() + countdown, _SECOND)
        return wrap(raw)

    return _hooked(make_request, options.pre_create_hook) if options.pre_create_hook else make_request


def _hooked(make: MakeRequest, hook: Callable[[Any], Any]) -> MakeRequest:
    def make_hooked_request(values: Mapping[str, Any]) -> "CreateTaskRequest":
        request = hook(make(values))
        if request is None:
            raise TypeError(f"pre_create_hook must return the request: {hook!r} returned None")
        return request  # type: ignore[no-any-return]  # the hook's word

    return make_hooked_request


@lru_cache(maxsize=4096)
def _url_head(size: int) -> bytes:
    return _head(_URL, size)


@lru_cache(maxsize=4096)
def _body_head(size: int) -> bytes:
    return _head(_BODY, size)


def _head(tag: bytes, size: int) -> bytes:
    """What stands before this many bytes of a field of the HTTP request, in a CreateTaskRequest of its own."""
    head = tag + _varint(size)
    for outer in (_HTTP_REQUEST, _TASK):
        head = outer + _varint(len(head) + size) + head
    return head


def _varint(number: int) -> bytes:
    """Protobuf's variable-length integer: seven bits a byte, the lowest first, the high bit on all but the last."""
    low, rest = number & 0x7F, number >> 7
    return bytes((low | 0x80,)) + _varint(rest) if rest else bytes((low,))
