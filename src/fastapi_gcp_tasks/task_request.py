"""From the arguments of a call to Google's CreateTaskRequest.

What is the same in all requests of an endpoint is serialized once. A call appends its URL and its body as two more
fields `task`, which the parser merges into the first, as protobuf does with a message that occurs again: one call in C,
where building Google's own wrappers field by field costs twenty times that.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ParamSpec

from fastapi_gcp_tasks import option_checks as check
from fastapi_gcp_tasks.encode import JSON_TYPE, Plan
from fastapi_gcp_tasks.encode.plan import Encoded
from fastapi_gcp_tasks.options import TaskOptions
from gcptasks.engine.task_limits import LARGEST, MAX_DEADLINE, MIN_DEADLINE, MOST_AHEAD

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CreateTaskRequest

    from fastapi_gcp_tasks.bulk import MakeNamedRequest

P = ParamSpec("P")

MakeRequest = Callable[[Mapping[str, Any]], "CreateTaskRequest"]

_SECOND = 1_000_000_000
_MOST_AHEAD = int(MOST_AHEAD.total_seconds()) * _SECOND
_MAY_BE_TOO_LARGE = LARGEST - 100_000
"""Bytes of a message before its headers, which have a limit of their own."""

# The tags of length-delimited fields: CreateTaskRequest.task, Task.http_request, HttpRequest.url and .body.
_TASK, _HTTP_REQUEST, _URL, _BODY = b"\x12", b"\x1a", b"\x0a", b"\x22"


def request_maker(plan: Plan, method: str, options: TaskOptions) -> MakeRequest:
    """What makes the requests of one endpoint under one set of options, and has the hook change them."""
    from google.cloud.tasks_v2 import CreateTaskRequest

    parse, wrap = CreateTaskRequest.pb().FromString, CreateTaskRequest.wrap
    encode, fixed_path = _encoding(plan, options), plan.fixed_path
    base_url, countdown = str(options.callback_base_url), int((options.countdown or 0) * _SECOND)

    fixed = _fixed_part(method, fixed_path, options)
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
        if len(message) > _MAY_BE_TOO_LARGE:
            _check_size(raw.task.ByteSize())
        return wrap(raw)

    make: MakeRequest = make_request
    if options.schedule_time is not None:
        make = _soon_enough(make, fixed.task.schedule_time.ToNanoseconds())
    return _hooked(make, options.pre_create_hook) if options.pre_create_hook else make


def named_request_maker(plan: Plan, method: str, options: TaskOptions) -> "MakeNamedRequest":
    """The same for many tasks, each with an id of its own or none."""
    from google.cloud.tasks_v2 import CreateTaskRequest

    make = request_maker(plan, method, options._replace(pre_create_hook=None))
    names = f"{options.queue_path}/tasks/"

    def make_named_request(values: Mapping[str, Any], task_id: str | None) -> "CreateTaskRequest":
        request = make(values)
        if task_id is not None:
            CreateTaskRequest.pb(request).task.name = f"{names}{check.task_id('task_ids', task_id)}"
        return request

    return _hooked(make_named_request, options.pre_create_hook) if options.pre_create_hook else make_named_request


def _fixed_part(method: str, path: str | None, options: TaskOptions) -> Any:
    """What is the same in all requests."""
    from google.cloud.tasks_v2 import CreateTaskRequest, HttpMethod

    fixed = CreateTaskRequest.pb()(parent=options.queue_path)
    fixed.task.http_request.http_method = HttpMethod[method].value
    if options.task_id is not None:
        fixed.task.name = f"{options.queue_path}/tasks/{options.task_id}"
    if options.dispatch_deadline is not None:
        fixed.task.dispatch_deadline.FromTimedelta(options.dispatch_deadline)
    if options.schedule_time is not None:
        fixed.task.schedule_time.FromDatetime(options.schedule_time)
    if path is not None:
        fixed.task.http_request.url = f"{options.callback_base_url}{path}"
    fixed.task.http_request.headers.update(options.headers)
    return fixed


def _hooked(make: Callable[P, "CreateTaskRequest"], hook: Callable[[Any], Any]) -> Callable[P, "CreateTaskRequest"]:
    from google.cloud.tasks_v2 import CreateTaskRequest

    def make_hooked_request(*args: P.args, **kwargs: P.kwargs) -> "CreateTaskRequest":
        request = hook(make(*args, **kwargs))
        if request is None:
            raise TypeError(f"pre_create_hook must return the request: {hook!r} returned None")
        if isinstance(request, CreateTaskRequest):
            _check_limits(CreateTaskRequest.pb(request).task)
        return request  # type: ignore[no-any-return]  # the hook's word

    return make_hooked_request


def _soon_enough(make: MakeRequest, due: int) -> MakeRequest:
    def make_scheduled_request(values: Mapping[str, Any]) -> "CreateTaskRequest":
        _check_horizon(due)
        return make(values)

    return make_scheduled_request


def _encoding(plan: Plan, options: TaskOptions) -> Callable[[Mapping[str, Any]], Encoded]:
    """The plan's encoding, with what the options add to the arguments and to the headers."""
    more, own = options.dependency_arguments, options.headers
    encode = _encoding_for_later(plan, options)
    if not (more or own):
        return encode

    def encode_with_options(values: Mapping[str, Any]) -> Encoded:
        for name in values.keys() & more.keys():
            raise TypeError(f"{name!r} is given twice, as an argument and in dependency_arguments")
        path, headers, body = encode({**values, **more})
        for name, _ in headers:
            if name in own:
                reason = "the body sets it" if name == "content-type" else "an argument of this call sets it"
                raise ValueError(f"the option headers cannot have {name!r}: {reason}")
        return path, headers, body

    return encode_with_options


def _encoding_for_later(plan: Plan, options: TaskOptions) -> Callable[[Mapping[str, Any]], Encoded]:
    check_due, countdown, at = plan.check_due, options.countdown, options.schedule_time
    if check_due is None or not (countdown or at):
        return plan.encode

    def encode_for_later(values: Mapping[str, Any]) -> Encoded:
        encoded = plan.encode(values)
        due = at or datetime.now(UTC) + timedelta(seconds=countdown or 0)
        check_due(values, due if due.tzinfo else due.replace(tzinfo=UTC))
        return encoded

    return encode_for_later


def _check_limits(task: Any) -> None:
    """Raise ValueError if a hook made of the task what the service does not take."""
    _check_size(task.ByteSize())
    if task.HasField("schedule_time"):
        _check_horizon(task.schedule_time.ToNanoseconds())
    if task.HasField("dispatch_deadline"):
        deadline = task.dispatch_deadline.ToTimedelta()
        if not MIN_DEADLINE <= deadline <= MAX_DEADLINE:
            raise ValueError(f"the dispatch deadline must be from {MIN_DEADLINE} to {MAX_DEADLINE}, not {deadline}")


def _check_horizon(due: int) -> None:
    if due - time.time_ns() > _MOST_AHEAD:
        at = datetime.fromtimestamp(due // _SECOND, UTC)
        raise ValueError(f"a task can be due at most {MOST_AHEAD.days} days ahead, not at {at.isoformat()}")


def _check_size(size: int) -> None:
    # What the service fills in counts too, some hundred bytes; of a task that near to the limit it says so itself.
    if size > LARGEST:
        raise ValueError(
            f"the task has {size} bytes, and the service takes {LARGEST} at most: "
            "keep the data elsewhere, and pass a reference to it"
        )


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
