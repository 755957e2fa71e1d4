"""Random requests to any method, made from what protobuf says of them: nearly right ones, and hardly so."""

import math
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

PARENT = "projects/p/locations/l"
INTEGERS = [0, 1, -1, 2, 5, 6, 100, 501, 5001, 2**31 - 1, -(2**31)]
WIDE = [*INTEGERS, 15, 30, 1800, 4_102_444_800, 253_402_300_800, -62_135_596_801, 2**63 - 1, -(2**63)]
DOUBLES = [0.0, -0.0, 0.5, 1.0, 500.0, 1e308, 1e-320, math.nan, math.inf, -math.inf]
TEXTS = ["", "a", "ü", "\0", "a\0b", "a\r\nb", "%", "/", "..", "😀", "x" * 600, "x" * 3000, "\u2028", "-", "*", "0"]
JOBS = [f"{PARENT}/jobs/{id_}" for id_ in "abc"]
QUEUES, FLEETING = [f"{PARENT}/queues/q{number}" for number in range(3)], [f"{PARENT}/queues/d{n}" for n in range(50)]
"""Those that most requests are about, and those that are deleted, after which their names are not to be had."""
TASK_IDS = [f"t{number}" for number in range(60)]
BODIES = [b"", b"\0\xff", b"x" * 20_000]
DEEPEST = 4
URLS = ["http://w.test/", "https://a.googleapis.com/", "http://[::1", "http://a:b@c:99999/", "HTTP://w", "http://w/%zz"]

FITTING: dict[str, list[Any]] = {
    "schedule": ["* * * * *", "0 9 * * 1-5", "every 5 minutes", "every day 9:00", "every hour synchronized"],
    "time_zone": ["UTC", "Europe/Berlin", "America/New_York"],
    "uri": URLS,
    "url": URLS,
    "relative_uri": ["/", "/a?b#c", "//[::1", "/%zz"],
    "topic_name": ["projects/p/topics/t"],
    "service_account_email": ["a@b.example"],
    "key": ["a", "X-A", "user-agent", "Content-Type", "X-CloudScheduler"],
    "kms_key": [f"{PARENT}/keyRings/r/cryptoKeys/k"],
    "host": ["example.net", "localhost"],
    "role": ["roles/viewer", "projects/p/roles/a"],
    "members": ["user:a@b.example", "allUsers"],
    "requested_policy_version": [0, 1, 3],
    "permissions": ["cloudtasks.queues.get", "cloudtasks.tasks.run"],
    "page_token": [""],
    "request_id": ["", *"abcdefgh"],
    "type_url": ["type.googleapis.com/google.protobuf.Empty"],
    "filter": ["", "state: PAUSED", "NOT name: q OR retry_config.min_backoff > 1s", "(purge_time: *)", "state: 1"],
    "seconds": [0, 5, 30, 60, 3600],
    "nanos": [0],
}  # fmt: skip
"""Values that make sense, by the name of the field."""

PATHS = {
    "UpdateJobRequest": ["schedule", "time_zone", "http_target", "http_target.uri", "http_target.headers",
                         "retry_config", "retry_config.retry_count", "pubsub_target", "pubsub_target.data", "state",
                         "name", "description", "attempt_deadline", "app_engine_http_target.app_engine_routing",
                         "status.details", "*"],
    "UpdateQueueRequest": ["rate_limits", "rate_limits.max_burst_size", "retry_config", "retry_config.min_backoff",
                           "retry_config.min_backoff.nanos", "app_engine_routing_override.host", "state", "name",
                           "stackdriver_logging_config", "purge_time.seconds", "http_target", "http_target.http_method",
                           "http_target.uri_override", "http_target.uri_override.host",
                           "http_target.header_overrides", "http_target.oidc_token.audience"],
    "SetIamPolicyRequest": ["bindings", "etag"],
    "UpdateCmekConfigRequest": ["kms_key"],
}  # fmt: skip
"""Of masks, by the request that has them."""


def any_message(kind: type[Message], random: Random) -> Any:
    """A request of that kind: some make sense, some do in most of their fields, and some in hardly any."""
    message = kind()
    _Filler(random).fill(message)
    return message


def any_bytes(kind: type[Message], random: Random) -> bytes:
    """The bytes of such a request, now and then with some that are wrong."""
    sent = bytearray(any_message(kind, random).SerializeToString())
    if sent and random.random() < 0.05:
        for _ in range(random.randint(1, 3)):
            sent[random.randrange(len(sent))] = random.randrange(256)
    return bytes(sent)


class _Filler:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._wild = random.choice([0, 0.03, 0.3])
        self._there = random.choice([0.6, 0.95, 1])
        self._queue = random.choice(FLEETING if random.random() < 0.2 else QUEUES)
        self._paths: list[str] = []

    def fill(self, message: Any, depth: int = 0) -> None:
        if message.DESCRIPTOR.name == "DeleteQueueRequest":
            self._queue = self._random.choice(FLEETING)
        self._paths = PATHS.get(message.DESCRIPTOR.name, self._paths)
        # In any order, since of a oneof the last one counts.
        fields = list(message.DESCRIPTOR.fields)
        self._random.shuffle(fields)
        for field in fields:
            if self._random.random() < self._there:
                self._set(message, field, depth)

    def _set(self, message: Any, field: FieldDescriptor, depth: int) -> None:
        number = self._random.randint(0, 2)
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            key, value = (field.message_type.fields_by_name[name] for name in ("key", "value"))
            for _ in range(number):
                getattr(message, field.name)[self._scalar(key)] = self._scalar(value)
        elif field.is_repeated:
            for _ in range(number):
                if field.message_type is None:
                    getattr(message, field.name).append(self._scalar(field))
                elif depth < DEEPEST:
                    self.fill(getattr(message, field.name).add(), depth + 1)
        elif field.message_type is None:
            setattr(message, field.name, self._scalar(field))
        elif depth < DEEPEST:
            getattr(message, field.name).SetInParent()
            self.fill(getattr(message, field.name), depth + 1)

    def _scalar(self, field: FieldDescriptor) -> Any:
        fitting, any_of = self._values(field)
        return self._random.choice(any_of if self._random.random() < self._wild else fitting)

    def _values(self, field: FieldDescriptor) -> tuple[list[Any], list[Any]]:
        """Those that make sense, and any."""
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
                return [b""] if field.full_name == "google.protobuf.Any.value" else BODIES, BODIES
            case FieldDescriptor.CPPTYPE_STRING:
                message = field.full_name.split(".")[-2]
                fitting = self._names(message, field.name) or FITTING.get(field.name, ["a"])
                return fitting, TEXTS + [text + end for text in fitting for end in TEXTS]
            case FieldDescriptor.CPPTYPE_BOOL:
                return [False, True], [False, True]
            case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
                return [0.0, 0.5, 1.0], DOUBLES
            case FieldDescriptor.CPPTYPE_ENUM:
                return [0, 1, 2], [*range(9), 99, -1]
            case FieldDescriptor.CPPTYPE_INT64:
                return FITTING.get(field.name, [0, 1, 5]), WIDE
            case _:
                return FITTING.get(field.name, [0, 1, 5]), INTEGERS

    def _names(self, message: str, field: str) -> list[str]:
        """Names of what that field of that message names."""
        if field == "parent":
            return [self._queue] if "Task" in message else [PARENT]
        if field == "paths":
            return self._paths
        if field in ("names", "resource"):
            return [self._task() if field == "names" else self._queue]
        if field != "name":
            return []
        if message == "ListLocationsRequest":
            return ["projects/p", "projects/-"]
        kinds = {
            "Job": JOBS,
            "Task": [self._task(), ""] if message == "Task" else [self._task()],
            "Queue": [self._queue],
            "Operation": [f"{PARENT}/operations/1"],
            "Cmek": [f"{PARENT}/cmekConfig"],
        }
        return next((names for kind, names in kinds.items() if kind in message), [PARENT])

    def _task(self) -> str:
        return f"{self._queue}/tasks/{self._random.choice(TASK_IDS)}"
