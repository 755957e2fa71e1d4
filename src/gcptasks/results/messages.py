"""The calls of a store as messages: gRPC's paths, and JSON for what is given and answered.

Each call of the protocol is a method of a service of our own, which Google's APIs have no path like. The last argument
of `add` and of `add_many` is how long a record stays, which is a setting of the store that asks.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from types import GenericAlias
from typing import Any, Generic, Literal, TypeVar, Union

from pydantic import ConfigDict, TypeAdapter

from gcptasks.engine.task_records import (
    AttemptFailed,
    Cancelled,
    Confirmed,
    Event,
    GivenUp,
    Heard,
    Restarted,
    Started,
    Succeeded,
    TaskRecord,
)
from gcptasks.results.store import Attempt, Change, NewRecord, Page, Query

T = TypeVar("T")

_SERVICE = "/fastapi_gcp_tasks.v1.Results/"
_CONFIG = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants")
_EVENTS = (Confirmed, Started, Heard, Succeeded, AttemptFailed, GivenUp, Cancelled, Restarted)
_UNION: Any = Union
_LITERAL: Any = Literal
_NAMED_EVENT: Any = _UNION[tuple(GenericAlias(tuple, (_LITERAL[event.__name__], event)) for event in _EVENTS)]


class Call(Generic[T]):
    """One of the calls, and what writes and reads its messages."""

    def __init__(self, name: str, arguments: Any, answer: Any) -> None:
        self.name = name
        """Of the method of a store."""
        self.path = _SERVICE + name
        self._types: tuple[Any, Any] = arguments, GenericAlias(tuple, (answer,))

    def write_arguments(self, *arguments: Any) -> bytes:
        return self._arguments.dump_json(arguments)

    def read_arguments(self, message: bytes) -> tuple[Any, ...]:
        """`ValueError` if the message is none of this call."""
        return self._arguments.validate_json(message)

    def write_answer(self, answer: T) -> bytes:
        return self._answer.dump_json((answer,))

    def read_answer(self, message: bytes) -> T:
        return self._answer.validate_json(message)[0]

    @cached_property
    def _arguments(self) -> TypeAdapter[tuple[Any, ...]]:
        return TypeAdapter(self._types[0], config=_CONFIG)

    @cached_property
    def _answer(self) -> TypeAdapter[tuple[T]]:
        return TypeAdapter(self._types[1], config=_CONFIG)


def named(event: Event) -> tuple[str, Event]:
    """The event as `CHANGE` is given it."""
    return type(event).__name__, event


ADD = Call[TaskRecord]("add", tuple[NewRecord, timedelta], TaskRecord)
ADD_MANY = Call[None]("add_many", tuple[list[NewRecord], timedelta], None)
GET = Call[TaskRecord | None]("get", tuple[str], TaskRecord | None)
CHANGE = Call[Change | None]("change", GenericAlias(tuple, (str, int, _NAMED_EVENT)), Change | None)
HEAR = Call[None]("hear", tuple[list[Attempt]], None)
CANCELLED = Call[set[Attempt]]("cancelled", tuple[list[Attempt]], set[Attempt])
FIND = Call[Page]("find", tuple[Query], Page)
REMOVE = Call[bool]("remove", tuple[str], bool)
WAIT = Call[bool]("wait", tuple[str, int, float], bool)
"""Whether there is anything to see."""

CALLS: Mapping[str, Call[Any]] = {
    call.path: call for call in (ADD, ADD_MANY, GET, CHANGE, HEAR, CANCELLED, FIND, REMOVE, WAIT)
}
"""Each by its path."""
