"""A method: one RPC of an API, as the service answers it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from google.protobuf.message import Message

from gcptasks.service.policy import Policy
from gcptasks.store.tx import Tx

Request = TypeVar("Request", bound=Message)
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")
Response = TypeVar("Response", bound=Message)


@dataclass(frozen=True, slots=True)
class HttpRule:
    """Which requests of REST mean the method, as Google's annotation `google.api.http` says it."""

    method: str
    """Of HTTP: `POST`."""
    path: str
    """With fields of the request in braces: `/v2/{parent=projects/*/locations/*/queues/*}/tasks`."""
    body: str = ""
    """The field of the request that is the body, `*` for all that are not in the path; empty: there is no body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method(Generic[Request, Asked, Answer, Response]):
    """A row of an API's table: its messages, its verb, and how the one becomes the other.

    Messages are raw protobuf; what is between `decode` and `encode` is the verb's own. The type checkers hold that the
    parts of a row fit each other, as long as the table is a tuple without an annotation.
    """

    path: str
    """As gRPC has it: `/google.cloud.tasks.v2.CloudTasks/CreateTask`."""
    http: tuple[HttpRule, ...]
    request: type[Request]
    response: type[Response]
    decode: Callable[[Request], Asked]
    verb: Callable[[Tx, Asked, datetime, Policy], Answer]
    encode: Callable[[Answer, Request], Response]
    writes: bool

    @property
    def service(self) -> str:
        """Whose method it is: `google.cloud.tasks.v2.CloudTasks`."""
        return self.path.split("/")[1]

    @property
    def name(self) -> str:
        """What its API calls it: `CreateTask`."""
        return self.path.split("/")[2]
