"""Calls of an API on a store: a request's message in, the response's message out."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from gcptasks.base.clock import Clock
from gcptasks.base.errors import InvalidArgument
from gcptasks.service import served
from gcptasks.service.policy import Policy
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")

Verb = Callable[[Tx, Asked, datetime, Policy], Answer]


class Calls:
    """What every front calls, by a method's path. Refusals are raised as errors of `gcptasks.base.errors`."""

    def __init__(self, store: Store, clock: Clock, policy: Policy) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy

    async def call(self, path: str, request: Any) -> Any:
        """The response, once it is durable."""
        method = served.method(path)
        asked = method.decode(request)
        if method.writes:
            answer = await self.write(method.verb, asked)
        else:
            answer = self._read(method.verb, asked)
        return method.encode(answer, request)

    def call_sync(self, path: str, request: Any) -> Any:
        """As `call`, blocking the thread; needs no event loop, and may stand on one."""
        method = served.method(path)
        run = self.write_sync if method.writes else self._read
        return method.encode(run(method.verb, method.decode(request)), request)

    def write(self, verb: Verb[Asked, Answer], asked: Asked) -> Awaitable[Answer]:
        """What the verb answers, once it is durable: a call without messages."""
        return self._store.enqueue(verb, asked, self._clock.now(), self._policy)

    def write_sync(self, verb: Verb[Asked, Answer], asked: Asked) -> Answer:
        """As `write`, blocking the thread."""
        return self._store.write_sync(verb, asked, self._clock.now(), self._policy)

    async def handle(self, method: str, message: bytes) -> bytes:
        """As `call`, on bytes, as gRPC has them."""
        response = await self.call(method, _parsed(served.method(method).request, message))
        return bytes(response.SerializeToString())

    def _read(self, verb: Verb[Asked, Answer], asked: Asked) -> Answer:
        return self._store.read(verb, asked, self._clock.now(), self._policy)


def _parsed(kind: type[Message], message: bytes) -> Message:
    try:
        return kind.FromString(message)
    except DecodeError as error:
        # The caller's fault, so no failure of ours to be logged.
        raise InvalidArgument(f"The request is not a {kind.DESCRIPTOR.name} message.") from error
