"""From the arguments of a call to Google's CreateTaskRequest.

What is the same in all requests of an endpoint is serialized once. A call appends what it adds (`request_bytes.py`),
and one parse makes the message.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi_gcp_tasks import option_checks as check
from fastapi_gcp_tasks.encode import JSON_TYPE, Plan
from fastapi_gcp_tasks.encode.plan import Encoded
from fastapi_gcp_tasks.options import TaskOptions
from gcptasks.base import wall_clock
from gcptasks.base.epoch import EPOCH
from gcptasks.client.request_bytes import body_head, due_in, named, url_head, with_headers
from gcptasks.engine.task_limits import LARGEST, MAX_DEADLINE, MIN_DEADLINE, MOST_AHEAD

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CreateTaskRequest

MakeRequest = Callable[[Mapping[str, Any]], "CreateTaskRequest"]
Encode = Callable[[Mapping[str, Any]], Encoded]
"""Encodes arguments."""
WriteMessage = Callable[[Encoded], bytes]
"""Makes the request of encoded arguments, serialized."""
MakeNamedMessage = Callable[[Mapping[str, Any], str | None], tuple[str, bytes, str]]
"""Makes the request of one of many tasks, of its arguments and its task id: the task's full name and the request,
serialized, and the id of its record; the name and the id are empty where it has none."""
MakeRecordedRequest = Callable[[Mapping[str, Any], str, str], tuple["CreateTaskRequest", str]]
"""Makes the request of a recorded task, of its arguments, its full name and its tag; and its name after the hook."""

_SECOND = 1_000_000_000
_MOST_AHEAD = int(MOST_AHEAD.total_seconds()) * _SECOND


def request_maker(plan: Plan, method: str, options: TaskOptions) -> MakeRequest:
    """What makes the requests of one endpoint under one set of options, and has the hook change them."""
    from google.cloud.tasks_v2 import CreateTaskRequest

    parse, wrap = CreateTaskRequest.pb().FromString, CreateTaskRequest.wrap
    encode, write_message = encoding(plan, options), message_writer(plan, method, options)

    def make_request(values: Mapping[str, Any]) -> "CreateTaskRequest":
        return wrap(parse(write_message(encode(values))))

    hook = options.pre_create_hook
    if hook is None:
        return make_request

    def make_hooked_request(values: Mapping[str, Any]) -> "CreateTaskRequest":
        return _hooked(hook, make_request(values))

    return make_hooked_request


def recorded_request_maker(plan: Plan, method: str, options: TaskOptions) -> MakeRecordedRequest:
    """The same for tasks that are recorded: their names, and how they find their records, are known before."""
    from google.cloud.tasks_v2 import CreateTaskRequest

    from gcptasks.client.last_attempts import tag_own_retries  # here, as most tasks have no record
    from gcptasks.engine.task_records import RECORD_HEADER

    parse, wrap, raw = CreateTaskRequest.pb().FromString, CreateTaskRequest.wrap, CreateTaskRequest.pb
    encode, write_message = encoding(plan, options), message_writer(plan, method, options)
    hook = options.pre_create_hook

    def make_request(values: Mapping[str, Any], name: str, tag: str) -> "tuple[CreateTaskRequest, str]":
        message = with_headers(write_message(encode(values)), ((RECORD_HEADER, tag),))
        request = wrap(parse(named(message, name)))
        if hook is None:
            return request, name
        request = _hooked(hook, request)
        tag_own_retries(raw(request).task)
        return request, raw(request).task.name

    return make_request


def digest_maker(plan: Plan, options: TaskOptions) -> Callable[[Mapping[str, Any]], bytes]:
    """What tells by a digest whether two tasks have the same arguments."""
    from gcptasks.client.argument_digest import argument_digest

    encode, more = _encoding_with_more(plan, options), options.dependency_arguments

    def digest_of(values: Mapping[str, Any]) -> bytes:
        path, headers, body = encode(values)
        carried = *path.encode().split(b"?", 1), repr(sorted(headers)).encode(), body or b""
        return argument_digest({**values, **more}, carried)

    return digest_of


def named_message_maker(plan: Plan, method: str, options: TaskOptions, *, recorded: bool) -> MakeNamedMessage:
    """The same for many tasks, each with an id of its own or none."""
    encode, write_message = encoding(plan, options), message_writer(plan, method, options)
    names = f"{options.queue_path}/tasks/"

    def make_named_message(values: Mapping[str, Any], task_id: str | None) -> tuple[str, bytes, str]:
        message = write_message(encode(values))
        if task_id is None:
            return "", message, ""
        name = f"{names}{check.task_id('task_ids', task_id)}"
        return name, named(message, name), ""

    make = _recorded_messages(encode, write_message, names) if recorded else make_named_message
    hook = options.pre_create_hook
    return make if hook is None else _hooked_messages(make, hook)


def _recorded_messages(encode: Encode, write_message: WriteMessage, names: str) -> MakeNamedMessage:
    from gcptasks.client.recorded_calls import new_id
    from gcptasks.engine.task_records import RECORD_HEADER, record_tag

    def make_recorded_message(values: Mapping[str, Any], task_id: str | None) -> tuple[str, bytes, str]:
        id = new_id()
        message = with_headers(write_message(encode(values)), ((RECORD_HEADER, record_tag(id, 1)),))
        name = f"{names}{id if task_id is None else check.task_id('task_ids', task_id)}"
        return name, named(message, name), id

    return make_recorded_message


def message_writer(plan: Plan, method: str, options: TaskOptions) -> WriteMessage:
    """What makes the requests of one endpoint, serialized, of its encoded arguments; `ValueError` for a large one."""
    fixed_path, base_url, countdown = plan.fixed_path, str(options.callback_base_url), countdown_ns(options)
    fixed = fixed_part(method, fixed_path, options)
    plain = fixed.SerializeToString()
    fixed.task.http_request.headers.update(JSON_TYPE)
    json = fixed.SerializeToString()

    def write_message(encoded: Encoded) -> bytes:
        path, headers, body = encoded
        message: bytes = json if headers is JSON_TYPE else with_headers(plain, headers)
        if fixed_path is None:
            url = (base_url + path).encode()
            message += url_head(len(url)) + url
        if body is not None:
            message += body_head(len(body)) + body
        if countdown:
            message += due_in(countdown)
        # What is repeated, and the name of the queue, make it longer than its task.
        if len(message) > LARGEST:
            _check_size(_task_size(message))
        return message

    return write_message


def countdown_ns(options: TaskOptions) -> int:
    """After how many nanoseconds the task is due; 0 if that is not counted from the call."""
    return int((options.countdown or 0) * _SECOND)


def fixed_part(method: str, path: str | None, options: TaskOptions) -> Any:
    """What is the same in all requests, raw."""
    from google.cloud.tasks_v2 import CreateTaskRequest, HttpMethod

    fixed = CreateTaskRequest.pb()(parent=options.queue_path)
    fixed.task.http_request.http_method = HttpMethod[method].value
    if options.task_id is not None:
        fixed.task.name = f"{options.queue_path}/tasks/{options.task_id}"
    if options.dispatch_deadline is not None:
        fixed.task.dispatch_deadline.FromTimedelta(options.dispatch_deadline)
    if options.schedule_time is not None:
        fixed.task.schedule_time.FromDatetime(wall_clock.as_due(options.schedule_time))
    if path is not None:
        fixed.task.http_request.url = f"{options.callback_base_url}{path}"
    fixed.task.http_request.headers.update(options.headers)
    return fixed


def _hooked_messages(make: MakeNamedMessage, hook: Callable[[Any], Any]) -> MakeNamedMessage:
    from google.cloud.tasks_v2 import CreateTaskRequest

    from gcptasks.client.last_attempts import tag_own_retries

    def make_hooked_message(values: Mapping[str, Any], task_id: str | None) -> tuple[str, bytes, str]:
        _, message, id = make(values, task_id)
        request = _hooked(hook, CreateTaskRequest.deserialize(message))
        if id:
            tag_own_retries(CreateTaskRequest.pb(request).task)
        return request.task.name, CreateTaskRequest.serialize(request), id

    return make_hooked_message


def _hooked(hook: Callable[[Any], Any], request: "CreateTaskRequest") -> "CreateTaskRequest":
    """What the hook makes of the request; an error unless the service could take it."""
    from google.cloud.tasks_v2 import CreateTaskRequest

    changed = hook(request)
    if not isinstance(changed, CreateTaskRequest):
        raise TypeError(f"pre_create_hook must return the request: {hook!r} returned {changed!r}")
    _check_limits(CreateTaskRequest.pb(changed).task)
    return changed


def encoding(plan: Plan, options: TaskOptions) -> Encode:
    """The plan's encoding, with what the options add to the arguments and to the headers."""
    encode = _encoding_with_more(plan, options)
    if options.schedule_time is None:
        return encode
    since = wall_clock.as_due(options.schedule_time) - EPOCH
    due = (since.days * 86400 + since.seconds) * _SECOND + since.microseconds * 1000

    def encode_if_soon_enough(values: Mapping[str, Any]) -> Encoded:
        _check_horizon(due)
        return encode(values)

    return encode_if_soon_enough


def _encoding_with_more(plan: Plan, options: TaskOptions) -> Encode:
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


def _encoding_for_later(plan: Plan, options: TaskOptions) -> Encode:
    check_due, countdown, at = plan.check_due, options.countdown, options.schedule_time
    if check_due is None or not (countdown or at):
        return plan.encode

    def encode_for_later(values: Mapping[str, Any]) -> Encoded:
        encoded = plan.encode(values)
        due = at or wall_clock.now() + timedelta(seconds=countdown or 0)
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
    if due - wall_clock.now_ns() > _MOST_AHEAD:
        at = datetime.fromtimestamp(due // _SECOND, UTC)
        raise ValueError(f"a task can be due at most {MOST_AHEAD.days} days ahead, not at {at.isoformat()}")


def _check_size(size: int) -> None:
    # What the service fills in counts too, some hundred bytes; of a task that near to the limit it says so itself.
    if size > LARGEST:
        raise ValueError(
            f"the task has {size} bytes, and the service takes {LARGEST} at most: "
            "keep the data elsewhere, and pass a reference to it"
        )


def _task_size(message: bytes) -> int:
    from google.cloud.tasks_v2 import CreateTaskRequest

    return int(CreateTaskRequest.pb().FromString(message).task.ByteSize())
